//! Rows of messages.

use bursar_broker::{Content, Death, Queue, Reason};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use uuid::Uuid;

/// A message in a queue.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) position: i64,
    pub(crate) queue: Queue,
    pub(crate) content: Content,
}

pub(crate) fn insert(
    connection: &Connection,
    queue: Queue,
    content: &Content,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let insert =
        "insert into messages (queue, id, kind, body, reply_to, correlation_id, published_at, due_at)
                  values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    connection.prepare_cached(insert)?.execute(params![
        queue.name(),
        content.id.as_bytes(),
        content.kind,
        content.body,
        content.reply_to,
        content.correlation_id,
        content.published_at.unwrap_or(now).as_microsecond(),
        now.as_microsecond(),
    ])?;
    match &content.death {
        Some(death) => moved(connection, connection.last_insert_rowid(), (queue, now), Some(death)),
        None => Ok(()),
    }
}

/// Moves a message to a queue, due at this time, with what is known of its failures now.
pub(crate) fn moved(
    connection: &Connection,
    position: i64,
    (queue, due_at): (Queue, Timestamp),
    death: Option<&Death>,
) -> rusqlite::Result<()> {
    let update =
        "update messages set queue = ?2, due_at = ?3, failed_in = ?4, attempts = ?5, error_first = ?6,
                  error_last = ?7, reason = ?8, death = ?9 where position = ?1";
    connection.prepare_cached(update)?.execute(params![
        position,
        queue.name(),
        due_at.as_microsecond(),
        death.map(|death| death.queue.name()),
        death.map(|death| death.attempts),
        death.map(|death| &death.error_first),
        death.map(|death| &death.error_last),
        death.and_then(|death| death.reason).map(Reason::as_str),
        death.map(|death| death.id.as_bytes()),
    ])?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, position: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("delete from messages where position = ?1")?.execute([position]).map(|_| ())
}

const WALK: &str = "select position, due_at, failed_in is not null and reason is null
                    from messages where queue = ?1 order by due_at, position";

/// The positions of a queue's messages in the order in which they are due, as long as `wants` says so of each, of which
/// it is told the position and until when it pauses, if it failed. The messages themselves are not looked at.
pub(crate) fn walk(
    connection: &Connection,
    queue: Queue,
    mut wants: impl FnMut(i64, Option<Timestamp>) -> Wants,
) -> rusqlite::Result<Vec<i64>> {
    let mut select = connection.prepare_cached(WALK)?;
    let mut rows = select.query([queue.name()])?;
    let mut wanted = Vec::new();
    while let Some(row) = rows.next()? {
        let (position, is_paused) = (row.get(0)?, row.get(2)?);
        let due_at = Timestamp::from_microsecond(row.get(1)?).ok();
        let paused_until = due_at.filter(|_| is_paused);
        match wants(position, paused_until) {
            Wants::This => wanted.push(position),
            Wants::Another => {}
            Wants::Nothing => break,
        }
    }
    Ok(wanted)
}

/// The message at a position of a queue. One that cannot be read harms no other: it stays where it is.
pub(crate) fn read(
    connection: &Connection,
    queue: Queue,
    position: i64,
) -> rusqlite::Result<Option<Message>> {
    let select =
        "select id, kind, body, reply_to, correlation_id, published_at, failed_in, attempts, error_first,
                  error_last, reason, death
                  from messages where position = ?1";
    let mut select = connection.prepare_cached(select)?;
    let mut rows = select.query([position])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let content = content(row).inspect_err(|error| {
        tracing::error!("message {position} of {queue} cannot be read, and waits: {error}");
    });
    Ok(content.ok().map(|content| Message { position, queue, content }))
}

/// What somebody wants of the messages of a queue.
pub(crate) enum Wants {
    This,
    Another,
    Nothing,
}

/// How many messages each queue has.
pub(crate) fn sizes(connection: &Connection) -> rusqlite::Result<Vec<(Queue, u64)>> {
    let mut select = connection.prepare_cached("select queue, count(*) from messages group by queue")?;
    select.query_map([], |row| Ok((queue(row, 0)?, count(row, 1)?)))?.collect()
}

/// The position of the last message of all that ever were there.
pub(crate) fn last_position(connection: &Connection) -> rusqlite::Result<i64> {
    let select = "select coalesce(max(seq), 0) from sqlite_sequence where name = 'messages'";
    connection.query_row(select, [], |row| row.get(0))
}

/// How many messages of a queue pause after a failure.
pub(crate) fn paused(connection: &Connection, queue: Queue, now: Timestamp) -> rusqlite::Result<u64> {
    let select = "select count(*) from messages where queue = ?1 and due_at > ?2 and failed_in is not null";
    let values = params![queue.name(), now.as_microsecond()];
    connection.prepare_cached(select)?.query_row(values, |row| count(row, 0))
}

fn content(row: &Row<'_>) -> rusqlite::Result<Content> {
    Ok(Content {
        id: Uuid::from_bytes(row.get(0)?),
        kind: row.get(1)?,
        body: row.get(2)?,
        reply_to: row.get(3)?,
        correlation_id: row.get(4)?,
        published_at: Some(time(row, 5)?),
        death: death(row)?,
    })
}

fn death(row: &Row<'_>) -> rusqlite::Result<Option<Death>> {
    if row.get_ref(6)? == rusqlite::types::ValueRef::Null {
        return Ok(None);
    }
    let reason: Option<String> = row.get(10)?;
    let reason =
        reason.map(|word| Reason::from_word(&word).ok_or_else(|| unreadable(10, &word))).transpose()?;
    Ok(Some(Death {
        id: row.get::<_, Option<_>>(11)?.map(Uuid::from_bytes).unwrap_or_default(),
        queue: queue(row, 6)?,
        attempts: row.get(7)?,
        error_first: row.get(8)?,
        error_last: row.get(9)?,
        reason,
    }))
}

fn queue(row: &Row<'_>, column: usize) -> rusqlite::Result<Queue> {
    let name: String = row.get(column)?;
    Queue::from_name(&name).ok_or_else(|| unreadable(column, &name))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    let micros: i64 = row.get(column)?;
    Timestamp::from_microsecond(micros).map_err(|_| unreadable(column, &micros.to_string()))
}

fn count(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::unsigned_abs)
}

fn unreadable(column: usize, found: &str) -> rusqlite::Error {
    let what = format!("nobody wrote {found:?} there");
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, what.into())
}

#[cfg(test)]
mod tests {
    use bursar_testkit::BrokerFolder;

    use super::*;
    use crate::folder;

    /// Else a queue of large messages, most of which somebody has, would be read again at each look.
    #[test]
    fn a_walk_reads_no_message() {
        let place = BrokerFolder::new();
        let (connection, _lock) = folder::open(place.path()).expect("it opens");
        let explain = format!("explain query plan {WALK}");
        let plan: String =
            connection.query_row(&explain, ["events-queue"], |row| row.get(3)).expect("a plan");
        assert!(plan.contains("USING COVERING INDEX"), "{plan}");
    }
}
