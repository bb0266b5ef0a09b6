//! A relay at work: publishes what is handed to it and what its looks find, one batch after the other.

use std::time::Duration;

use bursar_authorizer::{Handed, LEASE};
use bursar_broker::PublishError;
use bursar_store::{EventKey, StoreError, Waiting};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Relay;
use super::errand::Errand;
use super::event::Event;
use super::looks::Looks;
use super::tidying::Tidying;
use crate::workers::courtesy::Courtesy;
use crate::workers::task::{pause, stopped};

/// Events that are published at once, about.
const BATCH: u32 = 256;

/// Where instances meet, broker and store work for all of them: a relay then rests as long as a batch took, up to this, and what
/// comes meanwhile goes with the next. An event that comes alone waits for nobody.
const REST_MAX: Duration = Duration::from_millis(10);

/// How long a broker or a store that is away is left alone; it doubles each time, up to the other.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

type Found = Result<Vec<Waiting>, StoreError>;

pub(super) struct Running {
    relay: Relay,
    /// Takes what is handed over, when there is nothing to be caught up with.
    handed: Option<Handed>,
    looks: Looks,
    looking: Errand<Found>,
    tidying: Tidying,
    /// Events that are left to whoever looks, once the commits that still leave some have ended.
    giving_back: JoinSet<()>,
    /// Whether there was trouble since the last look began: what that found does not end it.
    is_troubled: bool,
    /// How long it pauses after the next trouble.
    pausing: Duration,
}

impl Running {
    pub(super) fn of(relay: Relay) -> Self {
        let looks = Looks::every(relay.settings.interval);
        let tidying = Tidying::new(relay.store.clone(), relay.settings.kept);
        Self {
            relay,
            handed: None,
            looks,
            looking: Errand::none(),
            tidying,
            giving_back: JoinSet::new(),
            is_troubled: false,
            pausing: PAUSE,
        }
    }

    pub(super) async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut commits = self.relay.handover.commits();
        while !*stopping.borrow() {
            self.begin_what_is_due(&mut commits);
            let due_in = self.due_in();
            let done = tokio::select! {
                biased;
                () = stopped(&mut stopping) => Ok(()),
                tidied = self.tidying.done() => tidied.map_err(Trouble::from),
                found = self.looking.done() => self.found(found).await,
                Some(_) = self.giving_back.join_next() => {
                    self.looks.at_once();
                    Ok(())
                }
                Ok(()) = commits.changed() => {
                    self.looks.at_once();
                    Ok(())
                }
                Some(events) = next(&mut self.handed) => self.publish(events).await,
                () = tokio::time::sleep(due_in) => Ok(()),
            };
            if let Err(trouble) = done {
                self.tell(&trouble, Duration::ZERO);
                self.give_back(Vec::new());
                // Who cannot publish does not try more often for more events.
                pause(&mut stopping, self.pausing).await;
                self.pausing = (self.pausing * 2).min(PAUSE_MAX);
                self.is_troubled = true;
                self.looks.at_once();
            }
        }
        self.end().await;
    }

    fn begin_what_is_due(&mut self, commits: &mut watch::Receiver<()>) {
        if self.may_look() && self.looks.due_in().is_zero() {
            // Before the look: what is committed meanwhile is another.
            commits.borrow_and_update();
            self.looks.begin();
            self.is_troubled = false;
            let store = self.relay.store.clone();
            self.looking.begin(async move { store.lease(BATCH, LEASE).await });
        }
        self.tidying.begin_if_due();
    }

    fn may_look(&self) -> bool {
        !self.looking.is_under_way() && !self.tidying.is_stuck()
    }

    fn due_in(&self) -> Duration {
        let look_in = if self.may_look() { self.looks.due_in() } else { Duration::MAX };
        look_in.min(self.tidying.due_in())
    }

    /// Publishes what nobody handed over.
    async fn found(&mut self, found: Found) -> Result<(), Trouble> {
        let events = found?;
        self.looks.found(!events.is_empty());
        let is_caught_up = events.len() < BATCH as usize;
        match events.is_empty() {
            true if self.is_troubled => return Ok(()),
            true => {
                self.went_well();
                self.tidying.nothing_left();
            }
            false => self.publish(events.into_iter().map(Event::found).collect()).await?,
        }
        match is_caught_up && !self.tidying.is_stuck() {
            true => {
                self.handed.get_or_insert_with(|| self.relay.handover.take());
            }
            false => self.looks.at_once(),
        }
        Ok(())
    }

    /// Publishes these, which are leased to it.
    async fn publish(&mut self, events: Vec<Event>) -> Result<(), Trouble> {
        if events.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let shift = self.relay.courtesy.as_ref().map(Courtesy::begin);
        let results = self.relay.broker.publish(events.iter().map(Event::message).collect()).await;
        let took = began.elapsed();
        self.judge(&events, results, took).await?;
        if let Some(shift) = shift {
            self.relay.figures.rested(shift.rest().await);
        }
        if self.relay.store.prefers_one_lane() && events.len() < BATCH as usize {
            tokio::time::sleep(took.min(REST_MAX)).await;
        }
        Ok(())
    }

    async fn judge(
        &mut self,
        events: &[Event],
        results: Vec<Result<(), PublishError>>,
        took: Duration,
    ) -> Result<(), Trouble> {
        let mut published = Vec::with_capacity(events.len());
        let mut left = Vec::new();
        let mut trouble = None;
        for (event, result) in events.iter().zip(results) {
            match result {
                Ok(()) => published.push(event),
                Err(error) => {
                    left.push(event.key());
                    if matches!(error, PublishError::Away(_)) || trouble.is_none() {
                        trouble = Some(error);
                    }
                }
            }
        }
        if !published.is_empty() {
            self.relay.figures.published(&published, took);
            self.tidying.mark(published.iter().map(|event| event.key()));
        }
        match trouble {
            None => self.went_well(),
            Some(trouble @ PublishError::Away(_)) => {
                self.relay.store.release(left).await?;
                return Err(trouble.into());
            }
            // Those that are refused hold up no others: they wait until their lease ends.
            Some(trouble) => self.tell(&trouble.into(), LEASE),
        }
        Ok(())
    }

    /// Takes no more, and leaves these and what was handed over to whoever looks.
    fn give_back(&mut self, mut events: Vec<Waiting>) {
        let (handed, store) = (self.handed.take(), self.relay.store.clone());
        if handed.is_none() && events.is_empty() {
            return;
        }
        self.giving_back.spawn(async move {
            if let Some(handed) = handed {
                events.extend(handed.close().await);
            }
            let left: Vec<EventKey> = events.iter().map(Waiting::key).collect();
            if !left.is_empty()
                && let Err(error) = store.release(left).await
            {
                tracing::warn!("events that were left wait until their lease ends: {error}");
            }
        });
    }

    async fn end(mut self) {
        if let Err(error) = self.tidying.end().await {
            tracing::warn!("events that are published will be again: {error}");
        }
        let found = match self.looking.is_under_way() {
            true => self.looking.done().await.unwrap_or_default(),
            false => Vec::new(),
        };
        self.give_back(found);
        self.giving_back.join_all().await;
    }

    fn went_well(&mut self) {
        self.pausing = PAUSE;
        if self.relay.figures.went_well() {
            tracing::info!("events are published again");
        }
    }

    /// Once for as long as the trouble is the same: it is tried every few seconds.
    fn tell(&self, trouble: &Trouble, come_again_in: Duration) {
        if self.relay.figures.failed(trouble, come_again_in) {
            tracing::warn!("events wait in the outbox: {trouble}");
        }
    }
}

/// What was handed over, with what waits behind it, about so many at once; nothing, if none will come.
async fn next(handed: &mut Option<Handed>) -> Option<Vec<Event>> {
    let handed = handed.as_mut()?;
    let mut events: Vec<_> = Event::handed(handed.next().await?).collect();
    while events.len() < BATCH as usize
        && let Some(more) = handed.waiting()
    {
        events.extend(Event::handed(more));
    }
    Some(events)
}

/// Why events wait.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Broker(#[from] PublishError),
    #[error(transparent)]
    Store(#[from] StoreError),
}
