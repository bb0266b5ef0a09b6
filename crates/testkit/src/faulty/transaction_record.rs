//! The transaction records of a ledger that fails: refused while it is down.

use async_trait::async_trait;
use bursar_core::MessageId;
use bursar_store::{Page, RecordFilter, StoreError, TransactionRecord, TransactionRecords};

use super::FaultyLedger;

#[async_trait]
impl TransactionRecords for FaultyLedger {
    async fn keep_records(&self, records: Vec<TransactionRecord>) -> Result<(), StoreError> {
        self.consumers_up()?;
        self.ledger.keep_records(records).await
    }

    async fn find_record(&self, root: MessageId) -> Result<Option<TransactionRecord>, StoreError> {
        self.consumers_up()?;
        self.ledger.find_record(root).await
    }

    async fn search_records(
        &self,
        filter: &RecordFilter,
        page: Page<i64>,
    ) -> Result<Vec<TransactionRecord>, StoreError> {
        self.consumers_up()?;
        self.ledger.search_records(filter, page).await
    }
}
