//! Owners as this instance last saw them, so that a swipe reads nothing: their versions tell, under the
//! lock, whether anybody decided about them since, and whether anybody changed what they were set up with.

mod standing;

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bursar_core::command::{Action, Command, Keys};
use bursar_core::control::Scope;
use bursar_core::state::{Rows, ScopeControls};
use bursar_core::window::Counters;
use bursar_core::{
    Account, AccountId, Card, CardId, Cardholder, CardholderId, Control, Owner, OwnerId, Program, ProgramId,
    State, Work,
};
use foldhash::HashMap;
use jiff::Timestamp;

use crate::load::Loaded;
pub(crate) use standing::{KnownControls, Standing, Unknown};

/// Rows, at most; beyond, all are forgotten. One takes some hundred bytes.
const ROWS_MAX: usize = 300_000;

/// What this instance read or wrote under the locks of owners.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    kept: Arc<Mutex<Kept>>,
}

/// How an owner's row was: every decision about an owner raises its sequence, and nothing that belongs to it
/// changes otherwise. A database that was set back may come to the same number by other decisions, but not
/// at the same time. A row that is changed by hand raises the version of the controls, by a trigger, and so does
/// whoever changes a card or a cardholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Version {
    pub(crate) sequence: i64,
    pub(crate) last_at: Timestamp,
    pub(crate) controls: i64,
}

impl Version {
    /// Whether standing data is as it was at that one. A database that was set back has lost decisions, and
    /// cards with them.
    fn is_same_or_later(&self, than: &Self) -> bool {
        let has_lost = self.sequence == than.sequence && self.last_at != than.last_at;
        self.controls == than.controls && self.sequence >= than.sequence && !has_lost
    }
}

/// Of each owner of a batch that exists.
pub(crate) type Versions = BTreeMap<OwnerId, Version>;

#[derive(Default)]
struct Kept {
    owners: HashMap<OwnerId, Known>,
    rows: usize,
    life: u64,
}

/// An owner and some of what is its, all as it was at this version.
struct Known {
    version: Version,
    owner: Owner,
    /// The owner's, as it was at that version too, but for its hold days: no decision reads them. All else of it
    /// is changed by hand only.
    program: Program,
    accounts: HashMap<AccountId, Account>,
    cardholders: HashMap<CardholderId, Cardholder>,
    cards: HashMap<CardId, Card>,
    /// Of each scope; none is known, too.
    controls: HashMap<Scope, Arc<Vec<Control>>>,
    counters: HashMap<Scope, Counters>,
}

impl Memory {
    /// All that these need; `None` if anything of it is not remembered.
    pub(crate) fn recall(&self, works: &[&Work]) -> Option<Loaded> {
        let kept = self.kept();
        let mut recalled = Loaded::default();
        for work in works {
            kept.recall(&work.command, &mut recalled)?;
        }
        Some(recalled)
    }

    /// What may be good of the standing data that these need.
    pub(crate) fn standing(&self, works: &[&Work]) -> Standing {
        let kept = self.kept();
        let mut standing = Standing::default();
        for work in works {
            kept.recall_standing(&work.command.keys(), &mut standing);
        }
        standing
    }

    /// Keeps the rows of a batch that is committed and found its owners at these versions, unless all was
    /// forgotten since it began, at this life.
    pub(crate) fn keep(&self, works: &[&Work], state: State, found: &Versions, life: u64) {
        let mut kept = self.kept();
        if kept.life != life {
            return;
        }
        kept.keep(works, state, found);
        if kept.rows > ROWS_MAX {
            let forgotten = kept.forget_all();
            // Nobody waits for that many rows to be freed.
            drop(kept);
            drop(forgotten);
        }
    }

    /// Forgets all: a new connection may be to another server, which may have lost the last decisions and
    /// come to the same versions by others.
    pub(crate) fn forget_all(&self) {
        let forgotten = self.kept().forget_all();
        drop(forgotten);
    }

    /// How often all was forgotten.
    pub(crate) fn life(&self) -> u64 {
        self.kept().life
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(|poisoned| {
            let mut kept = PoisonError::into_inner(poisoned);
            drop(kept.forget_all());
            self.kept.clear_poison();
            kept
        })
    }
}

/// Whether a command needs only what is remembered of owners: no hold groups, no tokens, no history.
fn is_simple(command: &Command, keys: &Keys<'_>) -> bool {
    let is_of_controls = matches!(command.action, Action::PutControls(_) | Action::ChangeControl(_));
    let wants_more =
        keys.program.is_some() || !keys.groups.is_empty() || keys.wanted_tokens.iter().any(Option::is_some);
    !is_of_controls && !wants_more
}

impl Kept {
    fn recall(&self, command: &Command, recalled: &mut Loaded) -> Option<()> {
        let keys = command.keys();
        if !is_simple(command, &keys) {
            return None;
        }
        let Some(owner) = keys.owner else {
            return keys.cardholders.iter().all(Option::is_none).then_some(());
        };
        let known = self.owners.get(&owner)?;
        let state = &mut recalled.state;
        if recalled.versions.insert(owner, known.version).is_none() {
            state.owners.load(owner, Ok(known.owner.clone()));
            if !state.programs.is_loaded(known.program.id) {
                state.programs.load(known.program.id, Ok(known.program.clone()));
            }
        }
        recall(&mut state.accounts, keys.account, &known.accounts)?;
        recall(&mut state.cards, keys.card, &known.cards)?;
        for cardholder in keys.cardholders {
            recall(&mut state.cardholders, cardholder, &known.cardholders)?;
        }
        for scope in keys.scopes.into_iter().flatten() {
            if state.counters.is_loaded(scope) {
                continue;
            }
            let (controls, counters) = (known.controls.get(&scope)?, known.counters.get(&scope)?);
            state.counters.load(scope, Ok(counters.clone()));
            state.controls.load(scope, Ok(ScopeControls { scope, controls: Arc::clone(controls) }));
        }
        Some(())
    }

    fn recall_standing(&self, keys: &Keys<'_>, standing: &mut Standing) {
        let Some((owner, known)) = keys.owner.and_then(|owner| self.owners.get_key_value(&owner)) else {
            return;
        };
        if standing.versions.insert(*owner, known.version).is_none() {
            standing.programs.insert(*owner, known.program.clone());
        }
        let cardholders =
            keys.cardholders.iter().flatten().filter_map(|id| known.cardholders.get_key_value(id));
        standing.cardholders.extend(cardholders.map(|(id, row)| (*id, row.clone())));
        let card = keys.card.and_then(|id| known.cards.get_key_value(&id));
        standing.cards.extend(card.map(|(id, row)| (*id, row.clone())));
        let scopes = keys.scopes.iter().flatten().filter_map(|scope| known.controls.get_key_value(scope));
        standing.controls.extend(scopes.map(|(scope, controls)| (*scope, (*owner, Arc::clone(controls)))));
    }

    fn keep(&mut self, works: &[&Work], state: State, found: &Versions) {
        let owner_of = owners_of_scopes(works, &state);
        let programs: HashMap<ProgramId, Program> =
            state.programs.into_readable().map(|row| (row.id, row)).collect();
        let restricted =
            state.controls.changed().flat_map(|row| row.controls.iter()).map(|control| control.owner);
        let cards = state.cards.changed().map(|card| card.owner);
        let cardholders = state.cardholders.changed().map(|cardholder| cardholder.owner);
        // Nobody here knows how far the database moved the version of their controls, or whose windows changed.
        let merged = state.merged.iter().copied();
        let forgotten: Vec<OwnerId> = restricted.chain(cards).chain(cardholders).chain(merged).collect();
        for owner in state.owners.into_readable() {
            if forgotten.contains(&owner.id) {
                self.forget(owner.id);
            } else if let Some(version) = found.get(&owner.id) {
                self.move_on(owner, *version, &programs);
            }
        }
        for row in state.accounts.into_readable() {
            self.put(found, row.owner, |known| known.accounts.insert(row.id, row).is_none());
        }
        for row in state.cardholders.into_readable() {
            self.put(found, row.owner, |known| known.cardholders.insert(row.id, row).is_none());
        }
        for row in state.cards.into_readable() {
            self.put(found, row.owner, |known| known.cards.insert(row.id, row).is_none());
        }
        for row in state.controls.into_readable() {
            if let Some(owner) = owner_of.get(&row.scope) {
                self.put(found, *owner, |known| known.controls.insert(row.scope, row.controls).is_none());
            }
        }
        for row in state.counters.into_readable() {
            if let Some(owner) = owner_of.get(&row.scope) {
                self.put(found, *owner, |known| known.counters.insert(row.scope, row).is_none());
            }
        }
    }

    /// What is forgotten.
    fn forget_all(&mut self) -> Self {
        let life = self.life.wrapping_add(1);
        std::mem::replace(self, Self { life, ..Self::default() })
    }

    fn forget(&mut self, owner: OwnerId) {
        if let Some(known) = self.owners.remove(&owner) {
            self.rows = self.rows.saturating_sub(known.rows());
        }
    }

    /// The owner after the batch. What was known of it is still good if the batch found it so, and standing data
    /// if that is at the same version.
    fn move_on(&mut self, owner: Owner, found: Version, programs: &HashMap<ProgramId, Program>) {
        if self.owners.get(&owner.id).is_some_and(|known| !found.is_same_or_later(&known.version)) {
            self.forget(owner.id);
        }
        let version = Version { sequence: owner.sequence, last_at: owner.last_at, ..found };
        match self.owners.get_mut(&owner.id) {
            Some(known) => {
                if known.version != found {
                    self.rows = self.rows.saturating_sub(known.forget_moved());
                }
                (known.version, known.owner) = (version, owner);
            }
            None => {
                if let Some(program) = programs.get(&owner.program) {
                    self.owners.insert(owner.id, Known::new(owner, program.clone(), version));
                    self.rows = self.rows.saturating_add(1);
                }
            }
        }
    }

    /// Keeps a row of an owner whose lock the batch had.
    fn put(&mut self, found: &Versions, owner: OwnerId, insert: impl FnOnce(&mut Known) -> bool) {
        if let Some(known) = self.owners.get_mut(&owner).filter(|_| found.contains_key(&owner)) {
            let is_new = insert(known);
            self.rows = self.rows.saturating_add(usize::from(is_new));
        }
    }
}

impl Known {
    fn new(owner: Owner, program: Program, version: Version) -> Self {
        Self {
            version,
            owner,
            program,
            accounts: HashMap::default(),
            cardholders: HashMap::default(),
            cards: HashMap::default(),
            controls: HashMap::default(),
            counters: HashMap::default(),
        }
    }

    fn rows(&self) -> usize {
        let standing = [self.cardholders.len(), self.cards.len(), self.controls.len()];
        standing.into_iter().fold(1, usize::saturating_add).saturating_add(self.moved())
    }

    /// Of what swipes move.
    fn moved(&self) -> usize {
        self.accounts.len().saturating_add(self.counters.len())
    }

    /// Keeps what is good for longer, and tells how many rows it did not keep.
    fn forget_moved(&mut self) -> usize {
        let moved = self.moved();
        (self.accounts, self.counters) = (HashMap::default(), HashMap::default());
        moved
    }
}

/// Whose the scopes are that the batch was about.
fn owners_of_scopes(works: &[&Work], state: &State) -> HashMap<Scope, OwnerId> {
    let mut owner_of = HashMap::default();
    for group in state.groups.values() {
        owner_of.extend(group.scopes().map(|scope| (scope, group.owner)));
    }
    for work in works {
        let keys = work.command.keys();
        if let Some(owner) = keys.owner {
            owner_of.extend(keys.scopes.into_iter().flatten().map(|scope| (scope, owner)));
        }
    }
    owner_of
}

/// Loads the row that is wanted, if any; `None` if it is not known.
fn recall<K: Copy + Eq + Hash, V: Clone>(
    rows: &mut Rows<K, V>,
    wanted: Option<K>,
    known: &HashMap<K, V>,
) -> Option<()> {
    if let Some(id) = wanted.filter(|id| !rows.is_loaded(*id)) {
        rows.load(id, Ok(known.get(&id)?.clone()));
    }
    Some(())
}
