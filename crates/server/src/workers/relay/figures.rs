//! What a relay has done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub struct Figures {
    published: AtomicU64,
    failures: AtomicU64,
    /// How long the last batch took until it was confirmed, in microseconds.
    confirm_us: AtomicU64,
}

impl Figures {
    pub(super) fn published(&self, events: usize, confirmed_after: Duration) {
        self.published.fetch_add(events as u64, Ordering::Relaxed);
        let us = u64::try_from(confirmed_after.as_micros()).unwrap_or(u64::MAX);
        self.confirm_us.store(us, Ordering::Relaxed);
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

    /// How long the last batch took until it was confirmed, in microseconds.
    #[must_use]
    pub fn confirm_us(&self) -> u64 {
        self.confirm_us.load(Ordering::Relaxed)
    }
}
