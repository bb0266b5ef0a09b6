//! Events on their way from the outbox to the queues, on both stores.

mod handover;
mod queue;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_authorizer::{Authorizer, Handover, Reply, Request, Timeline};
use bursar_broker::contract::Place as BrokerPlace;
use bursar_broker::{Broker, Queue};
use bursar_cache::Cache;
use bursar_server::workers::relay::{Relay, Settings};
use bursar_store::{Backlog, Outbox, Store as Ledger};
use bursar_testkit::given::{self, Funded, usd};
use bursar_testkit::{BrokerFolder, FaultyBroker, RabbitPlace, Store, Way, on_both_stores};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Longer than any test: what is not told of is not found.
const NEVER: Duration = Duration::from_secs(3600);

/// Longer than a relay has an event for itself.
const LEASE_ENDS: SignedDuration = SignedDuration::from_secs(31);

/// So many swipes.
async fn swipes(ledger: &dyn Ledger, account: &Funded, count: usize) {
    for _ in 0..count {
        given::sent(ledger, &given::authorization(account, usd("0.01"))).await;
    }
}

/// Takes messages out of the events queue until all of these have come; how often each did.
async fn came(broker: &dyn Broker, expected: usize) -> BTreeMap<Uuid, usize> {
    let mut consumer = broker.subscribe(Queue::Events, 100);
    let mut came = BTreeMap::new();
    while came.len() < expected {
        let next = tokio::time::timeout(PATIENCE, consumer.next()).await;
        let delivery = next.expect("an event comes").expect("the broker is there");
        *came.entry(delivery.content.id).or_default() += 1;
        delivery.done().await.expect("it is settled");
    }
    came
}

async fn waiting(outbox: &dyn Outbox) -> usize {
    let Backlog { events, .. } = outbox.backlog().await.expect("readable");
    usize::try_from(events).expect("some")
}

/// Until everything is marked.
async fn drained(outbox: &dyn Outbox) {
    let began = Instant::now();
    while waiting(outbox).await > 0 {
        assert!(began.elapsed() < PATIENCE, "events wait for ever");
        tokio::task::yield_now().await;
    }
}

fn authorizer(ledger: Arc<dyn Ledger>) -> Authorizer {
    let cache = Cache::in_memory(bursar_cache::Settings::default());
    Authorizer::start(ledger, cache, bursar_authorizer::Settings::default()).expect("it starts")
}

/// Has a swipe decided.
async fn settle(authorizer: &Authorizer, account: &Funded) {
    let work = given::authorization(account, usd("0.01")).work();
    let settlement = authorizer.settle(Request { work, deadline: None, timeline: Timeline::begin() }).await;
    assert!(!matches!(settlement.reply, Reply::Unavailable(_)), "{:?}", settlement.reply);
}

fn seldom() -> Settings {
    Settings { interval: NEVER, ..Settings::default() }
}

fn relay(store: Arc<dyn Ledger>, broker: Arc<dyn Broker>) -> Relay {
    // Nobody tells it of a commit.
    Relay::new(store, broker, Handover::default(), seldom(), Arc::default())
}

on_both_stores!(every_event_is_published_once_where_nothing_fails, worker_threads = 2);
async fn every_event_is_published_once_where_nothing_fails(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (place.open(), queues.open().await);
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    swipes(ledger.as_ref(), &account, 600).await;
    let events = waiting(ledger.as_ref()).await;
    let relay = relay(ledger.clone(), broker.clone());
    let figures = relay.figures();
    let relaying = relay.start();
    let came = came(broker.as_ref(), events).await;
    assert!(came.values().all(|times| *times == 1), "{came:?}");
    drained(ledger.as_ref()).await;
    relaying.stop().await;
    assert_eq!(figures.events(), events as u64);
    // Those about money came to the record's queue as well: the load, and the swipes.
    let of = broker.figures().await.expect("readable");
    let depth = |queue| of.iter().find(|of| of.queue == queue).map(|of| of.depth);
    assert_eq!(depth(Queue::TransactionProcessing), Some(601));
    assert_eq!(depth(Queue::Unrouted), Some(0));
}

on_both_stores!(what_was_published_is_forgotten_when_it_is_old_enough, worker_threads = 2);
async fn what_was_published_is_forgotten_when_it_is_old_enough(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (place.open(), queues.open().await);
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    swipes(ledger.as_ref(), &account, 20).await;
    let settings = Settings { kept: Duration::ZERO, ..seldom() };
    let relay = Relay::new(ledger.clone(), broker.clone(), Handover::default(), settings, Arc::default());
    let relaying = relay.start();
    drained(ledger.as_ref()).await;
    relaying.stop().await;
    // The last one stays, whoever forgets.
    assert_eq!(ledger.forget_published(Timestamp::MAX, 1_000).await, Ok(0), "it left nothing to forget");
}

on_both_stores!(a_relay_that_dies_between_publishing_and_marking_loses_nothing, worker_threads = 2);
async fn a_relay_that_dies_between_publishing_and_marking_loses_nothing(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (place.open(), queues.open().await);
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    swipes(ledger.as_ref(), &account, 20).await;
    let events = waiting(ledger.as_ref()).await;
    let mute = FaultyBroker::over(broker.clone(), Way::Mute);
    let dying = relay(ledger.clone(), mute.clone()).start();
    while mute.swallowed() == 0 {
        tokio::task::yield_now().await;
    }
    drop(dying);
    assert_eq!(waiting(ledger.as_ref()).await, events, "nothing of it is marked");
    place.clock().set_after_noon(LEASE_ENDS);
    let relaying = relay(ledger.clone(), broker.clone()).start();
    drained(ledger.as_ref()).await;
    relaying.stop().await;
    let mut consumer = broker.subscribe(Queue::Events, 100);
    let mut times: BTreeMap<Uuid, usize> = BTreeMap::new();
    for _ in 0..events * 2 {
        let delivery = consumer.next().await.expect("the broker is there");
        *times.entry(delivery.content.id).or_default() += 1;
        delivery.done().await.expect("it is settled");
    }
    assert_eq!(times.len(), events);
    assert!(times.values().all(|times| *times == 2), "{times:?}");
}

on_both_stores!(what_a_broker_that_is_away_did_not_take_is_published_when_it_is_back, worker_threads = 2);
async fn what_a_broker_that_is_away_did_not_take_is_published_when_it_is_back(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (place.open(), queues.open().await);
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    swipes(ledger.as_ref(), &account, 300).await;
    let events = waiting(ledger.as_ref()).await;
    let away = FaultyBroker::over(broker.clone(), Way::Away);
    let relay = relay(ledger.clone(), away.clone());
    let figures = relay.figures();
    let relaying = relay.start();
    while figures.failures() < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(waiting(ledger.as_ref()).await, events);
    // No lease has to end for it.
    away.switch(Way::Open);
    let came = came(broker.as_ref(), events).await;
    assert!(came.values().all(|times| *times == 1), "{came:?}");
    relaying.stop().await;
}

on_both_stores!(several_relays_share_an_outbox, worker_threads = 2);
async fn several_relays_share_an_outbox(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (place.open(), queues.open().await);
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    swipes(ledger.as_ref(), &account, 1_000).await;
    let events = waiting(ledger.as_ref()).await;
    let relays: Vec<_> = (0..3).map(|_| relay(ledger.clone(), broker.clone())).collect();
    let figures: Vec<_> = relays.iter().map(Relay::figures).collect();
    let relaying: Vec<_> = relays.into_iter().map(Relay::start).collect();
    drained(ledger.as_ref()).await;
    for relaying in relaying {
        relaying.stop().await;
    }
    let came = came(broker.as_ref(), events).await;
    assert!(came.values().all(|times| *times == 1), "{came:?}");
    assert_eq!(figures.iter().map(|figures| figures.events()).sum::<u64>(), events as u64);
}

on_both_stores!(events_come_to_rabbitmq, worker_threads = 2);
async fn events_come_to_rabbitmq(store: Store) {
    let (place, vhost) = (store.place(), RabbitPlace::new().await);
    let (ledger, broker) = (place.open(), vhost.open().await);
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    swipes(ledger.as_ref(), &account, 300).await;
    let events = waiting(ledger.as_ref()).await;
    let relaying = relay(ledger.clone(), broker.clone()).start();
    let came = came(broker.as_ref(), events).await;
    assert!(came.values().all(|times| *times == 1), "{came:?}");
    drained(ledger.as_ref()).await;
    relaying.stop().await;
}
