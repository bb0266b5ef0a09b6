//! How often a lane waits for the server: once if it remembers all that a batch needs, else twice; and once
//! more where a limit begins to count, standing data changed, or somebody else was there.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_core::check::DeclineReason;
use bursar_core::control::Scope;
use bursar_core::{CardStatus, Outcome, Window};
use bursar_store::contract::given::{self, Call, usd};
use bursar_store::{Batch, Ledger, Settled, TransactionRecords};
use bursar_store_postgres::{Options, PostgresLedger};
use bursar_testkit::{Gate, PostgresPlace};

/// begin, all that is written, and the commit.
const REMEMBERED: u64 = 3;

/// begin, the lock, accounts, windows; standing data is known, and nobody asks again.
const READS: u64 = 4;

/// Programs, cardholders, cards and controls.
const STANDING: u64 = 4;

/// All that is written, and the commit.
const WRITES: u64 = 2;

/// Nobody waits longer than this for a flight that does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// Decides the calls in one batch, letting the answers pass only a flight at a time: so many requests in
/// each. A client that wanted an answer earlier would never send the rest of its flight.
async fn decided_in_flights(
    gate: &Gate,
    ledger: &Arc<PostgresLedger>,
    calls: &[Call],
    flights: &[u64],
) -> Vec<Settled> {
    gate.close();
    let batch = Batch { members: calls.iter().map(Call::member).collect(), ..Batch::default() };
    let ledger = Arc::clone(ledger);
    let deciding = tokio::spawn(async move { ledger.transact(batch).await });
    let mut sent = 0;
    for flight in flights {
        sent += flight;
        gate.requests(sent).await;
        gate.pass(*flight);
    }
    let decided = tokio::time::timeout(PATIENCE, deciding).await.expect("no flight more");
    let settled = decided.expect("no panic").expect("committed").settled;
    assert_eq!(settled.len(), calls.len());
    gate.open();
    settled
}

/// A ledger behind a gate, with one lane, which waits longer than any test.
async fn behind_a_gate(place: &PostgresPlace) -> (Gate, Arc<PostgresLedger>) {
    let (gate, url) = place.behind_a_gate().await;
    let long = PATIENCE * 2;
    let options = Options { url, lanes: 1, lane_timeout: long, lock_timeout: long, ..place.options() };
    (gate, Arc::new(PostgresLedger::open(options).await.expect("opens")))
}

#[tokio::test]
async fn a_batch_takes_one_flight_or_two_and_one_more_where_a_limit_begins_to_count() {
    let place = PostgresPlace::new();
    let (gate, ledger) = behind_a_gate(&place).await;
    let account = given::account(ledger.as_ref(), usd("1000.00")).await;
    let swipe = || given::authorization(&account, usd("1.00"));
    let limit = || {
        let limit = given::limit(Window::Day, usd("500.00"));
        given::new_control(account.owner, Scope::Card(account.card), limit)
    };
    // The connection is there, and its statements are prepared, as in a lane that has run for a while.
    for call in [swipe(), limit(), swipe(), swipe()] {
        given::sent(ledger.as_ref(), &call).await;
    }
    decided_in_flights(&gate, &ledger, &[swipe()], &[REMEMBERED]).await;
    let many: Vec<Call> = (0..32).map(|_| swipe()).collect();
    decided_in_flights(&gate, &ledger, &many, &[REMEMBERED]).await;
    // No account is read; the history is, and given time.
    decided_in_flights(&gate, &ledger, &[limit()], &[READS - 1, 2, WRITES]).await;
    // Nothing is remembered of an owner whose controls changed.
    decided_in_flights(&gate, &ledger, &[swipe()], &[READS + STANDING, WRITES]).await;
    let answered = swipe();
    decided_in_flights(&gate, &ledger, std::slice::from_ref(&answered), &[REMEMBERED]).await;
    // One that is late may have been answered before: that look is prepared and made, and so is the
    // statement that has nothing to write.
    let late = [answered.again().late(), swipe().late()];
    let settled = decided_in_flights(&gate, &ledger, &late, &[READS, 1, 1, WRITES]).await;
    let is_right = matches!(settled[..], [Settled::Done(Outcome::Repeated(_)), Settled::Late]);
    assert!(is_right, "{settled:?}");
}

/// A consumer keeps records all day long.
#[tokio::test]
async fn records_are_kept_in_one_flight_once_their_statement_is_prepared() {
    let place = PostgresPlace::new();
    let (gate, ledger) = behind_a_gate(&place).await;
    let record = |position| vec![given::transaction_record(position, "blue bottle")];
    ledger.keep_records(record(1)).await.expect("records that are kept");
    gate.close();
    let keeping = tokio::spawn({
        let (ledger, record) = (Arc::clone(&ledger), record(2));
        async move { ledger.keep_records(record).await }
    });
    gate.requests(1).await;
    gate.pass(1);
    let kept = tokio::time::timeout(PATIENCE, keeping).await.expect("no flight more");
    assert_eq!(kept.expect("no panic"), Ok(()));
    gate.open();
}

/// What is remembered is worth nothing where somebody was there before.
#[tokio::test]
async fn whoever_was_there_before_costs_a_flight() {
    let place = PostgresPlace::new();
    let (gate, ledger) = behind_a_gate(&place).await;
    let account = given::account(ledger.as_ref(), usd("1000.00")).await;
    let swipe = || given::authorization(&account, usd("1.00"));
    let first = swipe();
    // Whoever comes again is looked for: all that this takes is prepared.
    for call in [&first, &first.again(), &swipe()] {
        given::sent(ledger.as_ref(), call).await;
    }
    // One that comes again is found by its key, and read: on the same connection.
    decided_in_flights(&gate, &ledger, &[first.again()], &[REMEMBERED, READS + 1, WRITES]).await;
    let other = place.open_ledger();
    given::sent(other.as_ref(), &swipe()).await;
    decided_in_flights(&gate, &ledger, &[swipe()], &[REMEMBERED, READS + 1, WRITES]).await;
    // Others are expected by now. Standing data is worth nothing either where somebody changed some of it.
    given::sent(other.as_ref(), &given::card_move(&account, CardStatus::Suspended)).await;
    let settled = decided_in_flights(&gate, &ledger, &[swipe()], &[READS + 1, STANDING, WRITES]).await;
    let Settled::Done(Outcome::Decided(decided, _)) = &settled[0] else { panic!("{settled:?}") };
    assert_eq!(decided.declined(), Some(DeclineReason::CardNotActive));
    assert_eq!(given::available(ledger.as_ref(), &account).await, usd("996.00"));
}

/// D6: another owner's limit is no reason to hold money for somebody who waits no longer.
#[tokio::test]
async fn what_becomes_late_while_a_history_is_read_is_left_out() {
    let place = PostgresPlace::new();
    let (gate, ledger) = behind_a_gate(&place).await;
    let [busy, other] = [
        given::account(ledger.as_ref(), usd("10.00")).await,
        given::account(ledger.as_ref(), usd("10.00")).await,
    ];
    // The connection is there, and the controls are known.
    for account in [&busy, &other] {
        given::sent(ledger.as_ref(), &given::authorization(account, usd("1.00"))).await;
    }
    let limit = given::limit(Window::Day, usd("5.00"));
    let limit = given::new_control(busy.owner, Scope::Card(busy.card), limit);
    let mut swipe = given::authorization(&other, usd("1.00"));
    let deadline = Instant::now() + Duration::from_secs(1);
    swipe.deadline = Some(deadline);
    gate.close();
    let batch = Batch { members: vec![limit.member(), swipe.member()], ..Batch::default() };
    let deciding = tokio::spawn({
        let ledger = Arc::clone(&ledger);
        async move { ledger.transact(batch).await }
    });
    let history = async {
        gate.requests(READS).await;
        gate.pass(READS);
        gate.requests(READS + 2).await;
    };
    tokio::time::timeout(PATIENCE, history).await.expect("a history is read");
    while Instant::now() < deadline {
        tokio::task::yield_now().await;
    }
    gate.open();
    let settled = deciding.await.expect("no panic").expect("committed").settled;
    assert!(matches!(settled[..], [Settled::Done(_), Settled::Late]), "{settled:?}");
}
