//! Changes of status, of whatever object.

use bursar_core::Decided;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema;

/// The status that is wanted. Asking for the one that is there is granted and changes nothing.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Transition<S> {
    /// The new status.
    pub(super) status: S,
}

/// A changed status.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TransitionView {
    /// The object.
    #[schema(example = "card_01kasgf8f2e5p9j3w3h6cv9z1b")]
    id: String,
    /// Its status now.
    status: &'static str,
    /// The owner's number of the change.
    owner_sequence: i64,
    /// When it was decided.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
}

impl TransitionView {
    pub(super) fn of(decided: &Decided) -> Option<Self> {
        let (id, status) = decided.object.clone()?;
        Some(Self {
            id,
            status: status?,
            owner_sequence: decided.message.owner_sequence?,
            at: decided.message.at,
        })
    }
}
