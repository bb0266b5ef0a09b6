//! What becomes of messages that fail.

use std::collections::BTreeMap;
use std::time::Duration;

use uuid::Uuid;

use super::Place;
use super::given::{all_published, consumer, done, figures, next, nothing_waits, published, webhook};
use crate::broker::Broker;
use crate::message::{Content, Death, Outgoing, Reason};
use crate::retry::{RETRIES, Retries};
use crate::topology::{Exchange, Queue};

/// The message's runs, and a failure of each.
async fn fails(broker: &dyn Broker, runs: u32) {
    let mut consumer = consumer(broker, Queue::Webhook);
    for run in 1..=runs {
        let delivery = next(&mut consumer).await;
        let before = delivery.content.death.as_ref().map_or(0, |death| death.attempts);
        assert_eq!(before, run - 1);
        delivery.failed(&format!("failure {run}")).await.expect("it is settled");
    }
}

async fn buried(broker: &dyn Broker) -> Content {
    done(&mut consumer(broker, Queue::DeadLetters)).await
}

fn death(attempts: u32, reason: Reason) -> Death {
    Death {
        queue: Queue::Webhook,
        attempts,
        error_first: "failure 1".to_owned(),
        error_last: format!("failure {attempts}"),
        reason: Some(reason),
    }
}

pub(super) async fn a_message_that_always_fails_has_four_runs_and_is_buried(place: &dyn Place) {
    let broker = place.open().await;
    let mut message = webhook();
    message.content.reply_to = Some("answers".to_owned());
    message.content.correlation_id = Some("question-1".to_owned());
    published(broker.as_ref(), &message).await;
    fails(broker.as_ref(), 4).await;
    let dead = buried(broker.as_ref()).await;
    assert_eq!(dead.death, Some(death(4, Reason::Exhausted)));
    let as_published = Content { published_at: None, death: None, ..dead };
    assert_eq!(as_published, message.content);
    figures(broker.as_ref(), Queue::Webhook, |of| of.depth == 0 && of.paused == 0).await;
}

pub(super) async fn a_message_that_cannot_succeed_is_buried_at_once(place: &dyn Place) {
    let broker = place.open().await;
    let message = webhook();
    published(broker.as_ref(), &message).await;
    let delivery = next(&mut consumer(broker.as_ref(), Queue::Webhook)).await;
    delivery.dead("failure 1").await.expect("it is settled");
    let dead = buried(broker.as_ref()).await;
    assert_eq!((dead.id, dead.death), (message.content.id, Some(death(1, Reason::Rejected))));
}

pub(super) async fn a_message_that_succeeds_at_last_is_not_buried(place: &dyn Place) {
    let broker = place.open().await;
    published(broker.as_ref(), &webhook()).await;
    fails(broker.as_ref(), 3).await;
    let last = next(&mut consumer(broker.as_ref(), Queue::Webhook)).await;
    assert_eq!(last.content.death.as_ref().map(|death| death.attempts), Some(3));
    last.done().await.expect("it is settled");
    // Another that is buried is the only one.
    let other = webhook();
    published(broker.as_ref(), &other).await;
    fails(broker.as_ref(), 4).await;
    assert_eq!(buried(broker.as_ref()).await.id, other.content.id);
}

pub(super) async fn a_long_error_is_kept_in_part(place: &dyn Place) {
    let broker = place.open().await;
    published(broker.as_ref(), &webhook()).await;
    let delivery = next(&mut consumer(broker.as_ref(), Queue::Webhook)).await;
    delivery.dead(&"€".repeat(100_000)).await.expect("it is settled");
    let death = buried(broker.as_ref()).await.death.expect("it is dead");
    assert_eq!(death.error_last, "€".repeat(500));
}

pub(super) async fn poison_harms_no_other_message(place: &dyn Place) {
    let broker = place.open().await;
    let messages: Vec<Outgoing> = (0..300).map(|_| webhook()).collect();
    let is_poison = |id: Uuid| id.as_u128().is_multiple_of(10);
    all_published(broker.as_ref(), &messages).await;
    let poison = messages.iter().filter(|message| is_poison(message.content.id)).count();
    let runs = messages.len() + poison * RETRIES;
    let mut consumer = consumer(broker.as_ref(), Queue::Webhook);
    let mut came: BTreeMap<Uuid, usize> = BTreeMap::new();
    for _ in 0..runs {
        let delivery = next(&mut consumer).await;
        let id = delivery.content.id;
        *came.entry(id).or_default() += 1;
        let settled = match is_poison(id) {
            true => delivery.failed("poison").await,
            false => delivery.done().await,
        };
        settled.expect("it is settled");
    }
    assert!(came.iter().all(|(id, runs)| *runs == if is_poison(*id) { RETRIES + 1 } else { 1 }), "{came:?}");
    figures(broker.as_ref(), Queue::DeadLetters, |of| of.depth == poison as u64).await;
    figures(broker.as_ref(), Queue::Webhook, |of| of.depth == 0 && of.paused == 0).await;
}

pub(super) async fn a_dead_letter_that_is_published_again_has_its_runs_again(place: &dyn Place) {
    let broker = place.open().await;
    published(broker.as_ref(), &webhook()).await;
    fails(broker.as_ref(), 4).await;
    let dead = buried(broker.as_ref()).await;
    published(broker.as_ref(), &dead.to(Exchange::Transactions, "transaction.webhook")).await;
    let again = next(&mut consumer(broker.as_ref(), Queue::Webhook)).await;
    again.failed("failure 1").await.expect("it is settled");
    let again = next(&mut consumer(broker.as_ref(), Queue::Webhook)).await;
    assert_eq!(again.content.death.as_ref().map(|death| (death.attempts, death.reason)), Some((1, None)));
    again.done().await.expect("it is settled");
}

pub(super) async fn nothing_that_failed_comes_before_its_pause_ends(place: &dyn Place) {
    let long = Retries([Duration::from_secs(3_600); RETRIES]);
    let broker = place.open_with(long).await;
    published(broker.as_ref(), &webhook()).await;
    fails(broker.as_ref(), 1).await;
    figures(broker.as_ref(), Queue::Webhook, |of| of.paused == 1 && of.depth == 0).await;
    // What comes later is not held up.
    let mut consumer = consumer(broker.as_ref(), Queue::Webhook);
    nothing_waits(broker.as_ref(), &mut consumer, webhook()).await;
    // A dead letter whose consumer fails waits as well, and stays what it is.
    let doomed = webhook();
    published(broker.as_ref(), &doomed).await;
    next(&mut consumer).await.dead("failure 1").await.expect("it is settled");
    let dead = next(&mut super::given::consumer(broker.as_ref(), Queue::DeadLetters)).await;
    assert_eq!(dead.content.death, Some(death(1, Reason::Rejected)));
    dead.failed("the desk is closed").await.expect("it is settled");
    figures(broker.as_ref(), Queue::DeadLetters, |of| of.paused == 1 && of.depth == 0).await;
}

pub(super) async fn pauses_outlive_the_broker(place: &dyn Place) {
    let broker = place.open().await;
    let message = webhook();
    published(broker.as_ref(), &message).await;
    fails(broker.as_ref(), 1).await;
    drop(broker);
    let broker = place.open().await;
    let again = next(&mut consumer(broker.as_ref(), Queue::Webhook)).await;
    assert_eq!(again.content.id, message.content.id);
    assert_eq!(again.content.death.as_ref().map(|death| death.attempts), Some(1));
    again.done().await.expect("it is settled");
}
