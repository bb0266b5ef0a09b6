//! Endpoints and what is sent to them: changed by the writer, and read beside it.

mod notifications;

use std::time::Duration;

use async_trait::async_trait;
use bursar_core::ProgramId;
use bursar_store::columns::words;
use bursar_store::{
    Attempt, Endpoint, Endpoints, NewNotification, Notification, NotificationStanding, NotificationState,
    Page, StoreError, later,
};
use jiff::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::ledger::SqliteLedger;
use crate::rows::{Blob16, Micros, id};

const COLUMNS: &str =
    "id, program, url, events, secret, secret_before, secret_before_until, is_on, created_at,
                       version, request, rotated_by";

#[async_trait]
impl Endpoints for SqliteLedger {
    async fn create_endpoint(&self, endpoint: Endpoint) -> Result<bool, StoreError> {
        let insert = format!(
            "insert into endpoints ({COLUMNS}) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
             on conflict (id) do nothing"
        );
        self.change(move |connection, _| write(connection, &insert, &endpoint)).await
    }

    async fn change_endpoint(&self, endpoint: Endpoint) -> Result<bool, StoreError> {
        let update =
            "update endpoints set program = ?2, url = ?3, events = ?4, secret = ?5, secret_before = ?6,
                          secret_before_until = ?7, is_on = ?8, created_at = ?9, version = version + 1,
                          request = ?11, rotated_by = ?12
                      where id = ?1 and version = ?10";
        self.change(move |connection, _| write(connection, update, &endpoint)).await
    }

    async fn switch_off(&self, id: Uuid, url: &str) -> Result<bool, StoreError> {
        let url = url.to_owned();
        let switch = move |connection: &Connection, _| {
            let update = "update endpoints set is_on = 0, version = version + 1 where id = ?1 and url = ?2";
            Ok(connection.prepare_cached(update)?.execute(params![Blob16(id), url])? > 0)
        };
        self.change(switch).await
    }

    async fn delete_endpoint(&self, id: Uuid) -> Result<bool, StoreError> {
        let delete = move |connection: &Connection, _| {
            let delete = "delete from endpoints where id = ?1";
            Ok(connection.prepare_cached(delete)?.execute([Blob16(id)])? > 0)
        };
        self.change(delete).await
    }

    async fn find_endpoint(&self, id: Uuid) -> Result<Option<Endpoint>, StoreError> {
        let select = format!("select {COLUMNS} from endpoints where id = ?1");
        let find = move |connection: &Connection| {
            connection.prepare_cached(&select)?.query_row([Blob16(id)], read).optional()
        };
        self.readers.read(find).await
    }

    async fn list_endpoints(
        &self,
        program: Option<ProgramId>,
        page: Page<Uuid>,
    ) -> Result<Vec<Endpoint>, StoreError> {
        let condition = program.map_or("", |_| "and program = ?3");
        let select =
            format!("select {COLUMNS} from endpoints where id > ?1 {condition} order by id limit ?2");
        let after = Blob16(page.after.unwrap_or(Uuid::nil()));
        let list = move |connection: &Connection| {
            let mut select = connection.prepare_cached(&select)?;
            match program.map(|program| Blob16(program.uuid())) {
                Some(program) => select.query_map(params![after, page.limit, program], read)?.collect(),
                None => select.query_map(params![after, page.limit], read)?.collect(),
            }
        };
        self.readers.read(list).await
    }

    async fn notify(&self, notifications: Vec<NewNotification>) -> Result<(), StoreError> {
        self.change(move |connection, now| notifications::put(connection, &notifications, now)).await
    }

    async fn take_notifications(
        &self,
        limit: u32,
        lease: Duration,
        busy: &[Uuid],
    ) -> Result<Vec<Notification>, StoreError> {
        let busy = busy.to_vec();
        let take = move |connection: &Connection, now: Timestamp| {
            notifications::take(connection, limit, (now, later(now, lease)), &busy)
        };
        self.change(take).await
    }

    async fn attempted(
        &self,
        notification: &Notification,
        attempt: Attempt,
        next: NotificationState,
    ) -> Result<(), StoreError> {
        let Some(leased_until) = notification.state.due_at() else { return Ok(()) };
        let of = (notification.notification.id, leased_until);
        self.change(move |connection, _| notifications::attempted(connection, of, &attempt, next)).await
    }

    async fn resend(&self, id: Uuid) -> Result<bool, StoreError> {
        let resend = move |connection: &Connection, now| {
            let update = "update notifications set state = 'due', due_at = ?2, failures = 0
                          where id = ?1 and endpoint in (select id from endpoints)";
            Ok(connection.prepare_cached(update)?.execute(params![Blob16(id), Micros(now)])? > 0)
        };
        self.change(resend).await
    }

    async fn find_notification(&self, id: Uuid) -> Result<Option<(Notification, Vec<Attempt>)>, StoreError> {
        self.readers.read(move |connection| notifications::find(connection, id)).await
    }

    async fn list_notifications(
        &self,
        endpoint: Uuid,
        state: Option<NotificationStanding>,
        page: Page<Uuid>,
    ) -> Result<Vec<Notification>, StoreError> {
        self.readers.read(move |connection| notifications::list(connection, endpoint, state, page)).await
    }

    async fn forget_notifications(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.change(move |connection, _| notifications::forget(connection, before, limit)).await
    }

    async fn count_notifications(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.readers.read(notifications::count).await
    }
}

/// Runs the statement with the endpoint as its parameters. Whether it changed something.
fn write(connection: &Connection, statement: &str, endpoint: &Endpoint) -> rusqlite::Result<bool> {
    let (before, until) = match &endpoint.secret_before {
        Some((secret, until)) => (Some(secret), Some(Micros(*until))),
        None => (None, None),
    };
    let changed = connection.prepare_cached(statement)?.execute(params![
        Blob16(endpoint.id),
        Blob16(endpoint.program.uuid()),
        endpoint.url,
        words::write(&endpoint.events),
        endpoint.secret,
        before,
        until,
        endpoint.is_on,
        Micros(endpoint.created_at),
        endpoint.version,
        endpoint.request,
        endpoint.rotated_by
    ])?;
    Ok(changed > 0)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Endpoint> {
    let secret_before = match (row.get(5)?, row.get::<_, Option<Micros>>(6)?) {
        (Some(secret), Some(Micros(until))) => Some((secret, until)),
        (None, None) => None,
        _ => {
            let why = "a secret from before has a time until which it signs, and only that has";
            return Err(FromSqlError::Other(why.into()).into());
        }
    };
    Ok(Endpoint {
        id: id(row, 0, |id| id)?,
        program: id(row, 1, ProgramId::new)?,
        url: row.get(2)?,
        events: words::read(row.get_ref(3)?.as_str()?),
        secret: row.get(4)?,
        secret_before,
        is_on: row.get(7)?,
        created_at: row.get::<_, Micros>(8)?.0,
        version: row.get(9)?,
        request: row.get(10)?,
        rotated_by: row.get(11)?,
    })
}
