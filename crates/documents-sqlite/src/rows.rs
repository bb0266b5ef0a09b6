//! How each noun is read from its rows and written to them.
//!
//! A row that cannot be read is [`Corrupt`](bursar_documents::DocumentsError::Corrupt) with its id: never a panic, never
//! a silent default.

pub(crate) mod card;
pub(crate) mod documents_key;
pub(crate) mod erasure;
pub(crate) mod fields;
pub(crate) mod figures;
pub(crate) mod history;
pub(crate) mod kyc;
pub(crate) mod person;
pub(crate) mod wallet;

use bursar_documents::Keep;

/// The rule as a column: nothing for [`Keep::Newer`], else when the rebuild began.
fn began_at(keep: Keep) -> Option<i64> {
    match keep {
        Keep::Newer => None,
        Keep::Repair { began_at } => Some(began_at.as_microsecond()),
    }
}
