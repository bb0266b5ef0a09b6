//! Consumes a queue of the broker: what every consumer has in common.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use async_trait::async_trait;
use bursar_broker::{Broker, Content, Delivery, Queue, Subscription, Verdict};
use futures_util::FutureExt;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// What a consumer does with a message.
#[async_trait]
pub trait Work: Send + Sync + 'static {
    /// Works on it, and says what came of that. The same message may come again, whatever is said.
    async fn work(&self, content: &Content) -> Verdict;
}

/// A consumer at work, until it is stopped or dropped.
pub struct Consuming {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Begins to work on a queue's messages, so many at once.
#[must_use]
pub fn consume(broker: &dyn Broker, queue: Queue, at_once: u16, work: Arc<dyn Work>) -> Consuming {
    let (stop, stopping) = watch::channel(false);
    let subscription = broker.subscribe(queue, at_once);
    Consuming { stop, task: tokio::spawn(run(subscription, work, stopping)) }
}

impl Consuming {
    /// Takes no more, and finishes what it has taken.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if (&mut self.task).await.is_err() {
            tracing::error!("a consumer ended by a panic; the log has its place");
        }
    }
}

/// As if its process were killed.
impl Drop for Consuming {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn run(mut subscription: Subscription, work: Arc<dyn Work>, mut stopping: watch::Receiver<bool>) {
    // No more than the subscription delivers.
    let mut at_work = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            _ = stopping.wait_for(|stopping| *stopping) => break,
            Some(_) = at_work.join_next() => {}
            delivery = subscription.next() => match delivery {
                Some(delivery) => drop(at_work.spawn(work_off(delivery, work.clone()))),
                None => break,
            },
        }
    }
    drop(subscription);
    while at_work.join_next().await.is_some() {}
}

/// A panic is a failure like every other: it must not be tried for ever.
async fn work_off(delivery: Delivery, work: Arc<dyn Work>) {
    let queue = delivery.queue;
    let worked = AssertUnwindSafe(work.work(&delivery.content)).catch_unwind().await;
    let verdict = worked.unwrap_or_else(|_| Verdict::Failed("a panic; the log has its place".to_owned()));
    let id = delivery.content.id;
    let settled = match verdict {
        Verdict::Done => delivery.done().await,
        Verdict::Failed(why) => {
            tracing::warn!("message {id} of {queue} failed: {why}");
            delivery.failed(&why).await
        }
        Verdict::Dead(why) => {
            tracing::error!("message {id} of {queue} is a dead letter: {why}");
            delivery.dead(&why).await
        }
    };
    if let Err(error) = settled {
        tracing::warn!("message {id} of {queue} comes again: {error}");
    }
}
