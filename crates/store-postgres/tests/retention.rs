//! What is forgotten is known afterwards, by however many instances.

use std::time::Duration;

use bursar_store::contract::given::{self, usd};
use bursar_store::contract::{NOON, Place, assert_books_are_right};
use bursar_store::{Endpoints, Outbox, Waiting, books};
use bursar_testkit::PostgresPlace;
use jiff::{SignedDuration, Timestamp};

const LEASE: Duration = Duration::from_secs(5);

fn after_noon(seconds: i64) -> Timestamp {
    NOON + SignedDuration::from_secs(seconds)
}

/// What was never published is behind nothing that is forgotten, however old its message is: by its time alone it could
/// be among the others.
#[tokio::test]
async fn o1_a_lost_event_of_an_old_message_is_found_after_others_were_forgotten() {
    let place = PostgresPlace::new();
    let ledger = place.open_ledger();
    place.clock().set(after_noon(9));
    given::account(ledger.as_ref(), usd("100.00")).await;
    let published = ledger.lease(1_000, LEASE).await.expect("an outbox that works");
    // By a clock that went back: decided before what is forgotten.
    place.clock().set(after_noon(1));
    given::account(ledger.as_ref(), usd("100.00")).await;
    ledger.mark(published.iter().map(Waiting::key).collect()).await.expect("an outbox that works");
    assert_eq!(ledger.forget_published(after_noon(10), 1_000).await, Ok(published.len() as u64));
    drop(ledger);
    assert_books_are_right(place.books());
    place.execute(
        "delete from outbox where published_at is null
         and position = (select min(position) + 1 from outbox where published_at is null)",
    );
    let report = books::check(place.books().as_mut(), &given::approved_minor).expect("readable books");
    let found: Vec<_> = report.findings.iter().map(|of| (of.rule, of.subject.as_str())).collect();
    assert_eq!(found, [("O1", "the outbox")], "{:#?}", report.findings);
}

/// A lock is waited for or passed over by whoever takes next, though nobody takes what was locked.
#[tokio::test]
async fn whoever_takes_notifications_locks_no_others() {
    let place = PostgresPlace::new();
    let ledger = place.open_ledger();
    for _ in 0..3 {
        let endpoint = given::endpoint(bursar_core::ProgramId::new(given::id()));
        assert_eq!(ledger.create_endpoint(endpoint.clone()).await, Ok(true));
        let new = (0..3).map(|_| given::notification(endpoint.id)).collect();
        ledger.notify(new).await.expect("writable");
    }
    assert_eq!(ledger.take_notifications(2, LEASE, &[]).await.expect("writable").len(), 2);
    assert_eq!(place.number("select count(*) from notifications where due_at > created_at"), 2);
    // Who locks a row leaves his number in it.
    let locked = "select count(*) from notifications where due_at = created_at and xmax <> '0'";
    assert_eq!(place.number(locked), 0);
}

/// Another has them under way: others are taken meanwhile, and not waited for.
#[tokio::test]
async fn what_another_is_about_to_take_is_passed_over() {
    let place = PostgresPlace::new();
    let ledger = place.open_ledger();
    let endpoint = given::endpoint(bursar_core::ProgramId::new(given::id()));
    assert_eq!(ledger.create_endpoint(endpoint.clone()).await, Ok(true));
    let new: Vec<_> = (0..3).map(|_| given::notification(endpoint.id)).collect();
    ledger.notify(new.clone()).await.expect("writable");
    let held = place.hold(&format!("select from notifications where id = '{}' for update", new[0].id));
    let taken = ledger.take_notifications(1, LEASE, &[]).await.expect("writable");
    assert_eq!(taken[0].notification.id, new[1].id);
    drop(held);
}
