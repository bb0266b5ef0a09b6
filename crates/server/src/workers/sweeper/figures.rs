//! What the sweeper of this instance did.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use bursar_store::StoreError;
use jiff::Timestamp;

/// What the sweeper of this instance did since its start.
#[derive(Debug, Default)]
pub struct Figures {
    expired: AtomicU64,
    unconfirmed: AtomicU64,
    asked: AtomicU64,
    left: AtomicUsize,
    last_run: Mutex<Option<LastRun>>,
}

/// How the last run ended.
#[derive(Debug, Clone)]
pub struct LastRun {
    /// When.
    pub at: Timestamp,
    /// Why it did not get to its end.
    pub error: Option<String>,
}

impl Figures {
    /// Holds that it ended.
    #[must_use]
    pub fn expired(&self) -> u64 {
        self.expired.load(Ordering::Relaxed)
    }

    /// Holds that the processor has not confirmed; it listed them and left them.
    #[must_use]
    pub fn unconfirmed(&self) -> u64 {
        self.unconfirmed.load(Ordering::Relaxed)
    }

    /// Holds that it asked the processor about, and got an answer.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Holds that it could not look at in the last run; it tries again.
    #[must_use]
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }

    /// The last run, if there was one.
    #[must_use]
    pub fn last_run(&self) -> Option<LastRun> {
        self.last_run.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn add_expired(&self) {
        self.expired.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_unconfirmed(&self) {
        self.unconfirmed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn add_asked(&self) {
        self.asked.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn note_run(&self, left: usize, error: Option<&StoreError>) {
        self.left.store(left, Ordering::Relaxed);
        let last = LastRun { at: Timestamp::now(), error: error.map(StoreError::to_string) };
        *self.last_run.lock().unwrap_or_else(PoisonError::into_inner) = Some(last);
    }
}
