//! Windows as time goes by. They follow the program's time zone and the store's clock.

use bursar_core::command::GroupRef;
use bursar_core::control::Scope;
use bursar_core::program::Policies;
use bursar_core::{DeclineReason, Window};
use jiff::Timestamp;

use super::given::{self, Call, Funded, usd};
use super::{Place, assert_books_are_right};
use crate::ledger::Ledger;

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// An account in a program of this time zone, with a limit of 10.00 on its card.
async fn limited(ledger: &dyn Ledger, zone: &str, window: Window) -> Funded {
    let account = given::account_in_zone(ledger, zone, Policies::default(), usd("100.00")).await;
    given::control(ledger, &account, Scope::Card(account.card), given::limit(window, usd("10.00"))).await;
    account
}

/// Spends at these times, and asserts whether that was approved.
async fn spend(place: &dyn Place, zone: &str, window: Window, swipes: &[(&str, &str, bool)]) {
    let start = swipes.first().map_or("", |(at, ..)| at);
    place.clock().set(time(start));
    let ledger = place.open();
    let account = limited(ledger.as_ref(), zone, window).await;
    for (at, dollars, is_approved) in swipes {
        place.clock().set(time(at));
        let declined =
            given::sent(ledger.as_ref(), &given::authorization(&account, usd(dollars))).await.declined();
        let expected = (!is_approved).then_some(DeclineReason::AmountLimitExceeded);
        assert_eq!(declined, expected, "{dollars} at {at} in a {window} of {zone}");
    }
    drop(ledger);
    assert_books_are_right(place.books());
}

pub(super) async fn a_day_begins_anew_at_midnight_in_kolkata(place: &dyn Place) {
    let swipes = [
        ("2026-11-23T18:29:58Z", "6.00", true),
        ("2026-11-23T18:29:59Z", "4.01", false),
        ("2026-11-23T18:30:00Z", "10.00", true),
        ("2026-11-24T00:00:00Z", "0.01", false),
        ("2026-11-24T18:29:59Z", "0.01", false),
        ("2026-11-24T18:30:00Z", "10.00", true),
    ];
    spend(place, "Asia/Kolkata", Window::Day, &swipes).await;
}

pub(super) async fn a_day_has_23_hours_when_new_york_s_clocks_go_forward(place: &dyn Place) {
    let swipes = [
        ("2026-03-08T04:59:59Z", "10.00", true),
        ("2026-03-08T05:00:00Z", "10.00", true),
        ("2026-03-08T06:59:59Z", "0.01", false),
        ("2026-03-08T07:00:00Z", "0.01", false),
        ("2026-03-09T03:59:59Z", "0.01", false),
        ("2026-03-09T04:00:00Z", "10.00", true),
    ];
    spend(place, "America/New_York", Window::Day, &swipes).await;
}

pub(super) async fn a_day_has_25_hours_when_new_york_s_clocks_go_back(place: &dyn Place) {
    let swipes = [
        ("2026-11-01T04:00:00Z", "4.00", true),
        ("2026-11-01T05:30:00Z", "4.00", true),
        ("2026-11-01T06:30:00Z", "2.01", false),
        ("2026-11-01T06:30:00Z", "2.00", true),
        ("2026-11-02T04:59:59Z", "0.01", false),
        ("2026-11-02T05:00:00Z", "10.00", true),
    ];
    spend(place, "America/New_York", Window::Day, &swipes).await;
}

pub(super) async fn a_week_ends_before_sunday(place: &dyn Place) {
    let swipes = [
        ("2026-11-28T23:59:59Z", "10.00", true),
        ("2026-11-28T23:59:59Z", "0.01", false),
        ("2026-11-29T00:00:00Z", "10.00", true),
        ("2026-12-05T23:59:59Z", "0.01", false),
        ("2026-12-06T00:00:00Z", "10.00", true),
    ];
    spend(place, "Etc/UTC", Window::Week, &swipes).await;
}

pub(super) async fn a_month_ends_with_its_last_day(place: &dyn Place) {
    let swipes = [
        ("2027-02-01T00:00:00Z", "10.00", true),
        ("2027-02-28T23:59:59Z", "0.01", false),
        ("2027-03-01T00:00:00Z", "10.00", true),
    ];
    spend(place, "Etc/UTC", Window::Month, &swipes).await;
}

pub(super) async fn a_lifetime_never_ends(place: &dyn Place) {
    let swipes = [("2026-01-15T12:00:00Z", "10.00", true), ("2049-12-31T00:00:00Z", "0.01", false)];
    spend(place, "Etc/UTC", Window::Lifetime, &swipes).await;
}

pub(super) async fn a_rolling_window_lets_go_of_each_take_on_its_own(place: &dyn Place) {
    let swipes = [
        ("2026-11-23T10:00:00Z", "6.00", true),
        ("2026-11-23T10:30:00Z", "4.00", true),
        ("2026-11-23T10:59:59Z", "0.01", false),
        ("2026-11-23T11:01:00Z", "6.00", true),
        ("2026-11-23T11:29:59Z", "0.01", false),
        ("2026-11-23T11:31:00Z", "4.00", true),
    ];
    spend(place, "Etc/UTC", Window::RollingHours(1), &swipes).await;
}

pub(super) async fn what_is_given_back_goes_to_the_day_that_it_came_from(place: &dyn Place) {
    place.clock().set(time("2026-11-23T23:00:00Z"));
    let ledger = place.open();
    let account = limited(ledger.as_ref(), "Etc/UTC", Window::Day).await;
    let sent = async |call: Call| given::sent(ledger.as_ref(), &call).await.declined();
    let first = given::authorization(&account, usd("6.00"));
    assert_eq!(sent(first.clone()).await, None);
    place.clock().set(time("2026-11-24T01:00:00Z"));
    let group = || GroupRef::Message(first.command.id);
    assert_eq!(sent(given::increment(&account, group(), usd("3.00"))).await, None, "of its own day");
    assert_eq!(sent(given::authorization(&account, usd("7.00"))).await, None);
    assert_eq!(
        sent(given::authorization(&account, usd("0.01"))).await,
        Some(DeclineReason::AmountLimitExceeded)
    );
    assert_eq!(sent(given::reversal(&account, group())).await, None);
    let beyond = given::authorization(&account, usd("3.01"));
    assert_eq!(
        sent(beyond).await,
        Some(DeclineReason::AmountLimitExceeded),
        "yesterday's six are yesterday's"
    );
    assert_eq!(sent(given::authorization(&account, usd("3.00"))).await, None);
    drop(ledger);
    assert_books_are_right(place.books());
}

/// A part comes back from the newest take, to the day of that one, and then from the one before.
pub(super) async fn a_part_is_given_back_newest_first(place: &dyn Place) {
    let evening = time("2026-11-23T23:00:00Z");
    place.clock().set(evening);
    let ledger = place.open();
    let account = limited(ledger.as_ref(), "Etc/UTC", Window::Day).await;
    let lifetime = given::limit(Window::Lifetime, usd("20.00"));
    given::control(ledger.as_ref(), &account, Scope::Owner(account.owner), lifetime).await;
    let sent = async |call: Call| given::sent(ledger.as_ref(), &call).await.declined();
    let first = given::authorization(&account, usd("6.00"));
    let group = || GroupRef::Message(first.command.id);
    assert_eq!(sent(first.clone()).await, None);
    place.clock().set(time("2026-11-24T01:00:00Z"));
    assert_eq!(sent(given::increment(&account, group(), usd("3.00"))).await, None);
    assert_eq!(sent(given::authorization(&account, usd("7.00"))).await, None, "today is spent");
    assert_eq!(sent(given::partial_reversal(&account, group(), usd("2.00"))).await, None);
    let beyond = Some(DeclineReason::AmountLimitExceeded);
    assert_eq!(sent(given::authorization(&account, usd("2.01"))).await, beyond);
    assert_eq!(sent(given::authorization(&account, usd("2.00"))).await, None, "of today's three");
    assert_eq!(sent(given::partial_reversal(&account, group(), usd("4.00"))).await, None);
    assert_eq!(sent(given::authorization(&account, usd("1.01"))).await, beyond, "three are yesterday's");
    assert_eq!(sent(given::authorization(&account, usd("1.00"))).await, None);
    place.clock().set(time("2026-11-25T01:00:00Z"));
    assert_eq!(sent(given::authorization(&account, usd("7.01"))).await, beyond, "of the lifetime");
    assert_eq!(sent(given::authorization(&account, usd("7.00"))).await, None);
    drop(ledger);
    assert_books_are_right(place.books());
}

pub(super) async fn controls_and_windows_are_there_after_opening_again(place: &dyn Place) {
    place.clock().set(time("2026-11-23T10:00:00Z"));
    let ledger = place.open();
    let account = limited(ledger.as_ref(), "Etc/UTC", Window::Day).await;
    let sent = async |ledger: &dyn Ledger, dollars| {
        given::sent(ledger, &given::authorization(&account, usd(dollars))).await.declined()
    };
    assert_eq!(sent(ledger.as_ref(), "6.00").await, None);
    drop(ledger);
    let ledger = place.open();
    assert_eq!(sent(ledger.as_ref(), "4.01").await, Some(DeclineReason::AmountLimitExceeded));
    assert_eq!(sent(ledger.as_ref(), "4.00").await, None);
    // A limit that begins to count walks the history, which is as it was.
    let week = given::limit(Window::Week, usd("12.00"));
    given::control(ledger.as_ref(), &account, Scope::Owner(account.owner), week).await;
    place.clock().set(time("2026-11-24T10:00:00Z"));
    assert_eq!(sent(ledger.as_ref(), "2.01").await, Some(DeclineReason::AmountLimitExceeded));
    assert_eq!(sent(ledger.as_ref(), "2.00").await, None);
    drop(ledger);
    assert_books_are_right(place.books());
}

/// A clock that is set back does not open a day that is over.
pub(super) async fn a_clock_that_goes_back_opens_no_window_again(place: &dyn Place) {
    let swipes = [
        ("2026-11-23T23:59:59Z", "10.00", true),
        ("2026-11-24T00:00:00Z", "9.00", true),
        ("2026-11-23T12:00:00Z", "1.01", false),
        ("2026-11-23T12:00:00Z", "1.00", true),
    ];
    spend(place, "Etc/UTC", Window::Day, &swipes).await;
}

/// A batch after a start finds no row that is kept: the history of a new limit brings groups with it,
/// and whoever refers to one of them needs its account and its limits all the same.
pub(super) async fn a_late_limit_hides_nothing_from_the_rest_of_its_batch(place: &dyn Place) {
    let ledger = place.open();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let other = given::another_holder(ledger.as_ref(), &account).await;
    let lifetime = given::limit(Window::Lifetime, usd("30.00"));
    given::control(ledger.as_ref(), &other, Scope::Card(other.card), lifetime).await;
    let held = given::authorization(&other, usd("30.00"));
    assert!(given::sent(ledger.as_ref(), &held).await.is_approved());
    drop(ledger);
    let ledger = place.open();
    let late = given::limit(Window::Lifetime, usd("50.00"));
    let calls = [
        given::new_control(account.owner, Scope::Card(account.card), late),
        given::reversal(&other, GroupRef::Message(held.command.id)),
    ];
    for settled in given::batch(ledger.as_ref(), &calls).await {
        assert_eq!(given::Sent::of(settled).declined(), None);
    }
    assert_eq!(given::available(ledger.as_ref(), &account).await, usd("100.00"));
    let again = given::authorization(&other, usd("30.00"));
    assert_eq!(given::sent(ledger.as_ref(), &again).await.declined(), None, "all was given back");
    drop(ledger);
    assert_books_are_right(place.books());
}
