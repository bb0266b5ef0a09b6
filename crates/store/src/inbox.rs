//! The inbox: what processors report, stored before it is acknowledged and worked off afterwards.
//!
//! A queue, and no truth of money: what was worked off is in the ledger, whose keys know it again for ever,
//! and its item is gone. So a consumer that dies in mid-work, or works on what another did, does no harm.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::dead_letter::DeadLetters;
use crate::endpoint::Endpoints;
use crate::error::StoreError;
use crate::ledger::Ledger;
use crate::outbox::Outbox;
use crate::reader::Page;
use crate::transaction_record::TransactionRecords;

/// How often an item is tried, at most.
pub const RUNS_MAX: u32 = 4;

/// How long after each of its failures an item is tried again.
const PAUSES: [Duration; RUNS_MAX as usize - 1] =
    [Duration::from_secs(1), Duration::from_secs(10), Duration::from_secs(60)];

/// All that a store keeps: the ledger, what is still to be booked in it, what is still to be published of it, and what
/// consumers of that keep.
pub trait Store: Ledger + Inbox + Outbox + TransactionRecords + Endpoints + DeadLetters {}

impl<T: Ledger + Inbox + Outbox + TransactionRecords + Endpoints + DeadLetters> Store for T {}

/// Items that wait for a consumer, which takes one and says done or failed. Times are of the store's clock.
#[async_trait]
pub trait Inbox: Send + Sync + 'static {
    /// Stores the items, all in one durable transaction. One that waits already, with the same key and hash, is
    /// not stored again; with another hash both are kept.
    ///
    /// # Errors
    /// [`StoreError::Unknown`]: they are stored, or none of them is. Otherwise none is.
    async fn put(&self, items: Vec<NewItem>) -> Result<Vec<Put>, StoreError>;

    /// Items that are due, those longest due first. Until the lease ends nobody else gets them; whoever is not
    /// done by then may see another do the same.
    ///
    /// # Errors
    /// The store cannot be written. So for all that follow.
    async fn take(&self, limit: u32, lease: Duration) -> Result<Vec<Item>, StoreError>;

    /// They are worked off.
    ///
    /// # Errors
    /// As above.
    async fn done(&self, ids: Vec<Uuid>) -> Result<(), StoreError>;

    /// A run of the item failed: it is due again after its [`Item::pause`], or dead. Why the first run did is kept until
    /// [`Inbox::again`]. Whether it counted: nothing happens if the lease has ended and another has it.
    ///
    /// # Errors
    /// As above.
    async fn failed(&self, item: &Item, why: &str) -> Result<bool, StoreError>;

    /// Has a dead or quarantined item tried as if it had just come, with other content if some is given.
    /// Whether there is one.
    ///
    /// # Errors
    /// As above.
    async fn again(&self, id: Uuid, content: Option<Vec<u8>>) -> Result<bool, StoreError>;

    /// Forgets a dead or quarantined item. Whether there was one.
    ///
    /// # Errors
    /// As above.
    async fn dismiss(&self, id: Uuid) -> Result<bool, StoreError>;

    /// How many items there are.
    ///
    /// # Errors
    /// The store cannot be read. So for all that follow.
    async fn counts(&self) -> Result<Counts, StoreError>;

    /// An item.
    ///
    /// # Errors
    /// As above.
    async fn find_item(&self, id: Uuid) -> Result<Option<Item>, StoreError>;

    /// Items in this state, by their ids, without their contents.
    ///
    /// # Errors
    /// As above.
    async fn list_items(&self, state: ItemState, page: Page<Uuid>) -> Result<Vec<Item>, StoreError>;
}

/// What makes two deliveries the same item, in the sender's words.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ItemKey {
    /// What it is about.
    pub kind: String,
    /// The sender's id of it; empty if it has none.
    pub token: String,
    /// The state that it reports; empty if it reports none.
    pub state: String,
}

/// An item to store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewItem {
    /// Made before. Later ones sort later.
    pub id: Uuid,
    /// Its key.
    pub key: ItemKey,
    /// Differs where the content differs.
    pub hash: [u8; 32],
    /// What is worked on; sealed, where it is quarantined.
    pub content: Vec<u8>,
    /// Why nobody can work on it, if so: it is kept for an operator.
    pub quarantined: Option<String>,
}

/// What became of an item that was put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is stored.
    New,
    /// It was stored already.
    Known,
    /// It is stored beside one that has its key and says something else.
    Changed,
}

/// Where an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemState {
    /// Somebody works on it, or will.
    Waiting,
    /// It failed too often.
    Dead,
    /// Nobody knows how to work on it.
    Quarantined,
}

/// An item as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: Uuid,
    /// Its key.
    pub key: ItemKey,
    /// What is worked on.
    pub content: Vec<u8>,
    /// Where it stands.
    pub state: ItemState,
    /// How many runs failed.
    pub failures: u32,
    /// Why the first one did.
    pub why_first: Option<String>,
    /// Why the last one did, or why it is quarantined.
    pub why: Option<String>,
    /// When it was put.
    pub received_at: Timestamp,
    /// When it may be taken; of one that was taken, when the lease ends.
    pub due_at: Timestamp,
}

/// How many items there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Not worked off yet.
    pub waiting: u64,
    /// Failed too often.
    pub dead: u64,
    /// Nobody knows how to work on them.
    pub quarantined: u64,
}

impl Item {
    /// How long after a failure it is tried again; `None` if it is dead then.
    #[must_use]
    pub fn pause(&self) -> Option<Duration> {
        PAUSES.get(self.failures as usize).copied()
    }
}

impl Item {
    /// What becomes of it when this run of it failed now: where it then stands, and when it is due.
    #[must_use]
    pub fn after_failure(&self, now: Timestamp) -> (ItemState, Timestamp) {
        match self.pause() {
            Some(pause) => (ItemState::Waiting, later(now, pause)),
            None => (ItemState::Dead, now),
        }
    }
}

/// The time so long after this one.
#[must_use]
pub fn later(now: Timestamp, after: Duration) -> Timestamp {
    now.saturating_add(after).unwrap_or(now)
}

impl ItemState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Dead, Self::Quarantined];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Dead => "dead",
            Self::Quarantined => "quarantined",
        }
    }

    /// The state with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

impl NewItem {
    /// Where it stands at first.
    #[must_use]
    pub fn state(&self) -> ItemState {
        match self.quarantined {
            Some(_) => ItemState::Quarantined,
            None => ItemState::Waiting,
        }
    }
}

impl Counts {
    /// Adds so many of a state.
    #[must_use]
    pub fn with(mut self, state: ItemState, count: u64) -> Self {
        let of = match state {
            ItemState::Waiting => &mut self.waiting,
            ItemState::Dead => &mut self.dead,
            ItemState::Quarantined => &mut self.quarantined,
        };
        *of = of.saturating_add(count);
        self
    }
}
