//! The dead letters of a ledger that fails: passed on as they are.

use async_trait::async_trait;
use bursar_store::{DeadLetter, DeadLetterFilter, DeadLetters, NewDeadLetter, Page, Resolution, StoreError};
use uuid::Uuid;

use super::FaultyLedger;

#[async_trait]
impl DeadLetters for FaultyLedger {
    async fn bury(&self, letter: NewDeadLetter) -> Result<(), StoreError> {
        self.ledger.bury(letter).await
    }

    async fn resolve(&self, letter: &DeadLetter, resolution: Resolution) -> Result<bool, StoreError> {
        self.ledger.resolve(letter, resolution).await
    }

    async fn find_dead_letter(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        self.ledger.find_dead_letter(id).await
    }

    async fn list_dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: Page<Uuid>,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        self.ledger.list_dead_letters(filter, page).await
    }

    async fn count_dead_letters(&self) -> Result<u64, StoreError> {
        self.ledger.count_dead_letters().await
    }
}
