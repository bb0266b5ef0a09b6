//! The outbox: events that were committed with their changes, and wait to be published (O2).

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;

/// Events that wait for a relay. Any number of relays share them: who leases an event publishes it, and marks it
/// afterwards; one that dies in between leaves it to another, so that it may be published twice.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Events that are neither published nor leased, by their positions. Until the lease ends nobody
    /// else gets them.
    ///
    /// An event that becomes visible late, after others with higher positions, is found like every other.
    ///
    /// # Errors
    /// The store cannot be written. So for the two that follow.
    async fn lease(&self, limit: u32, lease: Duration) -> Result<Vec<Waiting>, StoreError>;

    /// These events are published.
    ///
    /// # Errors
    /// As above: they are published again when their leases end.
    async fn mark(&self, events: Vec<EventKey>) -> Result<(), StoreError>;

    /// These events are not published: somebody else may lease them at once.
    ///
    /// # Errors
    /// As above: they are leased when their leases end.
    async fn release(&self, events: Vec<EventKey>) -> Result<(), StoreError>;

    /// Forgets events that were published before this time, in the order of their positions and not beyond the first
    /// that was not; how many there were. So many at most, and fewer where that is better for the store, but none only
    /// if none is left or another forgets just then: whoever forgets goes on until then. Until when messages may then be
    /// without their event, and how many are, is kept ([`crate::books::Books::events_forgotten`]). The last event of all
    /// stays: behind it positions go on. An event that was published by a clock that was wrong ([`AHEAD_MAX`]) counts as
    /// an old one.
    ///
    /// # Errors
    /// As above.
    async fn forget_published(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError>;

    /// How much waits.
    ///
    /// # Errors
    /// The store cannot be read.
    async fn backlog(&self) -> Result<Backlog, StoreError>;
}

/// An event that was published so long after now, or longer, was published by a clock that was wrong. It would keep all
/// that come behind it from being forgotten until that time.
pub const AHEAD_MAX: Duration = Duration::from_secs(24 * 3_600);

/// An event that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Its place in the outbox.
    pub position: i64,
    /// Fixed for ever.
    pub event: Uuid,
    /// What was asked for, in a word.
    pub kind: String,
    /// What it says, as JSON.
    pub payload: String,
}

/// An event in the outbox. Its position alone may be another's, after a failover that lost commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventKey {
    /// Its place in the outbox.
    pub position: i64,
    /// Which it is.
    pub event: Uuid,
}

impl Waiting {
    /// Which it is, and where.
    #[must_use]
    pub const fn key(&self) -> EventKey {
        EventKey { position: self.position, event: self.event }
    }
}

/// What is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// So many events.
    pub events: u64,
    /// When the oldest of them was decided.
    pub oldest_at: Option<Timestamp>,
}
