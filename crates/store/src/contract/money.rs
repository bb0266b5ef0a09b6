//! Loads and unloads, and currencies.

use bursar_core::command::Amount;
use bursar_core::{Action, DeclineReason, Money};

use super::given::{self, Call, jpy, kwd, usd};
use crate::ledger::Ledger;
use crate::reader::Page;

pub(super) async fn loads_and_unloads_are_numbered_entries_with_the_balance_after_each(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let calls = [
        given::unload(&account, usd("30.00")),
        given::load(&account, usd("0.05")),
        given::unload(&account, usd("70.05")),
    ];
    let mut messages = Vec::new();
    for call in &calls {
        messages.push(given::sent(ledger, call).await.id());
    }
    let mut found = Vec::new();
    for after in [None, Some(2), Some(4)] {
        let page = Page { after, limit: 2 };
        found.extend(ledger.list_entries(account.account, page).await.expect("readable"));
    }
    let entries: Vec<_> = found
        .iter()
        .map(|row| (row.entry.number, row.entry.amount_minor, row.entry.balance_after_minor))
        .collect();
    let expected = [(1, 10_000, 10_000), (2, -3_000, 7_000), (3, 5, 7_005), (4, -7_005, 0)];
    assert_eq!(entries, expected);
    for (row, message) in found[1..].iter().zip(&messages) {
        assert_eq!((row.message, row.journal.uuid()), (*message, message.uuid()));
    }
    let row = given::books_of(ledger, &account).await;
    assert_eq!((row.posted_minor, row.held_minor, row.entries), (0, 0, 4));
}

pub(super) async fn an_unload_beyond_what_is_available_is_declined(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    given::sent(ledger, &given::authorization(&account, usd("30.00"))).await;
    let too_much = given::unload(&account, usd("70.01"));
    let declined = given::sent(ledger, &too_much).await.declined();
    assert_eq!(declined, Some(DeclineReason::InsufficientFunds));
    assert_eq!(given::sent(ledger, &given::unload(&account, usd("70.00"))).await.declined(), None);
    assert_eq!(given::available(ledger, &account).await, usd("0.00"));
}

pub(super) async fn money_of_another_currency_is_declined(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    for call in [
        given::load(&account, jpy("10")),
        given::unload(&account, kwd("1.000")),
        given::authorization(&account, jpy("10")),
    ] {
        let declined = given::sent(ledger, &call).await.declined();
        assert_eq!(declined, Some(DeclineReason::CurrencyMismatch), "{call:?}");
    }
    assert_eq!(given::available(ledger, &account).await, usd("100.00"));
}

pub(super) async fn only_amounts_above_zero_move_money(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    for minor in [Ok(0), Ok(-1), Ok(i64::MIN), Err(bursar_core::money::AmountError::TooLarge)] {
        for call in [given::load(&account, usd("1")), given::unload(&account, usd("1"))] {
            let declined = given::sent(ledger, &with_minor(call, minor)).await.declined();
            assert_eq!(declined, Some(DeclineReason::InvalidAmount), "{minor:?}");
        }
    }
    assert_eq!(given::available(ledger, &account).await, usd("100.00"));
}

fn with_minor(mut call: Call, minor: Result<i64, bursar_core::money::AmountError>) -> Call {
    if let Action::Transfer(transfer) = &mut call.command.action {
        transfer.amount = Amount { minor, ..transfer.amount.clone() };
    }
    call
}

pub(super) async fn yen_and_dinars_are_kept_in_their_own_minor_units(ledger: &dyn Ledger) {
    let rows: [(Money, Money, Money, i64); 2] =
        [(jpy("3000"), jpy("1001"), jpy("1999"), 3_000), (kwd("3.000"), kwd("1.001"), kwd("1.999"), 3_000)];
    for (loaded, spent, left, posted_minor) in rows {
        let account = given::account(ledger, loaded).await;
        assert!(given::sent(ledger, &given::authorization(&account, spent)).await.is_approved());
        assert_eq!(given::available(ledger, &account).await, left);
        let row = given::books_of(ledger, &account).await;
        assert_eq!((row.posted_minor, row.currency), (posted_minor, loaded.currency));
        let one_more = Money { minor: left.minor + 1, ..left };
        let declined = given::sent(ledger, &given::authorization(&account, one_more)).await.declined();
        assert_eq!(declined, Some(DeclineReason::InsufficientFunds));
        assert!(given::sent(ledger, &given::authorization(&account, left)).await.is_approved());
    }
}
