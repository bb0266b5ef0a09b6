//! The outbox: a statement, and so a transaction, each change. Relays pass over what another leases.

use std::time::Duration;

use async_trait::async_trait;
use bursar_store::{AHEAD_MAX, Backlog, EventKey, Outbox, StoreError, Waiting, later};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::ledger::PostgresLedger;
use crate::rows::{Read, count, get};

/// True; and no commit waits until this change is on the disk. One that is lost with the server has events published
/// once more, as one that a relay did not come to.
const UNHURRIED: &str = "(select set_config('synchronous_commit', 'off', true)) = 'off'";

/// By their positions, which are the key, and no other event that is at one of them.
const THESE: &str = "position = any($1) and event = any($2)";

#[async_trait]
impl Outbox for PostgresLedger {
    async fn lease(&self, limit: u32, lease: Duration) -> Result<Vec<Waiting>, StoreError> {
        // An array, so that the rows are chosen once, whatever the plan.
        let update = format!(
            "with leased as (
                update outbox set leased_until = $2 where {UNHURRIED} and position = any(array(
                    select position from outbox where published_at is null
                    and (leased_until is null or leased_until <= $1)
                    order by position limit $3 for update skip locked))
                returning position, event, kind, payload
            )
            select * from leased order by position"
        );
        let now = self.now();
        let rows = self.query(&update, &[&now, &later(now, lease), &i64::from(limit)]).await?;
        Ok(rows.iter().map(waiting).collect::<Read<_>>()?)
    }

    async fn mark(&self, events: Vec<EventKey>) -> Result<(), StoreError> {
        let update = format!(
            "update outbox set published_at = $3 where {UNHURRIED} and {THESE} and published_at is null"
        );
        let (positions, events) = columns(&events);
        self.query(&update, &[&positions, &events, &self.now()]).await.map(|_| ())
    }

    async fn release(&self, events: Vec<EventKey>) -> Result<(), StoreError> {
        let update = format!("update outbox set leased_until = null where {THESE} and published_at is null");
        let (positions, events) = columns(&events);
        self.query(&update, &[&positions, &events]).await.map(|_| ())
    }

    async fn forget_published(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        // What is published stays so: where to stop need not be looked up under a lock. No row is passed over
        // because another has it: it may be the one to stop at. The last event stays, as in the other store.
        let forget = "
            with oldest as materialized (
                select position, published_at < $1 or published_at > $3 as is_old from outbox
                where position < (select max(position) from outbox) order by position limit $2
            ), chosen as materialized (
                select position from outbox where position <= (select max(position) from oldest)
                and position < coalesce(
                    (select min(position) from oldest where is_old is not true), 9223372036854775807)
                order by position limit $2 for update
            ), forgotten as (
                delete from outbox using chosen where outbox.position = chosen.position returning message
            ), kept as (
                insert into forgotten_events (id, until, events)
                select 1, max(messages.at), count(*) from forgotten
                join messages on messages.id = forgotten.message
                having count(*) > 0
                on conflict (id) do update set until = greatest(forgotten_events.until, excluded.until),
                    events = forgotten_events.events + excluded.events
            )
            select count(*) from forgotten";
        let impossible = later(self.now(), AHEAD_MAX);
        let rows = self.query(forget, &[&before, &i64::from(limit), &impossible]).await?;
        Ok(rows.first().map(|row| count(row, 0)).transpose()?.unwrap_or_default())
    }

    async fn backlog(&self) -> Result<Backlog, StoreError> {
        let select = "
            select count(*), (select messages.at from outbox join messages on messages.id = outbox.message
                              where outbox.published_at is null order by outbox.position limit 1)
            from outbox where published_at is null";
        let rows = self.query(select, &[]).await?;
        let Some(row) = rows.first() else { return Ok(Backlog::default()) };
        let events: i64 = get(row, 0).map_err(StoreError::from)?;
        Ok(Backlog { events: events.unsigned_abs(), oldest_at: get(row, 1).map_err(StoreError::from)? })
    }
}

fn columns(events: &[EventKey]) -> (Vec<i64>, Vec<Uuid>) {
    events.iter().map(|of| (of.position, of.event)).unzip()
}

fn waiting(row: &Row) -> Read<Waiting> {
    Ok(Waiting { position: get(row, 0)?, event: get(row, 1)?, kind: get(row, 2)?, payload: get(row, 3)? })
}
