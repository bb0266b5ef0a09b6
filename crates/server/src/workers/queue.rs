//! Consumes a queue of the broker: what every consumer has in common.

mod figures;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use bursar_broker::{Broker, Content, Delivery, Queue, Subscription, Verdict};
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::task::Task;

pub use figures::{Figures, OfQueue};

/// What a consumer does with messages. The same one may come again, whatever is said of it.
#[async_trait]
pub trait Work: Send + Sync + 'static {
    /// Works on a message, and says what came of that.
    async fn work(&self, content: &Content) -> Verdict;

    /// Works on several at once, where that costs less. Whether all of them have taken effect: if not, each is worked
    /// on alone, so that one that fails harms no other.
    async fn work_together(&self, _contents: &[&Content]) -> bool {
        false
    }
}

/// How much a consumer takes.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// So many batches are worked on at once.
    pub at_once: u16,
    /// So many messages are in one, at most: those that are there.
    pub batch: u16,
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
        let mut at_work = JoinSet::new();
        loop {
            let is_free = at_work.len() < usize::from(self.pace.at_once);
            tokio::select! {
                biased;
                _ = stopping.wait_for(|stopping| *stopping) => break,
                Some(_) = at_work.join_next() => {}
                delivery = subscription.next(), if is_free => {
                    let Some(delivery) = delivery else { break };
                    let rest = std::iter::from_fn(|| subscription.next_there());
                    let batch = [delivery].into_iter().chain(rest.take(usize::from(self.pace.batch) - 1));
                    drop(at_work.spawn(self.clone().work_off(batch.collect())));
                }
            }
        }
        drop(subscription);
        while at_work.join_next().await.is_some() {}
    }

    async fn work_off(self, batch: Vec<Delivery>) {
        batch.iter().for_each(|delivery| self.figures().delivered(delivery.is_redelivered));
        if batch.len() > 1 && self.takes_effect(&batch).await {
            join_all(batch.into_iter().map(|delivery| self.settle(delivery, Verdict::Done))).await;
            return;
        }
        // One after another: those that come together may be about the same.
        for delivery in batch {
            let verdict = self.judge(&delivery.content).await;
            self.settle(delivery, verdict).await;
        }
    }

    /// Whether the whole batch does. A panic harms one batch, and none of its messages.
    async fn takes_effect(&self, batch: &[Delivery]) -> bool {
        let contents: Vec<&Content> = batch.iter().map(|delivery| &delivery.content).collect();
        AssertUnwindSafe(self.work.work_together(&contents)).catch_unwind().await.unwrap_or(false)
    }

    /// A panic is a failure like every other: it must not be tried for ever.
    async fn judge(&self, content: &Content) -> Verdict {
        let worked = AssertUnwindSafe(self.work.work(content)).catch_unwind().await;
        worked.unwrap_or_else(|_| Verdict::Failed("a panic; the log has its place".to_owned()))
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
