//! Holds that are due and that the processor never confirmed: none is ended without its word (D5).

use async_trait::async_trait;
use bursar_core::HoldGroup;
use bursar_store::StoreError;

/// Who is told of holds that are due and that the processor never confirmed.
#[async_trait]
pub trait Unconfirmed: Send + Sync {
    /// Nothing was heard of this hold for as long as it may be kept, and nothing ever from the processor. It may
    /// be told again: after a restart, by another instance, and once more for each larger number of days.
    ///
    /// # Errors
    /// It could not be noted: it is told again.
    async fn found(&self, group: &HoldGroup) -> Result<(), StoreError>;
}

/// They are counted, and go on holding.
pub struct OnlyCounted;

#[async_trait]
impl Unconfirmed for OnlyCounted {
    async fn found(&self, _: &HoldGroup) -> Result<(), StoreError> {
        Ok(())
    }
}
