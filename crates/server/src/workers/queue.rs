//! Consumes a queue of the broker: what every consumer has in common.

mod figures;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bursar_broker::{Broker, Content, Delivery, PublishError, Queue, Subscription, Verdict};
use bursar_store::StoreError;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::courtesy::Courtesy;
use super::task::{Task, pause, stopped};

pub use figures::{Figures, OfQueue};

/// How long messages wait for a store that is away before they are tried again; it doubles each time, up to the other.
const AWAY: Duration = Duration::from_millis(250);
const AWAY_MAX: Duration = Duration::from_secs(5);

/// After a full batch there are more behind it, and so long they may take to come.
const MORE: Duration = Duration::from_millis(5);

/// How long a consumer keeps messages that wait: less than the half hour after which RabbitMQ takes a consumer for dead.
const KEPT_MAX: Duration = Duration::from_secs(10 * 60);

/// What a consumer does with messages. The same one may come again, whatever is said of it.
#[async_trait]
pub trait Work: Send + Sync + 'static {
    /// Works on a message, and says what came of that.
    ///
    /// # Errors
    /// Store or broker is away: nothing is said of the message, and it is worked on again.
    async fn work(&self, content: &Content) -> Result<Verdict, Away>;

    /// Works on several at once, where that costs less. Whether all of them have taken effect: if not, each is worked
    /// on alone, so that one that fails harms no other.
    ///
    /// # Errors
    /// As above.
    async fn work_together(&self, _contents: &[&Content]) -> Result<bool, Away> {
        Ok(false)
    }

    /// Before whom it steps back, if before anybody.
    fn courtesy(&self) -> Option<Courtesy> {
        None
    }
}

/// Who is needed is away, which is no message's fault: no run is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Away(pub String);

/// What a store's error says of the message whose work met it.
pub(super) fn of_store(error: &StoreError) -> Result<Verdict, Away> {
    match error {
        StoreError::BadData(_) | StoreError::Corrupt(_) => Ok(Verdict::Failed(error.to_string())),
        error => Err(Away(error.to_string())),
    }
}

/// What it says of the message that its answer could not be published.
pub(super) fn of_publishing(error: &PublishError) -> Result<Verdict, Away> {
    match error {
        PublishError::Away(_) => Err(Away(error.to_string())),
        error => Ok(Verdict::Failed(error.to_string())),
    }
}

/// How much a consumer takes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// So many batches are worked on at once.
    pub at_once: u16,
    /// So many messages are in one, at most.
    pub batch: u16,
    /// One that is not full begins so long after the one before, at the earliest: what comes meanwhile goes with it, and a
    /// message that comes alone waits for nobody.
    pub apart: Duration,
}

impl Pace {
    /// So many batches at once of so many messages: those that are there.
    #[must_use]
    pub const fn new(at_once: u16, batch: u16) -> Self {
        Self { at_once, batch, apart: Duration::ZERO }
    }
}

/// Begins to work on a queue's messages.
#[must_use]
pub fn consume(
    broker: &dyn Broker,
    queue: Queue,
    pace: Pace,
    work: Arc<dyn Work>,
    figures: Arc<Figures>,
) -> Task {
    let subscription = broker.subscribe(queue, pace.at_once.saturating_mul(pace.batch));
    let consumer = Consumer { queue, pace, work, figures };
    Task::start("a consumer of a queue", |stopping| consumer.run(subscription, stopping))
}

#[derive(Clone)]
struct Consumer {
    queue: Queue,
    pace: Pace,
    work: Arc<dyn Work>,
    figures: Arc<Figures>,
}

impl Consumer {
    /// Until it has to stop; then it takes no more, and finishes what it has taken.
    async fn run(self, mut subscription: Subscription, mut stopping: watch::Receiver<bool>) {
        let (mut at_work, of_work) = (JoinSet::new(), stopping.clone());
        let (mut may_begin, mut was_full) = (Instant::now(), false);
        loop {
            let is_free = at_work.len() < usize::from(self.pace.at_once);
            tokio::select! {
                biased;
                () = stopped(&mut stopping) => break,
                Some(_) = at_work.join_next() => {}
                delivery = subscription.next(), if is_free => {
                    let Some(delivery) = delivery else {
                        tracing::error!("nothing more of {} is consumed: the broker is gone", self.queue);
                        break;
                    };
                    if was_full {
                        may_begin = may_begin.max(Instant::now() + MORE);
                    }
                    let batch = self.gather(delivery, &mut subscription, may_begin).await;
                    may_begin = Instant::now() + self.pace.apart;
                    was_full = !self.pace.apart.is_zero() && batch.len() >= usize::from(self.pace.batch);
                    drop(at_work.spawn(self.clone().work_and_rest(batch, of_work.clone())));
                }
            }
        }
        drop(subscription);
        while at_work.join_next().await.is_some() {}
    }

    /// A message, and what else comes until then.
    async fn gather(
        &self,
        first: Delivery,
        subscription: &mut Subscription,
        until: Instant,
    ) -> Vec<Delivery> {
        let mut batch = vec![first];
        let gathering = async {
            while batch.len() < usize::from(self.pace.batch)
                && let Some(delivery) = subscription.next().await
            {
                batch.push(delivery);
            }
        };
        // What is there already comes also without time.
        let _ = tokio::time::timeout_at(until, gathering).await;
        batch
    }

    async fn work_and_rest(self, batch: Vec<Delivery>, stopping: watch::Receiver<bool>) {
        let shift = self.work.courtesy().map(|courtesy| courtesy.begin());
        self.work_off(batch, stopping).await;
        if let Some(shift) = shift {
            self.figures().rested(shift.rest().await);
        }
    }

    /// What is left is given back.
    async fn work_off(&self, batch: Vec<Delivery>, mut stopping: watch::Receiver<bool>) {
        batch.iter().for_each(|delivery| self.figures().delivered(delivery.is_redelivered));
        if batch.len() > 1 {
            let together = self.patiently(&mut stopping, || self.takes_effect(&batch)).await;
            let Some(takes_effect) = together else { return };
            if takes_effect {
                join_all(batch.into_iter().map(|delivery| self.settle(delivery, Verdict::Done))).await;
                return;
            }
        }
        // One after another: those that come together may be about the same.
        for delivery in batch {
            let judged = self.patiently(&mut stopping, || self.judge(&delivery.content)).await;
            let Some(verdict) = judged else { return };
            self.settle(delivery, verdict).await;
        }
    }

    /// Runs it again for as long as somebody who is needed is away; `None` if it has to end before.
    async fn patiently<T, F>(&self, stopping: &mut watch::Receiver<bool>, run: impl Fn() -> F) -> Option<T>
    where
        F: Future<Output = Result<T, Away>>,
    {
        let (began, mut pausing) = (Instant::now(), AWAY);
        loop {
            let Away(why) = match run().await {
                Ok(done) => return Some(done),
                Err(away) => away,
            };
            if pausing == AWAY {
                tracing::warn!("messages of {} wait: {why}", self.queue);
            }
            if pause(stopping, pausing).await || began.elapsed() > KEPT_MAX {
                return None;
            }
            pausing = (pausing * 2).min(AWAY_MAX);
        }
    }

    /// Whether the whole batch does. A panic harms one batch, and none of its messages.
    async fn takes_effect(&self, batch: &[Delivery]) -> Result<bool, Away> {
        let contents: Vec<&Content> = batch.iter().map(|delivery| &delivery.content).collect();
        AssertUnwindSafe(self.work.work_together(&contents)).catch_unwind().await.unwrap_or(Ok(false))
    }

    /// A panic is a failure like every other: it must not be tried for ever.
    async fn judge(&self, content: &Content) -> Result<Verdict, Away> {
        let worked = AssertUnwindSafe(self.work.work(content)).catch_unwind().await;
        worked.unwrap_or_else(|_| Ok(Verdict::Failed("a panic; the log has its place".to_owned())))
    }

    async fn settle(&self, delivery: Delivery, verdict: Verdict) {
        let (queue, id) = (self.queue, delivery.content.id);
        let settled = match verdict {
            Verdict::Done => {
                self.figures().done(&delivery.content);
                delivery.done().await
            }
            Verdict::Failed(why) => {
                tracing::warn!("message {id} of {queue} failed: {why}");
                self.figures().failed();
                delivery.failed(&why).await
            }
            Verdict::Dead(why) => {
                tracing::error!("message {id} of {queue} is a dead letter: {why}");
                self.figures().dead();
                delivery.dead(&why).await
            }
        };
        if let Err(error) = settled {
            tracing::warn!("message {id} of {queue} comes again: {error}");
        }
    }

    fn figures(&self) -> &OfQueue {
        self.figures.of(self.queue)
    }
}
