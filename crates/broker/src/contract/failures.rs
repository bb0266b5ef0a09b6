//! What becomes of messages that fail.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::task::JoinSet;
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

/// Nobody knows the id of a death before, but that it has one.
fn without_id(death: Option<Death>) -> Option<Death> {
    death.map(|death| {
        assert!(!death.id.is_nil(), "{death:?}");
        Death { id: Uuid::nil(), ..death }
    })
}

fn death(attempts: u32, reason: Reason) -> Death {
    Death {
        id: Uuid::nil(),
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
    assert_eq!(without_id(dead.death.clone()), Some(death(4, Reason::Exhausted)));
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
    assert_eq!((dead.id, without_id(dead.death)), (message.content.id, Some(death(1, Reason::Rejected))));
}

pub(super) async fn a_dead_letter_that_comes_twice_is_the_same_death(place: &dyn Place) {
    let broker = place.open().await;
    let message = webhook();
    published(broker.as_ref(), &message).await;
    let mut deaths = Vec::new();
    for _ in 0..2 {
        let delivery = next(&mut consumer(broker.as_ref(), Queue::Webhook)).await;
        delivery.dead("failure 1").await.expect("it is settled");
        let mut graves = consumer(broker.as_ref(), Queue::DeadLetters);
        let first = next(&mut graves).await.content.death.clone();
        let second = next(&mut graves).await;
        assert_eq!(first, second.content.death);
        // Another consumer, after a failure of the one before.
        second.failed("the desk is closed").await.expect("it is settled");
        let third = done(&mut graves).await;
        assert_eq!(first, third.death);
        deaths.extend(first);
        published(broker.as_ref(), &third.to(Exchange::Transactions, "transaction.webhook")).await;
    }
    assert!(deaths[0].id != deaths[1].id && deaths.iter().all(|death| !death.id.is_nil()), "{deaths:?}");
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
    let messages: Vec<Outgoing> = (0..10_000).map(|_| webhook()).collect();
    let is_poison = |id: Uuid| id.as_u128().is_multiple_of(500);
    for some in messages.chunks(500) {
        all_published(broker.as_ref(), some).await;
    }
    let ids = messages.iter().map(|message| message.content.id);
    let poison: BTreeSet<Uuid> = ids.clone().filter(|id| is_poison(*id)).collect();
    let mut came: BTreeMap<Uuid, usize> = BTreeMap::new();
    let mut consumer = broker.subscribe(Queue::Webhook, 250);
    let mut settling = JoinSet::new();
    for _ in 0..messages.len() + poison.len() * RETRIES {
        let delivery = next(&mut consumer).await;
        let id = delivery.content.id;
        *came.entry(id).or_default() += 1;
        settling.spawn(async move {
            match is_poison(id) {
                true => delivery.failed("poison").await,
                false => delivery.done().await,
            }
        });
    }
    let settled = settling.join_all().await;
    assert!(settled.iter().all(Result::is_ok), "{settled:?}");
    let runs = |id| if is_poison(id) { RETRIES + 1 } else { 1 };
    assert_eq!(came, ids.map(|id| (id, runs(id))).collect());
    figures(broker.as_ref(), Queue::Webhook, |of| of.depth == 0 && of.paused == 0 && of.unsettled == 0).await;
    let mut graves = super::given::consumer(broker.as_ref(), Queue::DeadLetters);
    let mut buried = BTreeSet::new();
    for _ in &poison {
        let dead = done(&mut graves).await;
        let death = dead.death.expect("it died");
        assert_eq!((death.attempts, death.reason), (4, Some(Reason::Exhausted)));
        buried.insert(dead.id);
    }
    assert_eq!(buried, poison);
    figures(broker.as_ref(), Queue::DeadLetters, |of| of.depth == 0 && of.unsettled == 0).await;
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
    let death = again.content.death.clone().expect("a run failed");
    assert_eq!((death.id, death.attempts, death.reason), (Uuid::nil(), 1, None));
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
    assert_eq!(without_id(dead.content.death.clone()), Some(death(1, Reason::Rejected)));
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
