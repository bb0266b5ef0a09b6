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
        "insert into messages (queue, id, kind, body, reply_to, correlation_id, published_at, due_at,
                  failed_in, attempts, error_first, error_last, reason)
                  values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)";
    let death = content.death.as_ref();
    connection.prepare_cached(insert)?.execute(params![
        queue.name(),
        content.id.as_bytes(),
        content.kind,
        content.body,
        content.reply_to,
        content.correlation_id,
        content.published_at.unwrap_or(now).as_microsecond(),
        now.as_microsecond(),
        death.map(|death| death.queue.name()),
        death.map(|death| death.attempts),
        death.map(|death| &death.error_first),
        death.map(|death| &death.error_last),
        death.and_then(|death| death.reason).map(Reason::as_str),
    ])?;
    Ok(())
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
                  error_last = ?7, reason = ?8 where position = ?1";
    connection.prepare_cached(update)?.execute(params![
        position,
        queue.name(),
        due_at.as_microsecond(),
        death.map(|death| death.queue.name()),
        death.map(|death| death.attempts),
        death.map(|death| &death.error_first),
        death.map(|death| &death.error_last),
        death.and_then(|death| death.reason).map(Reason::as_str),
    ])?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, position: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("delete from messages where position = ?1")?.execute([position]).map(|_| ())
}

/// The messages of a queue in the order in which they are due, as long as `wants` says so of each, of which it is told
/// the position and until when it pauses, if it failed. One that cannot be read harms no other: it stays where it is.
pub(crate) fn walk(
    connection: &Connection,
    queue: Queue,
    mut wants: impl FnMut(i64, Option<Timestamp>) -> Wants,
) -> rusqlite::Result<Vec<Message>> {
    let select = "select position, due_at, id, kind, body, reply_to, correlation_id, published_at, failed_in,
                  attempts, error_first, error_last, reason
                  from messages where queue = ?1 order by due_at, position";
    let mut select = connection.prepare_cached(select)?;
    let mut rows = select.query([queue.name()])?;
    let mut wanted = Vec::new();
    while let Some(row) = rows.next()? {
        let position = row.get(0)?;
        let is_paused =
            row.get::<_, Option<String>>(8)?.is_some() && row.get::<_, Option<String>>(12)?.is_none();
        let paused_until = if is_paused { Some(time(row, 1)?) } else { None };
        match wants(position, paused_until) {
            Wants::This => match content(row) {
                Ok(content) => wanted.push(Message { position, queue, content }),
                Err(error) => {
                    tracing::error!("message {position} of {queue} cannot be read, and waits: {error}")
                }
            },
            Wants::Another => {}
            Wants::Nothing => break,
        }
    }
    Ok(wanted)
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

/// The last message of all.
pub(crate) fn last_position(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("select coalesce(max(position), 0) from messages", [], |row| row.get(0))
}

/// How many messages of a queue pause after a failure.
pub(crate) fn paused(connection: &Connection, queue: Queue, now: Timestamp) -> rusqlite::Result<u64> {
    let select = "select count(*) from messages where queue = ?1 and due_at > ?2 and failed_in is not null";
    let values = params![queue.name(), now.as_microsecond()];
    connection.prepare_cached(select)?.query_row(values, |row| count(row, 0))
}

fn content(row: &Row<'_>) -> rusqlite::Result<Content> {
    Ok(Content {
        id: Uuid::from_bytes(row.get(2)?),
        kind: row.get(3)?,
        body: row.get(4)?,
        reply_to: row.get(5)?,
        correlation_id: row.get(6)?,
        published_at: Some(time(row, 7)?),
        death: death(row)?,
    })
}

fn death(row: &Row<'_>) -> rusqlite::Result<Option<Death>> {
    if row.get_ref(8)? == rusqlite::types::ValueRef::Null {
        return Ok(None);
    }
    let reason: Option<String> = row.get(12)?;
    let reason =
        reason.map(|word| Reason::from_word(&word).ok_or_else(|| unreadable(12, &word))).transpose()?;
    Ok(Some(Death {
        queue: queue(row, 8)?,
        attempts: row.get(9)?,
        error_first: row.get(10)?,
        error_last: row.get(11)?,
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
