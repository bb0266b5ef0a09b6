//! How often a message comes, and to whom.

use std::collections::BTreeSet;

use tokio::task::JoinSet;

use super::Place;
use super::given::{all_published, consumer, done, figures, next, nothing_waits, published, webhook};
use crate::message::Outgoing;
use crate::topology::Queue;

pub(super) async fn what_is_done_never_comes_again(place: &dyn Place) {
    let broker = place.open().await;
    published(broker.as_ref(), &webhook()).await;
    done(&mut consumer(broker.as_ref(), Queue::Webhook)).await;
    drop(broker);
    let broker = place.open().await;
    let mut consumer = consumer(broker.as_ref(), Queue::Webhook);
    nothing_waits(broker.as_ref(), &mut consumer, webhook()).await;
}

pub(super) async fn what_is_not_settled_comes_again_and_no_failure_is_counted(place: &dyn Place) {
    let broker = place.open().await;
    let message = webhook();
    published(broker.as_ref(), &message).await;
    let mut consumer = consumer(broker.as_ref(), Queue::Webhook);
    // More often than a message may fail.
    for _ in 0..10 {
        drop(next(&mut consumer).await);
    }
    let delivery = next(&mut consumer).await;
    assert_eq!(delivery.content.id, message.content.id);
    assert!(delivery.is_redelivered);
    assert_eq!(delivery.content.death, None);
    delivery.done().await.expect("it is settled");
}

pub(super) async fn what_was_published_outlives_the_broker(place: &dyn Place) {
    let broker = place.open().await;
    let messages: Vec<Outgoing> = (0..50).map(|_| webhook()).collect();
    all_published(broker.as_ref(), &messages).await;
    let mut first = consumer(broker.as_ref(), Queue::Webhook);
    // Delivered, and never settled.
    let held = next(&mut first).await.content.id;
    drop((first, broker));
    let broker = place.open().await;
    let mut consumer = consumer(broker.as_ref(), Queue::Webhook);
    let mut came = BTreeSet::new();
    for _ in &messages {
        let delivery = next(&mut consumer).await;
        let id = delivery.content.id;
        assert!(delivery.is_redelivered || id != held);
        came.insert(id);
        delivery.done().await.expect("it is settled");
    }
    assert_eq!(came, messages.iter().map(|message| message.content.id).collect());
}

pub(super) async fn what_comes_after_a_restart_is_new(place: &dyn Place) {
    let broker = place.open().await;
    let messages = [(); 3].map(|()| webhook());
    all_published(broker.as_ref(), &messages).await;
    drop(broker);
    // Nothing is left of what was there before.
    let broker = place.open().await;
    let mut drained = consumer(broker.as_ref(), Queue::Webhook);
    for _ in &messages {
        done(&mut drained).await;
    }
    published(broker.as_ref(), &webhook()).await;
    let new = next(&mut drained).await;
    assert!(!new.is_redelivered);
    new.done().await.expect("it is settled");
}

pub(super) async fn no_more_is_delivered_than_may_be_unsettled(place: &dyn Place) {
    let broker = place.open().await;
    let messages: Vec<Outgoing> = (0..10).map(|_| webhook()).collect();
    all_published(broker.as_ref(), &messages).await;
    let mut consumer = broker.subscribe(Queue::Webhook, 3);
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(next(&mut consumer).await);
    }
    figures(broker.as_ref(), Queue::Webhook, |of| of.unsettled == 3 && of.depth == 7).await;
    for left in (0..7).rev() {
        held.pop().expect("three are held").done().await.expect("it is settled");
        held.push(next(&mut consumer).await);
        figures(broker.as_ref(), Queue::Webhook, |of| of.unsettled == 3 && of.depth == left).await;
    }
}

pub(super) async fn what_is_done_beside_one_that_is_given_back_takes_nothing_of_it_along(place: &dyn Place) {
    let broker = place.open().await;
    let mut consumer = consumer(broker.as_ref(), Queue::Webhook);
    for given_back in 0..10 {
        let messages: Vec<Outgoing> = (0..10).map(|_| webhook()).collect();
        all_published(broker.as_ref(), &messages).await;
        let mut settled = JoinSet::new();
        let mut id = None;
        for number in 0..messages.len() {
            let delivery = next(&mut consumer).await;
            match number == given_back {
                true => id = Some(delivery.content.id),
                false => drop(settled.spawn(delivery.done())),
            }
        }
        assert!(settled.join_all().await.iter().all(Result::is_ok));
        assert_eq!(Some(done(&mut consumer).await.id), id);
    }
}

pub(super) async fn two_consumers_share_a_queue(place: &dyn Place) {
    let broker = place.open().await;
    let mut consumers = [broker.subscribe(Queue::Webhook, 1), broker.subscribe(Queue::Webhook, 1)];
    let messages: Vec<Outgoing> = (0..20).map(|_| webhook()).collect();
    all_published(broker.as_ref(), &messages).await;
    let mut came = Vec::new();
    for _ in 0..10 {
        // Both have one at a time, and it is not the same.
        let [first, second] = &mut consumers;
        let (first, second) = (next(first).await, next(second).await);
        came.extend([first.content.id, second.content.id]);
        first.done().await.expect("it is settled");
        second.done().await.expect("it is settled");
    }
    came.sort_unstable();
    assert_eq!(came, messages.iter().map(|message| message.content.id).collect::<Vec<_>>());
}

pub(super) async fn a_consumer_that_goes_away_gives_back_what_it_has(place: &dyn Place) {
    let broker = place.open().await;
    let messages: Vec<Outgoing> = (0..8).map(|_| webhook()).collect();
    all_published(broker.as_ref(), &messages).await;
    let mut first = consumer(broker.as_ref(), Queue::Webhook);
    let held = next(&mut first).await;
    // With it go those that it was sent and did not look at.
    drop(first);
    drop(held);
    let mut second = consumer(broker.as_ref(), Queue::Webhook);
    let mut came = BTreeSet::new();
    for _ in &messages {
        came.insert(done(&mut second).await.id);
    }
    assert_eq!(came.len(), messages.len());
}

pub(super) async fn a_broker_that_is_gone_ends_its_consumers(place: &dyn Place) {
    let broker = place.open().await;
    published(broker.as_ref(), &webhook()).await;
    let mut consumer = consumer(broker.as_ref(), Queue::Webhook);
    let held = next(&mut consumer).await;
    drop(broker);
    assert!(consumer.next().await.is_none());
    assert!(held.done().await.is_err());
}

pub(super) async fn figures_tell_what_waits_and_who_consumes(place: &dyn Place) {
    let broker = place.open().await;
    let messages: Vec<Outgoing> = (0..5).map(|_| webhook()).collect();
    all_published(broker.as_ref(), &messages).await;
    figures(broker.as_ref(), Queue::Webhook, |of| of.depth == 5 && of.consumers == 0).await;
    let mut consumer = broker.subscribe(Queue::Webhook, 2);
    let held = next(&mut consumer).await;
    figures(broker.as_ref(), Queue::Webhook, |of| of.unsettled == 2 && of.depth == 3 && of.consumers == 1)
        .await;
    held.done().await.expect("it is settled");
    figures(broker.as_ref(), Queue::Webhook, |of| of.unsettled == 2 && of.depth == 2).await;
    drop(consumer);
    figures(broker.as_ref(), Queue::Webhook, |of| of.unsettled == 0 && of.depth == 4 && of.consumers == 0)
        .await;
    figures(broker.as_ref(), Queue::Events, |of| of.depth == 0).await;
}
