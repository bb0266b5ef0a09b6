//! Whether to expect others: instances that decide about the same owners, processors that ask again.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long after a sign of others they are expected.
const LASTS: Duration = Duration::from_secs(1);

/// An attempt that expects nobody costs less, and one that meets somebody all the same costs twice. So
/// there is at most one of those in a while.
#[derive(Default)]
pub(crate) struct Caution(Mutex<Option<Instant>>);

impl Caution {
    /// Somebody was there.
    pub(crate) fn raise(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
    }

    pub(crate) fn is_raised(&self) -> bool {
        let raised = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        raised.is_some_and(|at| at.elapsed() < LASTS)
    }
}
