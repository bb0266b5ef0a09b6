//! What cases begin with.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::broker::{Broker, QueueFigures, Subscription, publish_all, publish_one};
use crate::delivery::Delivery;
use crate::message::{Content, Outgoing};
use crate::topology::{Exchange, Queue};

/// Messages that a consumer of these cases may have unsettled.
pub(super) const UNSETTLED_MAX: u16 = 16;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// A message that no other is.
pub(super) fn content() -> Content {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Content::new(Uuid::from_u128(number.into()), "test", format!("{{\"number\":{number}}}").into_bytes())
}

/// A new message for the webhook queue.
pub(super) fn webhook() -> Outgoing {
    content().to(Exchange::Transactions, "transaction.webhook")
}

pub(super) async fn published(broker: &dyn Broker, message: &Outgoing) {
    publish_one(broker, message.clone()).await.expect("it is published");
}

pub(super) async fn all_published(broker: &dyn Broker, messages: &[Outgoing]) {
    publish_all(broker, messages.to_vec()).await.expect("they are published");
}

pub(super) fn consumer(broker: &dyn Broker, queue: Queue) -> Subscription {
    broker.subscribe(queue, UNSETTLED_MAX)
}

pub(super) async fn next(consumer: &mut Subscription) -> Delivery {
    let next = tokio::time::timeout(PATIENCE, consumer.next()).await;
    next.expect("a message comes").expect("the broker is there")
}

/// Takes the next message, settles it, and says what it was.
pub(super) async fn done(consumer: &mut Subscription) -> Content {
    let delivery = next(consumer).await;
    let content = delivery.content.clone();
    delivery.done().await.expect("it is settled");
    content
}

/// That nothing waits in the queue before what is published now.
pub(super) async fn nothing_waits(broker: &dyn Broker, consumer: &mut Subscription, probe: Outgoing) {
    published(broker, &probe).await;
    assert_eq!(done(consumer).await.id, probe.content.id);
}

/// The figures of the queue, once they are as they should be.
pub(super) async fn figures(broker: &dyn Broker, queue: Queue, expected: impl Fn(&QueueFigures) -> bool) {
    let began = Instant::now();
    loop {
        let figures = broker.figures().await.expect("the broker is there");
        let of = figures.iter().find(|figures| figures.queue == queue).expect("every queue has figures");
        if expected(of) {
            return;
        }
        assert!(began.elapsed() < PATIENCE, "{of:?}");
        tokio::task::yield_now().await;
    }
}
