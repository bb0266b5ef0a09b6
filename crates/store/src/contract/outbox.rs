//! The outbox: what was committed is leased by one relay at a time, until it is marked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::given::{Call, usd};
use super::{NOON, Place, assert_books_are_right, given};
use crate::books;
use crate::inbox::Store;
use crate::ledger::Batch;
use crate::outbox::{Backlog, EventKey, Outbox, Waiting};

const LEASE: Duration = Duration::from_secs(5);

/// A ledger with as many events as so many accounts and one more make, none of them published; and the number.
async fn events(place: &dyn Place, accounts: usize) -> (Arc<dyn Store>, usize) {
    let ledger = place.open();
    for _ in 0..=accounts {
        given::account(ledger.as_ref(), usd("100.00")).await;
    }
    let Backlog { events, .. } = ledger.backlog().await.expect("readable");
    (ledger, usize::try_from(events).expect("some"))
}

async fn lease(outbox: &dyn Outbox, limit: u32) -> Vec<Waiting> {
    outbox.lease(limit, LEASE).await.expect("an outbox that works")
}

fn positions(of: &[Waiting]) -> Vec<i64> {
    of.iter().map(|waiting| waiting.position).collect()
}

fn keys(of: &[Waiting]) -> Vec<EventKey> {
    of.iter().map(Waiting::key).collect()
}

/// Sets the clock to so many seconds after noon.
fn at(place: &dyn Place, seconds: i64) {
    place.clock().set_after_noon(SignedDuration::from_secs(seconds));
}

pub(super) async fn every_change_has_an_event_that_waits(place: &dyn Place) {
    let (ledger, before) = events(place, 0).await;
    let account = given::account(ledger.as_ref(), usd("5.00")).await;
    let Backlog { events, oldest_at } = ledger.backlog().await.expect("readable");
    assert!(usize::try_from(events).expect("some") > before);
    assert_eq!(oldest_at, Some(NOON));
    let all = lease(ledger.as_ref(), 1_000).await;
    let last = all.last().expect("some wait");
    assert_eq!(last.kind, "load");
    assert!(last.payload.contains(&account.account.to_string()), "{}", last.payload);
    let ids: BTreeSet<_> = all.iter().map(|waiting| waiting.event).collect();
    assert_eq!(ids.len(), all.len());
    assert!(positions(&all).is_sorted());
}

pub(super) async fn who_leases_an_event_has_it_alone_until_the_lease_ends(place: &dyn Place) {
    let (ledger, count) = events(place, 10).await;
    let first = lease(ledger.as_ref(), 4).await;
    assert_eq!(first.len(), 4);
    let second = lease(ledger.as_ref(), 1_000).await;
    assert_eq!(second.len(), count - 4);
    assert!(positions(&first).iter().all(|position| !positions(&second).contains(position)));
    assert_eq!(lease(ledger.as_ref(), 1_000).await, []);
    at(place, 4);
    assert_eq!(lease(ledger.as_ref(), 1_000).await, []);
    at(place, 5);
    assert_eq!(positions(&lease(ledger.as_ref(), 4).await), positions(&first));
}

/// Has these decided, with the lease of their events; those that are leased.
async fn decided(ledger: &dyn Store, calls: &[Call], lease: Option<Duration>) -> Vec<Waiting> {
    let batch = Batch { members: calls.iter().map(Call::member).collect(), lease, ..Batch::default() };
    ledger.transact(batch).await.expect("a ledger that works").leased
}

pub(super) async fn events_may_be_leased_as_they_are_committed(place: &dyn Place) {
    let ledger = place.open();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let before = lease(ledger.as_ref(), 1_000).await;
    ledger.mark(keys(&before)).await.expect("an outbox that works");
    let swipes = [usd("1.00"), usd("2.00"), usd("1000.00")].map(|of| given::authorization(&account, of));
    let leased = decided(ledger.as_ref(), &swipes, Some(LEASE)).await;
    assert_eq!(leased.len(), 3);
    let ids: BTreeSet<_> = leased.iter().map(|waiting| waiting.event).collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(ledger.backlog().await.expect("readable").events, 3);
    assert_eq!(lease(ledger.as_ref(), 1_000).await, []);
    // What is repeated has no event.
    assert_eq!(decided(ledger.as_ref(), &swipes, Some(LEASE)).await, []);
    at(place, 4);
    assert_eq!(lease(ledger.as_ref(), 1_000).await, []);
    at(place, 5);
    assert_eq!(lease(ledger.as_ref(), 1_000).await, leased);
    ledger.mark(keys(&leased[..1])).await.expect("an outbox that works");
    ledger.release(keys(&leased[1..])).await.expect("an outbox that works");
    assert_eq!(lease(ledger.as_ref(), 1_000).await, leased[1..]);
}

pub(super) async fn events_that_nobody_leased_are_for_who_comes_first(place: &dyn Place) {
    let ledger = place.open();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let before = lease(ledger.as_ref(), 1_000).await;
    ledger.mark(keys(&before)).await.expect("an outbox that works");
    let swipe = given::authorization(&account, usd("1.00"));
    assert_eq!(decided(ledger.as_ref(), &[swipe], None).await, []);
    assert_eq!(lease(ledger.as_ref(), 1_000).await.len(), 1);
}

pub(super) async fn what_is_marked_is_never_leased_again(place: &dyn Place) {
    let (ledger, count) = events(place, 3).await;
    let first = lease(ledger.as_ref(), 2).await;
    ledger.mark(keys(&first)).await.expect("an outbox that works");
    let left = ledger.backlog().await.expect("readable").events;
    assert_eq!(usize::try_from(left).expect("some"), count - 2);
    at(place, 60);
    let rest = lease(ledger.as_ref(), 1_000).await;
    assert_eq!(rest.len(), count - 2);
    // Who lost the lease marks what was published all the same.
    at(place, 120);
    ledger.mark(keys(&rest)).await.expect("an outbox that works");
    assert_eq!(lease(ledger.as_ref(), 1_000).await, []);
    assert_eq!(ledger.backlog().await, Ok(Backlog::default()));
}

pub(super) async fn what_is_released_is_leased_at_once(place: &dyn Place) {
    let (ledger, _) = events(place, 3).await;
    let all = lease(ledger.as_ref(), 1_000).await;
    ledger.release(keys(&all[..2])).await.expect("an outbox that works");
    assert_eq!(positions(&lease(ledger.as_ref(), 1_000).await), positions(&all[..2]));
    // What is published is not released by who comes late.
    ledger.mark(keys(&all)).await.expect("an outbox that works");
    ledger.release(keys(&all)).await.expect("an outbox that works");
    assert_eq!(lease(ledger.as_ref(), 1_000).await, []);
}

/// After a failover that lost commits, that is.
pub(super) async fn another_event_at_a_position_is_neither_marked_nor_released(place: &dyn Place) {
    let (ledger, count) = events(place, 3).await;
    let lost = keys(&lease(ledger.as_ref(), 1_000).await);
    let lost: Vec<_> = lost.into_iter().map(|of| EventKey { event: Uuid::now_v7(), ..of }).collect();
    ledger.mark(lost.clone()).await.expect("an outbox that works");
    ledger.release(lost).await.expect("an outbox that works");
    assert_eq!(lease(ledger.as_ref(), 1_000).await, []);
    at(place, 5);
    assert_eq!(lease(ledger.as_ref(), 1_000).await.len(), count);
}

pub(super) async fn what_is_not_published_is_there_after_opening_again(place: &dyn Place) {
    let (ledger, count) = events(place, 3).await;
    let first = lease(ledger.as_ref(), 2).await;
    ledger.mark(keys(&first)).await.expect("an outbox that works");
    // EventKey by who is gone then.
    lease(ledger.as_ref(), 1).await;
    drop(ledger);
    let ledger = place.open();
    at(place, 5);
    assert_eq!(lease(ledger.as_ref(), 1_000).await.len(), count - 2);
}

/// How many were forgotten: those published before so many seconds after noon, so many at most.
async fn forget(outbox: &dyn Outbox, before: i64, limit: u32) -> u64 {
    outbox.forget_published(after_noon(before), limit).await.expect("an outbox that works")
}

fn after_noon(seconds: i64) -> Timestamp {
    NOON + SignedDuration::from_secs(seconds)
}

fn forgotten_until(place: &dyn Place) -> Option<Timestamp> {
    place.books().events_forgotten().expect("readable").map(|forgotten| forgotten.until)
}

/// How many events there are and how many were forgotten, as the check counts them; and the books are right.
fn events_in_books(place: &dyn Place) -> (u64, u64) {
    assert_books_are_right(place.books());
    let report = books::check(place.books().as_mut(), &given::approved_minor).expect("readable");
    (report.events, report.events_forgotten)
}

pub(super) async fn what_was_published_is_forgotten_as_far_as_the_first_that_was_not(place: &dyn Place) {
    let (ledger, count) = events(place, 3).await;
    let count = count as u64;
    assert_eq!((forget(ledger.as_ref(), 999, 99).await, forgotten_until(place)), (0, None));
    let all = keys(&lease(ledger.as_ref(), 1_000).await);
    at(place, 10);
    ledger.mark(all[..2].to_vec()).await.expect("an outbox that works");
    ledger.mark(all[3..].to_vec()).await.expect("an outbox that works");
    assert_eq!(forget(ledger.as_ref(), 10, 99).await, 0, "they were published then, and not before");
    assert_eq!((forgotten_until(place), events_in_books(place)), (None, (count, 0)));
    assert_eq!(forget(ledger.as_ref(), 11, 99).await, 2, "as far as the third, which is not published");
    assert_eq!((forgotten_until(place), events_in_books(place)), (Some(NOON), (count - 2, 2)));
    assert_eq!(forget(ledger.as_ref(), 11, 99).await, 0);
    at(place, 20);
    ledger.mark(vec![all[2]]).await.expect("an outbox that works");
    assert_eq!(forget(ledger.as_ref(), 20, 99).await, 0, "nor beyond one that was published later");
    assert_eq!(forget(ledger.as_ref(), 21, 99).await, count - 3, "all but the last");
    assert_eq!(events_in_books(place), (1, count - 1));
    assert_eq!(ledger.backlog().await, Ok(Backlog::default()));
}

pub(super) async fn no_more_is_forgotten_than_was_asked_for(place: &dyn Place) {
    let (ledger, count) = events(place, 3).await;
    let all = keys(&lease(ledger.as_ref(), 1_000).await);
    ledger.mark(all).await.expect("an outbox that works");
    assert_eq!(forget(ledger.as_ref(), 1, 0).await, 0);
    assert_eq!(forget(ledger.as_ref(), 1, 3).await, 3);
    assert_eq!(events_in_books(place), (count as u64 - 3, 3));
    assert_eq!(forget(ledger.as_ref(), 1, 2).await, 2);
    assert_eq!(events_in_books(place), (count as u64 - 5, 5));
}

pub(super) async fn until_when_events_are_forgotten_is_kept_and_never_goes_back(place: &dyn Place) {
    let ledger = place.open();
    at(place, 50);
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    // By a clock that goes back: of an owner of its own, whose time is older than that of the first.
    at(place, 20);
    let other = given::account(ledger.as_ref(), usd("100.00")).await;
    at(place, 60);
    given::sent(ledger.as_ref(), &given::authorization(&account, usd("1.00"))).await;
    given::sent(ledger.as_ref(), &given::authorization(&other, usd("1.00"))).await;
    let all = keys(&lease(ledger.as_ref(), 1_000).await);
    ledger.mark(all.clone()).await.expect("an outbox that works");
    let half = u32::try_from(all.len() / 2 - 1).expect("some");
    assert_eq!(forget(ledger.as_ref(), 61, half).await, u64::from(half));
    assert_eq!(forgotten_until(place), Some(after_noon(50)));
    assert_eq!(forget(ledger.as_ref(), 61, 2).await, 2);
    assert_eq!(forgotten_until(place), Some(after_noon(50)), "these were older");
    drop(ledger);
    let ledger = place.open();
    assert_eq!(forgotten_until(place), Some(after_noon(50)));
    assert!(forget(ledger.as_ref(), 61, 99).await > 0);
    assert_eq!(forgotten_until(place), Some(after_noon(60)));
    events_in_books(place);
}

pub(super) async fn positions_go_on_behind_what_was_forgotten(place: &dyn Place) {
    let (ledger, _) = events(place, 1).await;
    let all = lease(ledger.as_ref(), 1_000).await;
    ledger.mark(keys(&all)).await.expect("an outbox that works");
    let last = all.last().expect("some").position;
    at(place, 1);
    assert_eq!(forget(ledger.as_ref(), 1, 99).await, all.len() as u64 - 1);
    given::account(ledger.as_ref(), usd("1.00")).await;
    let more = positions(&lease(ledger.as_ref(), 1_000).await);
    assert!(!more.is_empty() && more.iter().all(|position| *position > last), "{more:?}");
    events_in_books(place);
}

pub(super) async fn two_who_forget_events_at_once_count_each_of_them_once(place: &dyn Place) {
    let (ledger, count) = events(place, 9).await;
    let all = keys(&lease(ledger.as_ref(), 1_000).await);
    ledger.mark(all).await.expect("an outbox that works");
    let mut forgotten = 0;
    for _ in 0..count {
        let both = join(forget(ledger.as_ref(), 1, 3), forget(ledger.as_ref(), 1, 4)).await;
        forgotten += both.0 + both.1;
        let in_books = events_in_books(place);
        assert_eq!(in_books, (count as u64 - forgotten, forgotten), "as many as they say");
    }
    assert_eq!(forgotten, count as u64 - 1, "all but the last");
}

pub(super) async fn an_event_that_was_published_by_a_clock_that_was_wrong_keeps_no_other(place: &dyn Place) {
    const DAY: i64 = 24 * 3_600;
    let (ledger, count) = events(place, 3).await;
    let all = keys(&lease(ledger.as_ref(), 1_000).await);
    ledger.mark(all[..2].to_vec()).await.expect("an outbox that works");
    at(place, 99 * DAY);
    ledger.mark(vec![all[2]]).await.expect("an outbox that works");
    at(place, 1);
    ledger.mark(all[3..5].to_vec()).await.expect("an outbox that works");
    at(place, 3 * DAY);
    ledger.mark(vec![all[5]]).await.expect("an outbox that works");
    at(place, 2 * DAY);
    ledger.mark(all[6..].to_vec()).await.expect("an outbox that works");
    assert_eq!(
        forget(ledger.as_ref(), 2, 99).await,
        5,
        "but not one that another clock marked, a little ahead"
    );
    assert_eq!(events_in_books(place), (count as u64 - 5, 5));
}
