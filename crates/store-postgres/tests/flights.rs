//! How often a lane waits for the server: two flights a batch, three where a limit begins to
//! count or controls changed.

use std::sync::Arc;
use std::time::Duration;

use bursar_core::Window;
use bursar_core::control::Scope;
use bursar_store::contract::given::{self, Call, usd};
use bursar_store::{Batch, Ledger};
use bursar_store_postgres::{Options, PostgresLedger};
use bursar_testkit::{Gate, PostgresPlace};

/// begin, the lock, programs, accounts, cardholders, cards, windows, stored answers; the controls are known.
const READS: u64 = 8;

/// All that is written, and the commit.
const WRITES: u64 = 2;

/// Nobody waits longer than this for a flight that does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Decides the calls in one batch, letting the answers pass only a flight at a time: so many requests in
/// each. A client that wanted an answer earlier would never send the rest of its flight.
async fn decided_in_flights(gate: &Gate, ledger: &Arc<PostgresLedger>, calls: &[Call], flights: &[u64]) {
    gate.close();
    let batch = Batch { members: calls.iter().map(Call::member).collect(), ..Batch::default() };
    let ledger = Arc::clone(ledger);
    let deciding = tokio::spawn(async move { ledger.transact(batch).await });
    let mut sent = 0;
    for flight in flights {
        sent += flight;
        let came = tokio::time::timeout(PATIENCE, gate.requests(sent)).await;
        came.unwrap_or_else(|_| panic!("a flight of {flight} requests did not come: {flights:?}"));
        gate.pass(*flight);
    }
    let decided = tokio::time::timeout(PATIENCE, deciding).await.expect("no flight more");
    let settled = decided.expect("no panic").expect("committed").settled;
    assert_eq!(settled.len(), calls.len());
    gate.open();
}

#[tokio::test]
async fn a_batch_takes_two_flights_and_three_where_a_limit_begins_to_count_or_controls_changed() {
    let place = PostgresPlace::new();
    let (gate, url) = place.behind_a_gate().await;
    let long = PATIENCE * 2;
    let options = Options { url, lanes: 1, lane_timeout: long, lock_timeout: long, ..place.options() };
    let ledger = Arc::new(PostgresLedger::open(options).await.expect("opens"));
    let account = given::account(ledger.as_ref(), usd("1000.00")).await;
    let swipe = || given::authorization(&account, usd("1.00"));
    let limit = || {
        let limit = given::limit(Window::Day, usd("500.00"));
        given::new_control(account.owner, Scope::Card(account.card), limit)
    };
    // The connection is there, and its statements are prepared, as in a lane that has run for a while.
    for call in [swipe(), limit(), swipe()] {
        given::sent(ledger.as_ref(), &call).await;
    }
    decided_in_flights(&gate, &ledger, &[swipe()], &[READS, WRITES]).await;
    let many: Vec<Call> = (0..32).map(|_| swipe()).collect();
    decided_in_flights(&gate, &ledger, &many, &[READS, WRITES]).await;
    // No account and no cardholder is read; the history is, and given time.
    decided_in_flights(&gate, &ledger, &[limit()], &[READS - 2, 2, WRITES]).await;
    // The controls are others than those that are known.
    decided_in_flights(&gate, &ledger, &[swipe()], &[READS, 1, WRITES]).await;
    decided_in_flights(&gate, &ledger, &[swipe()], &[READS, WRITES]).await;
}
