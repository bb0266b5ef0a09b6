//! The outbox: what was committed is leased by one relay at a time, until it is marked.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

use super::given::usd;
use super::{NOON, Place, given};
use crate::inbox::Store;
use crate::outbox::{Backlog, Outbox, Waiting};

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

pub(super) async fn what_is_marked_is_never_leased_again(place: &dyn Place) {
    let (ledger, count) = events(place, 3).await;
    let first = lease(ledger.as_ref(), 2).await;
    ledger.mark(positions(&first)).await.expect("an outbox that works");
    let left = ledger.backlog().await.expect("readable").events;
    assert_eq!(usize::try_from(left).expect("some"), count - 2);
    at(place, 60);
    let rest = lease(ledger.as_ref(), 1_000).await;
    assert_eq!(rest.len(), count - 2);
    // Who lost the lease marks what was published all the same.
    at(place, 120);
    ledger.mark(positions(&rest)).await.expect("an outbox that works");
    assert_eq!(lease(ledger.as_ref(), 1_000).await, []);
    assert_eq!(ledger.backlog().await, Ok(Backlog::default()));
}

pub(super) async fn what_is_released_is_leased_at_once(place: &dyn Place) {
    let (ledger, _) = events(place, 3).await;
    let all = lease(ledger.as_ref(), 1_000).await;
    ledger.release(positions(&all[..2])).await.expect("an outbox that works");
    assert_eq!(positions(&lease(ledger.as_ref(), 1_000).await), positions(&all[..2]));
    // What is published is not released by who comes late.
    ledger.mark(positions(&all)).await.expect("an outbox that works");
    ledger.release(positions(&all)).await.expect("an outbox that works");
    assert_eq!(lease(ledger.as_ref(), 1_000).await, []);
}

pub(super) async fn what_is_not_published_is_there_after_opening_again(place: &dyn Place) {
    let (ledger, count) = events(place, 3).await;
    let first = lease(ledger.as_ref(), 2).await;
    ledger.mark(positions(&first)).await.expect("an outbox that works");
    // Leased by who is gone then.
    lease(ledger.as_ref(), 1).await;
    drop(ledger);
    let ledger = place.open();
    at(place, 5);
    assert_eq!(lease(ledger.as_ref(), 1_000).await.len(), count - 2);
}
