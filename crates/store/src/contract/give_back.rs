//! What a release gives back to spending windows, and what it does not.

use bursar_core::command::GroupRef;
use bursar_core::control::{Counted, Rule, Velocity};
use bursar_core::message::TransactionKind;
use bursar_core::{DeclineReason, Window};

use super::NOON;
use super::controls::{card, declined, left};
use super::given::{self, Call, Funded, usd};
use crate::ledger::Ledger;

pub(super) async fn a_reversal_gives_back_what_the_whole_group_took(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let limit =
        given::control(ledger, &account, card(&account), given::limit(Window::Day, usd("50.00"))).await;
    given::control(ledger, &account, card(&account), given::uses(Window::Day, 1)).await;
    let first = given::authorization(&account, usd("30.00"));
    assert_eq!(declined(ledger, &first).await, None);
    let group = || GroupRef::Message(first.command.id);
    assert_eq!(declined(ledger, &given::increment(&account, group(), usd("20.00"))).await, None);
    assert_eq!(left(ledger, &limit).await, usd("0.00"));
    assert_eq!(declined(ledger, &given::reversal(&account, group())).await, None);
    assert_eq!(left(ledger, &limit).await, usd("50.00"));
    assert_eq!(declined(ledger, &given::authorization(&account, usd("50.00"))).await, None, "the use, too");
}

pub(super) async fn the_parts_of_cash_back_count_for_the_limits_that_count_them(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let purchases =
        given::control(ledger, &account, card(&account), counting(Counted::Purchases, "50.00")).await;
    let cash = given::control(ledger, &account, card(&account), counting(Counted::CashBack, "20.00")).await;
    assert_eq!(
        declined(ledger, &with_cash(&account, "50.00", 2_001)).await,
        Some(DeclineReason::AmountLimitExceeded)
    );
    let first = with_cash(&account, "50.00", 1_500);
    assert_eq!(declined(ledger, &first).await, None);
    assert_eq!((left(ledger, &purchases).await, left(ledger, &cash).await), (usd("15.00"), usd("5.00")));
    given::sent(ledger, &given::reversal(&account, GroupRef::Message(first.command.id))).await;
    assert_eq!((left(ledger, &purchases).await, left(ledger, &cash).await), (usd("50.00"), usd("20.00")));
}

pub(super) async fn goods_are_given_back_before_cash(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("200.00")).await;
    let limit = given::control(ledger, &account, card(&account), counting(Counted::CashBack, "20.00")).await;
    let first = with_cash(&account, "60.00", 2_000);
    assert_eq!(declined(ledger, &first).await, None);
    let group = || GroupRef::Message(first.command.id);
    assert_eq!(declined(ledger, &given::partial_reversal(&account, group(), usd("40.00"))).await, None);
    assert_eq!(left(ledger, &limit).await, usd("0.00"));
    assert_eq!(declined(ledger, &given::partial_reversal(&account, group(), usd("10.00"))).await, None);
    assert_eq!(left(ledger, &limit).await, usd("10.00"));
}

/// The processor's clock says that it was before the release. It was not: the release had been decided.
pub(super) async fn an_increment_takes_nothing_that_was_given_back_before_it(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("200.00")).await;
    let limit = given::control(ledger, &account, card(&account), counting(Counted::CashBack, "20.00")).await;
    let first = with_cash(&account, "60.00", 2_000);
    assert_eq!(declined(ledger, &first).await, None);
    let group = || GroupRef::Message(first.command.id);
    assert_eq!(declined(ledger, &given::partial_reversal(&account, group(), usd("50.00"))).await, None);
    assert_eq!(declined(ledger, &with_cash(&account, "10.00", 1_000)).await, None);
    assert_eq!(left(ledger, &limit).await, usd("0.00"));
    let increment = given::increment(&account, group(), usd("50.00"))
        .asking(|authorize| authorize.processor_time = Some(NOON));
    assert_eq!(declined(ledger, &increment).await, None, "it is no cash");
    assert_eq!(left(ledger, &limit).await, usd("0.00"), "and takes none");
}

fn counting(counted: Counted, dollars: &str) -> Rule {
    let (amount, counts) = (Some(usd(dollars)), vec![counted]);
    Rule::Velocity(Velocity { window: Window::Day, amount, count: None, counts })
}

fn with_cash(account: &Funded, dollars: &str, cash_minor: i64) -> Call {
    given::authorization(account, usd(dollars))
        .asking(|asked| (asked.kind, asked.cash_minor) = (TransactionKind::CashBack, cash_minor))
}
