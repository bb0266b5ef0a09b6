//! A real broker that can be switched off.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bursar_broker::{Broker, BrokerError, Outgoing, PublishError, Queue, QueueFigures, Subscription};
use tokio::sync::watch;

/// Passes on to a broker, until what is published has to go another way.
pub struct FaultyBroker {
    broker: Arc<dyn Broker>,
    swallowed: AtomicU64,
    way: watch::Sender<Way>,
}

/// What becomes of what is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// It is published.
    Open,
    /// Nothing comes through.
    Away,
    /// It takes nothing: everything waits until another way is open.
    Held,
    /// Everything comes through, and nobody is told.
    Mute,
    /// Everything comes through, each time so long after it was asked for.
    Slow(Duration),
}

impl FaultyBroker {
    /// Over this broker.
    #[must_use]
    pub fn over(broker: Arc<dyn Broker>, way: Way) -> Arc<Self> {
        Arc::new(Self { broker, swallowed: AtomicU64::new(0), way: watch::Sender::new(way) })
    }

    /// From now on it is so.
    pub fn switch(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Messages that were published and whose publisher was never told.
    pub fn swallowed(&self) -> u64 {
        self.swallowed.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Broker for FaultyBroker {
    async fn publish(&self, messages: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        let mut changes = self.way.subscribe();
        // If nobody can open it any more it stays shut.
        let way = changes.wait_for(|way| *way != Way::Held).await.map_or(Way::Away, |way| *way);
        let count = messages.len();
        match way {
            Way::Open => self.broker.publish(messages).await,
            Way::Away | Way::Held => vec![Err(PublishError::Away("it is switched off".into())); count],
            Way::Mute => {
                self.broker.publish(messages).await;
                self.swallowed.fetch_add(count as u64, Ordering::Relaxed);
                std::future::pending().await
            }
            Way::Slow(time) => {
                tokio::time::sleep(time).await;
                self.broker.publish(messages).await
            }
        }
    }

    fn subscribe(&self, queue: Queue, unsettled_max: u16) -> Subscription {
        self.broker.subscribe(queue, unsettled_max)
    }

    fn blocked(&self) -> Option<Arc<str>> {
        let is_held = *self.way.borrow() == Way::Held;
        is_held.then(|| "the test holds all".into()).or_else(|| self.broker.blocked())
    }

    async fn figures(&self) -> Result<Vec<QueueFigures>, BrokerError> {
        self.broker.figures().await
    }
}
