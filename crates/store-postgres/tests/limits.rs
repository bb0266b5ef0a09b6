//! Nobody waits longer than he has time: not for a connection, not on one that hangs, not for a lock.

use std::sync::Arc;
use std::time::Duration;

use bursar_store::contract::Place;
use bursar_store::contract::given::{self, usd};
use bursar_store::{Batch, DeadLetters, Ledger, Page, Reader, RecordFilter, StoreError, TransactionRecords};
use bursar_store_postgres::{Options, PostgresLedger, migrate};
use bursar_testkit::{Deed, Meddler, PostgresPlace};

/// Nobody waits longer than this for what does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any test.
const LONG: Duration = Duration::from_secs(600);

const SOON: Duration = Duration::from_millis(200);

async fn in_time<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it ends by itself")
}

/// Nothing of this ends by the time for connecting.
fn impatient(place: &PostgresPlace, url: String, lock_timeout: Duration) -> Options {
    Options { url, connect_timeout: LONG, lane_timeout: SOON, lock_timeout, lanes: 1, ..place.options() }
}

#[tokio::test]
async fn a_swipe_waits_for_a_look_up_of_others_no_longer_than_a_look_up_takes() {
    let place = PostgresPlace::new();
    let (gate, url) = place.behind_a_gate().await;
    let options = Options { lookups: 1, ..impatient(&place, url, LONG) };
    let ledger = Arc::new(PostgresLedger::open(options).await.expect("opens"));
    let token = given::new_token("card");
    gate.close();
    let first = tokio::spawn({
        let (ledger, token) = (Arc::clone(&ledger), token.clone());
        async move { ledger.find_cardholder_by_token(&token).await }
    });
    gate.requests(1).await;
    let busy = in_time(ledger.find_cardholder_by_token(&token)).await.expect_err("another has it");
    assert!(busy.to_string().contains("look up the tokens of swipes are busy"), "{busy}");
    gate.open();
    assert_eq!(first.await.expect("no panic"), Ok(None));
    assert_eq!(ledger.find_cardholder_by_token(&token).await, Ok(None));
}

#[tokio::test]
async fn a_search_has_its_connection_for_a_short_time_only() {
    let place = PostgresPlace::new();
    let options = Options { readers_max: 1, statement_timeout: LONG, ..place.options() };
    let ledger = PostgresLedger::open(options).await.expect("opens");
    let held = place.hold("lock table transaction_records in access exclusive mode");
    let page = Page { after: None, limit: 9 };
    let filter = RecordFilter::default();
    let ended = in_time(ledger.search_records(&filter, page)).await.expect_err("it would take longer");
    assert!(matches!(&ended, StoreError::Unavailable(why) if why.contains("statement timeout")), "{ended}");
    assert_eq!(ledger.count_dead_letters().await, Ok(0), "others read, as long as they need");
    drop(held);
    assert_eq!(in_time(ledger.search_records(&filter, page)).await, Ok(Vec::new()));
}

#[tokio::test]
async fn a_look_up_over_a_link_that_hangs_is_not_waited_for_and_the_next_one_finds() {
    let place = PostgresPlace::new();
    let (gate, url) = place.behind_a_gate().await;
    let ledger = PostgresLedger::open(impatient(&place, url, SOON)).await.expect("opens");
    let token = given::new_token("card");
    gate.close();
    let hung = in_time(ledger.find_cardholder_by_token(&token)).await.expect_err("nothing is answered");
    assert!(hung.to_string().contains("does not answer"), "{hung}");
    gate.open();
    assert_eq!(ledger.find_cardholder_by_token(&token).await, Ok(None));
}

/// So many answers pass: of a server that says nothing at all, and of one that says nothing after its welcome.
#[tokio::test]
async fn a_lane_does_not_wait_for_a_connection_that_hangs_while_it_is_made() {
    for (answers, problem) in [(0, "in the time of a swipe"), (1, "does not answer")] {
        let place = PostgresPlace::new();
        let account = given::account(place.open().as_ref(), usd("100.00")).await;
        let name = place.url().rsplit_once('/').expect("a database").1.to_owned();
        // No lane has a connection.
        place.execute(&format!("alter database {name} set default_transaction_read_only = on"));
        let (gate, url) = place.behind_a_gate().await;
        let ledger = PostgresLedger::open(impatient(&place, url, SOON)).await.expect("reads");
        let reset = format!("alter database {name} reset default_transaction_read_only");
        place.execute(&format!("set transaction_read_only = off; {reset}"));
        // Whatever was under way at the gate has passed.
        assert_eq!(given::available(&ledger, &account).await, usd("100.00"));
        let call = given::authorization(&account, usd("1.00"));
        gate.close();
        gate.pass(answers);
        let batch = Batch { members: vec![call.member()], ..Batch::default() };
        let hung = in_time(ledger.transact(batch)).await.map(|_| ()).expect_err("it hangs");
        assert!(matches!(hung, StoreError::Unavailable(_)) && hung.to_string().contains(problem), "{hung}");
        gate.open();
        assert!(given::sent(&ledger, &call).await.is_approved());
    }
}

#[tokio::test]
async fn a_start_waits_for_another_that_migrates_but_not_for_ever_and_not_without_need() {
    let place = PostgresPlace::new();
    let other = place.hold("select pg_advisory_lock(x'627572736172'::bigint)");
    // The minute that it waits, as an instant.
    let meddle = |message: &bursar_testkit::Message| {
        message.replace("lock_timeout = '60s'", "lock_timeout = '1ms'").map_or(Deed::Pass, Deed::Instead)
    };
    let meddler = Meddler::to(place.server(), meddle).await;
    let options = Options { url: place.url_by(meddler.address()), ..place.options() };
    let refused = in_time(migrate(&options)).await.map(|_| ()).expect_err("another migrates");
    assert!(refused.to_string().contains("lock timeout"), "{refused}");
    drop(other);
    in_time(migrate(&place.options())).await.expect("it was released");
    let _other = place.hold("select pg_advisory_lock(x'627572736172'::bigint)");
    in_time(migrate(&options)).await.expect("nothing is pending");
}
