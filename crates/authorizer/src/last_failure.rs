//! When the store last failed.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bursar_store::StoreError;

/// The last time that the store failed a decision or a lookup. A probe is smaller than a decision
/// and may still fit on a disk that is full: while decisions fail the instance is not ready,
/// whatever the probe says.
#[derive(Default)]
pub(crate) struct LastFailure(Mutex<Option<(Instant, StoreError)>>);

impl LastFailure {
    pub(crate) fn note(&self, outcome: Result<(), &StoreError>) {
        let failure = outcome.err().map(|error| (Instant::now(), error.clone()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    /// Damage does not go away by itself: it counts until a decision or a restart shows that it is
    /// mended.
    pub(crate) fn recent(&self, counts_for: Duration) -> Result<(), StoreError> {
        match &*self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some((_, error @ StoreError::Corrupt(_))) => Err(error.clone()),
            Some((at, error)) if at.elapsed() < counts_for => Err(error.clone()),
            _ => Ok(()),
        }
    }
}
