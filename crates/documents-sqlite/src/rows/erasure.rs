//! Persons are locked and erased, and read models forgotten.

use bursar_core::OwnerId;
use bursar_documents::DocumentsError;
use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, Row, params};

use super::person::{Standing, standing};
use crate::columns::id;
use crate::failure::{Failure, of_row};

/// Nothing but the id is left, and that it was erased.
const TOMBSTONE: &str = "update persons
    set program = null, wrapped_key = null, email_index = null, phone_index = null, version = null,
        created_at = null, updated_at = null, erase_on = null, erased_at = ?2, is_unfinished = 1
    where id = ?1 and erased_at is null";

const LIST_DUE: &str = "select id from persons where is_unfinished = 1
    union select id from persons where erase_on <= ?1
    limit ?2";

/// The tables that have rows of persons, beside the first.
const TABLES: [&str; 6] = ["fields", "kyc", "kyc_transitions", "cards", "wallets", "history"];

/// Those of read models.
const READ_MODELS: [&str; 3] = ["cards", "wallets", "history"];

pub(crate) fn lock(connection: &Connection, id: OwnerId, erase_on: Date) -> Result<(), Failure> {
    match standing(connection, id)?.ok_or(DocumentsError::Unknown(id))? {
        Standing::Erased(erased_at) => Err(DocumentsError::Erased { id, erased_at }.into()),
        Standing::Known(_) | Standing::Locked(_) => {
            let mut lock = connection.prepare_cached("update persons set erase_on = ?2 where id = ?1")?;
            lock.execute(params![id.uuid().as_bytes(), erase_on.to_string()])?;
            Ok(())
        }
    }
}

pub(crate) fn list_due(connection: &Connection, today: Date, limit: usize) -> Result<Vec<OwnerId>, Failure> {
    let mut list = connection.prepare_cached(LIST_DUE)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let read = |row: &Row<'_>| id(row, "id", OwnerId::new);
    let due = list.query_map(params![today.to_string(), limit], read)?.collect();
    of_row("a person", "that is due for erasure", due)
}

/// Takes everything of a person but the id. Whether it has to be finished: the log may still have what was there.
pub(crate) fn erase(connection: &Connection, id: OwnerId, at: Timestamp) -> Result<bool, Failure> {
    if standing(connection, id)?.is_none() {
        return Err(DocumentsError::Unknown(id).into());
    }
    connection.prepare_cached(TOMBSTONE)?.execute(params![id.uuid().as_bytes(), at.as_microsecond()])?;
    let mut unfinished = connection.prepare_cached("select is_unfinished from persons where id = ?1")?;
    if !unfinished.query_row([id.uuid().as_bytes()], |row| row.get(0))? {
        return Ok(false);
    }
    for table in TABLES {
        let delete = format!("delete from {table} where person = ?1");
        connection.prepare_cached(&delete)?.execute([id.uuid().as_bytes()])?;
    }
    Ok(true)
}

/// Moves what was committed into the file, over what was there, and empties the log.
pub(crate) fn empty_log(connection: &Connection) -> Result<(), Failure> {
    let is_busy: bool = connection.query_row("pragma wal_checkpoint(truncate)", [], |row| row.get(0))?;
    match is_busy {
        false => Ok(()),
        true => Err(DocumentsError::Unavailable("somebody else reads the file".into()).into()),
    }
}

pub(crate) fn finish(connection: &Connection, id: OwnerId) -> Result<(), Failure> {
    let finish = "update persons set is_unfinished = 0 where id = ?1 and erased_at is not null";
    connection.prepare_cached(finish)?.execute([id.uuid().as_bytes()])?;
    Ok(())
}

/// How many are forgotten.
pub(crate) fn forget_read_models(
    connection: &Connection,
    person: Option<OwnerId>,
    kept_before: Timestamp,
) -> Result<u64, Failure> {
    let person = person.map(|person| person.uuid().into_bytes());
    let mut forgotten = 0;
    for table in READ_MODELS {
        let delete = format!("delete from {table} where kept_at < ?1 and (?2 is null or person = ?2)");
        let mut delete = connection.prepare_cached(&delete)?;
        forgotten += delete.execute(params![kept_before.as_microsecond(), person])? as u64;
    }
    Ok(forgotten)
}
