//! Publishes the outbox: leases events, has them confirmed by the broker, and marks them afterwards (O2).
//!
//! Any number of relays share an outbox. One that dies between publishing and marking leaves events that another
//! publishes again, under the same ids.

mod figures;
mod problem;
pub(super) mod route;

use std::sync::Arc;
use std::time::Duration;

use bursar_broker::{Broker, Content, Outgoing, PublishError};
use bursar_store::{Outbox, StoreError, Waiting};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use super::courtesy::Courtesy;
use super::task::{Task, pause, stopped};
use crate::app::App;

pub use figures::Figures;

/// Events that are published at once, at most.
const BATCH: u32 = 256;

/// After a batch that left none it rests as long as that one took, and no longer than this: each costs store and broker as much
/// as a decision, the more the busier they are, and what comes meanwhile goes with the next. An event that comes alone waits for
/// nobody.
const REST_MAX: Duration = Duration::from_millis(10);

/// How long a relay has an event for itself: whoever dies with it delays it by as much.
const LEASE: Duration = Duration::from_secs(30);

/// How long a broker or a store that is away is left alone; it doubles each time, up to the other.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Published events are marked together, so many or after so long: each mark is a statement, and decisions have need of the
/// store. Who dies before has them published again, as before any mark.
const MARKS: usize = 256;
const MARKS_AFTER: Duration = Duration::from_millis(100);

/// How often events are looked for that are old enough to be forgotten, and how many go at once.
const FORGETS_EVERY: Duration = Duration::from_secs(60);
const FORGETS: u32 = 5_000;

/// How a relay works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How often it looks without a word: for what another process committed, or died with.
    pub interval: Duration,
    /// How long an event is kept after it was published.
    pub kept: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), kept: Duration::from_secs(30 * 24 * 3600) }
    }
}

/// What a relay works with.
#[derive(Clone)]
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    broker: Arc<dyn Broker>,
    /// Told after a commit of this process: there may be something.
    commits: watch::Receiver<()>,
    /// Before whom it steps back.
    courtesy: Option<Courtesy>,
    settings: Settings,
    figures: Arc<Figures>,
    published: Published,
}

/// Events that are published and not marked yet.
#[derive(Clone, Default)]
struct Published {
    positions: Vec<i64>,
    since: Option<Instant>,
}

/// Begins to publish the server's events.
pub(crate) fn start(app: &App) -> Task {
    let (outbox, broker) = (app.store().clone(), app.broker().clone());
    let commits = app.authorizer().commits();
    let relay = Relay::new(outbox, broker, commits, app.settings().relay, app.relay().clone());
    relay.letting_go_first(app.courtesy()).start()
}

impl Relay {
    /// A relay from this outbox to this broker.
    #[must_use]
    pub fn new(
        outbox: Arc<dyn Outbox>,
        broker: Arc<dyn Broker>,
        commits: watch::Receiver<()>,
        settings: Settings,
        figures: Arc<Figures>,
    ) -> Self {
        let published = Published::default();
        Self { outbox, broker, commits, courtesy: None, settings, figures, published }
    }

    /// The same, which steps back before decisions.
    #[must_use]
    pub fn letting_go_first(self, courtesy: Courtesy) -> Self {
        Self { courtesy: Some(courtesy), ..self }
    }

    /// What it has done.
    #[must_use]
    pub fn figures(&self) -> Arc<Figures> {
        self.figures.clone()
    }

    /// Begins to publish.
    #[must_use]
    pub fn start(self) -> Task {
        Task::keep("the relay", move |stopping| self.clone().run(stopping))
    }

    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut pausing = PAUSE;
        let mut forgotten_at = None;
        while !*stopping.borrow() {
            // Before the look: what is committed meanwhile is another.
            self.commits.borrow_and_update();
            let began = Instant::now();
            let shift = self.courtesy.as_ref().map(Courtesy::begin);
            let published = self.publish_some().await;
            let rests_until = Instant::now() + began.elapsed().min(REST_MAX);
            if let (Ok(Done::Some | Done::Few), Some(shift)) = (&published, shift) {
                self.figures.rested(shift.rest().await);
            }
            match published {
                Ok(Done::Some) => pausing = PAUSE,
                Ok(done @ (Done::Few | Done::None)) => {
                    pausing = PAUSE;
                    if self.published.positions.is_empty() {
                        self.forget_some(&mut forgotten_at).await;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(self.published.due_in().min(self.settings.interval)) => {}
                        Ok(()) = self.commits.changed() => {}
                        () = stopped(&mut stopping) => {}
                    }
                    let rest = rests_until.saturating_duration_since(Instant::now());
                    if matches!(done, Done::Few) && !rest.is_zero() {
                        pause(&mut stopping, rest).await;
                    }
                }
                Err(trouble) => {
                    self.tell(&trouble, Duration::ZERO);
                    // Who cannot publish does not try more often for more events.
                    pause(&mut stopping, pausing).await;
                    pausing = (pausing * 2).min(PAUSE_MAX);
                }
            }
        }
        if let Err(trouble) = self.mark().await {
            tracing::warn!("events that are published will be again: {trouble}");
        }
    }

    /// Forgets events that are old enough, now and then.
    async fn forget_some(&self, last: &mut Option<Instant>) {
        if last.is_some_and(|last| last.elapsed() < FORGETS_EVERY) {
            return;
        }
        let before = Timestamp::now().saturating_sub(self.settings.kept).unwrap_or(Timestamp::MIN);
        match self.outbox.forget_published(before, FORGETS).await {
            Ok(0) => *last = Some(Instant::now()),
            // There may be more.
            Ok(_) => *last = None,
            Err(error) => {
                *last = Some(Instant::now());
                tracing::warn!("events that are old enough are not forgotten: {error}");
            }
        }
    }

    async fn mark(&mut self) -> Result<(), Trouble> {
        if !self.published.positions.is_empty() {
            self.outbox.mark(self.published.positions.clone()).await?;
            self.published = Published::default();
        }
        Ok(())
    }

    /// Publishes what is there, a bounded number.
    async fn publish_some(&mut self) -> Result<Done, Trouble> {
        if self.published.due_in().is_zero() {
            self.mark().await?;
        }
        let events = self.outbox.lease(BATCH, LEASE).await?;
        if events.is_empty() {
            self.went_well();
            return Ok(Done::None);
        }
        let began = Instant::now();
        let results = self.broker.publish(events.iter().map(message).collect()).await;
        let mut published = Vec::with_capacity(events.len());
        let mut left = Vec::new();
        let mut trouble = None;
        for (event, result) in events.iter().zip(results) {
            match result {
                Ok(()) => published.push(event),
                Err(error) => {
                    left.push(event.position);
                    if matches!(error, PublishError::Away(_)) || trouble.is_none() {
                        trouble = Some(error);
                    }
                }
            }
        }
        let is_full = events.len() == BATCH as usize;
        if !published.is_empty() {
            self.figures.published(&published, began.elapsed());
            self.published.add(published.iter().map(|event| event.position));
        }
        match trouble {
            None => self.went_well(),
            Some(trouble @ PublishError::Away(_)) => {
                self.outbox.release(left).await?;
                return Err(trouble.into());
            }
            // Those that are refused hold up no others: they wait until their lease ends.
            Some(trouble) => self.tell(&trouble.into(), LEASE),
        }
        Ok(if is_full { Done::Some } else { Done::Few })
    }

    fn went_well(&self) {
        if self.figures.went_well() {
            tracing::info!("events are published again");
        }
    }

    /// Once for as long as the trouble is the same: it is tried every few seconds.
    fn tell(&self, trouble: &Trouble, come_again_in: Duration) {
        if self.figures.failed(trouble, come_again_in) {
            tracing::warn!("events wait in the outbox: {trouble}");
        }
    }
}

impl Published {
    fn add(&mut self, positions: impl Iterator<Item = i64>) {
        self.positions.extend(positions);
        self.since.get_or_insert_with(Instant::now);
    }

    /// When they are to be marked; never, if there are none.
    fn due_in(&self) -> Duration {
        match self.since {
            None => Duration::MAX,
            Some(_) if self.positions.len() >= MARKS => Duration::ZERO,
            Some(since) => MARKS_AFTER.saturating_sub(since.elapsed()),
        }
    }
}

/// How much was published.
enum Done {
    /// There was nothing.
    None,
    /// All that there was.
    Few,
    /// As much as goes at once: there may be more.
    Some,
}

/// Why events wait.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Broker(#[from] PublishError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn message(event: &Waiting) -> Outgoing {
    let content = Content::new(event.event, &event.kind, event.payload.clone().into_bytes());
    let (exchange, key) = route::of(&event.kind);
    content.to(exchange, key)
}
