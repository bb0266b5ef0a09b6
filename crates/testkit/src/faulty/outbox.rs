//! The outbox of a ledger that fails: refused while it is down.

use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use bursar_store::{Backlog, EventKey, Outbox, StoreError, Waiting};
use jiff::Timestamp;

use super::FaultyLedger;

#[async_trait]
impl Outbox for FaultyLedger {
    async fn lease(&self, limit: u32, lease: Duration) -> Result<Vec<Waiting>, StoreError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        self.consumers_up()?;
        self.ledger.lease(limit, lease).await
    }

    async fn mark(&self, events: Vec<EventKey>) -> Result<(), StoreError> {
        self.consumers_up()?;
        if self.refuses_marks.load(Ordering::SeqCst) {
            return Err(StoreError::Unavailable("the test refuses marks".into()));
        }
        self.ledger.mark(events).await
    }

    async fn release(&self, events: Vec<EventKey>) -> Result<(), StoreError> {
        self.consumers_up()?;
        self.ledger.release(events).await
    }

    async fn forget_published(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.consumers_up()?;
        self.ledger.forget_published(before, limit).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.consumers_up()?;
        self.ledger.backlog().await
    }
}
