//! Several instances on one database.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bursar_core::check::DeclineReason;
use bursar_core::control::Scope;
use bursar_core::hold_days::{Days, DaysByMerchant, HoldDays};
use bursar_core::{CardStatus, CardholderStatus, Outcome, Window};
use bursar_store::contract::given::{self, Call, Funded, usd};
use bursar_store::contract::{Place, assert_books_are_right};
use bursar_store::{Batch, Ledger, Reader, Settled, StoreError, Transacted};
use bursar_store_postgres::{Options, PostgresLedger};
use bursar_testkit::{Deed, Meddler, Message, PostgresPlace};
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

/// Others hold an owner no longer.
const PATIENCE: Duration = Duration::from_secs(60);

async fn send(ledger: &PostgresLedger, call: &Call) -> Result<Transacted, StoreError> {
    let members = vec![call.again().member()];
    let batch = Batch { members, ..Batch::default() };
    let (mut last, began) = (None, Instant::now());
    while began.elapsed() < PATIENCE {
        match ledger.transact(batch.clone()).await {
            Err(StoreError::Unavailable(why)) => last = Some(why),
            Ok(transacted) if matches!(transacted.settled[..], [Settled::Held]) => {
                last = Some("others held the owner for longer than a lane waits".to_owned());
            }
            other => return other,
        }
    }
    panic!("unavailable for ever: {last:?}");
}

fn outcome(transacted: Transacted) -> Outcome {
    match transacted.settled.into_iter().next() {
        Some(Settled::Done(outcome)) => outcome,
        other => panic!("{other:?}"),
    }
}

/// The connections of ledgers.
const OURS: &str = "datname = current_database() and application_name = 'bursar'";

async fn account(place: &PostgresPlace, dollars: &str) -> Funded {
    given::account(place.open().as_ref(), usd(dollars)).await
}

#[tokio::test]
async fn one_message_at_two_instances_at_once_has_one_effect_and_one_answer() {
    let place = PostgresPlace::new();
    let funded = account(&place, "100.00").await;
    let instances = [place.open_ledger(), place.open_ledger()];
    let call = Arc::new(given::authorization(&funded, usd("1.00")));
    let mut sent = JoinSet::new();
    for number in 0..32 {
        let (ledger, call) = (Arc::clone(&instances[number % 2]), Arc::clone(&call));
        sent.spawn(async move { outcome(send(&ledger, &call).await.expect("an outcome")) });
    }
    let mut answers = Vec::new();
    let mut decided = 0;
    for outcome in sent.join_all().await {
        match outcome {
            Outcome::Decided(_, answer) => (decided, _) = (decided + 1, answers.push(answer)),
            Outcome::Repeated(answer) => answers.push(answer),
            other => panic!("{other:?}"),
        }
    }
    answers.dedup();
    assert_eq!((decided, answers.len()), (1, 1));
    assert_eq!(given::available(instances[0].as_ref(), &funded).await, usd("99.00"));
    assert_books_are_right(place.books());
}

/// Nobody's lock holds for it: the unique key decides, and the loser decides again.
#[tokio::test]
async fn one_message_with_an_unknown_card_at_two_instances_has_one_answer() {
    let place = PostgresPlace::new();
    let instances = [place.open_ledger(), place.open_ledger()];
    for _ in 0..20 {
        let call = given::unknown_card(&given::new_token("card"), usd("1.00"));
        let (one, other) = tokio::join!(send(&instances[0], &call), send(&instances[1], &call));
        let answers = [one, other].map(|sent| match outcome(sent.expect("an outcome")) {
            Outcome::Decided(_, answer) | Outcome::Repeated(answer) => answer,
            other => panic!("{other:?}"),
        });
        assert_eq!(answers[0], answers[1]);
    }
    assert_books_are_right(place.books());
}

/// How many of 64 swipes of 33 cents are approved, sent at once through two instances.
async fn approved_of_64(instances: &[Arc<PostgresLedger>; 2], funded: &Funded) -> usize {
    let mut sent = JoinSet::new();
    for number in 0..64 {
        let (ledger, call) = (Arc::clone(&instances[number % 2]), given::authorization(funded, usd("0.33")));
        sent.spawn(async move { outcome(send(&ledger, &call).await.expect("an outcome")) });
    }
    sent.join_all().await.iter().filter(|outcome| is_approved(outcome)).count()
}

fn is_approved(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Decided(decided, _) => decided.message.is_approved(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn two_instances_on_one_owner_approve_exactly_to_the_floor() {
    let place = PostgresPlace::new();
    let funded = account(&place, "10.00").await;
    let instances = [place.open_ledger(), place.open_ledger()];
    assert_eq!(approved_of_64(&instances, &funded).await, 30);
    assert_eq!(given::available(instances[1].as_ref(), &funded).await, usd("0.10"));
    assert_books_are_right(place.books());
}

/// Each instance keeps what it read of them.
#[tokio::test]
async fn a_control_that_one_instance_changes_holds_at_once_at_the_other() {
    let place = PostgresPlace::new();
    let funded = account(&place, "100.00").await;
    let [one, other] = [place.open_ledger(), place.open_ledger()];
    let approves = async |ledger: &PostgresLedger| {
        let swipe = given::authorization(&funded, usd("9.00"));
        is_approved(&outcome(send(ledger, &swipe).await.expect("an outcome")))
    };
    assert!(approves(&other).await, "it knows that there is none");
    let limit = |dollars| given::limit(Window::Lifetime, usd(dollars));
    let control = given::control(one.as_ref(), &funded, Scope::Card(funded.card), limit("10.00")).await;
    assert!(!approves(&other).await, "9.00 of 10.00 are taken");
    for (dollars, expected) in [("20.00", true), ("26.00", false), ("40.00", true), ("27.00", false)] {
        given::sent(one.as_ref(), &given::control_change(&control, Some(limit(dollars)), None)).await;
        assert_eq!(approves(&other).await, expected, "{dollars}");
    }
    assert_books_are_right(place.books());
}

#[tokio::test]
async fn two_instances_share_a_limit_and_approve_exactly_what_it_allows() {
    let place = PostgresPlace::new();
    let funded = account(&place, "100.00").await;
    let instances = [place.open_ledger(), place.open_ledger()];
    // One counts the first swipe, and the other makes the limit that has to know of it.
    given::sent(instances[0].as_ref(), &given::authorization(&funded, usd("0.33"))).await;
    let day = given::limit(Window::Day, usd("5.00"));
    given::sent(instances[1].as_ref(), &given::new_control(funded.owner, Scope::Card(funded.card), day))
        .await;
    assert_eq!(approved_of_64(&instances, &funded).await, 14);
    assert_eq!(given::available(instances[0].as_ref(), &funded).await, usd("95.05"));
    assert_books_are_right(place.books());
}

#[tokio::test]
async fn a_limit_that_was_cut_at_one_instance_holds_at_the_other_for_all_that_starts_later() {
    let place = PostgresPlace::new();
    let funded = account(&place, "1000.00").await;
    let instances = [place.open_ledger(), place.open_ledger()];
    let [high, low] = ["500.00", "0.01"].map(|dollars| given::limit(Window::Day, usd(dollars)));
    let scope = Scope::Card(funded.card);
    let control = given::control(instances[0].as_ref(), &funded, scope, high.clone()).await;
    for round in 0..20 {
        let (here, there) = (&instances[round % 2], &instances[(round + 1) % 2]);
        let mut before = JoinSet::new();
        for _ in 0..8 {
            let (ledger, call) = (Arc::clone(there), given::authorization(&funded, usd("1.00")));
            before.spawn(async move { send(&ledger, &call).await.map(|_| ()) });
        }
        let cut = given::control_change(&control, Some(low.clone()), None);
        assert!(is_approved(&outcome(send(here, &cut).await.expect("an outcome"))));
        let later = given::authorization(&funded, usd("1.00"));
        let later = outcome(send(there, &later).await.expect("an outcome"));
        assert!(!is_approved(&later), "in round {round}");
        for sent in before.join_all().await {
            sent.expect("an outcome");
        }
        let raised = given::control_change(&control, Some(high.clone()), None);
        send(here, &raised).await.expect("an outcome");
    }
    assert_books_are_right(place.books());
}

/// The database lets go of what a dead instance had locked; until then nobody else decides about that owner,
/// and others' swipes in the same batch are decided.
#[tokio::test]
async fn an_instance_that_dies_with_an_owner_locked_stops_others_only_until_it_is_gone() {
    let place = PostgresPlace::new();
    let funded = account(&place, "10.00").await;
    let ledger = place.open_ledger();
    let (dying, connection) = tokio_postgres::connect(&place.url(), NoTls).await.expect("connected");
    let connection = tokio::spawn(connection);
    let lock = format!("begin; select 1 from owners where id = '{}' for update", funded.owner.uuid());
    dying.batch_execute(&lock).await.expect("locked");
    let other = given::account(ledger.as_ref(), usd("10.00")).await;
    let calls = [&other, &funded, &other].map(|account| given::authorization(account, usd("1.00")));
    let connections = || place.number(&format!("select sum(pid) from pg_stat_activity where {OURS}"));
    let before = connections();
    let settled = given::batch(ledger.as_ref(), &calls).await;
    let is_right = matches!(settled[..], [Settled::Done(_), Settled::Held, Settled::Done(_)]);
    assert!(is_right, "{settled:?}");
    assert_eq!(connections(), before, "it costs no connection, and no memory");
    connection.abort();
    let call = &calls[1];
    assert!(matches!(outcome(send(&ledger, call).await.expect("an outcome")), Outcome::Decided(..)));
    assert_books_are_right(place.books());
}

/// Who swipes beside it does not wait for the lock with each batch.
#[tokio::test]
async fn an_owner_that_was_held_is_not_waited_for_again_at_once() {
    let place = PostgresPlace::new();
    let [funded, other] = [account(&place, "10.00").await, account(&place, "10.00").await];
    let waits = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&waits);
    // Nothing else is rolled back here.
    let count = move |message: &Message| {
        counted.fetch_add(usize::from(message.is_query("rollback")), Ordering::Relaxed);
        Deed::Pass
    };
    let meddler = Meddler::to(place.server(), count).await;
    let options = Options { url: place.url_by(meddler.address()), ..place.options() };
    let ledger = PostgresLedger::open(options).await.expect("opens");
    let held = place.hold(&format!("select 1 from owners where id = '{}' for update", funded.owner.uuid()));
    let mut waited_after = Vec::new();
    for _ in 0..10 {
        let calls = [&other, &funded].map(|account| given::authorization(account, usd("1.00")));
        let settled = given::batch(&ledger, &calls).await;
        assert!(matches!(settled[..], [Settled::Done(_), Settled::Held]), "{settled:?}");
        waited_after.push(waits.load(Ordering::Relaxed));
    }
    assert_eq!(waited_after[0], 1);
    assert!(waited_after[9] < 10, "it waits each time: {waited_after:?}");
    held.batch_execute("commit").await.expect("unlocked");
    let call = given::authorization(&funded, usd("1.00"));
    assert!(is_approved(&outcome(send(&ledger, &call).await.expect("an outcome"))));
    assert_books_are_right(place.books());
}

/// Its machine is gone, say: nobody closes its connection, and it never sends the rest of its transaction.
#[tokio::test]
async fn an_instance_that_falls_silent_with_an_owner_locked_stops_others_only_for_a_moment() {
    let place = PostgresPlace::new();
    let (gate, url) = place.behind_a_gate().await;
    // It would wait for the server for longer than this test runs.
    let options = Options { url, lanes: 1, lock_timeout: Duration::from_secs(600), ..place.options() };
    let silent = Arc::new(PostgresLedger::open(options).await.expect("opens"));
    let [first, funded] = [
        given::account(silent.as_ref(), usd("10.00")).await,
        given::account(silent.as_ref(), usd("10.00")).await,
    ];
    let swipe = || given::authorization(&funded, usd("1.00"));
    // All is prepared, and this card is not remembered: it is read under the lock.
    given::sent(silent.as_ref(), &given::authorization(&first, usd("1.00"))).await;
    gate.close();
    let batch = Batch { members: vec![swipe().member()], ..Batch::default() };
    let never = tokio::spawn(async move { silent.transact(batch).await.map(|_| ()) });
    // All that it reads under its lock is asked for, and no answer reaches it.
    gate.requests(7).await;
    let other = place.open_ledger();
    assert!(is_approved(&outcome(send(&other, &swipe()).await.expect("an outcome"))));
    never.abort();
    assert_eq!(given::available(other.as_ref(), &funded).await, usd("9.00"));
    assert_books_are_right(place.books());
}

/// One card that is read again tells nothing of the other.
#[tokio::test]
async fn a_card_or_cardholder_that_one_instance_moves_is_moved_at_once_at_the_other() {
    let place = PostgresPlace::new();
    let [ledger, other] = [place.open_ledger(), place.open_ledger()];
    let first = given::account(ledger.as_ref(), usd("100.00")).await;
    let second = given::another_holder(ledger.as_ref(), &first).await;
    let third = given::another_holder(ledger.as_ref(), &first).await;
    let swipe = |card: &Funded| given::authorization(card, usd("1.00"));
    for (moved, card, why) in [
        (given::card_move(&second, CardStatus::Suspended), &second, DeclineReason::CardNotActive),
        (
            given::cardholder_move(&third, CardholderStatus::Suspended),
            &third,
            DeclineReason::CardholderNotActive,
        ),
    ] {
        for card in [&first, card, &first] {
            assert!(given::sent(ledger.as_ref(), &swipe(card)).await.is_approved());
        }
        given::sent(other.as_ref(), &moved).await;
        assert!(given::sent(ledger.as_ref(), &swipe(&first)).await.is_approved());
        assert_eq!(given::sent(ledger.as_ref(), &swipe(card)).await.declined(), Some(why));
    }
}

/// The server works for all of them: fewer transactions with more in each are less work.
#[tokio::test]
async fn an_instance_that_meets_others_prefers_one_lane_until_it_is_alone() {
    let place = PostgresPlace::new();
    let [ledger, other] = [place.open_ledger(), place.open_ledger()];
    let funded = account(&place, "100.00").await;
    let swipe = async |ledger: &PostgresLedger| {
        assert!(given::sent(ledger, &given::authorization(&funded, usd("0.10"))).await.is_approved());
    };
    assert!(!ledger.prefers_one_lane());
    for _ in 0..8 {
        swipe(&other).await;
        swipe(&ledger).await;
    }
    assert!(ledger.prefers_one_lane());
    for _ in 0..64 {
        swipe(&ledger).await;
    }
    assert!(!ledger.prefers_one_lane());
}

/// It has not moved them yet.
#[tokio::test]
async fn whoever_has_owners_locked_is_another_instance() {
    let place = PostgresPlace::new();
    let accounts = [account(&place, "100.00").await, account(&place, "100.00").await];
    let ledger = place.open_ledger();
    for funded in &accounts {
        let swipe = || given::authorization(funded, usd("0.10"));
        assert!(given::sent(ledger.as_ref(), &swipe()).await.is_approved());
        assert!(!ledger.prefers_one_lane());
        let held =
            place.hold(&format!("select 1 from owners where id = '{}' for update", funded.owner.uuid()));
        let settled = given::batch(ledger.as_ref(), &[swipe()]).await;
        assert!(matches!(settled[..], [Settled::Held]), "{settled:?}");
        drop(held);
    }
    assert!(ledger.prefers_one_lane());
}

/// Who is alone gains nothing from one lane, and its relay need not rest.
#[tokio::test]
async fn a_processor_that_asks_again_is_no_other_instance() {
    let place = PostgresPlace::new();
    let ledger = place.open_ledger();
    let funded = account(&place, "100.00").await;
    for _ in 0..8 {
        let swipe = given::authorization(&funded, usd("0.10"));
        for is_again in [false, true] {
            assert_eq!(given::sent(ledger.as_ref(), &swipe).await.is_repeated(), is_again);
        }
        assert!(!ledger.prefers_one_lane());
    }
}

/// V2: windows end by one clock, whatever those of the instances' machines say.
#[tokio::test]
async fn decisions_are_dated_by_the_servers_clock() {
    let place = PostgresPlace::new();
    let tomorrow = |message: &Message| {
        let told = message.replace("select clock_timestamp()", "select clock_timestamp() + interval '1 day'");
        told.map_or(Deed::Pass, Deed::Instead)
    };
    let meddler = Meddler::to(place.server(), tomorrow).await;
    let options = Options { url: place.url_by(meddler.address()), clock: None, ..place.options() };
    let ledger = PostgresLedger::open(options).await.expect("opens");
    given::account(&ledger, usd("10.00")).await;
    let ahead = "select extract(epoch from max(at) - now())::bigint from messages";
    let (ahead, day) = (place.number(ahead), 24 * 60 * 60);
    assert!((day - 60..=day).contains(&ahead), "{ahead} s ahead");
}

/// A program has no owner that would be locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_who_change_a_program_at_once_lose_nothing_of_each_other()
-> Result<(), Box<dyn std::error::Error>> {
    let place = PostgresPlace::new();
    let (one, other) = (place.open_ledger(), place.open_ledger());
    let program = given::program(one.as_ref()).await;
    for days in 1..=50 {
        let usual = Days::new(days)?;
        let by_merchant = DaysByMerchant::new([("lodging".to_owned(), days + 100)])?;
        let first = given::program_change(program, Some(usual), None);
        let second = given::program_change(program, None, Some(by_merchant.clone()));
        let (first, second) = tokio::join!(send(&one, &first), send(&other, &second));
        assert!([first?, second?].into_iter().all(|done| matches!(outcome(done), Outcome::Decided(..))));
        let found = other.find_program(program).await?.map(|program| program.hold_days);
        assert_eq!(found, Some(HoldDays { usual, by_merchant }));
    }
    Ok(())
}
