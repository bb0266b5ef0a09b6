//! The index of message keys (M1), in three tables by age.
//!
//! Processors' tokens are random: in one index, every decision wrote a page of its own to the log,
//! and that was three quarters of a commit. So a key is written to a small table first. When that
//! is full, its keys go on to a larger one all at once, in order, many to a page. From that one,
//! each batch moves on about as many keys as it added, next to each other, to the table that keeps
//! them for ever: the more keys that one has, the fewer of them share a page, until from some millions
//! of messages on it is a page a key again, and never more. A key is in one of the three, and the
//! schema sees to it.

use bursar_core::MessageKey;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, Statement, params};
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

/// Lists the places that keys lead to and where no message is.
pub(crate) const STRAY: &str = "
    select position from (
        select position from keys_young union all select position from keys_grown
        union all select position from keys_old
    ) where position not in (select position from messages)";

/// How many keys the first and the second table may have. More in the first make each commit write
/// more; more in the second make its keys share pages for longer, and the merges into it larger.
#[derive(Debug, Clone, Copy)]
pub struct KeyLimits {
    /// In the first.
    pub young_max: u32,
    /// In the second.
    pub grown_max: u32,
}

impl Default for KeyLimits {
    fn default() -> Self {
        Self { young_max: 2_048, grown_max: 65_536 }
    }
}

/// How many keys the first two tables have, as the last commit left them, and how far the second
/// has been gone through.
pub(crate) struct Ages {
    young: u32,
    grown: u32,
    cursor: Hash,
}

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

/// Reads columns of the message with this key, if there is one.
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

pub(crate) const INSERT: &str = "insert into keys_young (key, position) values (?1, ?2)";

/// Runs [`INSERT`] for the message at this position.
pub(crate) fn insert(insert: &mut Statement<'_>, key: &MessageKey, position: i64) -> rusqlite::Result<()> {
    insert.execute(params![hash(key), position])?;
    Ok(())
}

impl Ages {
    /// Counts, once for each connection.
    pub(crate) fn count(connection: &Connection) -> rusqlite::Result<Self> {
        let count = |select: &str| connection.query_row(select, [], |row| row.get(0));
        Ok(Self {
            young: count("select count(*) from keys_young")?,
            grown: count("select count(*) from keys_grown")?,
            cursor: Hash::default(),
        })
    }

    /// Moves keys on after so many were added. If it fails, or its transaction does, the ages are to
    /// be counted again.
    pub(crate) fn grow(
        &mut self,
        connection: &Connection,
        added: u32,
        limits: KeyLimits,
    ) -> rusqlite::Result<()> {
        self.young = self.young.saturating_add(added);
        if self.young > limits.young_max {
            let all =
                "insert into keys_grown (key, position) select key, position from keys_young order by key";
            connection.prepare_cached(all)?.execute([])?;
            connection.prepare_cached("delete from keys_young")?.execute([])?;
            self.grown = self.grown.saturating_add(std::mem::take(&mut self.young));
        }
        // What is too many, and no more than a batch can bear.
        match self.grown.saturating_sub(limits.grown_max).min(added.saturating_mul(2)) {
            0 => Ok(()),
            count => self.move_next(connection, count),
        }
    }

    /// Moves the next keys of the second table to the third. At its end it begins anew.
    fn move_next(&mut self, connection: &Connection, count: u32) -> rusqlite::Result<()> {
        let next = "select max(key), count(*) from
                    (select key from keys_grown where key > ?1 order by key limit ?2)";
        let next = connection.prepare_cached(next)?.query_row(params![self.cursor, count], |row| {
            Ok((row.get::<_, Option<Hash>>(0)?, row.get::<_, u32>(1)?))
        })?;
        let (Some(last), moved) = next else {
            self.cursor = Hash::default();
            return Ok(());
        };
        let range = "insert into keys_old (key, position)
                     select key, position from keys_grown where key > ?1 and key <= ?2 order by key";
        connection.prepare_cached(range)?.execute([self.cursor, last])?;
        let range = "delete from keys_grown where key > ?1 and key <= ?2";
        connection.prepare_cached(range)?.execute([self.cursor, last])?;
        self.cursor = last;
        self.grown = self.grown.saturating_sub(moved);
        Ok(())
    }
}
