//! Events that commits of this process hand to its relay.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_authorizer::Authorizer;
use bursar_broker::Broker;
use bursar_broker::contract::Place as BrokerPlace;
use bursar_server::workers::Task;
use bursar_server::workers::relay::{Figures, Relay, Settings};
use bursar_store::Store as Ledger;
use bursar_testkit::given::{self, Funded, usd};
use bursar_testkit::{BrokerFolder, FaultyBroker, FaultyLedger, Store, Way, on_both_stores};

use super::{LEASE_ENDS, authorizer, came, drained, relay, seldom, settle, waiting};

const DAY_US: u64 = 24 * 3_600 * 1_000_000;

/// A relay to which events are handed over.
struct Taken {
    account: Funded,
    authorizer: Authorizer,
    relaying: Task,
    figures: Arc<Figures>,
}

impl Taken {
    /// Over this ledger, to `way`, which leads to the broker; nothing waits.
    async fn begin(
        ledger: Arc<dyn Ledger>,
        broker: &dyn Broker,
        way: Arc<dyn Broker>,
        settings: Settings,
    ) -> Self {
        let account = given::account(ledger.as_ref(), usd("100.00")).await;
        let authorizer = authorizer(ledger.clone());
        let before = waiting(ledger.as_ref()).await;
        let handover = authorizer.handover().clone();
        let figures = Arc::<Figures>::default();
        let relaying = Relay::new(ledger.clone(), way, handover, settings, figures.clone()).start();
        came(broker, before).await;
        // It marks what it has published when it waits, and events are handed to it by then.
        drained(ledger.as_ref()).await;
        Self { account, authorizer, relaying, figures }
    }

    async fn swipes(&self, count: usize) {
        for _ in 0..count {
            settle(&self.authorizer, &self.account).await;
        }
    }

    async fn end(self) {
        self.relaying.stop().await;
        self.authorizer.stop(Duration::from_secs(10)).await.expect("it stops");
    }
}

/// So many come, each once.
async fn come_once(broker: &dyn Broker, count: usize) {
    let came = came(broker, count).await;
    assert!(came.values().all(|times| *times == 1), "{came:?}");
}

on_both_stores!(who_is_handed_events_need_not_look_for_them, worker_threads = 2);
async fn who_is_handed_events_need_not_look_for_them(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (FaultyLedger::new(place.open()), queues.open().await);
    let taken = Taken::begin(ledger.clone(), broker.as_ref(), broker.clone(), seldom()).await;
    let looks = ledger.looks();
    taken.swipes(50).await;
    come_once(broker.as_ref(), 50).await;
    drained(ledger.as_ref()).await;
    assert_eq!(ledger.looks(), looks);
    taken.end().await;
}

on_both_stores!(publishing_is_counted_from_the_commit_of_what_is_handed_over, worker_threads = 2);
async fn publishing_is_counted_from_the_commit_of_what_is_handed_over(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (place.open(), queues.open().await);
    let taken = Taken::begin(ledger.clone(), broker.as_ref(), broker.clone(), seldom()).await;
    // Decisions are of another day, by the test's clock. What was there before had to be looked for.
    let found = taken.figures.publish.view();
    assert!(found.count > 0 && found.p50_us > DAY_US, "{found:?}");
    let more = usize::try_from(found.count).expect("some") * 2;
    taken.swipes(more).await;
    come_once(broker.as_ref(), more).await;
    drained(ledger.as_ref()).await;
    let (publish, age) = (taken.figures.publish.view(), taken.figures.age.view());
    assert!(publish.count == found.count * 3 && publish.p50_us < DAY_US, "{publish:?}");
    assert!(age.count == publish.count && age.p50_us > DAY_US, "{age:?}");
    taken.end().await;
}

on_both_stores!(what_comes_during_a_batch_is_published_together_where_instances_meet, worker_threads = 2);
async fn what_comes_during_a_batch_is_published_together_where_instances_meet(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (FaultyLedger::new(place.open()), queues.open().await);
    ledger.prefer_one_lane();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let authorizer = authorizer(ledger.clone());
    let slow = FaultyBroker::over(broker, Way::Slow(Duration::from_millis(10)));
    let relay = Relay::new(ledger, slow, authorizer.handover().clone(), seldom(), Arc::default());
    let figures = relay.figures();
    let began = Instant::now();
    let relaying = relay.start();
    while figures.events() < 200 || figures.batches() < 10 {
        settle(&authorizer, &account).await;
    }
    relaying.stop().await;
    authorizer.stop(Duration::from_secs(10)).await.expect("it stops");
    // Each takes 10 ms at least, and then it rests as long.
    let most = began.elapsed().as_millis() / 20 + 1;
    assert!(u128::from(figures.batches()) <= most, "{} batches, of {most} at most", figures.batches());
}

on_both_stores!(what_was_handed_to_who_cannot_publish_is_published_when_he_can, worker_threads = 2);
async fn what_was_handed_to_who_cannot_publish_is_published_when_he_can(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (place.open(), queues.open().await);
    let way = FaultyBroker::over(broker.clone(), Way::Open);
    let taken = Taken::begin(ledger.clone(), broker.as_ref(), way.clone(), seldom()).await;
    // The first is on its way, and the others are handed over behind it.
    way.switch(Way::Held);
    taken.swipes(10).await;
    way.switch(Way::Away);
    taken.swipes(10).await;
    // No lease has to end for them.
    way.switch(Way::Open);
    come_once(broker.as_ref(), 20).await;
    taken.end().await;
}

on_both_stores!(what_there_is_no_place_for_is_looked_for_at_once, worker_threads = 2);
async fn what_there_is_no_place_for_is_looked_for_at_once(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (place.open(), queues.open().await);
    let way = FaultyBroker::over(broker.clone(), Way::Open);
    let taken = Taken::begin(ledger.clone(), broker.as_ref(), way.clone(), seldom()).await;
    way.switch(Way::Held);
    // More commits than wait for a relay.
    taken.swipes(100).await;
    way.switch(Way::Open);
    come_once(broker.as_ref(), 100).await;
    taken.end().await;
}

on_both_stores!(who_cannot_mark_publishes_nothing_more_and_says_why_until_he_can, worker_threads = 2);
async fn who_cannot_mark_publishes_nothing_more_and_says_why_until_he_can(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (FaultyLedger::new(place.open()), queues.open().await);
    let (way, settings) = (broker.clone(), Settings::default());
    let taken = Taken::begin(ledger.clone(), broker.as_ref(), way, settings).await;
    ledger.refuse_marks(true);
    taken.swipes(3).await;
    let mut failures = 0;
    while failures < 4 {
        failures = taken.figures.failures();
        assert!(failures == 0 || taken.figures.problem().is_some());
        tokio::task::yield_now().await;
    }
    let published = taken.figures.events();
    let looks = ledger.looks();
    taken.swipes(3).await;
    while taken.figures.failures() < failures + 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!((taken.figures.events(), ledger.looks()), (published, looks));
    ledger.refuse_marks(false);
    come_once(broker.as_ref(), 6).await;
    drained(ledger.as_ref()).await;
    taken.end().await;
}

on_both_stores!(what_was_handed_to_who_stops_is_anybody_s, worker_threads = 2);
async fn what_was_handed_to_who_stops_is_anybody_s(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (place.open(), queues.open().await);
    let way = FaultyBroker::over(broker.clone(), Way::Open);
    let taken = Taken::begin(ledger.clone(), broker.as_ref(), way.clone(), seldom()).await;
    way.switch(Way::Held);
    taken.swipes(10).await;
    let opens = async {
        // It was told to stop by then.
        tokio::task::yield_now().await;
        way.switch(Way::Open);
    };
    tokio::join!(taken.end(), opens);
    let another = relay(ledger.clone(), broker.clone()).start();
    come_once(broker.as_ref(), 10).await;
    another.stop().await;
}

on_both_stores!(events_of_a_commit_without_a_word_are_published_when_their_lease_ends, worker_threads = 2);
async fn events_of_a_commit_without_a_word_are_published_when_their_lease_ends(store: Store) {
    let (place, queues) = (store.place(), BrokerFolder::new());
    let (ledger, broker) = (FaultyLedger::new(place.open()), queues.open().await);
    let (way, settings) = (broker.clone(), Settings::default());
    let taken = Taken::begin(ledger.clone(), broker.as_ref(), way, settings).await;
    ledger.lose_commits(1);
    taken.swipes(1).await;
    place.clock().set_after_noon(LEASE_ENDS);
    come_once(broker.as_ref(), 1).await;
    taken.end().await;
}
