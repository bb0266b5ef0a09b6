//! Everything that a processor can ask beside a purchase, and what it does to the books.

use bursar_core::command::{GroupRef, Partial, Purpose};
use bursar_core::hold_group::Effect;
use bursar_core::message::TransactionKind;
use bursar_core::program::Policies;
use bursar_core::{Account, CardStatus, CardholderStatus, DeclineReason, GroupStatus, OwnerStatus};

use super::given::{self, Call, Funded, usd};
use crate::ledger::Ledger;

/// A swipe for dollars that asks for something else than a hold.
fn asking(account: &Funded, dollars: &str, purpose: Purpose, kind: TransactionKind) -> Call {
    given::authorization(account, usd(dollars)).asking(|asked| (asked.purpose, asked.kind) = (purpose, kind))
}

pub(super) fn debit(account: &Funded, dollars: &str) -> Call {
    asking(account, dollars, Purpose::Debit, TransactionKind::Withdrawal)
}

pub(super) fn refund_authorization(account: &Funded, dollars: &str) -> Call {
    asking(account, dollars, Purpose::PendingCredit, TransactionKind::Refund)
}

/// Posted, held and pending.
fn books(account: &Account) -> (i64, i64, i64) {
    (account.posted_minor, account.held_minor, account.pending_credit_minor)
}

async fn group_status(ledger: &dyn Ledger, call: &Call) -> (GroupStatus, Effect) {
    let record = ledger.find_authorization(call.command.id).await.expect("readable").expect("there");
    let effect = record.message.group.expect("a group").effect;
    (record.group.expect("a group").books().expect("64 bits").status, effect)
}

pub(super) async fn a_debit_is_posted_at_once_and_holds_nothing(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let call = debit(&account, "30.00");
    assert!(given::sent(ledger, &call).await.is_approved());
    assert!(given::sent(ledger, &call.again()).await.is_repeated());
    let row = given::books_of(ledger, &account).await;
    assert_eq!((books(&row), row.entries), ((7_000, 0, 0), 2));
    assert_eq!(group_status(ledger, &call).await, (GroupStatus::Posted, Effect::Debit(3_000)));
    let too_much = given::sent(ledger, &debit(&account, "70.01")).await;
    assert_eq!(too_much.declined(), Some(DeclineReason::InsufficientFunds));
    let group = GroupRef::Message(call.command.id);
    for later in [given::reversal(&account, group.clone()), given::increment(&account, group, usd("1.00"))] {
        let declined = given::sent(ledger, &later).await.declined();
        assert_eq!(declined, Some(DeclineReason::HoldGroupEnded), "nothing is held: {later:?}");
    }
    assert_eq!(books(&given::books_of(ledger, &account).await), (7_000, 0, 0));
}

pub(super) async fn a_credit_is_posted_at_once(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("1.00")).await;
    let load = asking(&account, "30.00", Purpose::Credit, TransactionKind::NetworkLoad);
    assert!(given::sent(ledger, &load).await.is_approved());
    assert_eq!(books(&given::books_of(ledger, &account).await), (3_100, 0, 0));
    assert_eq!(given::available(ledger, &account).await, usd("31.00"));
    assert_eq!(group_status(ledger, &load).await, (GroupStatus::Posted, Effect::Credit(3_000)));
}

pub(super) async fn a_credit_that_has_not_cleared_is_pending_and_cannot_be_spent(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("1.00")).await;
    let refund = refund_authorization(&account, "30.00");
    assert!(given::sent(ledger, &refund).await.is_approved());
    assert_eq!(books(&given::books_of(ledger, &account).await), (100, 0, 3_000));
    assert_eq!(group_status(ledger, &refund).await, (GroupStatus::Pending, Effect::PendingCredit(3_000)));
    let early = given::sent(ledger, &given::authorization(&account, usd("1.01"))).await;
    assert_eq!(early.declined(), Some(DeclineReason::InsufficientFunds));
}

pub(super) async fn an_inquiry_moves_nothing_whatever_it_names(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("1.00")).await;
    for (dollars, kind) in [
        ("0.00", TransactionKind::Verification),
        ("0.00", TransactionKind::BalanceInquiry),
        ("30.00", TransactionKind::BalanceInquiry),
    ] {
        let inquiry = asking(&account, dollars, Purpose::Inquiry, kind);
        assert!(given::sent(ledger, &inquiry).await.is_approved());
        assert_eq!(group_status(ledger, &inquiry).await, (GroupStatus::Empty, Effect::None));
        let record = ledger.find_authorization(inquiry.command.id).await.expect("readable").expect("there");
        assert_eq!(record.message.authorization.map(|of| of.kind), Some(kind));
    }
    assert_eq!(books(&given::books_of(ledger, &account).await), (100, 0, 0));
    given::sent(ledger, &given::card_move(&account, CardStatus::Suspended)).await;
    let inquiry = asking(&account, "0.00", Purpose::Inquiry, TransactionKind::Verification);
    assert_eq!(given::sent(ledger, &inquiry).await.declined(), Some(DeclineReason::CardNotActive));
}

pub(super) async fn money_comes_back_to_a_suspended_card_and_not_to_a_closed_owner(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("1.00")).await;
    for change in [
        given::card_move(&account, CardStatus::Terminated),
        given::cardholder_move(&account, CardholderStatus::Closed),
        given::owner_move(&account, OwnerStatus::Suspended),
    ] {
        given::sent(ledger, &change).await;
        assert!(
            given::sent(ledger, &refund_authorization(&account, "1.00")).await.is_approved(),
            "{change:?}"
        );
    }
    given::sent(ledger, &given::owner_move(&account, OwnerStatus::Closed)).await;
    let closed = given::sent(ledger, &refund_authorization(&account, "1.00")).await;
    assert_eq!(closed.declined(), Some(DeclineReason::OwnerNotActive));
    assert_eq!(books(&given::books_of(ledger, &account).await), (100, 0, 300));
}

pub(super) async fn an_original_credit_needs_a_program_that_allows_it(ledger: &dyn Ledger) {
    let pushed =
        |account: &Funded| asking(account, "30.00", Purpose::Credit, TransactionKind::OriginalCredit);
    let account = given::account(ledger, usd("1.00")).await;
    let refused = given::sent(ledger, &pushed(&account)).await;
    assert_eq!(refused.declined(), Some(DeclineReason::NotPermitted));
    let policies = Policies { original_credits: true, ..Policies::default() };
    let account = given::account_in(ledger, policies, usd("1.00")).await;
    assert!(given::sent(ledger, &pushed(&account)).await.is_approved());
    assert_eq!(books(&given::books_of(ledger, &account).await), (3_100, 0, 0));
}

pub(super) async fn less_is_approved_where_terminal_and_program_take_less(ledger: &dyn Ledger) {
    let less_will_do = |call: Call| call.asking(|asked| asked.partial = Some(Partial { at_least_minor: 0 }));
    let policies = Policies { partial_approvals: true, ..Policies::default() };
    let account = given::account_in(ledger, policies, usd("10.00")).await;
    let swipe = less_will_do(given::authorization(&account, usd("30.00")));
    let all_or_nothing = given::authorization(&account, usd("30.00"));
    assert!(!given::sent(ledger, &all_or_nothing).await.is_approved());
    assert!(given::sent(ledger, &swipe).await.is_approved());
    let record = ledger.find_authorization(swipe.command.id).await.expect("readable").expect("there");
    assert_eq!(record.message.authorization.and_then(|of| of.amount_minor), Some(3_000), "what was asked");
    assert_eq!(group_status(ledger, &swipe).await, (GroupStatus::Open, Effect::Hold(1_000)));
    assert_eq!(given::available(ledger, &account).await, usd("0.00"));
    assert!(
        !given::sent(ledger, &less_will_do(debit(&account, "1.00"))).await.is_approved(),
        "nothing is no part"
    );
    let elsewhere = given::account(ledger, usd("10.00")).await;
    let refused = less_will_do(given::authorization(&elsewhere, usd("30.00")));
    let refused = given::sent(ledger, &refused).await;
    assert_eq!(
        refused.declined(),
        Some(DeclineReason::InsufficientFunds),
        "the program takes all or nothing"
    );
}
