//! Several instances on one database.

use std::sync::Arc;

use bursar_core::control::Scope;
use bursar_core::{Outcome, Window};
use bursar_store::contract::given::{self, Call, Funded, usd};
use bursar_store::contract::{Place, assert_books_are_right};
use bursar_store::{Batch, Ledger, Settled, StoreError, Transacted};
use bursar_store_postgres::PostgresLedger;
use bursar_testkit::PostgresPlace;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

async fn send(ledger: &PostgresLedger, call: &Call) -> Result<Transacted, StoreError> {
    let members = vec![call.again().member()];
    let batch = Batch { members, ..Batch::default() };
    let mut last = None;
    for _ in 0..100 {
        match ledger.transact(batch.clone()).await {
            // Others held the owner for longer than a lane waits.
            Err(StoreError::Unavailable(why)) => last = Some(why),
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

#[tokio::test]
async fn two_instances_on_one_owner_approve_exactly_to_the_floor() {
    let place = PostgresPlace::new();
    let funded = account(&place, "10.00").await;
    let instances = [place.open_ledger(), place.open_ledger()];
    let mut sent = JoinSet::new();
    for number in 0..64 {
        let (ledger, call) = (Arc::clone(&instances[number % 2]), given::authorization(&funded, usd("0.33")));
        sent.spawn(async move { outcome(send(&ledger, &call).await.expect("an outcome")) });
    }
    let is_approved = |outcome: &Outcome| match outcome {
        Outcome::Decided(decided, _) => decided.message.is_approved(),
        other => panic!("{other:?}"),
    };
    assert_eq!(sent.join_all().await.iter().filter(|outcome| is_approved(outcome)).count(), 30);
    assert_eq!(given::available(instances[1].as_ref(), &funded).await, usd("0.10"));
    assert_books_are_right(place.books());
}

/// Each instance keeps what it read of them.
#[tokio::test]
async fn a_control_that_one_instance_changes_holds_at_once_at_the_other() {
    let place = PostgresPlace::new();
    let funded = account(&place, "100.00").await;
    let [one, other] = [place.open_ledger(), place.open_ledger()];
    let is_approved = async |ledger: &PostgresLedger| {
        let swipe = given::authorization(&funded, usd("9.00"));
        match outcome(send(ledger, &swipe).await.expect("an outcome")) {
            Outcome::Decided(decided, _) => decided.message.is_approved(),
            other => panic!("{other:?}"),
        }
    };
    assert!(is_approved(&other).await, "it knows that there is none");
    let limit = |dollars| given::limit(Window::Lifetime, usd(dollars));
    let control = given::control(one.as_ref(), &funded, Scope::Card(funded.card), limit("10.00")).await;
    assert!(!is_approved(&other).await, "9.00 of 10.00 are taken");
    for (dollars, expected) in [("20.00", true), ("26.00", false), ("40.00", true), ("27.00", false)] {
        given::sent(one.as_ref(), &given::control_change(&control, Some(limit(dollars)), None)).await;
        assert_eq!(is_approved(&other).await, expected, "{dollars}");
    }
    assert_books_are_right(place.books());
}

/// The database lets go of what a dead instance had locked; until then nobody else decides.
#[tokio::test]
async fn an_instance_that_dies_with_an_owner_locked_stops_others_only_until_it_is_gone() {
    let place = PostgresPlace::new();
    let funded = account(&place, "10.00").await;
    let ledger = place.open_ledger();
    let (dying, connection) = tokio_postgres::connect(&place.url(), NoTls).await.expect("connected");
    let connection = tokio::spawn(connection);
    let lock = format!("begin; select 1 from owners where id = '{}' for update", funded.owner.uuid());
    dying.batch_execute(&lock).await.expect("locked");
    let call = given::authorization(&funded, usd("1.00"));
    let batch = Batch { members: vec![call.again().member()], ..Batch::default() };
    let waited = ledger.transact(batch).await.expect_err("somebody else has the owner");
    assert!(matches!(&waited, StoreError::Unavailable(why) if why.starts_with("55P03")), "{waited}");
    connection.abort();
    assert!(matches!(outcome(send(&ledger, &call).await.expect("an outcome")), Outcome::Decided(..)));
    assert_books_are_right(place.books());
}
