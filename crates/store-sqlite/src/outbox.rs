//! The outbox: changed by the writer, and read beside it.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bursar_store::{AHEAD_MAX, Backlog, EventKey, Outbox, StoreError, Waiting, later};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::change::FORGOTTEN_MAX;
use crate::ledger::SqliteLedger;
use crate::rows::{Blob16, Micros, id};

/// Until when events are leased. In memory, for whoever had leases before this process is gone.
#[derive(Default)]
pub(crate) struct Leases(Mutex<HashMap<Uuid, Timestamp>>);

impl Leases {
    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Before these are there for others to see.
    pub(crate) fn begin(&self, events: &[Waiting], until: Timestamp) {
        self.lock().extend(events.iter().map(|event| (event.event, until)));
    }

    pub(crate) fn end(&self, events: impl IntoIterator<Item = Uuid>) {
        let mut leases = self.lock();
        events.into_iter().for_each(|event| {
            leases.remove(&event);
        });
    }
}

#[async_trait]
impl Outbox for SqliteLedger {
    async fn lease(&self, limit: u32, lease: Duration) -> Result<Vec<Waiting>, StoreError> {
        let now = self.clock.now();
        let leases = self.leases.clone();
        let read = move |connection: &Connection| {
            let leased: HashSet<Uuid> = {
                let mut leases = leases.lock();
                leases.retain(|_, until| *until > now);
                leases.keys().copied().collect()
            };
            // Not locked while it reads: a commit that leases its events would wait for that.
            let mut found = list(connection, limit, |event| leased.contains(&event))?;
            let mut leases = leases.lock();
            found.retain(|waiting| !leases.contains_key(&waiting.event));
            leases.extend(found.iter().map(|waiting| (waiting.event, later(now, lease))));
            Ok(found)
        };
        self.readers.read(read).await
    }

    async fn mark(&self, events: Vec<EventKey>) -> Result<(), StoreError> {
        let marked = events.clone();
        let mark = move |connection: &Connection, now| {
            let update = "update outbox set published_at = ?3
                          where position = ?1 and event = ?2 and published_at is null";
            let mut update = connection.prepare_cached(update)?;
            let mut mark =
                |of: &EventKey| update.execute(params![of.position, Blob16(of.event), Micros(now)]);
            marked.iter().try_for_each(|of| mark(of).map(|_| ()))
        };
        self.change(mark).await?;
        self.leases.end(events.iter().map(|of| of.event));
        Ok(())
    }

    async fn release(&self, events: Vec<EventKey>) -> Result<(), StoreError> {
        self.leases.end(events.iter().map(|of| of.event));
        Ok(())
    }

    async fn forget_published(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let forget = move |connection: &Connection, now| forget(connection, before, limit, now);
        self.change(forget).await
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        self.readers.read(backlog).await
    }
}

/// The events that nobody has, as many as are wanted.
fn list(
    connection: &Connection,
    limit: u32,
    is_leased: impl Fn(Uuid) -> bool,
) -> rusqlite::Result<Vec<Waiting>> {
    let select =
        "select position, event, kind, payload from outbox where published_at is null order by position";
    let mut select = connection.prepare_cached(select)?;
    let mut rows = select.query([])?;
    let mut found = Vec::new();
    while found.len() < limit as usize
        && let Some(row) = rows.next()?
    {
        if !is_leased(id(row, 1, |id| id)?) {
            found.push(waiting(row)?);
        }
    }
    Ok(found)
}

/// The last event of all stays: a position that is free at the end would be given out again.
fn forget(connection: &Connection, before: Timestamp, limit: u32, now: Timestamp) -> rusqlite::Result<u64> {
    let oldest = "select position, message, published_at < ?1 or published_at > ?3 from outbox
                  where position < (select max(position) from outbox) order by position limit ?2";
    let mut oldest = connection.prepare_cached(oldest)?;
    let mut at = connection.prepare_cached("select at from messages where id = ?1")?;
    let (mut last, mut until, mut events) = (None::<i64>, None::<i64>, 0);
    let (limit, impossible) = (limit.min(FORGOTTEN_MAX), Micros(later(now, AHEAD_MAX)));
    let mut rows = oldest.query(params![Micros(before), limit, impossible])?;
    while let Some(row) = rows.next()?
        && row.get::<_, Option<bool>>(2)? == Some(true)
    {
        last = Some(row.get(0)?);
        let of: Option<i64> = at.query_row([Blob16(id(row, 1, |id| id)?)], |row| row.get(0)).optional()?;
        until = until.max(of);
        events += i64::from(of.is_some());
    }
    let Some(last) = last else { return Ok(0) };
    let keep = "insert into forgotten_events (id, until, events) select 1, ?1, ?2 where ?1 is not null
                on conflict (id) do update set until = max(until, excluded.until), events = events + excluded.events";
    connection.prepare_cached(keep)?.execute(params![until, events])?;
    let forgotten = connection.prepare_cached("delete from outbox where position <= ?1")?.execute([last])?;
    Ok(forgotten as u64)
}

fn waiting(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    Ok(Waiting {
        position: row.get(0)?,
        event: id(row, 1, |id| id)?,
        kind: row.get(2)?,
        payload: row.get(3)?,
    })
}

fn backlog(connection: &Connection) -> rusqlite::Result<Backlog> {
    let count = "select count(*) from outbox where published_at is null";
    let events: i64 = connection.prepare_cached(count)?.query_row([], |row| row.get(0))?;
    let oldest = "select messages.at from outbox join messages on messages.id = outbox.message
                  where outbox.published_at is null order by outbox.position limit 1";
    let oldest = connection.prepare_cached(oldest)?.query_row([], |row| row.get::<_, Micros>(0));
    Ok(Backlog { events: events.unsigned_abs(), oldest_at: oldest.optional()?.map(|Micros(at)| at) })
}
