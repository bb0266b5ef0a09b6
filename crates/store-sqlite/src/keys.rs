//! The index of message keys (M1), in three tables by age.
//!
//! Processors' tokens are random: in one index, every decision wrote a page of its own to the log,
//! and that was three quarters of a commit. So a key is written to a small table first. When that
//! is full, its keys go on to a larger one all at once, in order, several to a page; and of that
//! one a slice goes on to the table that keeps them for ever. What a commit writes stays small
//! however many keys there are. A key is in one of the three, and the schema sees to it.

use bursar_core::MessageKey;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use sha2::{Digest, Sha256};

/// Lists the messages whose key is in no table, or leads elsewhere.
pub(crate) const LOST: &str = "
    select id from messages as message where not exists (
        select 1 from (
            select position from keys_young where key = message_key(token, source, scope, state)
            union all select position from keys_grown where key = message_key(token, source, scope, state)
            union all select position from keys_old where key = message_key(token, source, scope, state)
        ) as found where found.position = message.position
    )";

/// The larger table is emptied in so many slices, one each time that the small one is full.
const SLICES: i64 = 16;

/// Commands in one transaction, at most: so many keys come at once.
const BATCH_MAX: i64 = 256;

type Hash = [u8; 16];

/// What stands for a key in the tables. No part of a key has a zero byte.
fn hash_of(token: &str, source: &str, scope: i64, state: &str) -> Hash {
    let digest = Sha256::new()
        .chain_update(token)
        .chain_update([0])
        .chain_update(source)
        .chain_update([0])
        .chain_update(scope.to_be_bytes())
        .chain_update(state)
        .finalize();
    let mut hash = Hash::default();
    hash.copy_from_slice(&digest[..16]);
    hash
}

fn hash(key: &MessageKey) -> Hash {
    hash_of(key.token.as_str(), key.source.as_str(), key.scope, &key.state)
}

/// Makes `message_key(token, source, scope, state)` known to SQL, for migrations and the check.
pub(crate) fn add_function(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    let function = |context: &Context<'_>| {
        let text = |place: usize| Ok::<_, rusqlite::Error>(context.get_raw(place).as_str()?);
        Ok(hash_of(text(0)?, text(1)?, context.get(2)?, text(3)?).to_vec())
    };
    connection.create_scalar_function("message_key", 4, flags, function)
}

/// Reads two columns of the message with this key, if there is one.
pub(crate) fn find<T>(
    connection: &Connection,
    key: &MessageKey,
    columns: &str,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    let find = "select position from keys_young where key = ?1
                union all select position from keys_grown where key = ?1
                union all select position from keys_old where key = ?1";
    let position = connection.prepare_cached(find)?.query_row([hash(key)], |row| row.get(0)).optional()?;
    let Some(position): Option<i64> = position else {
        return Ok(None);
    };
    let select = format!("select {columns} from messages where position = ?1 and token = ?2");
    let found = connection
        .prepare_cached(&select)?
        .query_row(params![position, key.token.as_str()], read)
        .optional()?;
    let other = || FromSqlError::Other(format!("the key of {} leads to another message", key.token).into());
    found.map(Some).ok_or_else(|| other().into())
}

/// Adds the key of the message that was inserted last.
pub(crate) fn insert(connection: &Connection, key: &MessageKey) -> rusqlite::Result<()> {
    let position = connection.last_insert_rowid();
    let insert = "insert into keys_young (key, position) values (?1, ?2)";
    connection.prepare_cached(insert)?.execute(params![hash(key), position])?;
    Ok(())
}

/// Moves keys on, if more than `young_max` are in the small table.
pub(crate) fn grow(connection: &Connection, young_max: u32) -> rusqlite::Result<()> {
    let count = "select count(*) from keys_young";
    let young: i64 = connection.prepare_cached(count)?.query_row([], |row| row.get(0))?;
    let young_max = i64::from(young_max);
    if young <= young_max {
        return Ok(());
    }
    let all = "insert into keys_grown (key, position) select key, position from keys_young order by key";
    connection.prepare_cached(all)?.execute([])?;
    connection.prepare_cached("delete from keys_young")?.execute([])?;
    let (first, last) = slice(connection, young_max)?;
    let slice = "insert into keys_old (key, position)
                 select key, position from keys_grown where key between ?1 and ?2 order by key";
    connection.prepare_cached(slice)?.execute([first, last])?;
    connection
        .prepare_cached("delete from keys_grown where key between ?1 and ?2")?
        .execute([first, last])?;
    Ok(())
}

/// The first and the last key of the slice whose turn it is. No slice is passed over: between two
/// turns there are at most `young_max` messages and a batch.
fn slice(connection: &Connection, young_max: i64) -> rusqlite::Result<(Hash, Hash)> {
    let newest = "select coalesce(max(position), 0) from messages";
    let newest: i64 = connection.prepare_cached(newest)?.query_row([], |row| row.get(0))?;
    let turn = (newest / (young_max + BATCH_MAX)) % SLICES;
    let width = 256 / SLICES;
    let byte = |place: i64| u8::try_from(place).unwrap_or(u8::MAX);
    let (mut first, mut last) = ([0; 16], [u8::MAX; 16]);
    (first[0], last[0]) = (byte(turn * width), byte(turn * width + width - 1));
    Ok((first, last))
}
