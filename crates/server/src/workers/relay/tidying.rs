//! What a relay does about events that it has published: marks them, and forgets those that are old enough.

use std::sync::Arc;
use std::time::Duration;

use bursar_store::{EventKey, Store, StoreError};
use jiff::Timestamp;
use tokio::time::Instant;

use super::errand::Errand;

/// Events are marked together, so many or after so long: each mark is a statement, and decisions have need of the store. Who
/// dies before has them published again, as before any mark.
const MARKS: usize = 256;
const MARKS_AFTER: Duration = Duration::from_millis(100);

/// So many in one statement, at most: the embedded store writes nothing else meanwhile.
const MARKS_MAX: usize = 1_024;

/// How often events are looked for that are old enough to be forgotten, and how many go at once.
const FORGETS_EVERY: Duration = Duration::from_secs(60);
const FORGETS: u32 = 5_000;

pub(super) struct Tidying {
    store: Arc<dyn Store>,
    /// How long an event is kept after it was published.
    kept: Duration,
    /// Events that are published and not marked yet, and since when there are such.
    published: Vec<EventKey>,
    since: Option<Instant>,
    /// When nothing was left that was old enough.
    forgotten_at: Option<Instant>,
    errand: Errand<Tidied>,
    /// Whether the store refused the last marks.
    has_failed: bool,
}

/// How marking went, and with it forgetting, if that was due.
struct Tidied {
    marked: Result<(), (Vec<EventKey>, StoreError)>,
    forgotten: Option<Result<u64, StoreError>>,
}

impl Tidying {
    pub(super) fn new(store: Arc<dyn Store>, kept: Duration) -> Self {
        Self {
            store,
            kept,
            published: Vec::new(),
            since: None,
            forgotten_at: None,
            errand: Errand::none(),
            has_failed: false,
        }
    }

    /// These are to be marked.
    pub(super) fn mark(&mut self, published: impl Iterator<Item = EventKey>) {
        self.published.extend(published);
        self.since.get_or_insert_with(Instant::now);
    }

    /// There is nothing to publish: what is old enough may be forgotten though nothing is marked.
    pub(super) fn nothing_left(&mut self) {
        if self.is_forgetting_due() {
            self.since.get_or_insert_with(Instant::now);
        }
    }

    /// In how long there is something to do; never, if there is nothing or it is done just now.
    pub(super) fn due_in(&self) -> Duration {
        match self.since {
            Some(_) if self.errand.is_under_way() => Duration::MAX,
            Some(_) if self.published.len() >= MARKS => Duration::ZERO,
            Some(since) => MARKS_AFTER.saturating_sub(since.elapsed()),
            None => Duration::MAX,
        }
    }

    pub(super) fn begin_if_due(&mut self) {
        if self.due_in().is_zero() {
            let rest = self.published.split_off(self.published.len().min(MARKS_MAX));
            let published = std::mem::replace(&mut self.published, rest);
            self.since = self.since.filter(|_| !self.published.is_empty());
            let forgets = self
                .is_forgetting_due()
                .then(|| Timestamp::now().saturating_sub(self.kept).unwrap_or(Timestamp::MIN));
            self.errand.begin(tidy(self.store.clone(), published, forgets));
        }
    }

    /// What came of it.
    ///
    /// # Errors
    /// The store cannot be written: it is to be done yet.
    pub(super) async fn done(&mut self) -> Result<(), StoreError> {
        let Tidied { marked, forgotten } = self.errand.done().await;
        match forgotten {
            // There may be more.
            Some(Ok(1..)) => {}
            Some(Ok(0)) => self.forgotten_at = Some(Instant::now()),
            Some(Err(error)) => {
                self.forgotten_at = Some(Instant::now());
                tracing::warn!("events that are old enough are not forgotten: {error}");
            }
            None => {}
        }
        self.has_failed = marked.is_err();
        marked.map_err(|(published, error)| {
            self.mark(published.into_iter());
            error
        })
    }

    /// Whether marks have to be made before more is published: what is published would be, again and again.
    pub(super) const fn is_stuck(&self) -> bool {
        self.has_failed
    }

    /// Marks what is left.
    ///
    /// # Errors
    /// The store cannot be written: it is published again.
    pub(super) async fn end(&mut self) -> Result<(), StoreError> {
        if self.errand.is_under_way()
            && let Err(error) = self.done().await
        {
            tracing::warn!("events are marked once more: {error}");
        }
        tidy(self.store.clone(), std::mem::take(&mut self.published), None)
            .await
            .marked
            .map_err(|(_, error)| error)
    }

    fn is_forgetting_due(&self) -> bool {
        self.forgotten_at.is_none_or(|at| at.elapsed() >= FORGETS_EVERY)
    }
}

async fn tidy(store: Arc<dyn Store>, published: Vec<EventKey>, forgets: Option<Timestamp>) -> Tidied {
    let marked = match published.is_empty() {
        true => Ok(()),
        false => store.mark(published.clone()).await.map_err(|error| (published, error)),
    };
    let forgotten = match forgets {
        Some(before) if marked.is_ok() => Some(store.forget_published(before, FORGETS).await),
        _ => None,
    };
    Tidied { marked, forgotten }
}
