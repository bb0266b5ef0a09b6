//! The endpoints of a ledger that fails: passed on as they are.

use std::time::Duration;

use async_trait::async_trait;
use bursar_core::ProgramId;
use bursar_store::{
    Attempt, Endpoint, Endpoints, NewNotification, Notification, NotificationState, Page, StoreError,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::FaultyLedger;

#[async_trait]
impl Endpoints for FaultyLedger {
    async fn put_endpoint(&self, endpoint: Endpoint) -> Result<(), StoreError> {
        self.ledger.put_endpoint(endpoint).await
    }

    async fn delete_endpoint(&self, id: Uuid) -> Result<bool, StoreError> {
        self.ledger.delete_endpoint(id).await
    }

    async fn find_endpoint(&self, id: Uuid) -> Result<Option<Endpoint>, StoreError> {
        self.ledger.find_endpoint(id).await
    }

    async fn list_endpoints(
        &self,
        program: Option<ProgramId>,
        page: Page<Uuid>,
    ) -> Result<Vec<Endpoint>, StoreError> {
        self.ledger.list_endpoints(program, page).await
    }

    async fn notify(&self, notifications: Vec<NewNotification>) -> Result<(), StoreError> {
        self.ledger.notify(notifications).await
    }

    async fn take_notifications(
        &self,
        limit: u32,
        lease: Duration,
        busy: &[Uuid],
    ) -> Result<Vec<Notification>, StoreError> {
        self.ledger.take_notifications(limit, lease, busy).await
    }

    async fn attempted(
        &self,
        notification: &Notification,
        attempt: Attempt,
        next: NotificationState,
    ) -> Result<(), StoreError> {
        self.ledger.attempted(notification, attempt, next).await
    }

    async fn resend(&self, id: Uuid) -> Result<bool, StoreError> {
        self.ledger.resend(id).await
    }

    async fn find_notification(&self, id: Uuid) -> Result<Option<(Notification, Vec<Attempt>)>, StoreError> {
        self.ledger.find_notification(id).await
    }

    async fn list_notifications(
        &self,
        endpoint: Uuid,
        state: Option<&str>,
        page: Page<Uuid>,
    ) -> Result<Vec<Notification>, StoreError> {
        self.ledger.list_notifications(endpoint, state, page).await
    }

    async fn forget_notifications(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.ledger.forget_notifications(before, limit).await
    }

    async fn count_notifications(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.ledger.count_notifications().await
    }
}
