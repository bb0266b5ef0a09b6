//! Hands a queue's messages to a consumer, as many as it may have.

use std::sync::Arc;
use std::time::Duration;

use bursar_broker::{BrokerError, Delivery, Queue, Settlement, Subscription};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::broker::{Door, Signals};
use crate::desk::Taken;
use crate::rows::Message;

/// How long a queue that cannot be read is left alone, and a message that is given back for the second time.
const AWAY: Duration = Duration::from_millis(250);

pub(crate) struct Subscriber {
    queue: Queue,
    deliveries: mpsc::Sender<Delivery>,
    /// One for each message that the consumer may have.
    places: Arc<Semaphore>,
    door: Door,
    signals: Arc<Signals>,
}

impl Subscriber {
    pub(crate) fn new(
        queue: Queue,
        unsettled_max: u16,
        door: Door,
        signals: Arc<Signals>,
    ) -> (Subscription, Self) {
        let most = usize::from(unsettled_max.max(1));
        let (deliveries, received) = mpsc::channel(most);
        signals.consumes(queue, true);
        let places = Arc::new(Semaphore::new(most));
        (Subscription::new(received), Self { queue, deliveries, places, door, signals })
    }

    pub(crate) async fn run(self) {
        self.serve().await;
        self.signals.consumes(self.queue, false);
    }

    /// Until nobody wants more of it. What was asked for is always waited for: it is this consumer's then.
    async fn serve(&self) {
        let mut due = self.signals.listen(self.queue);
        loop {
            // Before the look: what comes meanwhile is another.
            due.borrow_and_update();
            let Some(Ok(mut place)) = self.wanted(self.places.clone().acquire_owned()).await else { return };
            while let Ok(another) = self.places.clone().try_acquire_owned() {
                place.merge(another);
            }
            let (queue, limit) = (self.queue, place.num_permits());
            let next_at = match self.door.ask(move |desk| desk.take(queue, limit)).await {
                Ok(Taken { messages, is_all: false, .. }) => {
                    self.hand_out(messages, place).await;
                    continue;
                }
                Ok(Taken { messages, next_at, .. }) => {
                    self.hand_out(messages, place).await;
                    next_at
                }
                Err(error) => {
                    tracing::warn!("{queue} cannot be read now: {error}");
                    drop(place);
                    if self.wanted(tokio::time::sleep(AWAY)).await.is_none() {
                        return;
                    }
                    continue;
                }
            };
            if self.wanted(wait(&mut due, next_at)).await.is_none() {
                return;
            }
        }
    }

    /// What it waits for; nothing, if nobody wants more before that.
    async fn wanted<T>(&self, waiting: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            () = self.deliveries.closed() => None,
            () = self.door.closed() => None,
            done = waiting => Some(done),
        }
    }

    async fn hand_out(&self, messages: Vec<(Message, bool)>, mut place: OwnedSemaphorePermit) {
        for (message, is_redelivered) in messages {
            // There is one for each.
            let Some(place) = place.split(1) else { return };
            self.deliver(message, is_redelivered, place).await;
        }
    }

    async fn deliver(&self, message: Message, is_redelivered: bool, place: OwnedSemaphorePermit) {
        let (delivery, said) = Delivery::new(self.queue, message.content.clone(), is_redelivered);
        tokio::spawn(settle(self.door.clone(), (message, is_redelivered), said, place));
        // There is room for as many as there are places. Who is gone gives it back by not having it.
        let _ = self.deliveries.send(delivery).await;
    }
}

/// Until something else may be due.
async fn wait(due: &mut tokio::sync::watch::Receiver<()>, next_at: Option<Timestamp>) {
    let pause = async {
        match next_at {
            Some(at) => {
                let left = at.duration_since(Timestamp::now()).max(jiff::SignedDuration::ZERO);
                tokio::time::sleep(left.unsigned_abs()).await;
            }
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        // Its sender is here.
        _ = due.changed() => {}
        () = pause => {}
    }
}

/// Waits for what is said of a message, keeps it, and tells so.
async fn settle(
    door: Door,
    (message, is_redelivered): (Message, bool),
    said: oneshot::Receiver<Settlement>,
    _place: OwnedSemaphorePermit,
) {
    let (queue, position) = (message.queue, message.position);
    let Ok(Settlement { verdict, reply }) = said.await else {
        if is_redelivered {
            // Whoever dies of it again and again does so at leisure.
            tokio::time::sleep(AWAY).await;
        }
        return door.give_back(queue, position);
    };
    let kept: Result<(), BrokerError> = door.ask(move |desk| desk.settle(&message, verdict)).await;
    if kept.is_err() {
        door.give_back(queue, position);
    }
    let _ = reply.send(kept);
}
