//! What is held, and what is released.

use bursar_core::command::GroupRef;
use bursar_core::hold_group::Effect;
use bursar_core::{DeclineReason, GroupStatus, MessageId};
use jiff::SignedDuration;

use super::NOON;
use super::given::{self, Funded, Sent, jpy, usd};
use crate::ledger::Ledger;

pub(super) async fn an_approval_holds_what_it_approved(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = given::sent(ledger, &given::authorization(&account, usd("30.00"))).await;
    let row = given::books_of(ledger, &account).await;
    assert_eq!((row.posted_minor, row.held_minor, row.open_holds), (10_000, 3_000, 1));
    assert_eq!(group_of(ledger, first.id()).await, (GroupStatus::Open, 3_000));
}

pub(super) async fn a_batch_on_one_account_approves_exactly_to_the_floor(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("10.00")).await;
    let swipes: Vec<_> = (0..64).map(|_| given::authorization(&account, usd("0.33"))).collect();
    let settled = given::batch(ledger, &swipes).await;
    let approved = settled.into_iter().map(Sent::of).filter(Sent::is_approved).count();
    assert_eq!(approved, 30);
    assert_eq!(given::available(ledger, &account).await, usd("0.10"));
    let row = given::books_of(ledger, &account).await;
    assert_eq!((row.held_minor, row.open_holds), (990, 30));
}

pub(super) async fn increments_add_to_the_group_and_a_full_reversal_releases_all(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = given::sent(ledger, &given::authorization(&account, usd("30.00"))).await.id();
    let more = given::sent(ledger, &given::increment(&account, of(first), usd("20.00"))).await;
    assert!(more.is_approved());
    let too_much = given::increment(&account, of(first), usd("50.01"));
    let declined = given::sent(ledger, &too_much).await.declined();
    assert_eq!(declined, Some(DeclineReason::InsufficientFunds));
    let row = given::books_of(ledger, &account).await;
    assert_eq!((row.held_minor, row.open_holds), (5_000, 1));
    assert_eq!(group_of(ledger, more.id()).await, (GroupStatus::Open, 5_000));
    assert_eq!(given::sent(ledger, &given::reversal(&account, of(more.id()))).await.declined(), None);
    let row = given::books_of(ledger, &account).await;
    assert_eq!((row.held_minor, row.open_holds), (0, 0));
    assert_eq!(group_of(ledger, first).await, (GroupStatus::Reversed, 0));
}

pub(super) async fn a_group_can_be_named_by_the_key_of_any_of_its_messages(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = given::authorization(&account, usd("10.00"));
    let more = given::increment(&account, GroupRef::Key(first.key().clone()), usd("10.00"));
    let still_more = given::increment(&account, GroupRef::Key(more.key().clone()), usd("10.00"));
    for call in [&first, &more, &still_more] {
        assert!(given::sent(ledger, call).await.is_approved());
    }
    let row = given::books_of(ledger, &account).await;
    assert_eq!((row.held_minor, row.open_holds), (3_000, 1));
    let reversal = given::reversal(&account, GroupRef::Key(still_more.key().clone()));
    assert_eq!(given::sent(ledger, &reversal).await.declined(), None);
    assert_eq!(given::available(ledger, &account).await, usd("100.00"));
}

pub(super) async fn a_declined_increment_is_of_its_group_all_the_same(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = given::sent(ledger, &given::authorization(&account, usd("30.00"))).await.id();
    let too_much = given::increment(&account, of(first), usd("500.00"));
    assert!(!given::sent(ledger, &too_much).await.is_approved());
    let more = given::increment(&account, GroupRef::Key(too_much.key().clone()), usd("5.00"));
    let more = given::sent(ledger, &more).await;
    assert!(more.is_approved(), "the processor may name the latest message, whatever became of it");
    assert_eq!(group_of(ledger, first).await, (GroupStatus::Open, 3_500));
    let reversal = given::reversal(&account, of(too_much.command.id));
    assert_eq!(given::sent(ledger, &reversal).await.declined(), None);
    assert_eq!(group_of(ledger, more.id()).await, (GroupStatus::Reversed, 0));
}

pub(super) async fn an_increment_after_the_reversal_is_declined(ledger: &dyn Ledger) {
    let (account, first) = reversed(ledger).await;
    let more = given::increment(&account, of(first), usd("1.00"));
    let declined = given::sent(ledger, &more).await.declined();
    assert_eq!(declined, Some(DeclineReason::HoldGroupEnded));
    assert_eq!(given::available(ledger, &account).await, usd("100.00"));
}

pub(super) async fn a_second_reversal_is_declined(ledger: &dyn Ledger) {
    let (account, first) = reversed(ledger).await;
    let again = given::reversal(&account, of(first));
    let declined = given::sent(ledger, &again).await.declined();
    assert_eq!(declined, Some(DeclineReason::HoldGroupEnded));
    assert_eq!(given::available(ledger, &account).await, usd("100.00"));
}

pub(super) async fn a_part_can_be_released_and_the_last_of_it_ends_the_group(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = given::sent(ledger, &given::authorization(&account, usd("30.00"))).await.id();
    let release = async |group, dollars| {
        given::sent(ledger, &given::partial_reversal(&account, of(group), usd(dollars))).await
    };
    let part = release(first, "10.00").await;
    assert_eq!(part.declined(), None);
    assert_eq!(group_of(ledger, first).await, (GroupStatus::Open, 2_000));
    assert_eq!(given::available(ledger, &account).await, usd("80.00"));
    assert_eq!(release(first, "20.01").await.declined(), Some(DeclineReason::MoreThanHeld));
    assert_eq!(release(first, "0.00").await.declined(), Some(DeclineReason::InvalidAmount));
    let yen = given::partial_reversal(&account, of(first), jpy("10"));
    assert_eq!(given::sent(ledger, &yen).await.declined(), Some(DeclineReason::CurrencyMismatch));
    assert_eq!(group_of(ledger, first).await, (GroupStatus::Open, 2_000));
    let more = given::sent(ledger, &given::increment(&account, of(first), usd("5.00"))).await;
    assert_eq!(group_of(ledger, more.id()).await, (GroupStatus::Open, 2_500));
    assert_eq!(release(part.id(), "25.00").await.declined(), None, "by the id of the first part");
    assert_eq!(group_of(ledger, first).await, (GroupStatus::Reversed, 0));
    let row = given::books_of(ledger, &account).await;
    assert_eq!((row.held_minor, row.open_holds), (0, 0));
    assert_eq!(release(first, "0.01").await.declined(), Some(DeclineReason::HoldGroupEnded));
}

pub(super) async fn an_expiry_releases_all_and_ends_the_group(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = given::sent(ledger, &given::authorization(&account, usd("30.00"))).await.id();
    let expiry = given::expiry(&account, of(first));
    assert_eq!(given::sent(ledger, &expiry).await.declined(), None);
    assert_eq!(group_of(ledger, first).await, (GroupStatus::Expired, 0));
    assert_eq!(given::available(ledger, &account).await, usd("100.00"));
    let ended = Some(DeclineReason::HoldGroupEnded);
    for late in [
        given::expiry(&account, of(first)),
        given::reversal(&account, of(first)),
        given::increment(&account, of(first), usd("1.00")),
    ] {
        assert_eq!(given::sent(ledger, &late).await.declined(), ended);
    }
    assert_eq!(group_of(ledger, first).await, (GroupStatus::Expired, 0));
}

async fn reversed(ledger: &dyn Ledger) -> (Funded, MessageId) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = given::sent(ledger, &given::authorization(&account, usd("30.00"))).await.id();
    let reversal = given::sent(ledger, &given::reversal(&account, of(first))).await;
    assert_eq!(reversal.declined(), None);
    (account, first)
}

pub(super) async fn what_is_decided_on_a_group_is_later_than_all_of_it(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let minutes = SignedDuration::from_mins;
    let swipe = given::authorization(&account, usd("30.00"))
        .asking(|authorize| authorize.processor_time = Some(NOON + minutes(5)));
    let first = given::sent(ledger, &swipe).await.id();
    // Our clock is behind the processor's, and then the processor's behind ours.
    let part = given::partial_reversal(&account, of(first), usd("20.00"));
    assert_eq!(given::sent(ledger, &part).await.declined(), None);
    assert_eq!(group_of(ledger, first).await, (GroupStatus::Open, 1_000));
    let more = |dollars| {
        let more = given::increment(&account, of(first), usd(dollars));
        more.asking(|authorize| authorize.processor_time = Some(NOON - minutes(10)))
    };
    assert!(given::sent(ledger, &more("5.00")).await.is_approved());
    assert_eq!(group_of(ledger, first).await, (GroupStatus::Open, 1_500));
    let record = ledger.find_authorization(first).await.expect("readable").expect("there");
    let messages = record.group.expect("a group").messages;
    let time = |effect| messages.iter().find(|message| message.effect == effect).map(|of| of.processor_time);
    assert!(time(Effect::Hold(3_000)) < time(Effect::Release(2_000)));
    assert!(time(Effect::Release(2_000)) < time(Effect::Hold(500)));
    assert_eq!(given::sent(ledger, &given::reversal(&account, of(first))).await.declined(), None);
    assert_eq!(given::available(ledger, &account).await, usd("100.00"));
    let declined = given::sent(ledger, &more("1.00")).await.declined();
    assert_eq!(declined, Some(DeclineReason::HoldGroupEnded));
}

pub(super) async fn an_increment_of_an_unknown_group_stands_alone(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let unknown = of(MessageId::new(given::id()));
    let alone = given::sent(ledger, &given::increment(&account, unknown, usd("30.00"))).await;
    assert!(alone.is_approved());
    assert_eq!(group_of(ledger, alone.id()).await, (GroupStatus::Open, 3_000));
    let reversal = given::reversal(&account, of(alone.id()));
    assert_eq!(given::sent(ledger, &reversal).await.declined(), None);
    assert_eq!(given::available(ledger, &account).await, usd("100.00"));
}

pub(super) async fn a_reversal_of_an_unknown_group_is_declined(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let unknown = given::reversal(&account, of(MessageId::new(given::id())));
    let declined = given::sent(ledger, &unknown).await.declined();
    assert_eq!(declined, Some(DeclineReason::AuthorizationUnknown));
}

pub(super) async fn a_zero_amount_verifies_the_card_and_holds_nothing(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("0.00")).await;
    let verified = given::sent(ledger, &given::authorization(&account, usd("0.00"))).await;
    assert!(verified.is_approved());
    let row = given::books_of(ledger, &account).await;
    assert_eq!((row.held_minor, row.open_holds), (0, 0));
    assert_eq!(group_of(ledger, verified.id()).await, (GroupStatus::Empty, 0));
}

pub(super) async fn a_whole_purchase_may_come_in_one_batch(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = given::authorization(&account, usd("60.00"));
    let more = given::increment(&account, of(first.command.id), usd("40.00"));
    let refused = given::authorization(&account, usd("0.01"));
    let reversal = given::reversal(&account, GroupRef::Key(more.key().clone()));
    let funded = given::authorization(&account, usd("100.00"));
    let calls = [first, more, refused, reversal, funded];
    let answers = given::batch(ledger, &calls).await.into_iter().map(Sent::of);
    let declined: Vec<_> = answers.map(|sent| sent.declined()).collect();
    let insufficient = Some(DeclineReason::InsufficientFunds);
    assert_eq!(declined, [None, None, insufficient, None, None]);
    let row = given::books_of(ledger, &account).await;
    assert_eq!((row.held_minor, row.open_holds), (10_000, 1));
}

pub(super) fn of(message: MessageId) -> GroupRef {
    GroupRef::Message(message)
}

/// Where the group of an authorization stands, and what it holds.
pub(super) async fn group_of(ledger: &dyn Ledger, message: MessageId) -> (GroupStatus, i64) {
    let record = ledger.find_authorization(message).await.expect("readable").expect("there");
    let group = record.group.expect("an authorization of a known card has a group");
    assert!(group.messages.iter().any(|of_group| of_group.id == message));
    let books = group.books().expect("64 bits");
    (books.status, books.held_minor)
}
