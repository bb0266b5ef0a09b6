//! The inbox: what is put waits until it is done, whoever dies meanwhile.

use std::time::Duration;

use jiff::SignedDuration;
use uuid::Uuid;

use super::{Place, given};
use crate::inbox::{Counts, Inbox, Item, ItemKey, ItemState, NewItem, Put, RUNS_MAX};
use crate::reader::Page;

const LEASE: Duration = Duration::from_secs(5);

/// A notice of this token that says this.
fn notice(token: &str, says: &str) -> NewItem {
    let key = ItemKey { kind: "transactions".into(), token: token.into(), state: "PENDING".into() };
    let mut hash = [0; 32];
    hash[..says.len()].copy_from_slice(says.as_bytes());
    NewItem { id: given::id(), key, hash, content: says.as_bytes().to_vec(), quarantined: None }
}

fn quarantined(token: &str) -> NewItem {
    NewItem { quarantined: Some("nobody knows its kind".into()), ..notice(token, "sealed") }
}

async fn put(inbox: &dyn Inbox, items: Vec<NewItem>) -> Vec<Put> {
    inbox.put(items).await.expect("an inbox that works")
}

async fn take(inbox: &dyn Inbox, limit: u32) -> Vec<Item> {
    inbox.take(limit, LEASE).await.expect("an inbox that works")
}

async fn counts(inbox: &dyn Inbox) -> (u64, u64, u64) {
    let Counts { waiting, dead, quarantined } = inbox.counts().await.expect("readable");
    (waiting, dead, quarantined)
}

/// Sets the clock to so many seconds after noon.
fn at(place: &dyn Place, seconds: i64) {
    place.clock().set_after_noon(SignedDuration::from_secs(seconds));
}

pub(super) async fn what_is_put_is_taken_once_and_gone_when_it_is_done(place: &dyn Place) {
    let inbox = place.open();
    let items: Vec<NewItem> = (0..5).map(|number| notice(&format!("t-{number}"), "says")).collect();
    assert_eq!(put(inbox.as_ref(), items.clone()).await, [Put::New; 5]);
    assert_eq!(put(inbox.as_ref(), Vec::new()).await, []);
    assert_eq!(counts(inbox.as_ref()).await, (5, 0, 0));
    let mut taken = take(inbox.as_ref(), 3).await;
    assert_eq!(taken.len(), 3);
    taken.extend(take(inbox.as_ref(), 9).await);
    taken.sort_by_key(|item| item.id);
    let told = |item: &Item| (item.id, item.key.clone(), item.content.clone());
    let expected: Vec<_> = items.into_iter().map(|item| (item.id, item.key, item.content)).collect();
    assert_eq!(taken.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(counts(inbox.as_ref()).await, (5, 0, 0), "they are worked on");
    inbox.done(taken.iter().map(|item| item.id).collect()).await.expect("an inbox that works");
    assert_eq!(counts(inbox.as_ref()).await, (0, 0, 0));
    assert_eq!(inbox.find_item(taken[0].id).await, Ok(None));
}

pub(super) async fn an_item_that_comes_again_is_stored_once_and_kept_twice_if_it_says_something_else(
    place: &dyn Place,
) {
    let inbox = place.open();
    assert_eq!(put(inbox.as_ref(), vec![notice("t-1", "one")]).await, [Put::New]);
    let more = vec![notice("t-1", "one"), notice("t-1", "other"), notice("t-2", "one")];
    assert_eq!(put(inbox.as_ref(), more).await, [Put::Known, Put::Changed, Put::New]);
    let twins = vec![notice("t-3", "one"), notice("t-3", "one"), notice("t-3", "other")];
    assert_eq!(put(inbox.as_ref(), twins).await, [Put::New, Put::Known, Put::Changed]);
    assert_eq!(counts(inbox.as_ref()).await, (5, 0, 0));
    // Without a token there is no telling what they have in common.
    let unnamed = vec![notice("", "one"), notice("", "other"), notice("", "one")];
    assert_eq!(put(inbox.as_ref(), unnamed).await, [Put::New, Put::New, Put::Known]);
}

pub(super) async fn nobody_takes_what_another_works_on_until_the_lease_ends(place: &dyn Place) {
    let inbox = place.open();
    put(inbox.as_ref(), vec![notice("t-1", "says")]).await;
    assert_eq!(take(inbox.as_ref(), 9).await.len(), 1);
    at(place, 4);
    assert_eq!(take(inbox.as_ref(), 9).await, []);
    at(place, 5);
    let again = take(inbox.as_ref(), 9).await;
    assert_eq!((again.len(), again[0].failures), (1, 0), "to die in mid-work is not the item's fault");
}

pub(super) async fn what_fails_is_tried_three_times_more_and_is_dead_then(place: &dyn Place) {
    let inbox = place.open();
    put(inbox.as_ref(), vec![notice("t-1", "says")]).await;
    let mut now = 0;
    for run in 1..=RUNS_MAX {
        let taken = take(inbox.as_ref(), 9).await;
        assert_eq!(taken.len(), 1, "run {run}");
        assert_eq!(taken[0].failures, run - 1);
        assert_eq!(inbox.failed(&taken[0], &format!("of run {run}")).await, Ok(true));
        let Some(pause) = taken[0].pause() else { break };
        now += i64::try_from(pause.as_secs()).expect("a short time");
        at(place, now - 1);
        assert_eq!(take(inbox.as_ref(), 9).await, [], "not at once");
        at(place, now);
    }
    at(place, now + 86_400);
    assert_eq!(take(inbox.as_ref(), 9).await, []);
    assert_eq!(counts(inbox.as_ref()).await, (0, 1, 0));
    let dead = inbox.list_items(ItemState::Dead, Page { after: None, limit: 9 }).await.expect("readable");
    let told = |item: &Item| (item.failures, item.why_first.clone(), item.why.clone());
    let why = |run| Some(format!("of run {run}"));
    assert_eq!(dead.iter().map(told).collect::<Vec<_>>(), [(RUNS_MAX, why(1), why(4))]);
    assert_eq!(inbox.again(dead[0].id, None).await, Ok(true));
    assert_eq!(inbox.again(dead[0].id, None).await, Ok(false), "it waits already");
    let again = take(inbox.as_ref(), 9).await;
    assert_eq!((again.len(), told(&again[0])), (1, (0, None, None)));
}

pub(super) async fn whoever_lost_the_lease_fails_nothing(place: &dyn Place) {
    let inbox = place.open();
    put(inbox.as_ref(), vec![notice("t-1", "says")]).await;
    let slow = take(inbox.as_ref(), 9).await.remove(0);
    at(place, 6);
    let other = take(inbox.as_ref(), 9).await.remove(0);
    assert_eq!(inbox.failed(&slow, "too late").await, Ok(false));
    assert_eq!(inbox.find_item(slow.id).await, Ok(Some(other.clone())), "as the other took it");
    inbox.done(vec![slow.id]).await.expect("an inbox that works");
    assert_eq!(inbox.failed(&other, "it is gone").await, Ok(false));
    assert_eq!(counts(inbox.as_ref()).await, (0, 0, 0), "what is done is done");
}

pub(super) async fn what_nobody_can_work_on_waits_for_an_operator(place: &dyn Place) {
    let inbox = place.open();
    let items = vec![quarantined("q-1"), quarantined("q-2"), quarantined("q-3"), notice("t-1", "says")];
    let ids: Vec<Uuid> = items.iter().map(|item| item.id).collect();
    put(inbox.as_ref(), items).await;
    assert_eq!(counts(inbox.as_ref()).await, (1, 0, 3));
    assert_eq!(take(inbox.as_ref(), 9).await.len(), 1);
    let list = async |after, limit| {
        let page = Page { after, limit };
        let items = inbox.list_items(ItemState::Quarantined, page).await.expect("readable");
        items.into_iter().map(|item| item.id).collect::<Vec<Uuid>>()
    };
    assert_eq!(list(None, 2).await, ids[..2]);
    assert_eq!(list(Some(ids[1]), 2).await, ids[2..3]);
    let found = inbox.find_item(ids[0]).await.expect("readable").expect("there");
    assert_eq!(found.why.as_deref(), Some("nobody knows its kind"));
    assert_eq!(inbox.again(ids[0], Some(b"opened".to_vec())).await, Ok(true));
    let taken = take(inbox.as_ref(), 9).await;
    assert_eq!((taken.len(), taken[0].id, taken[0].content.as_slice()), (1, ids[0], &b"opened"[..]));
    assert_eq!(inbox.again(given::id(), None).await, Ok(false));
}

pub(super) async fn what_waits_is_there_after_opening_again(place: &dyn Place) {
    let inbox = place.open();
    put(inbox.as_ref(), vec![notice("t-1", "says"), quarantined("q-1")]).await;
    let taken = take(inbox.as_ref(), 9).await;
    drop(inbox);
    at(place, 5);
    let inbox = place.open();
    assert_eq!(counts(inbox.as_ref()).await, (1, 0, 1));
    let again = take(inbox.as_ref(), 9).await;
    assert_eq!(again.iter().map(|item| item.id).collect::<Vec<_>>(), [taken[0].id]);
}
