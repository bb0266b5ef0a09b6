//! Loads what a batch needs, each row once.

mod history;

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;

use bursar_core::command::{GroupRef, TokenKind};
use bursar_core::control::Scope;
use bursar_core::decide::history_since;
use bursar_core::state::{Answered, Rows, ScopeControls, Unreadable};
use bursar_core::text::Token;
use bursar_core::window::Counters;
use bursar_core::{
    AccountId, CardId, CardholderId, Command, Control, HoldGroup, MessageId, MessageKey, OwnerId, ProgramId,
    State, Work,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::keys;
use crate::rows::{
    Blob16, account, card, cardholder, control, id, id_opt, message, owner, program, window, word,
};

/// Adds everything that the commands touch, as far as it exists and is not there yet. `at` is the
/// time of the decisions.
pub(crate) fn state<'a>(
    connection: &Connection,
    state: &mut State,
    batch: impl Iterator<Item = &'a Work>,
    at: Timestamp,
) -> rusqlite::Result<()> {
    let mut changed = HashSet::new();
    for work in batch {
        command(connection, state, &work.command)?;
        if let Some((owner, since)) = history_since(state, &work.command, at, &mut changed) {
            history::load(connection, state, owner, since)?;
        }
    }
    Ok(())
}

/// Adds only the stored answers of the commands.
pub(crate) fn answers<'a>(
    connection: &Connection,
    state: &mut State,
    mut batch: impl Iterator<Item = &'a Work>,
) -> rusqlite::Result<()> {
    batch.try_for_each(|work| answered(connection, state, &work.command.key))
}

fn command(connection: &Connection, state: &mut State, command: &Command) -> rusqlite::Result<()> {
    answered(connection, state, &command.key)?;
    let keys = command.keys();
    if let Some(id) = keys.program {
        load_program(connection, state, id)?;
    }
    if let Some(id) = keys.owner {
        row(connection, &mut state.owners, id, id.uuid(), ("owner", "owners", owner::COLUMNS), owner::read)?;
        // What a program allows counts in decisions about its owners.
        if let Ok(Some(program)) = state.owners.get(id).map(|owner| owner.map(|owner| owner.program)) {
            load_program(connection, state, program)?;
        }
    }
    if let Some(id) = keys.account {
        load_account(connection, state, id)?;
    }
    for id in keys.cardholders.into_iter().flatten() {
        let table = ("cardholder", "cardholders", cardholder::COLUMNS);
        row(connection, &mut state.cardholders, id, id.uuid(), table, cardholder::read)?;
    }
    if let Some(id) = keys.card {
        row(connection, &mut state.cards, id, id.uuid(), ("card", "cards", card::COLUMNS), card::read)?;
    }
    load_scopes(connection, state, keys.scopes.into_iter().flatten())?;
    for (kind, token) in keys.wanted_tokens.into_iter().flatten() {
        taken_token(connection, state, kind, token)?;
    }
    keys.groups.iter().try_for_each(|wanted| group(connection, state, wanted))
}

fn answered(connection: &Connection, state: &mut State, key: &MessageKey) -> rusqlite::Result<()> {
    let found = keys::find(connection, key, "fingerprint, answer_code, answer", |row| {
        Ok(Answered { fingerprint: row.get(0)?, answer: message::read_answer(row, 1)? })
    })?;
    if let Some(answered) = found {
        state.answered.insert(key.clone(), answered);
    }
    Ok(())
}

/// Loads one row by its id, unless the batch has it already.
fn row<K: Copy + Eq + Hash + Display, V: Clone>(
    connection: &Connection,
    rows: &mut Rows<K, V>,
    key: K,
    uuid: Uuid,
    (what, table, columns): (&'static str, &'static str, &'static str),
    read: impl Fn(&Row<'_>) -> rusqlite::Result<V>,
) -> rusqlite::Result<()> {
    if rows.is_loaded(key) {
        return Ok(());
    }
    let find = format!("select {columns} from {table} where id = ?1");
    let mut statement = connection.prepare_cached(&find)?;
    let mut found = statement.query([Blob16(uuid)])?;
    if let Some(row) = found.next()? {
        let unreadable =
            |error: rusqlite::Error| Unreadable { what, id: key.to_string(), why: error.to_string() };
        rows.load(key, read(row).map_err(unreadable));
    }
    Ok(())
}

fn load_program(connection: &Connection, state: &mut State, id: ProgramId) -> rusqlite::Result<()> {
    let table = ("program", "programs", program::COLUMNS);
    row(connection, &mut state.programs, id, id.uuid(), table, program::read)
}

fn load_account(connection: &Connection, state: &mut State, id: AccountId) -> rusqlite::Result<()> {
    let table = ("account", "accounts", account::COLUMNS);
    row(connection, &mut state.accounts, id, id.uuid(), table, account::read)
}

/// The controls of the scopes and what was taken from their windows. That there are none is kept, too.
fn load_scopes(
    connection: &Connection,
    state: &mut State,
    scopes: impl Iterator<Item = Scope>,
) -> rusqlite::Result<()> {
    for scope in scopes {
        // Both: a row that could not be read is not kept, and the other would count as nothing taken.
        if state.controls.is_loaded(scope) && state.counters.is_loaded(scope) {
            continue;
        }
        let unreadable = |what: &'static str| {
            move |error: rusqlite::Error| Unreadable { what, id: scope.to_string(), why: error.to_string() }
        };
        let controls = read_controls(connection, scope).map_err(unreadable("controls of"));
        let counters = read_counters(connection, scope).map_err(unreadable("windows of"));
        state
            .controls
            .load(scope, controls.map(|controls| ScopeControls { scope, controls: Arc::new(controls) }));
        state.counters.load(scope, counters.map(|counters| counters.unwrap_or(Counters::new(scope))));
    }
    Ok(())
}

/// In the order of their creation.
pub(crate) fn read_controls(connection: &Connection, scope: Scope) -> rusqlite::Result<Vec<Control>> {
    let select =
        format!("select {} from controls where subject = ?1 and scope = ?2 order by id", control::COLUMNS);
    let mut statement = connection.prepare_cached(&select)?;
    statement.query_map(params![Blob16(scope.uuid()), scope.kind()], control::read)?.collect()
}

pub(crate) fn read_counters(connection: &Connection, scope: Scope) -> rusqlite::Result<Option<Counters>> {
    let select = format!("select {} from windows where subject = ?1 and scope = ?2", window::COLUMNS);
    let mut statement = connection.prepare_cached(&select)?;
    statement.query_row(params![Blob16(scope.uuid()), scope.kind()], window::read).optional()
}

fn taken_token(
    connection: &Connection,
    state: &mut State,
    kind: TokenKind,
    token: &Token,
) -> rusqlite::Result<()> {
    let find = match kind {
        TokenKind::Owner => "select 1 from owners where token = ?1",
        TokenKind::Cardholder => "select 1 from cardholders where token = ?1",
        TokenKind::Card => "select 1 from cards where token = ?1",
    };
    if connection.prepare_cached(find)?.exists([token.as_str()])? {
        state.taken_tokens.insert((kind, token.clone()));
    }
    Ok(())
}

/// The hold group that a reference means, with every message of it and its account.
fn group(connection: &Connection, state: &mut State, wanted: &GroupRef) -> rusqlite::Result<()> {
    let Some(root) = find_root(connection, wanted)? else {
        return Ok(());
    };
    if !state.groups.contains_key(&root) {
        let Some(group) = read_group(connection, root)? else {
            return Ok(());
        };
        for message in &group.messages {
            state.group_refs.insert(GroupRef::Message(message.id), root);
        }
        state.groups.insert(root, group);
    }
    // Also of a group that is there already: a history is read without them.
    if let Some((account, scopes)) = state.groups.get(&root).map(|group| (group.account, group.scopes())) {
        load_account(connection, state, account)?;
        load_scopes(connection, state, scopes.into_iter())?;
    }
    state.group_refs.insert(wanted.clone(), root);
    Ok(())
}

pub(crate) fn find_root(connection: &Connection, wanted: &GroupRef) -> rusqlite::Result<Option<MessageId>> {
    let root = |row: &Row<'_>| id_opt(row, 0, MessageId::new);
    let found = match wanted {
        GroupRef::Message(message) => connection
            .prepare_cached("select root from messages where id = ?1")?
            .query_row([Blob16(message.uuid())], root)
            .optional()?,
        GroupRef::Key(key) => keys::find(connection, key, "root", root)?,
    };
    Ok(found.flatten())
}

/// A group by the message that began it; `None` if that one was about no card of ours.
pub(crate) fn read_group(connection: &Connection, root: MessageId) -> rusqlite::Result<Option<HoldGroup>> {
    let first = "select messages.owner, card, cardholder, account, accounts.currency from messages
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
    let found = connection.prepare_cached(first)?.query_row([Blob16(root.uuid())], read).optional()?;
    let Some(group) = found else {
        return Ok(None);
    };
    let columns = message::GROUP_COLUMNS;
    let members = format!(
        "select {columns} from messages where id = ?1
         union all select {columns} from messages where root = ?1 and root <> id"
    );
    let mut statement = connection.prepare_cached(&members)?;
    let messages = statement.query_map([Blob16(root.uuid())], |row| message::read_group_message(row, 0))?;
    Ok(Some(HoldGroup { messages: messages.collect::<rusqlite::Result<_>>()?, ..group }))
}
