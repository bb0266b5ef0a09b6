//! The port.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::delivery::Delivery;
use crate::error::{BrokerError, PublishError};
use crate::message::Outgoing;
use crate::topology::Queue;

/// Carries messages. One that is away comes back by itself: whoever publishes tries again, whoever is subscribed
/// waits.
#[async_trait]
pub trait Broker: Send + Sync + 'static {
    /// Publishes the messages, and waits until each is durable in every queue that it was routed to. One result a
    /// message, in order. A broker that says nothing in time is away; only a disk that hangs is waited for.
    ///
    /// One that fails may have been published all the same: who publishes it again, does so under the same id.
    async fn publish(&self, messages: Vec<Outgoing>) -> Vec<Result<(), PublishError>>;

    /// Consumes a queue, beside whoever else does: at most so many messages are delivered and not settled at a
    /// time, but for those of a connection that broke, which may come twice meanwhile. Dropped, it gives back what it
    /// did not hand out; what it did can still be settled.
    fn subscribe(&self, queue: Queue, unsettled_max: u16) -> Subscription;

    /// Why it takes no messages for now, though it is there. RabbitMQ says so of a connection that publishes.
    fn blocked(&self) -> Option<Arc<str>> {
        None
    }

    /// How full each queue is.
    ///
    /// # Errors
    /// [`BrokerError::Away`].
    async fn figures(&self) -> Result<Vec<QueueFigures>, BrokerError>;
}

/// Publishes the messages, for who does all of them again if one is not known to be published.
///
/// # Errors
/// Why the first of those is not. The others may be published all the same.
pub async fn publish_all(broker: &dyn Broker, messages: Vec<Outgoing>) -> Result<(), PublishError> {
    broker.publish(messages).await.into_iter().collect()
}

/// Publishes one message.
///
/// # Errors
/// It is not known to be published.
pub async fn publish_one(broker: &dyn Broker, message: Outgoing) -> Result<(), PublishError> {
    publish_all(broker, vec![message]).await
}

/// A consumer's place at a queue.
pub struct Subscription {
    deliveries: mpsc::Receiver<Delivery>,
}

impl Subscription {
    /// The place of who gets what comes here. Its other end sees that it was dropped.
    #[must_use]
    pub const fn new(deliveries: mpsc::Receiver<Delivery>) -> Self {
        Self { deliveries }
    }

    /// The next message. Waits for as long as the broker is away; `None` if it is gone for good.
    ///
    /// Cancelling this loses nothing.
    pub async fn next(&mut self) -> Option<Delivery> {
        self.deliveries.recv().await
    }
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueFigures {
    /// The queue.
    pub queue: Queue,
    /// Messages that wait to be delivered.
    pub depth: u64,
    /// Messages that wait for a pause after a failure to end.
    pub paused: u64,
    /// Consumers, of all instances.
    pub consumers: u64,
    /// Messages that were delivered to this instance and are not settled.
    pub unsettled: u64,
}
