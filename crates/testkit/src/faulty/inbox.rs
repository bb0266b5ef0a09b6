//! The inbox of a ledger that fails: passed on, unless its changes are refused.

use std::time::Duration;

use async_trait::async_trait;
use bursar_store::{Counts, Inbox, Item, ItemState, NewItem, Page, Put, StoreError};
use uuid::Uuid;

use super::FaultyLedger;

#[async_trait]
impl Inbox for FaultyLedger {
    async fn put(&self, items: Vec<NewItem>) -> Result<Vec<Put>, StoreError> {
        self.inbox_up()?;
        self.ledger.put(items).await
    }

    async fn take(&self, limit: u32, lease: Duration) -> Result<Vec<Item>, StoreError> {
        self.inbox_up()?;
        self.ledger.take(limit, lease).await
    }

    async fn done(&self, ids: Vec<Uuid>) -> Result<(), StoreError> {
        self.inbox_up()?;
        self.ledger.done(ids).await
    }

    async fn failed(&self, item: &Item, why: &str) -> Result<bool, StoreError> {
        self.inbox_up()?;
        self.ledger.failed(item, why).await
    }

    async fn again(&self, id: Uuid, content: Option<Vec<u8>>) -> Result<bool, StoreError> {
        self.inbox_up()?;
        self.ledger.again(id, content).await
    }

    async fn dismiss(&self, id: Uuid) -> Result<bool, StoreError> {
        self.inbox_up()?;
        self.ledger.dismiss(id).await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.ledger.counts().await
    }

    async fn find_item(&self, id: Uuid) -> Result<Option<Item>, StoreError> {
        self.ledger.find_item(id).await
    }

    async fn list_items(&self, state: ItemState, page: Page<Uuid>) -> Result<Vec<Item>, StoreError> {
        self.ledger.list_items(state, page).await
    }
}
