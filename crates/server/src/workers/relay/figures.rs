//! What a relay has done.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde::Deserialize;
use tokio::time::Instant;

use super::event::Event;
use super::problem::Problem;
use crate::latency::{Latency, us};

/// Counts since the start of the process.
#[derive(Default)]
pub struct Figures {
    published: AtomicU64,
    batches: AtomicU64,
    failures: AtomicU64,
    rested_us: AtomicU64,
    problem: Problem,
    /// How long a batch of events took until the broker had confirmed it; each of its events counts.
    pub confirm: Latency,
    /// How long after its commit an event was confirmed by the broker; after its decision, if it was not handed over.
    pub publish: Latency,
    /// How old an event was by then, from its decision.
    pub age: Latency,
}

/// What is read of an event.
#[derive(Deserialize)]
struct Decided {
    at: Timestamp,
}

impl Figures {
    pub(super) fn published(&self, events: &[&Event], confirmed_after: Duration) {
        let (now, instant) = (Timestamp::now(), Instant::now());
        self.published.fetch_add(events.len() as u64, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.confirm.record(confirmed_after, events.len() as u64);
        for event in events {
            // The clock of another instance may be ahead.
            let since = |Decided { at }| Duration::try_from(now.duration_since(at)).unwrap_or_default();
            let age = serde_json::from_str(&event.waiting.payload).ok().map(since);
            let publish = event.committed.map(|committed| instant - committed).or(age);
            for (latency, took) in [(&self.age, age), (&self.publish, publish)] {
                if let Some(took) = took {
                    latency.record(took, 1);
                }
            }
        }
    }

    /// Events could not be published, and do not come again for this time. Whether that is news.
    pub(super) fn failed(&self, why: &impl Display, come_again_in: Duration) -> bool {
        let is_news = self.problem.note(why, come_again_in);
        // Who counts it finds out why.
        self.failures.fetch_add(1, Ordering::Release);
        is_news
    }

    /// All that there were could be published. Whether that is news.
    pub(super) fn went_well(&self) -> bool {
        self.problem.ends()
    }

    /// Why events could not be published when that was last tried; `None` if they could.
    #[must_use]
    pub fn problem(&self) -> Option<Arc<str>> {
        self.problem.why()
    }

    /// How often events had to wait, because broker or store was away, or the broker refused.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Acquire)
    }

    pub(super) fn rested(&self, rested: Duration) {
        self.rested_us.fetch_add(us(rested), Ordering::Relaxed);
    }

    /// How long it let decisions go first.
    #[must_use]
    pub fn rested_time(&self) -> Duration {
        Duration::from_micros(self.rested_us.load(Ordering::Relaxed))
    }

    /// Events that were confirmed by the broker; one that was published twice counts twice.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.published.load(Ordering::Relaxed)
    }

    /// Batches that they were published in.
    #[must_use]
    pub fn batches(&self) -> u64 {
        self.batches.load(Ordering::Relaxed)
    }
}
