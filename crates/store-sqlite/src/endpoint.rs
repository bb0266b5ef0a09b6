//! Endpoints and what is sent to them: changed by the writer, with changes of the inbox, and read beside it.

mod notifications;

use std::time::Duration;

use async_trait::async_trait;
use bursar_core::ProgramId;
use bursar_store::columns::words;
use bursar_store::{
    Attempt, Endpoint, Endpoints, NewNotification, Notification, NotificationState, Page, StoreError, later,
};
use jiff::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::ledger::SqliteLedger;
use crate::rows::{Blob16, Micros, id};

const COLUMNS: &str =
    "id, program, url, events, secret, secret_before, secret_before_until, is_on, created_at";

#[async_trait]
impl Endpoints for SqliteLedger {
    async fn put_endpoint(&self, endpoint: Endpoint) -> Result<(), StoreError> {
        self.change(move |connection, _| put(connection, &endpoint)).await
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
            let update = "update notifications set state = 'due', due_at = ?2, failures = 0 where id = ?1";
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
        state: Option<&str>,
        page: Page<Uuid>,
    ) -> Result<Vec<Notification>, StoreError> {
        let state = state.map(str::to_owned);
        let list =
            move |connection: &Connection| notifications::list(connection, endpoint, state.as_deref(), page);
        self.readers.read(list).await
    }

    async fn forget_notifications(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let forget = move |connection: &Connection, _| {
            let delete = "delete from notifications where id in
                          (select id from notifications where state <> 'due' and created_at < ?1
                           order by created_at limit ?2)";
            connection.prepare_cached(delete)?.execute(params![Micros(before), limit])
        };
        Ok(self.change(forget).await? as u64)
    }

    async fn count_notifications(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        self.readers.read(notifications::count).await
    }
}

fn put(connection: &Connection, endpoint: &Endpoint) -> rusqlite::Result<()> {
    // Not replaced but changed: to delete it would take its notifications along.
    let insert = format!(
        "insert into endpoints ({COLUMNS}) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         on conflict (id) do update set
             program = excluded.program, url = excluded.url, events = excluded.events, secret = excluded.secret,
             secret_before = excluded.secret_before, secret_before_until = excluded.secret_before_until,
             is_on = excluded.is_on, created_at = excluded.created_at"
    );
    let (before, until) = match &endpoint.secret_before {
        Some((secret, until)) => (Some(secret), Some(Micros(*until))),
        None => (None, None),
    };
    connection.prepare_cached(&insert)?.execute(params![
        Blob16(endpoint.id),
        Blob16(endpoint.program.uuid()),
        endpoint.url,
        words::write(&endpoint.events),
        endpoint.secret,
        before,
        until,
        endpoint.is_on,
        Micros(endpoint.created_at)
    ])?;
    Ok(())
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
    })
}
