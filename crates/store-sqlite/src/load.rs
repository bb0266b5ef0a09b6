//! Loads what a batch needs, each row once.

mod groups;
mod history;

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;

use bursar_core::command::TokenKind;
use bursar_core::control::Scope;
use bursar_core::decide::history_since;
use bursar_core::state::{Answered, Rows, ScopeControls, Unreadable};
use bursar_core::text::Token;
use bursar_core::window::Counters;
use bursar_core::{AccountId, Command, Control, MessageKey, ProgramId, State, Work};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

pub(crate) use groups::{find_root, first, is_part, read_group, read_whole};

use crate::keys;
use crate::rows::{Blob16, account, card, cardholder, control, message, owner, program, window};

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
    keys.groups.iter().chain(keys.hints).try_for_each(|wanted| groups::load(connection, state, wanted))
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
