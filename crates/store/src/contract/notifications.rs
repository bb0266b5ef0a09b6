//! Notifications: what is sent to endpoints is leased by one at a time, and logged.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::endpoints::{change, endpoint};
use super::{NOON, Place, given};
use crate::endpoint::{
    Attempt, Endpoint, Endpoints, NewNotification, Notification, NotificationStanding, NotificationState,
};
use crate::reader::Page;

const LEASE: Duration = Duration::from_secs(5);

/// So many notifications to this endpoint, stored.
async fn notified(endpoints: &dyn Endpoints, to: &Endpoint, count: usize) -> Vec<NewNotification> {
    let new: Vec<_> = (0..count).map(|_| given::notification(to.id)).collect();
    endpoints.notify(new.clone()).await.expect("writable");
    new
}

async fn take(endpoints: &dyn Endpoints, limit: u32) -> Vec<Notification> {
    endpoints.take_notifications(limit, LEASE, &[]).await.expect("writable")
}

async fn attempted(endpoints: &dyn Endpoints, of: &Notification, attempt: &Attempt, next: NotificationState) {
    endpoints.attempted(of, attempt.clone(), next).await.expect("writable");
}

async fn find(endpoints: &dyn Endpoints, id: Uuid) -> (Notification, Vec<Attempt>) {
    endpoints.find_notification(id).await.expect("readable").expect("there")
}

async fn list(
    endpoints: &dyn Endpoints,
    of: &Endpoint,
    state: Option<NotificationStanding>,
    page: Page<Uuid>,
) -> Vec<Uuid> {
    ids(&endpoints.list_notifications(of.id, state, page).await.expect("readable"))
}

async fn count(endpoints: &dyn Endpoints) -> u64 {
    endpoints.count_notifications().await.expect("readable").0
}

fn ids(of: &[Notification]) -> Vec<Uuid> {
    of.iter().map(|notification| notification.notification.id).collect()
}

/// So many seconds after noon.
fn after_noon(seconds: i64) -> Timestamp {
    NOON + SignedDuration::from_secs(seconds)
}

/// Sets the clock to so many seconds after noon.
fn at(place: &dyn Place, seconds: i64) {
    place.clock().set(after_noon(seconds));
}

pub(super) async fn who_takes_a_notification_has_it_alone_until_the_lease_ends(place: &dyn Place) {
    let endpoints = place.open();
    let [one, other] = [endpoint(endpoints.as_ref()).await, endpoint(endpoints.as_ref()).await];
    let mut new = notified(endpoints.as_ref(), &other, 2).await;
    at(place, 1);
    new.extend(notified(endpoints.as_ref(), &one, 2).await);
    let all: Vec<Uuid> = new.iter().map(|new| new.id).collect();
    let first = take(endpoints.as_ref(), 3).await;
    assert_eq!(ids(&first), all[..3], "those longest due first, whoever they go to");
    let taken = Notification {
        notification: new[0].clone(),
        failures: 0,
        state: NotificationState::Due(after_noon(6)),
        created_at: NOON,
    };
    assert_eq!(first[0], taken);
    assert_eq!(ids(&take(endpoints.as_ref(), 9).await), all[3..]);
    assert_eq!(take(endpoints.as_ref(), 9).await, []);
    assert_eq!(endpoints.count_notifications().await, Ok((4, Some(after_noon(6)))));
    at(place, 5);
    assert_eq!(take(endpoints.as_ref(), 9).await, []);
    at(place, 6);
    assert_eq!(ids(&take(endpoints.as_ref(), 9).await), all);
}

pub(super) async fn two_who_take_at_once_have_nothing_in_common(place: &dyn Place) {
    let endpoints = place.open();
    let to = endpoint(endpoints.as_ref()).await;
    let new = notified(endpoints.as_ref(), &to, 20).await;
    let both = join(take(endpoints.as_ref(), 10), take(endpoints.as_ref(), 10)).await;
    let mut taken = [ids(&both.0), ids(&both.1)].concat();
    // Who came second may have passed over what the first was about to leave.
    taken.extend(ids(&take(endpoints.as_ref(), 20).await));
    assert_eq!(taken.len(), new.len());
    let (all, taken): (BTreeSet<_>, BTreeSet<_>) =
        (new.iter().map(|new| new.id).collect(), taken.into_iter().collect());
    assert_eq!(taken, all);
}

pub(super) async fn an_attempt_is_logged_and_says_what_is_next(place: &dyn Place) {
    let endpoints = place.open();
    let to = endpoint(endpoints.as_ref()).await;
    let new = notified(endpoints.as_ref(), &to, 2).await;
    let taken = take(endpoints.as_ref(), 9).await;
    let failed = given::attempt(NOON, Some("refused"));
    attempted(endpoints.as_ref(), &taken[0], &failed, NotificationState::Due(after_noon(60))).await;
    let unanswered = Attempt { status: None, error: Some("with \0 in it".to_owned()), ..failed.clone() };
    attempted(endpoints.as_ref(), &taken[1], &unanswered, NotificationState::Failed).await;
    at(place, 59);
    assert_eq!(take(endpoints.as_ref(), 9).await, [], "one is to be tried later, one never");
    at(place, 60);
    let again = take(endpoints.as_ref(), 9).await;
    assert_eq!(ids(&again), [new[0].id]);
    assert_eq!(again[0].failures, 1);
    let delivered = given::attempt(after_noon(60), None);
    attempted(endpoints.as_ref(), &again[0], &delivered, NotificationState::Delivered).await;
    let (found, log) = find(endpoints.as_ref(), new[0].id).await;
    assert_eq!((found.state, found.failures), (NotificationState::Delivered, 1));
    assert_eq!(found.notification, new[0]);
    assert_eq!(log, [failed, delivered]);
    let (dead, log) = find(endpoints.as_ref(), new[1].id).await;
    assert_eq!((dead.state, dead.failures, log.len()), (NotificationState::Failed, 1, 1));
    assert_eq!(log[0].status, None);
    at(place, 86_400);
    assert_eq!(take(endpoints.as_ref(), 9).await, []);
    assert_eq!(endpoints.count_notifications().await, Ok((0, None)));
    assert_eq!(endpoints.find_notification(given::id()).await, Ok(None));
}

pub(super) async fn an_attempt_of_one_who_lost_the_lease_has_no_effect(place: &dyn Place) {
    let endpoints = place.open();
    let to = endpoint(endpoints.as_ref()).await;
    let new = notified(endpoints.as_ref(), &to, 1).await;
    let slow = take(endpoints.as_ref(), 9).await.remove(0);
    at(place, 5);
    let other = take(endpoints.as_ref(), 9).await.remove(0);
    attempted(endpoints.as_ref(), &slow, &given::attempt(NOON, None), NotificationState::Delivered).await;
    assert_eq!(find(endpoints.as_ref(), new[0].id).await, (other.clone(), Vec::new()));
    let log = given::attempt(after_noon(5), None);
    attempted(endpoints.as_ref(), &other, &log, NotificationState::Delivered).await;
    let failed = given::attempt(after_noon(6), Some("late"));
    attempted(endpoints.as_ref(), &other, &failed, NotificationState::Failed).await;
    let settled = find(endpoints.as_ref(), new[0].id).await;
    assert_eq!((settled.0.state, settled.1.as_slice()), (NotificationState::Delivered, &[log][..]));
    attempted(endpoints.as_ref(), &settled.0, &failed, NotificationState::Failed).await;
    assert_eq!(find(endpoints.as_ref(), new[0].id).await, settled, "nobody has what is delivered");
}

pub(super) async fn an_endpoint_that_is_off_or_busy_is_passed_over_and_goes_on_afterwards(place: &dyn Place) {
    let endpoints = place.open();
    let [off, on] = [endpoint(endpoints.as_ref()).await, endpoint(endpoints.as_ref()).await];
    let waits = notified(endpoints.as_ref(), &off, 3).await;
    at(place, 1);
    let sent = notified(endpoints.as_ref(), &on, 1).await;
    change(endpoints.as_ref(), &off, |off| off.is_on = false).await;
    assert_eq!(endpoints.count_notifications().await, Ok((1, Some(after_noon(1)))));
    let while_busy = endpoints.take_notifications(9, LEASE, &[given::id(), on.id]).await;
    assert_eq!(while_busy, Ok(Vec::new()));
    assert_eq!(ids(&take(endpoints.as_ref(), 1).await), [sent[0].id], "those that are off take no places");
    change(endpoints.as_ref(), &off, |off| off.is_on = true).await;
    assert_eq!(endpoints.count_notifications().await, Ok((4, Some(NOON))));
    let waits: Vec<Uuid> = waits.iter().map(|waits| waits.id).collect();
    let beside = endpoints.take_notifications(9, LEASE, &[on.id]).await.expect("writable");
    assert_eq!(ids(&beside), waits);
}

pub(super) async fn an_event_is_stored_once_for_an_endpoint_and_never_for_one_that_is_not_there(
    place: &dyn Place,
) {
    let endpoints = place.open();
    let [one, other] = [endpoint(endpoints.as_ref()).await, endpoint(endpoints.as_ref()).await];
    let first = given::notification(one.id);
    let of_same = |endpoint| NewNotification { event: first.event, ..given::notification(endpoint) };
    let new = vec![first.clone(), of_same(given::id()), of_same(one.id), of_same(other.id)];
    endpoints.notify(new.clone()).await.expect("writable");
    endpoints.notify(new.clone()).await.expect("writable");
    endpoints.notify(vec![of_same(one.id), of_same(other.id)]).await.expect("writable");
    endpoints.notify(Vec::new()).await.expect("writable");
    assert_eq!(ids(&take(endpoints.as_ref(), 9).await), [first.id, new[3].id]);
    assert_eq!(endpoints.find_notification(new[1].id).await, Ok(None));
}

pub(super) async fn a_deleted_endpoint_takes_its_notifications_along_and_no_others(place: &dyn Place) {
    let endpoints = place.open();
    let [gone, stays] = [endpoint(endpoints.as_ref()).await, endpoint(endpoints.as_ref()).await];
    let with_it = notified(endpoints.as_ref(), &gone, 2).await;
    let taken = take(endpoints.as_ref(), 9).await;
    let log = given::attempt(NOON, Some("refused"));
    attempted(endpoints.as_ref(), &taken[0], &log, NotificationState::Due(NOON)).await;
    let kept = notified(endpoints.as_ref(), &stays, 1).await;
    assert_eq!(endpoints.delete_endpoint(gone.id).await, Ok(true));
    assert_eq!(endpoints.delete_endpoint(gone.id).await, Ok(false));
    assert_eq!(endpoints.find_endpoint(gone.id).await, Ok(None));
    let page = Page { after: None, limit: 9 };
    assert!(list(endpoints.as_ref(), &gone, None, page).await.is_empty());
    for new in &with_it {
        assert_eq!(endpoints.find_notification(new.id).await, Ok(None));
        assert_eq!(endpoints.resend(new.id).await, Ok(false));
    }
    attempted(endpoints.as_ref(), &taken[1], &log, NotificationState::Delivered).await;
    notified(endpoints.as_ref(), &gone, 1).await;
    assert_eq!(count(endpoints.as_ref()).await, 1);
    assert_eq!(ids(&take(endpoints.as_ref(), 9).await), [kept[0].id]);
    let forget = async |limit| endpoints.forget_notifications(NOON, limit).await;
    assert_eq!(forget(1).await, Ok(1), "those of one that is gone, however young");
    assert_eq!((forget(9).await, forget(9).await), (Ok(1), Ok(0)));
    assert_eq!(list(endpoints.as_ref(), &stays, None, page).await, [kept[0].id]);
}

pub(super) async fn what_is_resent_is_as_new_and_keeps_its_log(place: &dyn Place) {
    let endpoints = place.open();
    let to = endpoint(endpoints.as_ref()).await;
    let new = notified(endpoints.as_ref(), &to, 1).await.remove(0);
    let taken = take(endpoints.as_ref(), 9).await.remove(0);
    let failed = given::attempt(NOON, Some("gone"));
    attempted(endpoints.as_ref(), &taken, &failed, NotificationState::Failed).await;
    at(place, 9);
    assert_eq!(endpoints.resend(new.id).await, Ok(true));
    let again = take(endpoints.as_ref(), 9).await.remove(0);
    assert_eq!((again.failures, again.created_at), (0, NOON));
    // Once more, while somebody has it: he has lost it.
    at(place, 10);
    assert_eq!(endpoints.resend(new.id).await, Ok(true));
    attempted(endpoints.as_ref(), &again, &failed, NotificationState::Delivered).await;
    let last = take(endpoints.as_ref(), 9).await.remove(0);
    let delivered = given::attempt(after_noon(10), None);
    attempted(endpoints.as_ref(), &last, &delivered, NotificationState::Delivered).await;
    let (found, log) = find(endpoints.as_ref(), new.id).await;
    assert_eq!((found.state, found.failures), (NotificationState::Delivered, 0));
    assert_eq!(log, [failed, delivered]);
    assert_eq!(endpoints.resend(given::id()).await, Ok(false));
}

pub(super) async fn notifications_are_listed_newest_first_by_state_and_in_pages(place: &dyn Place) {
    let endpoints = place.open();
    let [to, other] = [endpoint(endpoints.as_ref()).await, endpoint(endpoints.as_ref()).await];
    let new = notified(endpoints.as_ref(), &to, 5).await;
    let newest_first: Vec<Uuid> = new.iter().rev().map(|new| new.id).collect();
    let taken = take(endpoints.as_ref(), 2).await;
    attempted(endpoints.as_ref(), &taken[0], &given::attempt(NOON, None), NotificationState::Delivered).await;
    attempted(endpoints.as_ref(), &taken[1], &given::attempt(NOON, Some("no")), NotificationState::Failed)
        .await;
    let page = |after, limit| Page { after, limit };
    assert_eq!(list(endpoints.as_ref(), &to, None, page(None, 2)).await, newest_first[..2]);
    assert_eq!(list(endpoints.as_ref(), &to, None, page(Some(newest_first[1]), 9)).await, newest_first[2..]);
    let due =
        list(endpoints.as_ref(), &to, Some(NotificationStanding::Due), page(Some(newest_first[0]), 9)).await;
    assert_eq!(due, newest_first[1..3]);
    assert_eq!(
        list(endpoints.as_ref(), &to, Some(NotificationStanding::Delivered), page(None, 9)).await,
        [new[0].id]
    );
    assert_eq!(
        list(endpoints.as_ref(), &to, Some(NotificationStanding::Failed), page(None, 9)).await,
        [new[1].id]
    );
    assert!(list(endpoints.as_ref(), &other, None, page(None, 9)).await.is_empty());
    let listed = endpoints.list_notifications(to.id, None, page(None, 1)).await.expect("readable");
    assert_eq!(listed[0].notification, NewNotification { body: Vec::new(), ..new[4].clone() });
}

pub(super) async fn what_is_old_is_forgotten_with_its_log_wherever_it_stands(place: &dyn Place) {
    let endpoints = place.open();
    let to = endpoint(endpoints.as_ref()).await;
    let old = notified(endpoints.as_ref(), &to, 4).await;
    at(place, 60);
    let young = notified(endpoints.as_ref(), &to, 2).await;
    let taken = take(endpoints.as_ref(), 5).await;
    let (delivered, failed) = (given::attempt(NOON, None), given::attempt(NOON, Some("gone")));
    attempted(endpoints.as_ref(), &taken[0], &delivered, NotificationState::Delivered).await;
    attempted(endpoints.as_ref(), &taken[1], &failed, NotificationState::Failed).await;
    attempted(endpoints.as_ref(), &taken[2], &failed, NotificationState::Due(after_noon(99))).await;
    attempted(endpoints.as_ref(), &taken[4], &failed, NotificationState::Failed).await;
    let forget = async |before, limit| endpoints.forget_notifications(after_noon(before), limit).await;
    assert_eq!(forget(0, 9).await, Ok(0), "they are not older than that");
    assert_eq!(forget(60, 0).await, Ok(0));
    assert_eq!(forget(60, 3).await, Ok(3));
    assert_eq!(forget(60, 3).await, Ok(1));
    assert_eq!(forget(60, 3).await, Ok(0));
    let left = list(endpoints.as_ref(), &to, None, Page { after: None, limit: 9 }).await;
    assert_eq!(left, [young[1].id, young[0].id]);
    for forgotten in &old {
        assert_eq!(endpoints.find_notification(forgotten.id).await, Ok(None));
    }
    assert_eq!(find(endpoints.as_ref(), young[0].id).await.1, [failed]);
}

pub(super) async fn of_two_who_forget_at_once_each_forgets_others(place: &dyn Place) {
    let endpoints = place.open();
    let [to, gone] = [endpoint(endpoints.as_ref()).await, endpoint(endpoints.as_ref()).await];
    notified(endpoints.as_ref(), &to, 10).await;
    notified(endpoints.as_ref(), &gone, 10).await;
    assert_eq!(endpoints.delete_endpoint(gone.id).await, Ok(true));
    let forget = || endpoints.forget_notifications(after_noon(1), 15);
    let both = join(forget(), forget()).await;
    // Who came second may have passed over what the first was about to delete.
    let rest = forget().await;
    let [one, other, rest] = [both.0, both.1, rest].map(|forgotten| forgotten.expect("writable"));
    assert_eq!(one + other + rest, 20, "{one}, {other} and {rest}");
}

pub(super) async fn what_is_to_be_sent_is_there_after_opening_again(place: &dyn Place) {
    let endpoints = place.open();
    let to = endpoint(endpoints.as_ref()).await;
    let new = notified(endpoints.as_ref(), &to, 2).await;
    let taken = take(endpoints.as_ref(), 1).await;
    let failed = given::attempt(NOON, Some("refused"));
    attempted(endpoints.as_ref(), &taken[0], &failed, NotificationState::Due(after_noon(3_600))).await;
    drop(endpoints);
    let endpoints = place.open();
    assert_eq!(endpoints.find_endpoint(to.id).await, Ok(Some(to)));
    assert_eq!(ids(&take(endpoints.as_ref(), 9).await), [new[1].id], "a pause is no lease");
    assert_eq!(find(endpoints.as_ref(), new[0].id).await.1, [failed]);
    assert_eq!(count(endpoints.as_ref()).await, 2);
}
