//! Which ledger a store keeps, and whether it is a copy that is not whole yet.

use jiff::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;

/// Who a ledger is. Made with its schema; a copy is a ledger of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// The ledger's own id.
    pub id: Uuid,
    /// What it was copied from, if it was.
    pub copy_of: Option<Uuid>,
    /// When that copy was whole and verified.
    pub copied_at: Option<Timestamp>,
}

impl Identity {
    /// For who decides or goes on from here: half a ledger would approve what the other half forbids.
    ///
    /// # Errors
    /// It is a copy that is not finished.
    pub fn refuse_unfinished(&self) -> Result<(), StoreError> {
        match (self.copy_of, self.copied_at) {
            (Some(_), None) => Err(StoreError::Unavailable(
                "this ledger is an unfinished copy: run the same bursar copy again until it says that the copy \
                 is finished, or empty the target and serve the source"
                    .into(),
            )),
            _ => Ok(()),
        }
    }
}
