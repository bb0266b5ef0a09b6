//! The endpoints of a ledger that fails: refused while it is down.

use std::time::Duration;

use async_trait::async_trait;
use bursar_core::ProgramId;
use bursar_store::{
    Attempt, Endpoint, Endpoints, NewNotification, Notification, NotificationStanding, NotificationState,
    Page, StoreError,
};
use jiff::Timestamp;
use uuid::Uuid;

use super::FaultyLedger;

#[async_trait]
impl Endpoints for FaultyLedger {
    async fn create_endpoint(&self, endpoint: Endpoint) -> Result<bool, StoreError> {
        self.consumers_up()?;
        self.ledger.create_endpoint(endpoint).await
    }

    async fn change_endpoint(&self, endpoint: Endpoint) -> Result<bool, StoreError> {
        self.consumers_up()?;
        self.ledger.change_endpoint(endpoint).await
    }

    async fn switch_off(&self, id: Uuid, url: &str) -> Result<bool, StoreError> {
        self.consumers_up()?;
        self.ledger.switch_off(id, url).await
    }

    async fn delete_endpoint(&self, id: Uuid) -> Result<bool, StoreError> {
        self.consumers_up()?;
        self.ledger.delete_endpoint(id).await
    }

    async fn find_endpoint(&self, id: Uuid) -> Result<Option<Endpoint>, StoreError> {
        self.consumers_up()?;
        self.ledger.find_endpoint(id).await
    }

    async fn list_endpoints(
        &self,
        program: Option<ProgramId>,
        page: Page<Uuid>,
    ) -> Result<Vec<Endpoint>, StoreError> {
        self.consumers_up()?;
        self.ledger.list_endpoints(program, page).await
    }

    async fn notify(&self, notifications: Vec<NewNotification>) -> Result<(), StoreError> {
        self.consumers_up()?;
        self.ledger.notify(notifications).await
    }

    async fn take_notifications(
        &self,
        limit: u32,
        lease: Duration,
        busy: &[Uuid],
    ) -> Result<Vec<Notification>, StoreError> {
        self.consumers_up()?;
        self.ledger.take_notifications(limit, lease, busy).await
    }

    async fn attempted(
        &self,
        notification: &Notification,
        attempt: Attempt,
        next: NotificationState,
    ) -> Result<(), StoreError> {
        self.consumers_up()?;
        self.ledger.attempted(notification, attempt, next).await
    }

    async fn resend(&self, id: Uuid) -> Result<bool, StoreError> {
        self.consumers_up()?;
        self.ledger.resend(id).await
    }

    async fn find_notification(&self, id: Uuid) -> Result<Option<(Notification, Vec<Attempt>)>, StoreError> {
        self.consumers_up()?;
        self.ledger.find_notification(id).await
    }

    async fn list_notifications(
        &self,
        endpoint: Uuid,
        state: Option<NotificationStanding>,
        page: Page<Uuid>,
    ) -> Result<Vec<Notification>, StoreError> {
        self.consumers_up()?;
        self.ledger.list_notifications(endpoint, state, page).await
    }

    async fn forget_notifications(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.consumers_up()?;
        self.ledger.forget_notifications(before, limit).await
    }

    async fn count_notifications(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.consumers_up()?;
        self.ledger.count_notifications().await
    }
}
