//! Published events that are to be marked: together, since each mark is a statement and decisions have need of the store.
//! Whoever dies before has them published again, as before any mark.

use std::time::Duration;

use bursar_store::{Outbox, StoreError};
use tokio::time::Instant;

/// So many are marked together, or after so long.
const MARKS: usize = 256;
const MARKS_AFTER: Duration = Duration::from_millis(100);

/// Events that are published and not marked yet.
#[derive(Clone, Default)]
pub(super) struct Marks {
    positions: Vec<i64>,
    since: Option<Instant>,
}

impl Marks {
    pub(super) fn is_empty(&self) -> bool {
        self.positions.is_empty()
    }

    pub(super) fn add(&mut self, positions: impl Iterator<Item = i64>) {
        self.positions.extend(positions);
        self.since.get_or_insert_with(Instant::now);
    }

    /// In how long they are to be made; never, if there are none.
    pub(super) fn due_in(&self) -> Duration {
        match self.since {
            None => Duration::MAX,
            Some(_) if self.positions.len() >= MARKS => Duration::ZERO,
            Some(since) => MARKS_AFTER.saturating_sub(since.elapsed()),
        }
    }

    /// Those that are due; none if they have time.
    pub(super) fn take_due(&mut self) -> Self {
        if self.due_in().is_zero() { std::mem::take(self) } else { Self::default() }
    }

    /// Makes them; whether there were any.
    ///
    /// # Errors
    /// With the marks: they are to be made yet.
    pub(super) async fn make(self, outbox: &dyn Outbox) -> Result<bool, (Self, StoreError)> {
        match self.is_empty() {
            true => Ok(false),
            false => outbox.mark(self.positions.clone()).await.map(|()| true).map_err(|error| (self, error)),
        }
    }

    /// Takes back those that could not be made.
    pub(super) fn take_back(&mut self, marks: Self) {
        self.positions.extend(marks.positions);
        self.since = marks.since.or(self.since);
    }
}
