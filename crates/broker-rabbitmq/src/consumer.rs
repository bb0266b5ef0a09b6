//! Consumes a queue, session after session.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bursar_broker::{
    Address, BrokerError, Content, Delivery, Exchange, Next, Outgoing, PublishError, Queue, Settlement,
    Subscription, Verdict,
};
use futures_util::StreamExt;
use lapin::Acker;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions};
use lapin::types::{DeliveryTag, FieldTable};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use crate::acks::{Acks, taken};
use crate::broker::Shared;
use crate::content;
use crate::session::Session;
use crate::topology::wait_queue;

/// Before a consumer that ended is begun again in the same session, or a message that could not be put off comes again.
const PAUSE: Duration = Duration::from_millis(250);

const REQUEUE: BasicNackOptions = BasicNackOptions { multiple: false, requeue: true };

pub(crate) struct Consumer {
    queue: Queue,
    unsettled_max: u16,
    deliveries: mpsc::Sender<Delivery>,
    shared: Arc<Shared>,
}

impl Consumer {
    pub(crate) fn new(queue: Queue, unsettled_max: u16, shared: Arc<Shared>) -> (Subscription, Self) {
        // Of what RabbitMQ sent, none waits anywhere else.
        let (deliveries, received) = mpsc::channel(usize::from(unsettled_max.max(1)));
        (Subscription::new(received), Self { queue, unsettled_max: unsettled_max.max(1), deliveries, shared })
    }

    pub(crate) async fn run(self) {
        let mut sessions = self.shared.session.clone();
        loop {
            let session = sessions.borrow_and_update().clone();
            let Ok(session) = session else {
                tokio::select! {
                    () = self.deliveries.closed() => return,
                    // The supervisor is gone, and with it the broker.
                    changed = sessions.changed() => if changed.is_err() { return } else { continue },
                }
            };
            let ended = tokio::select! {
                ended = self.consume(&session) => ended,
                // Its connections are dropped when nobody has it any more; without a supervisor there is no other.
                changed = sessions.changed() => if changed.is_err() { return } else { continue },
            };
            match ended {
                Ok(()) if self.deliveries.is_closed() => return,
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!("the consumer of {} ended and begins again: {error}", self.queue);
                    session.give_up(&format!("the consumer of {} ended: {error}", self.queue));
                }
            }
            drop(session);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Until nobody wants more of it, or it breaks.
    async fn consume(&self, session: &Arc<Session>) -> lapin::Result<()> {
        let channel = session.consuming.create_channel().await?;
        channel.basic_qos(self.unsettled_max, BasicQosOptions::default()).await?;
        let options = BasicConsumeOptions::default();
        let tag = "".into();
        let mut came =
            channel.basic_consume(self.queue.name().into(), tag, options, FieldTable::default()).await?;
        let (acks, teller) = Acks::new();
        // Ends with this.
        let mut telling = JoinSet::new();
        telling.spawn(teller.run());
        let mut settling = JoinSet::new();
        loop {
            let next = tokio::select! {
                () = self.deliveries.closed() => break,
                Some(_) = settling.join_next() => continue,
                next = came.next() => next,
            };
            // RabbitMQ ended it, with its queue for instance: all is declared anew.
            let Some(next) = next else {
                session.give_up(&format!("the consumer of {} was cancelled", self.queue));
                return channel.close(200, "it was cancelled".into()).await;
            };
            let next = next?;
            let content = content::content(&next.properties, next.data);
            let (delivery, said) = Delivery::new(self.queue, content.clone(), next.redelivered);
            acks.open(next.delivery_tag);
            let told = (next.delivery_tag, next.acker, acks.clone());
            let message = Unsettled::new(self.queue, content, told, self.shared.clone());
            let pause = if next.redelivered { PAUSE } else { Duration::ZERO };
            settling.spawn(message.settle_once(said, pause));
            // Who is gone gives it back by not having it.
            let _ = self.deliveries.send(delivery).await;
        }
        // Nothing new comes; what somebody has can still be settled.
        channel.basic_cancel(came.tag(), BasicCancelOptions::default()).await?;
        while let Some(next) = came.next().await {
            next?.nack(REQUEUE).await?;
        }
        while settling.join_next().await.is_some() {}
        channel.close(200, "nobody wants more".into()).await
    }
}

/// A message that was delivered, until something is said of it.
struct Unsettled {
    queue: Queue,
    content: Content,
    tag: DeliveryTag,
    acker: Acker,
    acks: Acks,
    shared: Arc<Shared>,
}

impl Unsettled {
    fn new(
        queue: Queue,
        content: Content,
        (tag, acker, acks): (DeliveryTag, Acker, Acks),
        shared: Arc<Shared>,
    ) -> Self {
        shared.unsettled[queue].fetch_add(1, Ordering::Relaxed);
        Self { queue, content, tag, acker, acks, shared }
    }

    async fn settle_once(self, said: oneshot::Receiver<Settlement>, pause: Duration) {
        match said.await {
            Err(_) => {
                // Whoever dies of it again and again does so at leisure.
                tokio::time::sleep(pause).await;
                // If the channel is gone, it is given back already.
                let _ = self.give_back().await;
            }
            Ok(Settlement { verdict, reply }) => drop(reply.send(self.settle(verdict).await)),
        }
    }

    async fn settle(&self, verdict: Verdict) -> Result<(), BrokerError> {
        let next = self.shared.options.retries.next(self.queue, self.content.clone(), verdict);
        let outgoing = match next {
            Next::Forget => return self.acknowledge().await,
            Next::Wait(content, pause) => {
                Outgoing { to: Address::Queue(wait_queue(self.queue, pause)), content }
            }
            Next::Bury(content) => {
                content.to(Exchange::Transactions, self.queue.dead_key().unwrap_or_default())
            }
        };
        // First the copy is durable, then the original goes: between the two it is there twice.
        match self.publish(outgoing).await {
            Ok(()) => self.acknowledge().await,
            Err(error) => {
                tokio::time::sleep(PAUSE).await;
                let _ = self.give_back().await;
                Err(error.into())
            }
        }
    }

    /// To a queue of our own, which is there unless somebody deleted it: then all is declared anew.
    async fn publish(&self, outgoing: Outgoing) -> Result<(), PublishError> {
        let session = self.shared.session()?;
        let results = session.publish(vec![outgoing], self.shared.options.confirm_timeout).await;
        let published: Result<(), PublishError> = results.into_iter().collect();
        if matches!(published, Err(PublishError::Unroutable(_))) {
            session.give_up("a queue is missing");
        }
        published
    }

    async fn acknowledge(&self) -> Result<(), BrokerError> {
        self.acks.done(self.tag, self.acker.clone()).await
    }

    async fn give_back(&self) -> Result<(), BrokerError> {
        let told = taken(self.acker.nack(REQUEUE).await);
        self.acks.close(self.tag);
        told
    }
}

/// However it ends, with its session for instance.
impl Drop for Unsettled {
    fn drop(&mut self) {
        self.shared.unsettled[self.queue].fetch_sub(1, Ordering::Relaxed);
    }
}
