//! What a RabbitMQ that is killed, stands still, refuses or is not as it should be does to messages.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_broker::contract::Place;
use bursar_broker::{Address, Broker, BrokerError, Content, Exchange, Outgoing, PublishError, Queue};
use bursar_broker_rabbitmq::{Options, RabbitBroker};
use bursar_testkit::{RabbitPlace, RabbitServer};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use uuid::Uuid;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Publishes numbered messages, each until it is confirmed, and tells how many are, and how many tries failed.
struct Publisher {
    told: watch::Receiver<(u128, u64)>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Publisher {
    fn start(broker: Arc<dyn Broker>) -> Self {
        let (tell, told) = watch::channel((0, 0));
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(async move {
            while !*stopped.borrow() {
                let first = tell.borrow().0 + 1;
                let mut left: Vec<Outgoing> = (first..first + 20).map(message).collect();
                while !left.is_empty() {
                    let results = broker.publish(left.clone()).await;
                    let failed = results.iter().filter(|result| result.is_err()).count();
                    let mut results = results.into_iter();
                    left.retain(|_| results.next().is_some_and(|result| result.is_err()));
                    tell.send_modify(|(_, failures)| *failures += failed as u64);
                    tokio::task::yield_now().await;
                }
                tell.send_modify(|(confirmed, _)| *confirmed += 20);
            }
        });
        Self { told, stop, task }
    }

    /// Waits until so many more are confirmed.
    async fn confirms(&mut self, more: u128) {
        let until = self.told.borrow().0 + more;
        self.told.wait_for(|(confirmed, _)| *confirmed >= until).await.expect("it publishes");
    }

    /// Waits until another try has failed.
    async fn fails(&mut self) {
        let before = self.told.borrow().1;
        self.told.wait_for(|(_, failures)| *failures > before).await.expect("it publishes");
    }

    /// Ends it. How many were confirmed.
    async fn stop(self) -> u128 {
        self.stop.send_replace(true);
        self.task.await.expect("it publishes");
        self.told.borrow().0
    }
}

fn message(number: u128) -> Outgoing {
    let content = Content::new(Uuid::from_u128(number), "test", b"{}".to_vec());
    content.to(Exchange::Transactions, "transaction.webhook")
}

/// Consumes for ever, and tells which messages took effect.
fn consume(broker: &dyn Broker) -> watch::Receiver<BTreeSet<u128>> {
    let (tell, told) = watch::channel(BTreeSet::new());
    let mut consumer = broker.subscribe(Queue::Webhook, 50);
    tokio::spawn(async move {
        while let Some(delivery) = consumer.next().await {
            let number = delivery.content.id.as_u128();
            tell.send_modify(|came| {
                came.insert(number);
            });
            // One that is not taken comes again.
            let _ = delivery.done().await;
        }
    });
    told
}

async fn broker(place: &RabbitPlace) -> Arc<dyn Broker> {
    // A RabbitMQ that stands still is given up soon.
    let options = Options { confirm_timeout: Duration::from_secs(1), ..place.options() };
    Arc::new(RabbitBroker::start(options).await.expect("it starts"))
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_and_nothing_invented_whatever_happens_to_rabbitmq() {
    let mut server = RabbitServer::new();
    let place = server.place().await;
    let broker = broker(&place).await;
    let mut came = consume(broker.as_ref());
    let mut publisher = Publisher::start(broker.clone());
    for round in 0..10 {
        publisher.confirms(100).await;
        match round % 3 {
            0 => server.kill(),
            1 => server.freeze(),
            _ => server.alarm(true),
        }
        publisher.fails().await;
        match round % 3 {
            0 => server.start(),
            1 => server.thaw(),
            _ => server.alarm(false),
        }
    }
    publisher.confirms(100).await;
    let confirmed = publisher.stop().await;
    let all: BTreeSet<u128> = (1..=confirmed).collect();
    let came = came.wait_for(|came| came.is_superset(&all)).await.expect("it consumes");
    assert_eq!(*came, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_that_takes_no_messages_says_so_and_what_waits_for_it_is_published_once() {
    let server = RabbitServer::new();
    let place = server.place().await;
    let options = Options { confirm_timeout: PATIENCE, ..place.options() };
    let broker = Arc::new(RabbitBroker::start(options).await.expect("it starts"));
    let mut publisher = Publisher::start(broker.clone());
    publisher.confirms(20).await;
    server.alarm(true);
    let began = Instant::now();
    while broker.blocked().is_none() {
        assert!(began.elapsed() < PATIENCE, "it says nothing");
        tokio::task::yield_now().await;
    }
    assert_eq!(broker.blocked().as_deref(), Some("low on memory"));
    let away = "it takes no messages now: low on memory".into();
    assert_eq!(broker.publish(vec![message(0)]).await, [Err(PublishError::Away(away))]);
    server.alarm(false);
    publisher.confirms(40).await;
    let (_, failures) = *publisher.told.borrow();
    assert_eq!(failures, 0, "what was on its way is not published again");
    publisher.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_that_is_away_at_the_start_is_waited_for() {
    let mut server = RabbitServer::new();
    let place = server.place().await;
    server.kill();
    let broker = broker(&place).await;
    let mut came = consume(broker.as_ref());
    let mut publisher = Publisher::start(broker.clone());
    publisher.fails().await;
    assert!(matches!(broker.figures().await, Err(BrokerError::Away(_))));
    server.start();
    publisher.confirms(20).await;
    came.wait_for(|came| came.contains(&1)).await.expect("it consumes");
    publisher.stop().await;
}

#[tokio::test]
async fn a_queue_that_is_there_with_other_arguments_is_named_at_the_start() {
    let place = RabbitPlace::new().await;
    let classic = serde_json::json!({ "durable": true, "arguments": { "x-queue-type": "classic" } });
    place.put("queues/{vhost}/webhook-queue", &classic).await;
    let error = RabbitBroker::start(place.options()).await.map(drop).expect_err("it is not as it should be");
    let words = error.to_string();
    assert!(matches!(error, BrokerError::Misfit { .. }), "{words}");
    for part in ["queue 'webhook-queue'", "inequivalent arg", "but current is none", "delete it"] {
        assert!(words.contains(part), "{part}: {words}");
    }
}

#[tokio::test]
async fn a_queue_that_is_deleted_while_it_is_used_is_made_again() {
    let place = RabbitPlace::new().await;
    let broker = place.open().await;
    let mut consumer = broker.subscribe(Queue::Webhook, 5);
    let publish = async |number| broker.publish(vec![message(number)]).await;
    assert_eq!(publish(1).await, [Ok(())]);
    consumer.next().await.expect("it consumes").done().await.expect("it is settled");
    place.delete("queues/{vhost}/webhook-queue").await;
    // The consumer is told, and has all made anew.
    let found = async {
        loop {
            assert_eq!(publish(2).await.len(), 1);
            if let Ok(Some(delivery)) =
                tokio::time::timeout(Duration::from_millis(100), consumer.next()).await
            {
                return delivery.content.id;
            }
        }
    };
    assert_eq!(found.await.as_u128(), 2);
}

#[tokio::test]
async fn a_queue_that_is_deleted_and_that_nobody_consumes_here_is_made_again_once_it_is_counted() {
    let place = RabbitPlace::new().await;
    let broker = place.open().await;
    place.delete("queues/{vhost}/jit-funding-response-queue").await;
    assert!(matches!(broker.figures().await, Err(BrokerError::Away(_))));
    while broker.figures().await.is_err() {
        tokio::task::yield_now().await;
    }
    let content = Content::new(Uuid::from_u128(1), "test", b"{}".to_vec());
    let answer = content.to(Exchange::Transactions, "jit-funding.decided");
    assert_eq!(broker.publish(vec![answer]).await, [Ok(())]);
    let mut consumer = broker.subscribe(Queue::JitFundingResponse, 5);
    assert_eq!(consumer.next().await.expect("it is there").content.id.as_u128(), 1);
}

/// A message that nobody is bound to, between two others.
fn batch_with_a_stray(number: u128) -> Vec<Outgoing> {
    let content = Content::new(Uuid::from_u128(3 * number), "test", b"{}".to_vec());
    let stray = content.to(Exchange::Transactions, "no.such.key");
    vec![message(3 * number + 1), stray, message(3 * number + 2)]
}

#[tokio::test]
async fn a_batch_of_which_a_message_comes_back_is_not_published() {
    let place = RabbitPlace::new().await;
    let broker = place.open().await;
    place.delete("queues/{vhost}/unrouted-queue").await;
    let results = broker.publish(batch_with_a_stray(1)).await;
    assert!(results.iter().all(|result| matches!(result, Err(PublishError::Away(_)))), "{results:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_batches_at_once_none_takes_what_comes_back_of_another_for_published() {
    let place = RabbitPlace::new().await;
    let broker = place.open().await;
    place.delete("queues/{vhost}/unrouted-queue").await;
    let mut publishing = JoinSet::new();
    for number in 1..=50 {
        let broker = broker.clone();
        publishing.spawn(async move {
            while bursar_broker::publish_all(broker.as_ref(), batch_with_a_stray(number)).await.is_err() {
                tokio::task::yield_now().await;
            }
        });
    }
    publishing.join_all().await;
    // All was made anew, so each that is published came somewhere.
    let mut strays: BTreeSet<u128> = (1..=50).map(|number| 3 * number).collect();
    let mut consumer = broker.subscribe(Queue::Unrouted, 50);
    while !strays.is_empty() {
        let next = tokio::time::timeout(Duration::from_secs(20), consumer.next()).await;
        let Ok(Some(delivery)) = next else { panic!("published, and lost: {strays:?}") };
        strays.remove(&delivery.content.id.as_u128());
        delivery.done().await.expect("it is settled");
    }
}

/// One after another they would take as many minutes.
#[tokio::test(flavor = "multi_thread")]
async fn answers_do_not_wait_for_one_another() {
    let server = RabbitServer::new();
    let place = server.place().await;
    // Nobody notices that the connection is dead: each message is waited for as long as it may be.
    let url = format!("{}?heartbeat=0", place.url());
    let options = Options { url, confirm_timeout: Duration::from_secs(1), ..place.options() };
    let broker = RabbitBroker::start(options).await.expect("it starts");
    let answer = |number| {
        let to = Address::Queue(Queue::JitFundingResponse.name().to_owned());
        Outgoing { to, content: Content::new(Uuid::from_u128(number), "test", b"{}".to_vec()) }
    };
    let mut batch: Vec<Outgoing> = (1..=240).map(answer).collect();
    assert!(broker.publish(batch.clone()).await.iter().all(Result::is_ok));
    server.freeze();
    batch.push(message(1_000));
    let results = tokio::time::timeout(Duration::from_secs(60), broker.publish(batch)).await;
    let results = results.expect("it says that it does not know");
    assert!(results.iter().all(|result| matches!(result, Err(PublishError::Away(_)))), "{results:?}");
    server.thaw();
}
