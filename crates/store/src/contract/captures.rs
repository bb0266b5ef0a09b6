//! What is captured of a hold, and given back afterwards.

use bursar_core::{CardStatus, DeclineReason, GroupStatus, MessageId, OwnerStatus, Window};

use super::controls::{card, declined, left};
use super::given::{self, Call, Funded, jpy, usd};
use super::holds::{group_of, of};
use super::methods::{debit, refund_authorization};
use crate::ledger::Ledger;

/// An account with so much, of which so much is held.
async fn held(ledger: &dyn Ledger, has: &str, holds: &str) -> (Funded, Call) {
    let account = given::account(ledger, usd(has)).await;
    let swipe = given::authorization(&account, usd(holds));
    assert_eq!(declined(ledger, &swipe).await, None);
    (account, swipe)
}

/// Posted and held, in minor units, and how many holds are open.
async fn books(ledger: &dyn Ledger, account: &Funded) -> (i64, i64, i64) {
    let row = given::books_of(ledger, account).await;
    (row.posted_minor, row.held_minor, row.open_holds)
}

pub(super) async fn a_capture_posts_and_what_is_held_goes_down_by_as_much(ledger: &dyn Ledger) {
    let (account, swipe) = held(ledger, "100.00", "30.00").await;
    let group = || of(swipe.command.id);
    let first = given::sent(ledger, &given::capture(&account, group(), usd("10.00"))).await;
    assert_eq!(first.declined(), None);
    assert_eq!(books(ledger, &account).await, (9_000, 2_000, 1));
    assert_eq!(group_of(ledger, swipe.command.id).await, (GroupStatus::Open, 2_000));
    assert_eq!(given::available(ledger, &account).await, usd("70.00"), "as before");
    // By the id of the capture before, and with a rest that the merchant does not want.
    let last = given::final_capture(&account, of(first.id()), usd("15.00"));
    assert_eq!(declined(ledger, &last).await, None);
    assert_eq!(books(ledger, &account).await, (7_500, 0, 0));
    assert_eq!(group_of(ledger, swipe.command.id).await, (GroupStatus::Closed, 0));
    for late in [given::reversal(&account, group()), given::increment(&account, group(), usd("1.00"))] {
        assert_eq!(declined(ledger, &late).await, Some(DeclineReason::HoldGroupEnded));
    }
}

pub(super) async fn a_tip_is_captured_beyond_the_hold_and_may_overdraw(ledger: &dyn Ledger) {
    let (account, swipe) = held(ledger, "30.00", "30.00").await;
    assert_eq!(declined(ledger, &given::capture(&account, of(swipe.command.id), usd("36.00"))).await, None);
    assert_eq!(books(ledger, &account).await, (-600, 0, 0));
    let next = given::authorization(&account, usd("0.01"));
    assert_eq!(declined(ledger, &next).await, Some(DeclineReason::InsufficientFunds));
}

pub(super) async fn a_capture_after_the_end_of_the_hold_is_posted(ledger: &dyn Ledger) {
    for (end, posted_minor) in [
        (given::reversal as fn(&Funded, _) -> Call, 9_000),
        (given::expiry as fn(&Funded, _) -> Call, 9_000),
        (|account: &Funded, group| given::final_capture(account, group, usd("10.00")), 8_000),
    ] {
        let (account, swipe) = held(ledger, "100.00", "30.00").await;
        assert_eq!(declined(ledger, &end(&account, of(swipe.command.id))).await, None);
        let late = given::capture(&account, of(swipe.command.id), usd("10.00"));
        assert_eq!(declined(ledger, &late).await, None);
        assert_eq!(books(ledger, &account).await, (posted_minor, 0, 0));
        assert_eq!(group_of(ledger, swipe.command.id).await, (GroupStatus::Closed, 0));
    }
}

/// The money has moved, whoever may not spend by now.
pub(super) async fn captures_ask_for_no_status_and_are_told_apart_by_their_keys(ledger: &dyn Ledger) {
    let (account, swipe) = held(ledger, "100.00", "30.00").await;
    for ended in [
        given::card_move(&account, CardStatus::Terminated),
        given::owner_move(&account, OwnerStatus::Suspended),
    ] {
        assert_eq!(declined(ledger, &ended).await, None);
    }
    let capture = given::capture(&account, of(swipe.command.id), usd("10.00"));
    let another = given::capture(&account, of(swipe.command.id), usd("10.00"));
    for call in [&capture, &capture, &another, &capture] {
        let call = call.again();
        given::batch(ledger, &[call]).await;
    }
    assert_eq!(books(ledger, &account).await, (8_000, 1_000, 1));
}

pub(super) async fn what_was_never_held_is_not_captured(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let never = [
        given::authorization(&account, usd("100.01")),
        given::authorization(&account, usd("0.00")),
        debit(&account, "10.00"),
        refund_authorization(&account, "10.00"),
    ];
    for call in &never {
        given::sent(ledger, call).await;
        let capture = given::capture(&account, of(call.command.id), usd("1.00"));
        assert_eq!(declined(ledger, &capture).await, Some(DeclineReason::NothingHeld));
    }
    let unknown = given::capture(&account, of(MessageId::new(given::id())), usd("1.00"));
    assert_eq!(declined(ledger, &unknown).await, Some(DeclineReason::AuthorizationUnknown));
    let (account, swipe) = held(ledger, "100.00", "30.00").await;
    for (money, reason) in
        [(jpy("10"), DeclineReason::CurrencyMismatch), (usd("0.00"), DeclineReason::InvalidAmount)]
    {
        let capture = given::capture(&account, of(swipe.command.id), money);
        assert_eq!(declined(ledger, &capture).await, Some(reason));
    }
    assert_eq!(books(ledger, &account).await, (10_000, 3_000, 1));
}

pub(super) async fn no_more_is_given_back_than_was_captured(ledger: &dyn Ledger) {
    let (account, swipe) = held(ledger, "100.00", "30.00").await;
    let refund = |dollars| given::refund(&account, of(swipe.command.id), usd(dollars));
    let too_much = Some(DeclineReason::MoreThanCaptured);
    assert_eq!(declined(ledger, &refund("0.01")).await, too_much, "it is only held");
    given::sent(ledger, &given::capture(&account, of(swipe.command.id), usd("20.00"))).await;
    assert_eq!(declined(ledger, &refund("12.00")).await, None);
    assert_eq!(books(ledger, &account).await, (9_200, 1_000, 1));
    assert_eq!(declined(ledger, &refund("8.01")).await, too_much);
    assert_eq!(declined(ledger, &refund("8.00")).await, None);
    assert_eq!(books(ledger, &account).await, (10_000, 1_000, 1));
    let debit = debit(&account, "5.00");
    assert_eq!(declined(ledger, &debit).await, None);
    assert_eq!(declined(ledger, &given::refund(&account, of(debit.command.id), usd("5.00"))).await, None);
    assert_eq!(books(ledger, &account).await, (10_000, 1_000, 1));
}

pub(super) async fn a_final_capture_gives_windows_back_what_it_did_not_take(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let limit =
        given::control(ledger, &account, card(&account), given::limit(Window::Day, usd("50.00"))).await;
    given::control(ledger, &account, card(&account), given::uses(Window::Day, 1)).await;
    let swipe = given::authorization(&account, usd("30.00"));
    assert_eq!(declined(ledger, &swipe).await, None);
    given::sent(ledger, &given::capture(&account, of(swipe.command.id), usd("10.00"))).await;
    assert_eq!(left(ledger, &limit).await, usd("20.00"), "the rest is still held");
    given::sent(ledger, &given::final_capture(&account, of(swipe.command.id), usd("5.00"))).await;
    assert_eq!(left(ledger, &limit).await, usd("35.00"));
    let another = given::authorization(&account, usd("1.00"));
    assert_eq!(declined(ledger, &another).await, Some(DeclineReason::CountLimitExceeded));
}

pub(super) async fn a_late_capture_takes_by_force_and_a_refund_gives_nothing_back(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let limit =
        given::control(ledger, &account, card(&account), given::limit(Window::Day, usd("30.00"))).await;
    let swipe = given::authorization(&account, usd("20.00"));
    assert_eq!(declined(ledger, &swipe).await, None);
    given::sent(ledger, &given::reversal(&account, of(swipe.command.id))).await;
    given::sent(ledger, &given::authorization(&account, usd("25.00"))).await;
    assert_eq!(left(ledger, &limit).await, usd("5.00"));
    given::sent(ledger, &given::capture(&account, of(swipe.command.id), usd("20.00"))).await;
    assert_eq!(left(ledger, &limit).await.minor, -1_500);
    given::sent(ledger, &given::refund(&account, of(swipe.command.id), usd("20.00"))).await;
    assert_eq!(left(ledger, &limit).await.minor, -1_500);
    let another = given::authorization(&account, usd("0.01"));
    assert_eq!(declined(ledger, &another).await, Some(DeclineReason::AmountLimitExceeded));
}
