//! What a relay has done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::latency::Latency;

/// Counts since the start of the process.
#[derive(Default)]
pub struct Figures {
    published: AtomicU64,
    failures: AtomicU64,
    /// How long a batch of events took until the broker had confirmed it; each of its events counts.
    pub latency: Latency,
}

impl Figures {
    pub(super) fn published(&self, events: usize, confirmed_after: Duration) {
        self.published.fetch_add(events as u64, Ordering::Relaxed);
        self.latency.record(confirmed_after, events as u64);
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// How often events had to wait, because broker or store was away.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// Events that were confirmed by the broker; one that was published twice counts twice.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }
}
