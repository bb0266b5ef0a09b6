//! Publishes the outbox: has events confirmed by the broker, and marks them afterwards (O2). Those of this process's own
//! commits are handed to it; what others left it looks for, and leases.
//!
//! Any number of relays share an outbox. One that dies between publishing and marking leaves events that another
//! publishes again, under the same ids.

mod figures;
mod looks;
mod marks;
mod problem;
pub(super) mod route;

use std::sync::Arc;
use std::time::Duration;

use bursar_authorizer::{Handed, Handover, LEASE};
use bursar_broker::{Broker, Content, Outgoing, PublishError};
use bursar_store::{Store, StoreError, Waiting};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;

use self::looks::Looks;
use self::marks::Marks;
use super::courtesy::Courtesy;
use super::task::{Task, pause, stopped};
use crate::app::App;

pub use figures::Figures;

/// Events that are published at once, at most.
const BATCH: u32 = 256;

/// Where instances meet, broker and store work for all of them: a relay then rests as long as a batch took, up to this, and what
/// comes meanwhile goes with the next. An event that comes alone waits for nobody.
const REST_MAX: Duration = Duration::from_millis(10);

/// How long a broker or a store that is away is left alone; it doubles each time, up to the other.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// How often events are looked for that are old enough to be forgotten, and how many go at once.
const FORGETS_EVERY: Duration = Duration::from_secs(60);
const FORGETS: u32 = 5_000;

/// How a relay works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How often it looks without a word while it finds something: what another process committed, or died with.
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
    store: Arc<dyn Store>,
    broker: Arc<dyn Broker>,
    /// Where commits of this process leave their events.
    handover: Handover,
    /// Before whom it steps back.
    courtesy: Option<Courtesy>,
    settings: Settings,
    figures: Arc<Figures>,
    marks: Marks,
    /// Whether marks were made since something was forgotten or there was nothing to forget.
    has_marked: bool,
    looks: Looks,
}

/// What a relay wakes up for.
enum Wake {
    /// To look for events.
    Look,
    /// For those that were handed to it.
    Handed(Vec<Waiting>),
    /// Because marks are due, or it is to stop.
    Other,
}

/// Begins to publish the server's events.
pub(crate) fn start(app: &App) -> Task {
    let (store, broker) = (app.store().clone(), app.broker().clone());
    let handover = app.authorizer().handover().clone();
    let relay = Relay::new(store, broker, handover, app.settings().relay, app.relay().clone());
    relay.letting_go_first(app.courtesy()).start()
}

impl Relay {
    /// A relay from this store's outbox to this broker.
    #[must_use]
    pub fn new(
        store: Arc<dyn Store>,
        broker: Arc<dyn Broker>,
        handover: Handover,
        settings: Settings,
        figures: Arc<Figures>,
    ) -> Self {
        let marks = Marks::default();
        Self {
            store,
            broker,
            handover,
            courtesy: None,
            settings,
            figures,
            marks,
            has_marked: false,
            looks: Looks::every(settings.interval),
        }
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
        let mut commits = self.handover.commits();
        let mut pausing = PAUSE;
        let mut forgotten_at = None;
        // Nothing is handed over while there is something to be caught up with.
        let mut handed = None;
        let mut wake = Wake::Look;
        while !*stopping.borrow() {
            let began = Instant::now();
            let shift = self.courtesy.as_ref().map(Courtesy::begin);
            let published = match wake {
                Wake::Look => {
                    // Before the look: what is committed meanwhile is another.
                    commits.borrow_and_update();
                    self.look().await
                }
                Wake::Handed(events) => self.publish(events).await.map(|()| Done::Few),
                Wake::Other => self.mark_due().await.map(|()| Done::None),
            };
            let took = began.elapsed();
            if let (Ok(Done::Some | Done::Few), Some(shift)) = (&published, shift) {
                self.figures.rested(shift.rest().await);
            }
            wake = match published {
                Ok(Done::Some) => {
                    pausing = PAUSE;
                    handed.as_mut().and_then(gathered).map_or(Wake::Look, Wake::Handed)
                }
                Ok(Done::Few | Done::None) => {
                    pausing = PAUSE;
                    if std::mem::take(&mut self.has_marked) || self.marks.is_empty() {
                        self.forget_some(&mut forgotten_at).await;
                    }
                    if self.store.prefers_one_lane() {
                        pause(&mut stopping, took.min(REST_MAX)).await;
                    }
                    let handed = handed.get_or_insert_with(|| self.handover.take());
                    self.wait(handed, &mut commits, &mut stopping).await
                }
                Err(trouble) => {
                    self.tell(&trouble, Duration::ZERO);
                    self.give_back(handed.take(), Vec::new()).await;
                    // Who cannot publish does not try more often for more events.
                    pause(&mut stopping, pausing).await;
                    pausing = (pausing * 2).min(PAUSE_MAX);
                    Wake::Look
                }
            };
        }
        let in_hand = match wake {
            Wake::Handed(events) => events,
            Wake::Look | Wake::Other => Vec::new(),
        };
        self.give_back(handed, in_hand).await;
        if let Err((_, error)) = self.marks.make(self.store.as_ref()).await {
            tracing::warn!("events that are published will be again: {error}");
        }
    }

    /// Until there is something to do.
    async fn wait(
        &self,
        handed: &mut Handed,
        commits: &mut watch::Receiver<()>,
        stopping: &mut watch::Receiver<bool>,
    ) -> Wake {
        tokio::select! {
            Some(events) = handed.next() => Wake::Handed(gather(events, handed)),
            Ok(()) = commits.changed() => Wake::Look,
            () = tokio::time::sleep(self.looks.due_in()) => Wake::Look,
            () = tokio::time::sleep(self.marks.due_in()) => Wake::Other,
            () = stopped(stopping) => Wake::Other,
        }
    }

    /// Takes no more, and leaves what was handed over to whoever looks.
    async fn give_back(&self, handed: Option<Handed>, mut events: Vec<Waiting>) {
        if let Some(handed) = handed {
            events.extend(handed.close().await);
        }
        let left: Vec<i64> = events.iter().map(|event| event.position).collect();
        if !left.is_empty()
            && let Err(error) = self.store.release(left).await
        {
            tracing::warn!("events that were handed over wait until their lease ends: {error}");
        }
    }

    /// Forgets events that are old enough, now and then.
    async fn forget_some(&self, last: &mut Option<Instant>) {
        if last.is_some_and(|last| last.elapsed() < FORGETS_EVERY) {
            return;
        }
        let before = Timestamp::now().saturating_sub(self.settings.kept).unwrap_or(Timestamp::MIN);
        match self.store.forget_published(before, FORGETS).await {
            Ok(0) => *last = Some(Instant::now()),
            // There may be more.
            Ok(_) => *last = None,
            Err(error) => {
                *last = Some(Instant::now());
                tracing::warn!("events that are old enough are not forgotten: {error}");
            }
        }
    }

    async fn mark_due(&mut self) -> Result<(), Trouble> {
        let made = self.marks.take_due().make(self.store.as_ref()).await;
        self.marked(made)
    }

    fn marked(&mut self, made: Result<bool, (Marks, StoreError)>) -> Result<(), Trouble> {
        match made {
            Ok(some) => {
                self.has_marked |= some;
                Ok(())
            }
            Err((marks, error)) => {
                self.marks.take_back(marks);
                Err(error.into())
            }
        }
    }

    /// Publishes what nobody handed over, a bounded number.
    async fn look(&mut self) -> Result<Done, Trouble> {
        let events = self.store.lease(BATCH, LEASE).await?;
        self.looks.found(!events.is_empty());
        let done = match events.len() {
            0 => Done::None,
            few if few < BATCH as usize => Done::Few,
            _ => Done::Some,
        };
        self.publish(events).await.map(|()| done)
    }

    /// Publishes these, which are leased to it; what is to be marked of earlier ones is marked meanwhile.
    async fn publish(&mut self, events: Vec<Waiting>) -> Result<(), Trouble> {
        if events.is_empty() {
            self.went_well();
            return self.mark_due().await;
        }
        let began = Instant::now();
        let marking = self.marks.take_due().make(self.store.as_ref());
        let publishing = self.broker.publish(events.iter().map(message).collect());
        let (made, results) = tokio::join!(marking, publishing);
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
        if !published.is_empty() {
            self.figures.published(&published, began.elapsed());
            self.marks.add(published.iter().map(|event| event.position));
        }
        let marked = self.marked(made);
        match trouble {
            None => self.went_well(),
            Some(trouble @ PublishError::Away(_)) => {
                self.store.release(left).await?;
                return Err(trouble.into());
            }
            // Those that are refused hold up no others: they wait until their lease ends.
            Some(trouble) => self.tell(&trouble.into(), LEASE),
        }
        marked
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

/// With what was handed over as well, so many at once.
fn gather(mut events: Vec<Waiting>, handed: &mut Handed) -> Vec<Waiting> {
    while events.len() < BATCH as usize
        && let Some(more) = handed.waiting()
    {
        events.extend(more);
    }
    events
}

/// What was handed over already.
fn gathered(handed: &mut Handed) -> Option<Vec<Waiting>> {
    handed.waiting().map(|events| gather(events, handed))
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
