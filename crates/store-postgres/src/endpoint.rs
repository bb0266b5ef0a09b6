//! Endpoints and what is sent to them: a statement, and so a transaction, each change.

mod notifications;

use std::time::Duration;

use async_trait::async_trait;
use bursar_core::ProgramId;
use bursar_store::columns::words;
use bursar_store::{
    Attempt, Endpoint, Endpoints, NewNotification, Notification, NotificationStanding, NotificationState,
    Page, StoreError,
};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::ledger::{Parameter, PostgresLedger};
use crate::rows::{Damage, Read, get, id};

const COLUMNS: &str =
    "id, program, url, events, secret, secret_before, secret_before_until, is_on, created_at,
                       version, request, rotated_by";

#[async_trait]
impl Endpoints for PostgresLedger {
    async fn create_endpoint(&self, endpoint: Endpoint) -> Result<bool, StoreError> {
        let insert = format!(
            "insert into endpoints ({COLUMNS}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             on conflict (id) do nothing returning id"
        );
        self.write_endpoint(&insert, &endpoint).await
    }

    async fn change_endpoint(&self, endpoint: Endpoint) -> Result<bool, StoreError> {
        let update =
            "update endpoints set program = $2, url = $3, events = $4, secret = $5, secret_before = $6,
                          secret_before_until = $7, is_on = $8, created_at = $9, version = version + 1,
                          request = $11, rotated_by = $12
                      where id = $1 and version = $10 returning id";
        self.write_endpoint(update, &endpoint).await
    }

    async fn switch_off(&self, id: Uuid, url: &str) -> Result<bool, StoreError> {
        let update = "update endpoints set is_on = false, version = version + 1
                      where id = $1 and url = $2 returning id";
        Ok(!self.query(update, &[&id, &url]).await?.is_empty())
    }

    async fn delete_endpoint(&self, id: Uuid) -> Result<bool, StoreError> {
        Ok(!self.query("delete from endpoints where id = $1 returning id", &[&id]).await?.is_empty())
    }

    async fn find_endpoint(&self, id: Uuid) -> Result<Option<Endpoint>, StoreError> {
        let select = format!("select {COLUMNS} from endpoints where id = $1");
        Ok(self.query(&select, &[&id]).await?.first().map(read).transpose()?)
    }

    async fn list_endpoints(
        &self,
        program: Option<ProgramId>,
        page: Page<Uuid>,
    ) -> Result<Vec<Endpoint>, StoreError> {
        let select = format!(
            "select {COLUMNS} from endpoints where id > $1 and ($3::uuid is null or program = $3)
             order by id limit $2"
        );
        let (after, limit) = (page.after.unwrap_or(Uuid::nil()), i64::from(page.limit));
        let rows = self.query(&select, &[&after, &limit, &program.map(ProgramId::uuid)]).await?;
        Ok(rows.iter().map(read).collect::<Read<_>>()?)
    }

    async fn notify(&self, notifications: Vec<NewNotification>) -> Result<(), StoreError> {
        self.put_notifications(notifications).await
    }

    async fn take_notifications(
        &self,
        limit: u32,
        lease: Duration,
        busy: &[Uuid],
    ) -> Result<Vec<Notification>, StoreError> {
        self.due_notifications(limit, lease, busy).await
    }

    async fn attempted(
        &self,
        notification: &Notification,
        attempt: Attempt,
        next: NotificationState,
    ) -> Result<(), StoreError> {
        self.log_attempt(notification, &attempt, next).await
    }

    async fn resend(&self, id: Uuid) -> Result<bool, StoreError> {
        let update = "update notifications set state = 'due', due_at = $2, failures = 0
                      where id = $1 and endpoint in (select id from endpoints) returning id";
        Ok(!self.query(update, &[&id, &self.now()]).await?.is_empty())
    }

    async fn find_notification(&self, id: Uuid) -> Result<Option<(Notification, Vec<Attempt>)>, StoreError> {
        self.notification(id).await
    }

    async fn list_notifications(
        &self,
        endpoint: Uuid,
        state: Option<NotificationStanding>,
        page: Page<Uuid>,
    ) -> Result<Vec<Notification>, StoreError> {
        self.notifications_to(endpoint, state, page).await
    }

    async fn forget_notifications(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.forget_old_notifications(before, limit).await
    }

    async fn count_notifications(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.waiting_notifications().await
    }
}

impl PostgresLedger {
    /// Runs the statement with the endpoint as its parameters. Whether it changed something.
    async fn write_endpoint(&self, statement: &str, endpoint: &Endpoint) -> Result<bool, StoreError> {
        let Endpoint { id, program, url, events, secret, secret_before, is_on, .. } = endpoint;
        let Endpoint { created_at, version, request, rotated_by, .. } = endpoint;
        let (program, events) = (program.uuid(), words::write(events));
        let (before, until) = secret_before.as_ref().map(|(secret, until)| (secret, until)).unzip();
        let parameters: [Parameter<'_>; 12] = [
            id, &program, url, &events, secret, &before, &until, is_on, created_at, version, request,
            rotated_by,
        ];
        Ok(!self.query(statement, &parameters).await?.is_empty())
    }
}

fn read(row: &Row) -> Read<Endpoint> {
    let secret_before = match (get(row, 5)?, get(row, 6)?) {
        (Some(secret), Some(until)) => Some((secret, until)),
        (None, None) => None,
        _ => {
            let why = "a secret from before has a time until which it signs, and only that has";
            return Err(Damage(why.to_owned()));
        }
    };
    Ok(Endpoint {
        id: get(row, 0)?,
        program: id(row, 1, ProgramId::new)?,
        url: get(row, 2)?,
        events: words::read(get(row, 3)?),
        secret: get(row, 4)?,
        secret_before,
        is_on: get(row, 7)?,
        created_at: get(row, 8)?,
        version: get(row, 9)?,
        request: get(row, 10)?,
        rotated_by: get(row, 11)?,
    })
}
