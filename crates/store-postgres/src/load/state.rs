//! Makes the state that a batch is decided on from the rows that were read.

use std::collections::HashMap;
use std::fmt::Display;
use std::hash::Hash;
use std::sync::Arc;

use bursar_core::control::Scope;
use bursar_core::state::{Answered, Rows, ScopeControls, Unreadable};
use bursar_core::window::Counters;
use bursar_core::{AccountId, CardId, CardholderId, Control, OwnerId, ProgramId, State};
use tokio_postgres::Row;
use uuid::Uuid;

use super::wanted::{self, Wanted};
use super::{Found, Groups, Members, Scopes, StandingRows};
use crate::memory::{KnownControls, Standing};
use crate::rows::{
    Damage, Read, account, card, cardholder, control, id, message, owner, program, token, window, word,
};

pub(super) fn state(
    wanted: &Wanted<'_>,
    standing: Standing,
    owners: Found,
    read: [StandingRows; 2],
    (accounts, windows): (Found, Found),
    (answered, tokens, group_accounts, (mut controls, group_windows), (members, links)): (
        Found,
        [Found; 3],
        Found,
        Scopes,
        Members,
    ),
) -> Read<State> {
    let mut state = State::default();
    let known_controls = put_standing(&mut state, standing);
    put(&mut state.owners, "owner", &owners, OwnerId::new, owner::read);
    put(&mut state.accounts, "account", &accounts, AccountId::new, account::read);
    put(&mut state.accounts, "account", &group_accounts, AccountId::new, account::read);
    for (programs, cardholders, cards, more_controls) in read {
        put(&mut state.programs, "program", &programs, ProgramId::new, program::read);
        put(&mut state.cardholders, "cardholder", &cardholders, CardholderId::new, cardholder::read);
        put(&mut state.cards, "card", &cards, CardId::new, card::read);
        controls.extend(more_controls);
    }
    put_answered(&mut state, &answered);
    for (kind, rows) in wanted::TOKEN_KINDS.into_iter().zip(&tokens) {
        let taken = rows.iter().filter_map(|row| word(row, 0, token).ok());
        state.taken_tokens.extend(taken.map(|token| (kind, token)));
    }
    let mut groups = Groups::read(&members)?;
    groups.add_links(&links)?;
    let scopes_wanted = wanted.scopes.iter().map(|(scope, _)| *scope).chain(groups.scopes());
    let windows: Found = windows.into_iter().chain(group_windows).collect();
    put_scopes(&mut state, scopes_wanted, &known_controls, &controls, &windows);
    groups.put(&mut state, &wanted.groups);
    Ok(state)
}

/// What is known and still good; the controls are the caller's.
fn put_standing(state: &mut State, standing: Standing) -> KnownControls {
    let Standing { programs, cardholders, cards, controls, .. } = standing;
    for program in programs.into_values() {
        state.programs.load(program.id, Ok(program));
    }
    for cardholder in cardholders.into_values() {
        state.cardholders.load(cardholder.id, Ok(cardholder));
    }
    for card in cards.into_values() {
        state.cards.load(card.id, Ok(card));
    }
    controls
}

/// Each row as it was read; one that cannot be read fails whoever needs it, and nobody else.
fn put<K: Copy + Eq + Hash + Display, V: Clone>(
    rows: &mut Rows<K, V>,
    what: &'static str,
    found: &[Row],
    new: fn(Uuid) -> K,
    read: fn(&Row) -> Read<V>,
) {
    for row in found {
        let Ok(id) = id(row, 0, new) else { continue };
        let unreadable = |damage: Damage| Unreadable { what, id: id.to_string(), why: damage.0 };
        rows.load(id, read(row).map_err(unreadable));
    }
}

pub(super) fn put_answered(state: &mut State, found: &[Row]) {
    for row in found {
        let read = || -> Read<_> {
            let (fingerprint, answer) = (message::read_fingerprint(row, 4)?, message::read_answer(row, 5)?);
            Ok((message::read_key(row, 0)?, Answered { fingerprint, answer }))
        };
        // The unique key refuses a second message where the first cannot be read.
        if let Ok((key, answered)) = read() {
            state.answered.insert(key, answered);
        }
    }
}

/// The controls of the scopes and what was taken from their windows. That there are none is loaded, too.
fn put_scopes(
    state: &mut State,
    scopes: impl Iterator<Item = Scope>,
    known: &KnownControls,
    controls: &[Row],
    windows: &[Row],
) {
    let controls = by_scope(controls, 2);
    let windows = by_scope(windows, 0);
    for scope in scopes {
        let read = match known.get(&scope) {
            Some((_, controls)) => Ok(Arc::clone(controls)),
            None => read_controls(controls.get(&scope).map_or(&[], Vec::as_slice)),
        };
        let taken =
            windows.get(&scope).and_then(|rows| rows.first()).map(|row| window::read(row)).transpose();
        let unreadable = |what: &'static str| {
            move |damage: Damage| Unreadable { what, id: scope.to_string(), why: damage.0 }
        };
        let controls = read.map(|controls| ScopeControls { scope, controls });
        state.controls.load(scope, controls.map_err(unreadable("controls of")));
        let counters = taken.map(|taken| taken.unwrap_or(Counters::new(scope)));
        state.counters.load(scope, counters.map_err(unreadable("windows of")));
    }
}

/// In the order of their creation, each once.
fn read_controls(rows: &[&Row]) -> Read<Arc<Vec<Control>>> {
    let mut controls = rows.iter().map(|row| control::read(row)).collect::<Read<Vec<Control>>>()?;
    controls.sort_by_key(|control| control.id);
    controls.dedup_by_key(|control| control.id);
    Ok(Arc::new(controls))
}

/// The rows of each scope, which is in this column and the next.
fn by_scope(rows: &[Row], column: usize) -> HashMap<Scope, Vec<&Row>> {
    let mut found: HashMap<Scope, Vec<&Row>> = HashMap::new();
    for row in rows {
        if let Ok(scope) = control::read_scope(row, column) {
            found.entry(scope).or_default().push(row);
        }
    }
    found
}
