//! Hold groups, with every message of them.

use bursar_core::command::{GroupRef, Link};
use bursar_core::{AccountId, CardId, CardholderId, HoldGroup, MessageId, OwnerId, State};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{load_account, load_scopes};
use crate::keys;
use crate::rows::{Blob16, id, id_opt, message, word};

/// Adds the hold group that a reference means, with every message of it and its account.
pub(super) fn load(connection: &Connection, state: &mut State, wanted: &GroupRef) -> rusqlite::Result<()> {
    let Some(root) = find_root(connection, wanted)? else {
        return Ok(());
    };
    let root = first(connection, root)?;
    if !state.groups.contains_key(&root) {
        let Some(group) = read_whole(connection, root)? else {
            return Ok(());
        };
        put(state, group);
    }
    // Also of a group that is there already: a history is read without them.
    if let Some((account, scopes)) = state.groups.get(&root).map(|group| (group.account, group.scopes())) {
        load_account(connection, state, account)?;
        load_scopes(connection, state, scopes.into_iter())?;
    }
    state.group_refs.insert(wanted.clone(), root);
    Ok(())
}

/// Puts the group, and that each of its messages means it.
pub(super) fn put(state: &mut State, group: HoldGroup) {
    for message in &group.messages {
        state.group_refs.insert(GroupRef::Message(message.id), group.root);
    }
    state.groups.insert(group.root, group);
}

pub(crate) fn find_root(connection: &Connection, wanted: &GroupRef) -> rusqlite::Result<Option<MessageId>> {
    let root = |row: &Row<'_>| id_opt(row, 0, MessageId::new);
    let found = match wanted {
        GroupRef::Message(message) => connection
            .prepare_cached("select root from messages where id = ?1")?
            .query_row([Blob16(message.uuid())], root)
            .optional()?,
        GroupRef::Key(key) => keys::find(connection, key, "root", root)?,
        GroupRef::Link(Link { scope, kind, value }) => connection
            .prepare_cached("select root from links where value = ?1 and kind = ?2 and scope = ?3")?
            .query_row(params![value, kind.as_str(), scope], root)
            .optional()?,
    };
    Ok(found.flatten())
}

/// The message that began the group which this one's is a part of by now.
pub(crate) fn first(connection: &Connection, mut root: MessageId) -> rusqlite::Result<MessageId> {
    let mut into = connection.prepare_cached("select root from merges where merged = ?1")?;
    while let Some(further) =
        into.query_row([Blob16(root.uuid())], |row| id(row, 0, MessageId::new)).optional()?
    {
        root = further;
    }
    Ok(root)
}

/// Whether the group that the message began is a part of another one.
pub(crate) fn is_part(connection: &Connection, root: MessageId) -> rusqlite::Result<bool> {
    let select = "select 1 from merges where merged = ?1";
    connection.prepare_cached(select)?.exists([Blob16(root.uuid())])
}

/// Whether any group ever became a part of another one.
pub(super) fn any_merged(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("select 1 from merges limit 1")?.exists([])
}

/// The group of the message that began it, or a part of it; `None` if that one was about no card of ours.
pub(crate) fn read_group(connection: &Connection, root: MessageId) -> rusqlite::Result<Option<HoldGroup>> {
    read_whole(connection, first(connection, root)?)
}

/// The group of the message that began it, which is a part of no other; `None` as above.
pub(crate) fn read_whole(connection: &Connection, root: MessageId) -> rusqlite::Result<Option<HoldGroup>> {
    let select = "select messages.owner, card, cardholder, account, accounts.currency from messages
                  join accounts on accounts.id = messages.account
                  where messages.id = ?1 and card is not null and cardholder is not null";
    let read = |row: &Row<'_>| {
        Ok(HoldGroup {
            root,
            owner: id(row, 0, OwnerId::new)?,
            card: id(row, 1, CardId::new)?,
            cardholder: id(row, 2, CardholderId::new)?,
            account: id(row, 3, AccountId::new)?,
            currency: word(row, 4)?,
            messages: Vec::new(),
        })
    };
    let found = connection.prepare_cached(select)?.query_row([Blob16(root.uuid())], read).optional()?;
    let Some(group) = found else {
        return Ok(None);
    };
    let columns = message::GROUP_COLUMNS;
    let members = format!(
        "with recursive part (root) as (
             select ?1 union all select merged from part cross join merges on merges.root = part.root
         )
         select {columns} from part cross join messages on messages.id = part.root
         union all
         select {columns} from part cross join messages
         on messages.root = part.root and messages.root <> messages.id"
    );
    let mut statement = connection.prepare_cached(&members)?;
    let messages = statement.query_map([Blob16(root.uuid())], |row| message::read_group_message(row, 0))?;
    Ok(Some(HoldGroup { messages: messages.collect::<rusqlite::Result<_>>()?, ..group }))
}
