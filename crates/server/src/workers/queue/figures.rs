//! What the consumers of this instance did.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bursar_broker::{Content, Queue};
use jiff::Timestamp;

use crate::latency::{Latency, us};

/// Counts since the start of the process, for each queue.
#[derive(Default)]
pub struct Figures([OfQueue; Queue::ALL.len()]);

/// Counts of one queue.
#[derive(Default)]
pub struct OfQueue {
    done: AtomicU64,
    failed: AtomicU64,
    dead: AtomicU64,
    redelivered: AtomicU64,
    rested_us: AtomicU64,
    /// From when a message was published for the first time until it had taken effect.
    pub latency: Latency,
}

impl Figures {
    /// Those of this queue.
    #[must_use]
    pub fn of(&self, queue: Queue) -> &OfQueue {
        // In the order of their declaration, which is that of `ALL`.
        &self.0[queue as usize]
    }
}

impl OfQueue {
    pub(super) fn delivered(&self, is_redelivered: bool) {
        self.redelivered.fetch_add(u64::from(is_redelivered), Ordering::Relaxed);
    }

    pub(super) fn done(&self, content: &Content) {
        self.done.fetch_add(1, Ordering::Relaxed);
        if let Some(published_at) = content.published_at {
            let took = Timestamp::now().duration_since(published_at);
            // The clock of who published it may be ahead.
            self.latency.record(took.try_into().unwrap_or_default(), 1);
        }
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn dead(&self) {
        self.dead.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn rested(&self, rested: Duration) {
        self.rested_us.fetch_add(us(rested), Ordering::Relaxed);
    }

    /// How long its consumer let decisions go first.
    #[must_use]
    pub fn rested_time(&self) -> Duration {
        Duration::from_micros(self.rested_us.load(Ordering::Relaxed))
    }

    /// Messages that took effect.
    #[must_use]
    pub fn done_count(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Runs that failed.
    #[must_use]
    pub fn failed_count(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    /// Messages that no run of can succeed.
    #[must_use]
    pub fn dead_count(&self) -> u64 {
        self.dead.load(Ordering::Relaxed)
    }

    /// Messages that somebody had before, and did not settle.
    #[must_use]
    pub fn redelivered_count(&self) -> u64 {
        self.redelivered.load(Ordering::Relaxed)
    }
}
