//! A batch equals its commands one at a time. Each batch gets only what its keys name, as a store
//! loads it: what `keys` forgets shows as a difference.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;

use bursar_core::command::GroupRef;
use bursar_core::control::Scope;
use bursar_core::decide::history_since;
use bursar_core::state::Rows;
use bursar_core::{Command, HoldGroup, MessageId, OwnerId, State};
use bursar_testkit::NOON;
use bursar_testkit::history::{any_history_in_batches, world};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::support::{commands, new_world, run};

proptest! {
    #[test]
    fn a_batch_equals_its_commands_one_at_a_time((history, batches) in any_history_in_batches(50)) {
        let one_at_a_time = vec![1; history.len()];
        let all_at_once = [];
        let (outcomes, state) = run_in_batches(commands(&history), &one_at_a_time);
        for batches in [&batches[..], &all_at_once] {
            let (batched_outcomes, batched_state) = run_in_batches(commands(&history), batches);
            prop_assert_eq!(&outcomes, &batched_outcomes);
            prop_assert_eq!(&everything(&state), &everything(&batched_state));
        }
        // Nor does it matter what else is loaded.
        let mut whole = new_world();
        let on_everything: Vec<_> = run(&mut whole, commands(&history)).iter().map(in_words).collect();
        prop_assert_eq!(outcomes, on_everything);
        prop_assert_eq!(everything(&state), everything(&whole));
    }
}

fn run_in_batches(commands: Vec<Command>, batches: &[usize]) -> (Vec<String>, State) {
    let mut kept = new_world();
    let mut outcomes = Vec::new();
    let rest = commands.len();
    let mut commands = commands.into_iter();
    for size in batches.iter().copied().chain([rest]) {
        let batch: Vec<Command> = commands.by_ref().take(size).collect();
        let mut state = State::default();
        let mut changed = HashSet::new();
        for command in &batch {
            load(&kept, command, &mut state);
            if let Some((owner, since)) = history_since(&state, command, NOON, &mut changed) {
                load_history(&kept, owner, since, &mut state);
            }
        }
        outcomes.extend(run(&mut state, batch).iter().map(in_words));
        save(state, &mut kept);
    }
    (outcomes, kept)
}

fn in_words(outcome: &bursar_core::Outcome) -> String {
    format!("{outcome:?}")
}

/// Copies what the command's keys name, and nothing else.
fn load(kept: &State, command: &Command, state: &mut State) {
    let keys = command.keys();
    load_row(&kept.programs, keys.program, &mut state.programs);
    load_row(&kept.owners, keys.owner, &mut state.owners);
    let owner = keys.owner.and_then(|id| kept.owners.get(id).expect("readable"));
    load_row(&kept.programs, owner.map(|owner| owner.program), &mut state.programs);
    load_row(&kept.accounts, keys.account, &mut state.accounts);
    load_row(&kept.cards, keys.card, &mut state.cards);
    for id in keys.cardholders {
        load_row(&kept.cardholders, id, &mut state.cardholders);
    }
    for scope in keys.scopes.into_iter().flatten() {
        load_scope(kept, scope, state);
    }
    for (kind, token) in keys.wanted_tokens.into_iter().flatten() {
        if kept.taken_tokens.contains(&(kind, token.clone())) {
            state.taken_tokens.insert((kind, token.clone()));
        }
    }
    if let Some(answered) = kept.answered.get(&command.key) {
        state.answered.insert(command.key.clone(), answered.clone());
    }
    for reference in keys.groups {
        let Some(group) = kept.group_refs.get(reference).and_then(|root| kept.groups.get(root)) else {
            continue;
        };
        load_row(&kept.accounts, Some(group.account), &mut state.accounts);
        for scope in group.scopes() {
            load_scope(kept, scope, state);
        }
        for message in &group.messages {
            state.group_refs.insert(GroupRef::Message(message.id), group.root);
        }
        state.group_refs.insert(reference.clone(), group.root);
        state.groups.insert(group.root, group.clone());
    }
}

/// Copies the owner's groups that have a message since then, and nothing else.
fn load_history(kept: &State, owner: OwnerId, since: Timestamp, state: &mut State) {
    let is_wanted =
        |group: &&HoldGroup| group.owner == owner && group.messages.iter().any(|message| message.at >= since);
    for group in kept.groups.values().filter(is_wanted) {
        state.groups.entry(group.root).or_insert_with(|| group.clone());
    }
}

/// Also where there is nothing.
fn load_scope(kept: &State, scope: Scope, state: &mut State) {
    if !state.controls.is_loaded(scope) {
        state.load_empty(scope);
        if let Some(row) = kept.controls.get(scope).expect("readable") {
            state.controls.load(scope, Ok(row.clone()));
        }
        if let Some(row) = kept.counters.get(scope).expect("readable") {
            state.counters.load(scope, Ok(row.clone()));
        }
    }
}

fn load_row<K: Copy + Eq + Hash, V: Clone>(kept: &Rows<K, V>, id: Option<K>, rows: &mut Rows<K, V>) {
    let found = id.and_then(|id| Some((id, kept.get(id).expect("readable")?)));
    if let Some((id, row)) = found.filter(|(id, _)| !rows.is_loaded(*id)) {
        rows.load(id, Ok(row.clone()));
    }
}

fn save(state: State, kept: &mut State) {
    state.owners.changed().for_each(|row| kept.owners.put(row.id, row.clone()));
    state.accounts.changed().for_each(|row| kept.accounts.put(row.id, row.clone()));
    state.cardholders.changed().for_each(|row| kept.cardholders.put(row.id, row.clone()));
    state.cards.changed().for_each(|row| kept.cards.put(row.id, row.clone()));
    state.controls.changed().for_each(|row| kept.controls.put(row.scope, row.clone()));
    state.counters.changed().for_each(|row| kept.counters.put(row.scope, row.clone()));
    kept.answered.extend(state.answered);
    kept.taken_tokens.extend(state.taken_tokens);
    kept.groups.extend(state.groups);
    kept.group_refs.extend(state.group_refs);
}

/// Every row of the world, every group as a set, and how many messages were answered.
fn everything(state: &State) -> (Vec<String>, BTreeMap<MessageId, HoldGroup>, usize) {
    let mut rows = Vec::new();
    let owners = (0..world::OWNER_COUNT).map(world::owner_id);
    rows.extend(owners.map(|id| format!("{:?}", state.owners.get(id))));
    let accounts = (0..world::ACCOUNT_COUNT).map(world::account_id);
    rows.extend(accounts.map(|id| format!("{:?}", state.accounts.get(id))));
    let holders = (0..world::HOLDERS.len()).map(world::holder_id);
    rows.extend(holders.map(|id| format!("{:?}", state.cardholders.get(id))));
    let cards = (0..world::CARDS.len()).map(world::card_id);
    rows.extend(cards.map(|id| format!("{:?}", state.cards.get(id))));
    for scope in (0..world::CARDS.len()).flat_map(|card| world::funded(card).route().scopes()) {
        rows.push(format!("{:?} {:?}", state.controls.get(scope), state.counters.get(scope)));
    }
    let mut groups = state.groups.clone();
    groups.values_mut().for_each(|group| group.messages.sort_by_key(|message| message.id));
    (rows, groups.into_iter().collect(), state.answered.len())
}
