//! A clock that a test sets.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};

/// 2026-01-15, 12:00 UTC: when tests happen.
pub const NOON: Timestamp = Timestamp::constant(1_768_478_400, 0);

/// A clock that stands still until it is set. Clones tell the same time.
#[derive(Debug, Clone)]
pub struct SetClock(Arc<AtomicI64>);

impl SetClock {
    /// A clock that stands at [`NOON`].
    #[must_use]
    pub fn at_noon() -> Self {
        Self(Arc::new(AtomicI64::new(NOON.as_microsecond())))
    }

    /// The time, in whole microseconds.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        Timestamp::from_microsecond(self.0.load(Ordering::SeqCst)).unwrap_or(NOON)
    }

    /// Sets the time, forwards or backwards.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_microsecond(), Ordering::SeqCst);
    }

    /// Sets the time to so much after [`NOON`]; negative is before.
    pub fn set_after_noon(&self, time: SignedDuration) {
        self.set(NOON.saturating_add(time).unwrap_or(NOON));
    }
}
