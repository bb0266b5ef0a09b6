//! The dead letters of a ledger that fails: refused while it is down.

use async_trait::async_trait;
use bursar_store::{DeadLetter, DeadLetterFilter, DeadLetters, NewDeadLetter, Page, Resolution, StoreError};
use jiff::Timestamp;
use uuid::Uuid;

use super::FaultyLedger;

#[async_trait]
impl DeadLetters for FaultyLedger {
    async fn bury(&self, letter: NewDeadLetter) -> Result<bool, StoreError> {
        self.consumers_up()?;
        self.ledger.bury(letter).await
    }

    async fn resolve(&self, letter: &DeadLetter, resolution: Resolution) -> Result<bool, StoreError> {
        self.consumers_up()?;
        self.ledger.resolve(letter, resolution).await
    }

    async fn forget_dead_letters(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.consumers_up()?;
        self.ledger.forget_dead_letters(before, limit).await
    }

    async fn find_dead_letter(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        self.consumers_up()?;
        self.ledger.find_dead_letter(id).await
    }

    async fn find_dead_letter_of(
        &self,
        message: Uuid,
        queue: &str,
    ) -> Result<Option<DeadLetter>, StoreError> {
        self.consumers_up()?;
        self.ledger.find_dead_letter_of(message, queue).await
    }

    async fn list_dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: Page<Uuid>,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.consumers_up()?;
        self.ledger.list_dead_letters(filter, page).await
    }

    async fn count_dead_letters(&self) -> Result<u64, StoreError> {
        self.consumers_up()?;
        self.ledger.count_dead_letters().await
    }
}
