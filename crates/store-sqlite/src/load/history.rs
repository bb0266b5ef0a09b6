//! What an owner's hold groups took since some time: read once, when a limit begins to count.

use std::collections::HashSet;

use bursar_core::command::GroupRef;
use bursar_core::{MessageId, OwnerId, State};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::read_group;
use crate::rows::{Blob16, Micros, id_opt};

/// Adds every hold group of the owner that has a message since then. Walks the owner's messages back
/// from the last, so it costs what the owner did, however much others did.
pub(super) fn load(
    connection: &Connection,
    state: &mut State,
    owner: OwnerId,
    since: Timestamp,
) -> rusqlite::Result<()> {
    for root in roots(connection, owner, since)? {
        if state.groups.contains_key(&root) {
            continue;
        }
        if let Some(group) = read_group(connection, root)? {
            for message in &group.messages {
                state.group_refs.insert(GroupRef::Message(message.id), root);
            }
            state.groups.insert(root, group);
        }
    }
    Ok(())
}

/// The groups whose messages since then moved something.
fn roots(connection: &Connection, owner: OwnerId, since: Timestamp) -> rusqlite::Result<HashSet<MessageId>> {
    let last = "select last_position from owners where id = ?1";
    let mut next: Option<i64> = connection
        .prepare_cached(last)?
        .query_row([Blob16(owner.uuid())], |row| row.get(0))
        .optional()?
        .flatten();
    let one = "select previous, at, root from messages where position = ?1 and owner = ?2";
    let mut one = connection.prepare_cached(one)?;
    let mut roots = HashSet::new();
    let read = |row: &Row<'_>| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Micros>(1)?.0, id_opt(row, 2, MessageId::new)?))
    };
    while let Some(position) = next {
        let (previous, at, root) = one.query_row(params![position, Blob16(owner.uuid())], read)?;
        if at < since {
            break;
        }
        roots.extend(root);
        next = previous;
    }
    Ok(roots)
}
