//! One line a method: what becomes of it in a `gpa_order` and in a `gpa_order_unload`.

use std::collections::HashSet;

use bursar_core::Outcome;
use bursar_core::message::ActionKind;

use crate::given::{Books, REFUND, V2, jit_funding, read, with};
use Became::{
    Asked, Credited, CreditedIfAllowed, Debited, Held, Kept, Pending, PendingIfAllowed, Refused, Reviewed,
};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Became {
    /// 200, and the amount is held.
    Held,
    /// 200, and the amount is gone from the account at once.
    Debited,
    /// 200, and the amount is on the account at once.
    Credited,
    /// 200, and the amount is pending credit.
    Pending,
    /// 200, and nothing moves.
    Asked,
    /// 402 unless the program allows it; then 200, and the amount is on the account at once.
    CreditedIfAllowed,
    /// 402 unless the program allows it; then 200, and the amount is pending credit.
    PendingIfAllowed,
    /// 402, and the operator is told.
    Refused,
    /// 200, kept without effect.
    Kept,
    /// 200, kept without effect, and the operator is told.
    Reviewed,
}

const METHODS: &[(&str, Became, Became)] = &[
    ("pgfs.authorization", Held, Refused),
    ("pgfs.authorization.account_verification", Asked, Asked),
    ("pgfs.authorization.incremental", Held, Refused),
    ("pgfs.authorization.cashback", Held, Refused),
    ("pgfs.authorization.quasi.cash", Held, Refused),
    ("pgfs.atm.withdrawal", Held, Refused),
    ("pgfs.pindebit.authorization", Held, Refused),
    ("pgfs.auth_plus_capture", Debited, Refused),
    ("pgfs.pindebit", Debited, Refused),
    ("pgfs.pindebit.cashback", Debited, Refused),
    ("pgfs.pindebit.atm.withdrawal", Debited, Refused),
    ("pgfs.pindebit.quasi.cash", Debited, Refused),
    ("pgfs.balanceinquiry", Asked, Asked),
    ("pgfs.pindebit.balanceinquiry", Asked, Asked),
    ("pgfs.refund.authorization", Refused, Pending),
    ("pgfs.original.credit.authorization", Refused, PendingIfAllowed),
    ("pgfs.original.credit.auth_plus_capture", Refused, CreditedIfAllowed),
    ("pgfs.network.load", Refused, Credited),
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
    match (became_in(Books::new("USD"), body), became_in(Books::allowing_all("USD"), body)) {
        (Refused, Credited) => CreditedIfAllowed,
        (Refused, Pending) => PendingIfAllowed,
        (as_usual, allowing_all) => {
            assert_eq!(as_usual, allowing_all, "{body}");
            as_usual
        }
    }
}

fn became_in(mut books: Books, body: &str) -> Became {
    let is_told = read(body).alert().is_some();
    let before = books.account();
    let Outcome::Decided(decided, answer) = books.decide(body) else {
        panic!("not decided: {body}");
    };
    let after = books.account();
    let jit = jit_funding(&answer);
    let answered_minor = jit["amount"].as_f64().map_or(0, |amount| (amount * 100.0).round() as i64);
    // Each by its sign: what moves is exactly what was answered.
    let sign = |after: i64, before: i64| {
        let moved_minor = after - before;
        assert!(moved_minor == 0 || moved_minor.abs() == answered_minor, "{moved_minor} moved: {jit}");
        moved_minor.signum()
    };
    let moved = (
        sign(after.held_minor, before.held_minor),
        sign(after.posted_minor, before.posted_minor),
        sign(after.pending_credit_minor, before.pending_credit_minor),
    );
    match (answer.code, decided.message.kind, is_told, moved) {
        (200, ActionKind::Authorize | ActionKind::Increment, false, (1, 0, 0)) => Held,
        (200, ActionKind::Authorize, false, (0, -1, 0)) => Debited,
        (200, ActionKind::Authorize, false, (0, 1, 0)) => Credited,
        (200, ActionKind::Authorize, false, (0, 0, 1)) => Pending,
        (200, ActionKind::Authorize, false, (0, 0, 0)) => {
            assert_eq!(answered_minor, 0, "nothing moved, and nothing was approved: {jit}");
            Asked
        }
        (200, ActionKind::Record, false, (0, 0, 0)) => Kept,
        (200, ActionKind::Review, true, (0, 0, 0)) => Reviewed,
        (402, ActionKind::Authorize | ActionKind::Increment, _, (0, 0, 0)) => {
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
    let unknown = with(REFUND, "/gpa_order_unload/jit_funding/method", "\"pgfs.invented\"");
    let alert = read(&unknown).alert().expect("an alert");
    assert!(alert.contains("pgfs.invented") && alert.contains("gpa_order_unload"), "{alert}");
    assert!(alert.contains("1d9c3b7e-77aa-4c1e-8a5f-2b3c4d5e0011"), "{alert}");
}

#[test]
fn an_informative_message_needs_no_card_and_no_readable_amount() {
    let report = with(V2, "/gpa_order/jit_funding/method", "\"pgfs.force_capture\"");
    let report = with(&with(&report, "/card_token", "null"), "/gpa_order/jit_funding/amount", "1e400");
    assert_eq!(became(&report), Kept);
    assert!(read(&report).card_token().is_none() && read(&report).acting_token().is_none());
}
