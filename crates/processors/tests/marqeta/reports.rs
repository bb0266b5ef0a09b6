//! What every type of a reported transaction becomes: a line each, and what of its fields counts.

use bursar_core::command::{Found, Report, Route, Says};
use bursar_core::message::{MessageKey, Role, TransactionKind as Kind};
use bursar_core::text::Token;
use bursar_core::{AccountId, Action, CardId, CardholderId, Command, MessageId, OwnerId};
use bursar_processors::marqeta::{Delivered, Notice, decode_webhook};
use serde_json::{Value, json};
use uuid::Uuid;

use Becomes::{Booked, Recorded, Reviewed};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Becomes {
    Booked(Says, Kind),
    Recorded,
    Reviewed,
}

const TYPES: &[(&str, Becomes)] = &[
    ("authorization", Booked(Says::Hold, Kind::Purchase)),
    ("authorization.incremental", Booked(Says::Hold, Kind::Purchase)),
    ("authorization.cashback", Booked(Says::Hold, Kind::CashBack)),
    ("authorization.quasi.cash", Booked(Says::Hold, Kind::QuasiCash)),
    ("authorization.atm.withdrawal", Booked(Says::Hold, Kind::Withdrawal)),
    ("authorization.standin", Booked(Says::Hold, Kind::Purchase)),
    ("pindebit.authorization", Booked(Says::Hold, Kind::Purchase)),
    ("account.funding.authorization", Booked(Says::Hold, Kind::Purchase)),
    ("directdeposit.debit.pending", Booked(Says::Hold, Kind::Purchase)),
    ("fee.charge.pending", Recorded),
    ("authorization.advice", Booked(Says::Replace, Kind::Purchase)),
    ("authorization.reversal", Booked(Says::Release, Kind::Purchase)),
    ("pindebit.authorization.reversal", Booked(Says::Release, Kind::Purchase)),
    ("account.funding.authorization.reversal", Booked(Says::Release, Kind::Purchase)),
    ("directdeposit.debit.reject", Booked(Says::Release, Kind::Purchase)),
    ("directdeposit.debit.pending.reversal", Booked(Says::Release, Kind::Purchase)),
    ("authorization.reversal.issuerexpiration", Booked(Says::Expire, Kind::Purchase)),
    ("pindebit.authorization.reversal.issuerexpiration", Booked(Says::Expire, Kind::Purchase)),
    ("authorization.clearing", Booked(Says::Capture, Kind::Purchase)),
    ("authorization.clearing.cashback", Booked(Says::Capture, Kind::CashBack)),
    ("authorization.clearing.quasi.cash", Booked(Says::Capture, Kind::QuasiCash)),
    ("authorization.clearing.atm.withdrawal", Booked(Says::Capture, Kind::Withdrawal)),
    ("pindebit.authorization.clearing", Booked(Says::Capture, Kind::Purchase)),
    ("account.funding.authorization.clearing", Booked(Says::Capture, Kind::Purchase)),
    ("pindebit", Booked(Says::Debit, Kind::Purchase)),
    ("pindebit.cashback", Booked(Says::Debit, Kind::CashBack)),
    ("pindebit.atm.withdrawal", Booked(Says::Debit, Kind::Withdrawal)),
    ("pindebit.quasicash", Booked(Says::Debit, Kind::QuasiCash)),
    ("pindebit.quasi.cash", Booked(Says::Debit, Kind::QuasiCash)),
    ("pindebit.transfer", Booked(Says::Debit, Kind::Purchase)),
    ("debit.adjustment", Booked(Says::Debit, Kind::Purchase)),
    ("gpa.debit.networkload", Booked(Says::Debit, Kind::Purchase)),
    ("directdeposit.debit", Booked(Says::Capture, Kind::Purchase)),
    ("pushtocard.debit", Booked(Says::Debit, Kind::Purchase)),
    ("funds.expire", Booked(Says::Debit, Kind::Purchase)),
    ("fee.charge", Booked(Says::Debit, Kind::Purchase)),
    ("dispute.debit", Booked(Says::Debit, Kind::Purchase)),
    ("authorization.clearing.chargeback.provisional.debit", Booked(Says::Debit, Kind::Purchase)),
    ("pindebit.chargeback.provisional.debit", Booked(Says::Debit, Kind::Purchase)),
    ("pindebit.reversal", Booked(Says::UndoDebit, Kind::Purchase)),
    ("directdeposit.debit.reversal", Booked(Says::UndoDebit, Kind::Purchase)),
    ("pushtocard.reversal", Booked(Says::UndoDebit, Kind::Purchase)),
    ("refund.authorization", Booked(Says::PendingCredit, Kind::Refund)),
    ("original.credit.authorization", Booked(Says::PendingCredit, Kind::OriginalCredit)),
    ("directdeposit.credit.pending", Booked(Says::PendingCredit, Kind::Refund)),
    ("refund.authorization.advice", Booked(Says::ReplaceCredit, Kind::Refund)),
    ("refund.authorization.reversal", Booked(Says::ReleaseCredit, Kind::Refund)),
    ("original.credit.authorization.reversal", Booked(Says::ReleaseCredit, Kind::OriginalCredit)),
    ("directdeposit.credit.reject", Booked(Says::ReleaseCredit, Kind::Refund)),
    ("directdeposit.credit.pending.reversal", Booked(Says::ReleaseCredit, Kind::Refund)),
    ("refund", Booked(Says::Credit, Kind::Refund)),
    ("refund.authorization.clearing", Booked(Says::Credit, Kind::Refund)),
    ("original.credit.authorization.clearing", Booked(Says::Credit, Kind::OriginalCredit)),
    ("pindebit.refund", Booked(Says::Credit, Kind::Refund)),
    ("pindebit.credit.adjustment", Booked(Says::Credit, Kind::Refund)),
    ("credit.adjustment", Booked(Says::Credit, Kind::Refund)),
    ("gpa.credit.networkload", Booked(Says::Credit, Kind::NetworkLoad)),
    ("directdeposit.credit", Booked(Says::Credit, Kind::Refund)),
    ("fee.charge.refund", Booked(Says::Credit, Kind::Refund)),
    ("fee.charge.reversal", Booked(Says::Credit, Kind::Refund)),
    ("reward.earn", Booked(Says::Credit, Kind::Refund)),
    ("dispute.credit", Booked(Says::Credit, Kind::Refund)),
    ("authorization.clearing.chargeback.provisional.credit", Booked(Says::Credit, Kind::Refund)),
    ("pindebit.chargeback.provisional.credit", Booked(Says::Credit, Kind::Refund)),
    ("pindebit.refund.reversal", Booked(Says::UndoCredit, Kind::Refund)),
    ("gpa.credit.networkload.reversal", Booked(Says::UndoCredit, Kind::NetworkLoad)),
    ("directdeposit.credit.reversal", Booked(Says::UndoCredit, Kind::Refund)),
    ("authorization.clearing.chargeback", Recorded),
    ("authorization.clearing.chargeback.reversal", Recorded),
    ("authorization.clearing.chargeback.completed", Recorded),
    ("authorization.clearing.chargeback.writeoff", Recorded),
    ("pindebit.chargeback", Recorded),
    ("pindebit.chargeback.completed", Recorded),
    ("pindebit.chargeback.reversal", Recorded),
    ("pindebit.chargeback.writeoff", Recorded),
    ("gpa.credit.chargeback", Recorded),
    ("gpa.credit.chargeback.reversal", Recorded),
    ("msa.credit.chargeback", Recorded),
    ("msa.credit.chargeback.reversal", Recorded),
    ("gpa.credit", Recorded),
    ("gpa.credit.pending", Recorded),
    ("gpa.credit.pending.reversal", Recorded),
    ("gpa.credit.reversal", Recorded),
    ("gpa.debit", Recorded),
    ("gpa.debit.pending", Recorded),
    ("gpa.debit.pending.reversal", Recorded),
    ("gpa.debit.reversal", Recorded),
    ("gpa.credit.authorization", Recorded),
    ("gpa.credit.authorization.reversal", Recorded),
    ("gpa.debit.authorization", Recorded),
    ("msa.credit", Recorded),
    ("msa.credit.pending", Recorded),
    ("msa.credit.pending.reversal", Recorded),
    ("msa.credit.reversal", Recorded),
    ("msa.debit", Recorded),
    ("msa.debit.pending", Recorded),
    ("msa.debit.pending.reversal", Recorded),
    ("programreserve.credit", Recorded),
    ("programreserve.debit", Recorded),
    ("transfer.peer", Reviewed),
    ("transfer.program", Reviewed),
    ("transfer.fee", Reviewed),
    ("gpa.grant", Reviewed),
    ("gpa.credit.issueroperator", Reviewed),
    ("gpa.debit.issueroperator", Reviewed),
    ("account.credit", Reviewed),
    ("account.debit", Reviewed),
    ("gpa.credit.billpayment", Reviewed),
    ("gpa.credit.authorization.billpayment", Reviewed),
    ("gpa.credit.authorization.billpayment.reversal", Reviewed),
    ("balanceinquiry", Recorded),
    ("pindebit.balanceinquiry", Recorded),
    ("pindebit.checkavs", Recorded),
    ("authorization.pin.change", Recorded),
    ("authorization.pin.unblock", Recorded),
    ("pindebit.pin.change", Recorded),
    ("pindebit.pin.unblock", Recorded),
    ("pin.change.reversal", Recorded),
    ("pin.change.reversal.advice", Recorded),
    ("pin.change.via.api", Recorded),
    ("token.activation-request", Recorded),
    ("token.advice", Recorded),
    ("account.funding.auth_plus_capture", Booked(Says::Debit, Kind::Purchase)),
    ("original.credit.auth_plus_capture", Booked(Says::Credit, Kind::OriginalCredit)),
    ("account.funding.auth_plus_capture.reversal", Booked(Says::UndoDebit, Kind::Purchase)),
    ("original.credit.auth_plus_capture.reversal", Booked(Says::UndoCredit, Kind::OriginalCredit)),
    ("unknown", Reviewed),
    ("authorization.clearing.representment", Reviewed),
];

pub(crate) fn item(transaction_type: &str) -> Value {
    json!({
        "type": transaction_type, "token": "t-1", "state": "COMPLETION", "card_token": "card-1",
        "amount": 12.5, "currency_code": "USD", "response": {"code": "0000"},
    })
}

pub(crate) fn commands(item: &Value) -> Vec<Command> {
    let body = json!({"transactions": [item]}).to_string();
    let mut notices = decode_webhook(body.as_bytes()).expect("a webhook");
    match notices.pop() {
        Some(Delivered::Notice(Notice::Transaction(report))) => {
            let mut number = 0;
            report.into_commands(found(), || {
                number += 1;
                MessageId::new(Uuid::from_u128(number))
            })
        }
        other => panic!("{other:?}"),
    }
}

/// A card of ours.
fn found() -> Found {
    let id = Uuid::from_u128(7);
    let route = Route {
        owner: OwnerId::new(id),
        cardholder: CardholderId::new(id),
        card: CardId::new(id),
        account: AccountId::new(id),
    };
    Found { route: Some(route), ..Found::default() }
}

pub(crate) fn report_of(command: &Command) -> &Report {
    match &command.action {
        Action::Report(report) => report,
        other => panic!("{other:?}"),
    }
}

/// What the last command says, and in how many minor units.
fn says(item: &Value) -> (Says, Option<i64>) {
    let commands = commands(item);
    let report = report_of(commands.last().expect("a command"));
    (report.says, report.amount.minor.ok())
}

pub(crate) fn with(mut item: Value, field: &str, value: Value) -> Value {
    item[field] = value;
    item
}

#[test]
fn every_type_becomes_what_its_row_says() {
    for (transaction_type, expected) in TYPES {
        let commands = commands(&item(transaction_type));
        let last = commands.last().expect("a command");
        let found = match &last.action {
            Action::Report(report) => Booked(report.says, report.kind),
            Action::Record(record) if record.needs_review => Reviewed,
            Action::Record(_) => Recorded,
            other => panic!("{other:?}"),
        };
        assert_eq!(found, *expected, "{transaction_type}");
    }
}

/// A decline, an error, a code that is no success. What was no question to us may be tried again.
#[test]
fn what_has_failed_is_refused_or_looked_at() {
    for (transaction_type, expected) in TYPES {
        let was_asked =
            matches!(expected, Booked(Says::Hold | Says::Debit | Says::PendingCredit | Says::Credit, _));
        for (field, value) in
            [("state", json!("DECLINED")), ("state", json!("ERROR")), ("response", json!({"code": "1016"}))]
        {
            let commands = commands(&with(item(transaction_type), field, value));
            let last = commands.last().expect("a command");
            match &last.action {
                Action::Report(report) => {
                    assert!(was_asked && report.says == Says::Refused, "{transaction_type}");
                    assert_eq!(last.key.role(), Role::Refusal, "{transaction_type}");
                }
                Action::Record(record) => {
                    assert!(!was_asked, "{transaction_type}");
                    assert_eq!(record.needs_review, *expected != Recorded, "{transaction_type}");
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// It is stored under another key than the report, which then comes again and is booked.
#[test]
fn what_names_no_card_of_ours_is_looked_at() {
    let body = json!({"transactions": [item("refund")]}).to_string();
    let Some(Delivered::Notice(Notice::Transaction(report))) =
        decode_webhook(body.as_bytes()).expect("a webhook").pop()
    else {
        panic!("no transaction");
    };
    assert!(report.needs_review(Found::default()) && !report.needs_review(found()));
    let kept = report.into_commands(Found::default(), || MessageId::new(Uuid::from_u128(1)));
    assert!(matches!(&kept[..], [Command { action: Action::Record(record), .. }] if record.needs_review));
    assert_ne!(kept[0].key, commands(&item("refund")).pop().expect("a report").key);
}

#[test]
fn the_change_is_what_was_funded_and_the_total_is_the_amount() {
    let order = json!({"currency_code": "USD", "jit_funding": {"amount": 0.05}});
    let funded = |transaction_type| with(item(transaction_type), "gpa_order", order.clone());
    assert_eq!(says(&funded("authorization.reversal")), (Says::Release, Some(5)));
    assert_eq!(says(&item("authorization.reversal")), (Says::Release, Some(1_250)));
    assert_eq!(says(&funded("authorization.advice")), (Says::Replace, Some(1_250)));
    assert_eq!(says(&funded("authorization.clearing")), (Says::Capture, Some(1_250)));
    let unload = with(item("refund"), "gpa_order_unload", order.clone());
    assert_eq!(says(&unload), (Says::Credit, Some(5)));
    let numeric = with(item("refund"), "currency_code", json!("840"));
    assert_eq!(says(&with(numeric, "amount", json!("7.25"))), (Says::Credit, Some(725)));
    let too_fine = with(item("refund"), "amount", json!(1.005));
    assert_eq!(says(&too_fine), (Says::Credit, None));
}

#[test]
fn the_last_of_several_clearings_is_final() {
    let clearing = || item("authorization.clearing");
    let part = |number: &str| {
        let part = with(clearing(), "multi_clearing_sequence_number", json!(number));
        with(part, "multi_clearing_sequence_count", json!("04"))
    };
    for (item, expected) in [
        (clearing(), Says::Capture),
        (with(clearing(), "is_final_clearing", json!(true)), Says::FinalCapture),
        (with(part("04"), "is_final_clearing", json!(false)), Says::Capture),
        (part("02"), Says::Capture),
        (part("04"), Says::FinalCapture),
    ] {
        assert_eq!(says(&item).0, expected, "{item}");
    }
}

/// Whoever may still be asking us about it meets a claim.
#[test]
fn what_may_have_been_asked_is_claimed_and_so_is_what_it_follows() {
    let claims = |item: &Value| -> Vec<(String, Role)> {
        let commands = commands(item);
        let told = |command: &Command| (command.key.token.to_string(), command.key.role());
        commands.iter().map(told).collect()
    };
    let of = |token: &str, role| (token.to_owned(), role);
    let following =
        |transaction_type| with(item(transaction_type), "preceding_related_transaction_token", json!("t-0"));
    assert_eq!(claims(&item("authorization")), [of("t-1", Role::Decision), of("t-1", Role::Report)]);
    assert_eq!(
        claims(&with(item("authorization"), "state", json!("ERROR"))),
        [of("t-1", Role::Decision), of("t-1", Role::Refusal)]
    );
    assert_eq!(
        claims(&following("authorization.clearing")),
        [of("t-0", Role::Decision), of("t-1", Role::Report)]
    );
    assert_eq!(
        claims(&following("authorization.incremental")),
        [of("t-0", Role::Decision), of("t-1", Role::Decision), of("t-1", Role::Report)]
    );
    let kept = commands(&following("gpa.credit.authorization"));
    assert_eq!((kept.len(), kept[0].key.state.as_ref()), (1, "completion"));
    assert_ne!(kept[0].key.state, MessageKey::REFUSED);
}

#[test]
fn a_notice_is_read_apart_from_the_others() {
    let read = |body: &str| decode_webhook(body.as_bytes());
    let delivered = read(
        r#"{"transactions":[{"token":"t-1","type":"refund"},7],"pings":[{}],"novelties":[{},{"token":"n-1"}],"note":"x",
            "transactions":[8]}"#,
    )
    .expect("a webhook");
    let told = |delivered: &Delivered| match delivered {
        Delivered::Unreadable(of) => {
            let token = of.token.as_ref().map_or("none", Token::as_str);
            format!("{} {} {token} {}", of.why, of.kind, of.item)
        }
        other => format!("{other:?}"),
    };
    let told: Vec<String> = delivered.iter().map(told).collect();
    let expected = [
        r#"transactions[0].state: is missing transactions t-1 {"token":"t-1","type":"refund"}"#,
        "transactions[1].: has the wrong type: expected an object transactions none 7",
        "Ping",
        "novelties[0].: is of a kind that nobody knows here novelties none {}",
        r#"novelties[1].: is of a kind that nobody knows here novelties n-1 {"token":"n-1"}"#,
        "note: is no array note none \"x\"",
        // Come twice, an array takes nothing from the other.
        "transactions[0].: has the wrong type: expected an object transactions none 8",
    ];
    assert_eq!(told, expected);
    for body in
        ["", "[]", "{}", "{\"transactions\":", "\u{feff}{}", r#"{"transactions":{}}"#, r#"{"note":"x"}"#]
    {
        assert!(read(body).is_err(), "{body:?}");
    }
    assert!(decode_webhook(b"{\"a\":\"\xff\"}").is_err());
    let deep = format!("{{\"transactions\":{}{}}}", "[".repeat(40), "]".repeat(40));
    assert!(read(&deep).is_err());
}
