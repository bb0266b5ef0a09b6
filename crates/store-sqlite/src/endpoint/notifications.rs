//! What is sent to endpoints, and what came of it.

use bursar_store::{Attempt, NewNotification, Notification, NotificationStanding, NotificationState, Page};
use jiff::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::change::FORGOTTEN_MAX;
use crate::rows::{Blob16, Micros, id};

const COLUMNS: &str = "id, endpoint, event, kind, body, state, due_at, failures, created_at";

pub(super) fn put(
    connection: &Connection,
    notifications: &[NewNotification],
    now: Timestamp,
) -> rusqlite::Result<()> {
    let insert = "insert into notifications (id, endpoint, event, kind, body, state, due_at, created_at)
                  select ?1, id, ?3, ?4, ?5, 'due', ?6, ?6 from endpoints where id = ?2
                  on conflict (endpoint, event) do nothing";
    let mut insert = connection.prepare_cached(insert)?;
    for NewNotification { id, endpoint, event, kind, body } in notifications {
        let (id, endpoint, event) = (Blob16(*id), Blob16(*endpoint), Blob16(*event));
        insert.execute(params![id, endpoint, event, kind, body, Micros(now)])?;
    }
    Ok(())
}

/// Of each endpoint that is on and not busy by itself: what waits for the others may be much, and is not passed.
pub(super) fn take(
    connection: &Connection,
    limit: u32,
    (now, until): (Timestamp, Timestamp),
    busy: &[Uuid],
) -> rusqlite::Result<Vec<Notification>> {
    let mut endpoints = connection.prepare_cached("select id from endpoints where is_on")?;
    let due = "select due_at, id from notifications where endpoint = ?1 and state = 'due' and due_at <= ?2
               order by due_at, id limit ?3";
    let mut due_of = connection.prepare_cached(due)?;
    let mut due: Vec<(i64, Uuid)> = Vec::new();
    for endpoint in endpoints.query_map([], |row| row.get::<_, Blob16>(0))? {
        let endpoint = endpoint?;
        if busy.contains(&endpoint.0) {
            continue;
        }
        let rows = due_of.query_map(params![endpoint, Micros(now), limit], |row| {
            Ok((row.get(0)?, row.get::<_, Blob16>(1)?.0))
        })?;
        for row in rows {
            due.push(row?);
        }
    }
    due.sort_unstable();
    due.truncate(limit as usize);
    let take = format!("update notifications set due_at = ?2 where id = ?1 returning {COLUMNS}");
    let mut take = connection.prepare_cached(&take)?;
    due.into_iter().map(|(_, id)| take.query_row(params![Blob16(id), Micros(until)], read)).collect()
}

/// Of the notification with this id, leased until then.
pub(super) fn attempted(
    connection: &Connection,
    (id, leased_until): (Uuid, Timestamp),
    attempt: &Attempt,
    next: NotificationState,
) -> rusqlite::Result<()> {
    let update = "update notifications set state = ?3, due_at = ?4, failures = failures + ?5
                  where id = ?1 and due_at = ?2 and state = 'due'";
    let changed = connection.prepare_cached(update)?.execute(params![
        Blob16(id),
        Micros(leased_until),
        next.as_str(),
        next.due_at().map(Micros),
        attempt.error.is_some()
    ])?;
    if changed == 0 {
        return Ok(());
    }
    let insert = "insert into attempts (notification, number, at, took_ms, status, error)
                  select ?1, 1 + coalesce(max(number), 0), ?2, ?3, ?4, ?5 from attempts where notification = ?1";
    let Attempt { at, took_ms, status, error } = attempt;
    connection.prepare_cached(insert)?.execute(params![Blob16(id), Micros(*at), took_ms, status, error])?;
    Ok(())
}

pub(super) fn find(
    connection: &Connection,
    id: Uuid,
) -> rusqlite::Result<Option<(Notification, Vec<Attempt>)>> {
    let select = format!(
        "select {COLUMNS} from notifications where id = ?1 and endpoint in (select id from endpoints)"
    );
    let found = connection.prepare_cached(&select)?.query_row([Blob16(id)], read).optional()?;
    let Some(notification) = found else { return Ok(None) };
    let select = "select at, took_ms, status, error from attempts where notification = ?1 order by number";
    let mut attempts = connection.prepare_cached(select)?;
    let attempts = attempts.query_map([Blob16(id)], read_attempt)?.collect::<rusqlite::Result<_>>()?;
    Ok(Some((notification, attempts)))
}

pub(super) fn list(
    connection: &Connection,
    endpoint: Uuid,
    state: Option<NotificationStanding>,
    page: Page<Uuid>,
) -> rusqlite::Result<Vec<Notification>> {
    let columns = COLUMNS.replace("body", "x''");
    let select = format!(
        "select {columns} from notifications where endpoint = ?1 and id < ?2 and (?3 is null or state = ?3)
         and exists (select 1 from endpoints where id = ?1) order by id desc limit ?4"
    );
    let before = Blob16(page.after.unwrap_or(Uuid::max()));
    let state = state.map(NotificationStanding::as_str);
    let wanted = params![Blob16(endpoint), before, state, page.limit];
    connection.prepare_cached(&select)?.query_map(wanted, read)?.collect()
}

/// Those that are old, and those whose endpoint is gone: such endpoints are found one by one along the index, for there
/// may be none, and many notifications.
pub(super) fn forget(connection: &Connection, before: Timestamp, limit: u32) -> rusqlite::Result<u64> {
    let delete = "
        with recursive named (endpoint) as (
            select min(endpoint) from notifications
            union all
            select (select min(endpoint) from notifications where endpoint > named.endpoint) from named
            where endpoint is not null
        )
        delete from notifications where id in (
            select id from (select id from notifications where created_at < ?1 order by created_at limit ?2)
            union
            select id from (
                select id from notifications where endpoint in (
                    select endpoint from named where endpoint not in (select id from endpoints)) limit ?2)
            limit ?2)";
    let wanted = params![Micros(before), limit.min(FORGOTTEN_MAX)];
    let forgotten = connection.prepare_cached(delete)?.execute(wanted)?;
    Ok(forgotten as u64)
}

pub(super) fn count(connection: &Connection) -> rusqlite::Result<(u64, Option<Timestamp>)> {
    let count = "select count(*), min(due_at) from notifications
                 where state = 'due' and endpoint in (select id from endpoints where is_on)";
    connection.prepare_cached(count)?.query_row([], |row| {
        let count: i64 = row.get(0)?;
        Ok((count.unsigned_abs(), row.get::<_, Option<Micros>>(1)?.map(|time| time.0)))
    })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Notification> {
    let (state, due_at) = (row.get_ref(5)?.as_str()?, row.get::<_, Option<Micros>>(6)?.map(|time| time.0));
    let unknown = || FromSqlError::Other(format!("no notification is {state:?}, due at {due_at:?}").into());
    Ok(Notification {
        notification: NewNotification {
            id: id(row, 0, |id| id)?,
            endpoint: id(row, 1, |id| id)?,
            event: id(row, 2, |id| id)?,
            kind: row.get(3)?,
            body: row.get(4)?,
        },
        state: NotificationState::from_word(state, due_at).ok_or_else(unknown)?,
        failures: row.get(7)?,
        created_at: row.get::<_, Micros>(8)?.0,
    })
}

fn read_attempt(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    Ok(Attempt {
        at: row.get::<_, Micros>(0)?.0,
        took_ms: row.get(1)?,
        status: row.get(2)?,
        error: row.get(3)?,
    })
}
