//! What the documents of persons have in common: whose they are, and what cannot be done with them.

use bursar_core::{Owner, OwnerId, OwnerKind};
use bursar_documents::{DocumentsError, PeopleError, SealError};
use jiff::Timestamp;

use super::owners;
use crate::app::App;
use crate::problem::{Code, Problem};

/// The time, as documents keep it: what is answered now is read back the same.
pub(super) fn now() -> Timestamp {
    let now = Timestamp::now();
    Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
}

/// The person, if the ledger knows one by this id.
pub(super) async fn find(app: &App, id: OwnerId) -> Result<Owner, Problem> {
    owners::find(app, id, OwnerKind::Person).await
}

/// Failures are logged here, once; none of them has personal data in its words.
impl From<PeopleError> for Problem {
    fn from(error: PeopleError) -> Self {
        match error {
            PeopleError::Documents(error) => error.into(),
            error @ (PeopleError::OtherKey { .. }
            | PeopleError::Sealed { error: SealError::OtherKey { .. }, .. }) => Self::new(
                Code::SealedElsewhere,
                format!("{error}; start an instance with the credentials file of the one that sealed it"),
            ),
            error @ PeopleError::Sealed { .. } => damaged(&error),
        }
    }
}

impl From<DocumentsError> for Problem {
    fn from(error: DocumentsError) -> Self {
        match error {
            DocumentsError::Unknown(_) => Self::new(
                Code::ProfileUnknown,
                "the person has no profile; PUT /v1/persons/{id}/profile makes one",
            ),
            DocumentsError::Exists(_) | DocumentsError::Conflict(_) => {
                Self::new(Code::VersionChanged, "it has another version by now; read it again")
            }
            DocumentsError::Locked { erase_on, .. } => Self::new(
                Code::Locked,
                format!(
                    "the law has it kept until {erase_on}, when it is erased; until then nobody sees or changes it"
                ),
            ),
            DocumentsError::Erased { erased_at, .. } => {
                Self::new(Code::Erased, format!("it was erased at {erased_at}, for good"))
            }
            DocumentsError::Unavailable(_) | DocumentsError::Misfit(_) | DocumentsError::InUse(_) => {
                tracing::warn!("documents could not be used: {error}");
                Self::new(
                    Code::Unavailable,
                    "the documents cannot be used now; whether a change was made is unknown",
                )
            }
            DocumentsError::Corrupt(_) | DocumentsError::BadData(_) => damaged(&error),
        }
    }
}

fn damaged(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!("documents could not be used: {error}");
    Problem::internal()
}
