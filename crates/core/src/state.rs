//! The state that a batch of commands is decided on: loaded by the store, changed by
//! [`crate::decide::apply`], saved by the store.

use std::hash::Hash;
use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use crate::account::Account;
use crate::card::Card;
use crate::cardholder::Cardholder;
use crate::command::{GroupRef, TokenKind};
use crate::control::{Control, Scope};
use crate::hold_group::HoldGroup;
use crate::id::{AccountId, CardId, CardholderId, MessageId, OwnerId, ProgramId};
use crate::message::{Answer, Fingerprint, MessageKey};
use crate::owner::Owner;
use crate::program::Program;
use crate::text::Token;
use crate::window::Counters;

/// What a batch needs, as far as it exists. What is not in here does not exist, but for the controls and
/// counters of a scope: those are here where there are none, too.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Programs.
    pub programs: Rows<ProgramId, Program>,
    /// Companies and persons.
    pub owners: Rows<OwnerId, Owner>,
    /// Accounts.
    pub accounts: Rows<AccountId, Account>,
    /// Cardholders.
    pub cardholders: Rows<CardholderId, Cardholder>,
    /// Cards.
    pub cards: Rows<CardId, Card>,
    /// The spending controls of each scope.
    pub controls: Rows<Scope, ScopeControls>,
    /// What was taken from the windows of each scope's controls.
    pub counters: Rows<Scope, Counters>,
    /// The answers of messages that come again.
    pub answered: HashMap<MessageKey, Answered>,
    /// Tokens that new objects want and that are taken.
    pub taken_tokens: HashSet<(TokenKind, Token)>,
    /// Hold groups, by the message that began them.
    pub groups: HashMap<MessageId, HoldGroup>,
    /// Which group a reference means.
    pub group_refs: HashMap<GroupRef, MessageId>,
    /// Owners of whom hold groups became one: the windows of other scopes changed than their commands name.
    pub merged: HashSet<OwnerId>,
}

impl State {
    /// Loads a scope of which nothing is stored.
    pub fn load_empty(&mut self, scope: Scope) {
        self.controls.load(scope, Ok(ScopeControls { scope, controls: Arc::default() }));
        self.counters.load(scope, Ok(Counters::new(scope)));
    }

    /// Forgets everything but the rows, for a store that knows that they are still as they were
    /// saved. Rows that cannot be read are forgotten too, and all of them beyond `rows_max` of a
    /// kind.
    #[must_use]
    pub fn keep_rows(self, rows_max: usize) -> Self {
        Self {
            programs: self.programs.keep(rows_max),
            owners: self.owners.keep(rows_max),
            accounts: self.accounts.keep(rows_max),
            cardholders: self.cardholders.keep(rows_max),
            cards: self.cards.keep(rows_max),
            // A card has a scope of its own, and shares others.
            controls: self.controls.keep(rows_max.saturating_mul(2)),
            counters: self.counters.keep(rows_max.saturating_mul(2)),
            ..Self::default()
        }
    }
}

/// All spending controls of one scope, in the order of their creation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScopeControls {
    /// Whose they are.
    pub scope: Scope,
    /// The controls; none if there never was one. Shared: each decision reads them, and few change them.
    pub controls: Arc<Vec<Control>>,
}

/// The stored answer of a message.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Of the content that it answered.
    pub fingerprint: Fingerprint,
    /// What was sent.
    pub answer: Answer,
}

/// A stored row that cannot be read: whoever needs it fails alone.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the stored {what} {id} cannot be read: {why}")]
pub struct Unreadable {
    /// Which kind of row.
    pub what: &'static str,
    /// Its id.
    pub id: String,
    /// What is wrong with it.
    pub why: String,
}

/// Rows of one kind, and which of them the batch changed.
#[derive(Debug, Clone)]
pub struct Rows<K, V> {
    rows: HashMap<K, Result<V, Unreadable>>,
    changed: HashSet<K>,
}

impl<K, V> Default for Rows<K, V> {
    fn default() -> Self {
        Self { rows: HashMap::default(), changed: HashSet::default() }
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Rows<K, V> {
    /// Adds a row as it was loaded.
    pub fn load(&mut self, id: K, row: Result<V, Unreadable>) {
        self.rows.insert(id, row);
    }

    /// Whether the row was loaded, readable or not.
    #[must_use]
    pub fn is_loaded(&self, id: K) -> bool {
        self.rows.contains_key(&id)
    }

    /// The row, if it exists.
    ///
    /// # Errors
    /// It exists and cannot be read.
    pub fn get(&self, id: K) -> Result<Option<&V>, Unreadable> {
        match self.rows.get(&id) {
            None => Ok(None),
            Some(Ok(row)) => Ok(Some(row)),
            Some(Err(unreadable)) => Err(unreadable.clone()),
        }
    }

    /// Puts the row's new content and remembers that it changed.
    pub fn put(&mut self, id: K, row: V) {
        self.rows.insert(id, Ok(row));
        self.changed.insert(id);
    }

    fn keep(mut self, rows_max: usize) -> Self {
        self.changed.clear();
        if self.rows.len() > rows_max {
            self.rows.clear();
        }
        self.rows.retain(|_, row| row.is_ok());
        self
    }

    /// All rows that can be read, as the last command left them.
    pub fn into_readable(self) -> impl Iterator<Item = V> {
        self.rows.into_values().filter_map(Result::ok)
    }

    /// The rows to save, each once, as the last command left them.
    pub fn changed(&self) -> impl Iterator<Item = &V> {
        self.changed.iter().filter_map(|id| self.rows.get(id)?.as_ref().ok())
    }
}
