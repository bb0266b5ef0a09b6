//! One line a method: what becomes of it in a `gpa_order` and in a `gpa_order_unload`.

use std::collections::HashSet;

use bursar_core::Outcome;
use bursar_core::message::ActionKind;

use crate::given::{Books, REFUND, V2, jit_funding, read, with};
use Became::{Approved, Kept, Refused, Reviewed};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    /// 200, and the amount is held.
    Approved,
    /// 402, and the operator is told.
    Refused,
    /// 200, kept without effect.
    Kept,
    /// 200, kept without effect, and the operator is told.
    Reviewed,
}

const METHODS: &[(&str, Became, Became)] = &[
    ("pgfs.authorization", Approved, Refused),
    ("pgfs.authorization.account_verification", Refused, Reviewed),
    ("pgfs.authorization.incremental", Approved, Refused),
    ("pgfs.authorization.cashback", Refused, Reviewed),
    ("pgfs.authorization.quasi.cash", Refused, Reviewed),
    ("pgfs.atm.withdrawal", Refused, Reviewed),
    ("pgfs.pindebit.authorization", Refused, Reviewed),
    ("pgfs.auth_plus_capture", Refused, Reviewed),
    ("pgfs.pindebit", Refused, Reviewed),
    ("pgfs.pindebit.cashback", Refused, Reviewed),
    ("pgfs.pindebit.atm.withdrawal", Refused, Reviewed),
    ("pgfs.pindebit.quasi.cash", Refused, Reviewed),
    ("pgfs.balanceinquiry", Refused, Reviewed),
    ("pgfs.pindebit.balanceinquiry", Refused, Reviewed),
    ("pgfs.refund.authorization", Refused, Reviewed),
    ("pgfs.original.credit.authorization", Refused, Reviewed),
    ("pgfs.original.credit.auth_plus_capture", Refused, Reviewed),
    ("pgfs.network.load", Refused, Reviewed),
    ("pgfs.billpayment", Refused, Reviewed),
    ("pgfs.authorization.capture", Kept, Kept),
    ("pgfs.authorization.clearing", Kept, Kept),
    ("pgfs.atm.clearing.withdrawal", Kept, Kept),
    ("pgfs.authorization.clearing.quasi.cash", Kept, Kept),
    ("pgfs.pindebit.authorization.clearing", Kept, Kept),
    ("pgfs.authorization.advice", Kept, Kept),
    ("pgfs.authorization.reversal", Kept, Kept),
    ("pgfs.pindebit.authorization.reversal", Kept, Kept),
    ("pgfs.force_capture", Kept, Kept),
    ("pgfs.refund", Kept, Kept),
    ("pgfs.refund.authorization.clearing", Kept, Kept),
    ("pgfs.refund.authorization.reversal", Kept, Kept),
    ("pgfs.pindebit.refund", Kept, Kept),
    ("pgfs.original.credit.authorization.clearing", Kept, Kept),
    ("pgfs.original.credit.authorization.reversal", Kept, Kept),
    ("pgfs.billpayment.capture", Kept, Kept),
    ("pgfs.billpayment.reversal", Kept, Kept),
    ("pgfs.authorization.standin", Kept, Kept),
    ("pgfs.auth_plus_capture.standin", Kept, Kept),
    ("pgfs.authorization.capture.chargeback", Kept, Kept),
    ("pgfs.authorization.capture.chargeback.reversal", Kept, Kept),
    ("pgfs.pindebit.chargeback", Kept, Kept),
    ("pgfs.pindebit.chargeback.reversal", Kept, Kept),
    ("pgfs.dispute.credit", Kept, Kept),
    ("pgfs.dispute.debit", Kept, Kept),
    ("pgfs.directdeposit.credit", Kept, Kept),
    ("pgfs.directdeposit.credit.reversal", Kept, Kept),
    ("pgfs.directdeposit.debit", Kept, Kept),
    ("pgfs.directdeposit.debit.reversal", Kept, Kept),
    ("pgfs.adjustment.credit", Kept, Kept),
    ("pgfs.adjustment.debit", Kept, Kept),
];

fn became(body: &str) -> Became {
    let mut books = Books::new("USD");
    let is_told = read(body).alert().is_some();
    let Outcome::Decided(decided, answer) = books.decide(body) else {
        panic!("not decided: {body}");
    };
    let is_held = books.account().held_minor > 0;
    let jit = jit_funding(&answer);
    match (answer.code, decided.message.kind, is_told, is_held) {
        (200, ActionKind::Authorize | ActionKind::Increment, false, true) => Approved,
        (200, ActionKind::Record, false, false) => Kept,
        (200, ActionKind::Review, true, false) => Reviewed,
        (402, ActionKind::Authorize, true, false) => {
            assert_eq!(jit["decline_reason"], "TRANSACTION_NOT_PERMITTED");
            Refused
        }
        other => panic!("{other:?}: {jit}"),
    }
}

fn in_both_orders(method: &str) -> (Became, Became) {
    let name = format!("\"{method}\"");
    let debit = with(V2, "/gpa_order/jit_funding/method", &name);
    let credit = with(REFUND, "/gpa_order_unload/jit_funding/method", &name);
    (became(&debit), became(&credit))
}

#[test]
fn each_method_is_treated_as_its_row_says() {
    for &(method, debit, credit) in METHODS {
        assert_eq!(in_both_orders(method), (debit, credit), "{method}");
    }
}

#[test]
fn all_fifty_methods_of_the_reference_have_a_row() {
    let names: HashSet<&str> = METHODS.iter().map(|row| row.0).collect();
    assert_eq!(names.len(), 50);
}

#[test]
fn a_method_that_nobody_knows_is_never_approved() {
    for method in ["pgfs.invented", "PGFS.AUTHORIZATION", "pgfs.authorization.", "x"] {
        assert_eq!(in_both_orders(method), (Refused, Reviewed), "{method}");
    }
}

#[test]
fn an_alert_names_the_method_and_the_transaction() {
    let alert = read(REFUND).alert().expect("an alert");
    assert!(alert.contains("pgfs.refund.authorization") && alert.contains("gpa_order_unload"), "{alert}");
    assert!(alert.contains("1d9c3b7e-77aa-4c1e-8a5f-2b3c4d5e0011"), "{alert}");
}

#[test]
fn an_informative_message_needs_no_card_and_no_readable_amount() {
    let report = with(V2, "/gpa_order/jit_funding/method", "\"pgfs.force_capture\"");
    let report = with(&with(&report, "/card_token", "null"), "/gpa_order/jit_funding/amount", "1e400");
    assert_eq!(became(&report), Kept);
    assert!(read(&report).card_token().is_none() && read(&report).acting_token().is_none());
}
