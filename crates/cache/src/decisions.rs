//! Decisions of all instances, by the minute.

use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bursar_core::Decided;
use jiff::Timestamp;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use crate::cache::Cache;

/// How often instances tell what they counted.
const TOLD_EVERY: Duration = Duration::from_millis(100);

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// Those of this instance that are in no count yet: the lanes count without a lock.
#[derive(Debug, Default)]
pub(crate) struct Decisions {
    approved: AtomicU64,
    declined: AtomicU64,
}

/// Decisions of all instances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Live {
    /// In this minute so far.
    pub this_minute: Count,
    /// In the minute before.
    pub last_minute: Count,
}

/// Decisions of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Count {
    /// Approved authorizations and increments.
    pub approved: u64,
    /// Declined ones.
    pub declined: u64,
}

impl Decisions {
    pub(crate) fn note(&self, decided: &Decided) {
        if decided.message.authorization.is_some() {
            let count = if decided.declined().is_none() { &self.approved } else { &self.declined };
            count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Cache {
    /// Decisions of all instances that share the cache; of this one alone while it shares none, or nobody is told.
    #[must_use]
    pub fn live(&self, now: Timestamp) -> Live {
        let read = |what, before| self.counters.read(what, MINUTE, now, before);
        let of = |before| Count { approved: read("approved", before), declined: read("declined", before) };
        Live { this_minute: of(0), last_minute: of(1) }
    }

    /// Counts one more of this in this second, of all instances as far as is known here; whether that is no more than so many.
    #[must_use]
    pub fn is_within(&self, what: &str, most: u64, now: Timestamp) -> bool {
        self.counters.add(what, SECOND, 1, now) <= most
    }

    async fn tell_counts(&self) {
        let now = Timestamp::now();
        let Decisions { approved, declined } = &self.decisions;
        for (what, count) in [("approved", approved), ("declined", declined)] {
            self.counters.add(what, MINUTE, count.swap(0, Ordering::Relaxed), now);
        }
        self.counters.tell(now).await;
    }
}

/// Tells and asks, for as long as there is a cache.
pub(crate) async fn count(cache: Weak<Cache>) {
    let mut ticks = interval(TOLD_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(cache) = cache.upgrade() else { return };
        cache.tell_counts().await;
    }
}
