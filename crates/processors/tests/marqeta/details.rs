//! What a message tells beside its amount: kept exactly, and no reason to refuse it.

use bursar_core::command::{Found, Route};
use bursar_core::{AccountId, Action, CardId, CardholderId, Details, MessageId, OwnerId};
use bursar_processors::marqeta::{Delivered, Notice, decode_webhook};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::given::{V2, authorize, with, without};

fn of_request(body: &str) -> Value {
    json_of(authorize(body).details.as_deref())
}

fn json_of(details: Option<&Details>) -> Value {
    serde_json::to_value(details).expect("plain data")
}

/// Of a reported clearing with these fields: JSON texts, so that numbers stay as they are written.
fn of_report(fields: &[(&str, &str)]) -> Value {
    let fields: String = fields.iter().map(|(name, json)| format!(r#","{name}":{json}"#)).collect();
    let body = format!(
        r#"{{"transactions":[{{"token":"t-2","type":"authorization.clearing","state":"COMPLETION","card_token":"card-ada-1",
        "amount":1.91,"currency_code":"USD"{fields}}}]}}"#
    );
    let mut notices = decode_webhook(body.as_bytes()).expect("a webhook");
    let Some(Delivered::Notice(Notice::Transaction(report))) = notices.pop() else { panic!("{notices:?}") };
    let route = Route {
        card: CardId::new(Uuid::nil()),
        owner: OwnerId::new(Uuid::nil()),
        cardholder: CardholderId::new(Uuid::nil()),
        account: AccountId::new(Uuid::nil()),
    };
    let found = Found { route: Some(route), ..Found::default() };
    let commands = report.into_commands(found, || MessageId::new(Uuid::nil()));
    let Some(Action::Report(report)) = commands.into_iter().last().map(|command| command.action) else {
        panic!("no report")
    };
    json_of(report.details.as_deref())
}

const ABROAD: &str =
    r#"{"network":{"original_amount":0.39,"conversion_rate":4.894582,"original_currency_code":"826"}}"#;

/// The fixture without what it tells itself.
fn bare() -> String {
    let fields = ["currency_conversion", "acquirer_fee_amount", "network", "network_reference_id"];
    fields.iter().fold(V2.to_owned(), |body, field| without(&body, &format!("/{field}")))
}

#[test]
fn a_swipe_at_home_tells_nothing_more() {
    let home = r#"{"network":{"original_amount":1.25,"conversion_rate":1.0,"original_currency_code":"840"}}"#;
    let body = with(&bare(), "/currency_conversion", home);
    let body = with(&with(&body, "/network", r#""VISA""#), "/acquirer_fee_amount", "0.00");
    assert_eq!(of_request(&body), Value::Null);
    assert_eq!(of_report(&[]), Value::Null);
}

#[test]
fn a_swipe_abroad_keeps_what_the_merchant_charged_digit_by_digit() {
    let body = with(&bare(), "/network", r#""VISA""#);
    let body = with(&body, "/currency_conversion", ABROAD);
    let converted = json!({"original_amount": "0.39", "original_currency": "826", "rate": "4.894582"});
    assert_eq!(of_request(&body), json!({"conversion": converted, "network": "VISA"}));
    let body = with(&bare(), "/acquirer_fee_amount", r#""2.50""#);
    assert_eq!(of_request(&body), json!({"acquirer_fee": "2.50"}));
}

#[test]
fn a_report_keeps_fees_stand_in_response_and_settlement() {
    let conversion = r#"{"network":{"original_amount":"1000","conversion_rate":1.91E-3,"original_currency_code":392,
        "dynamic_currency_conversion":true,
        "settlement_data":{"amount":1.910,"currency_code":"840","conversion_rate":1}}}"#;
    let told = of_report(&[
        ("currency_conversion", conversion),
        (
            "fees",
            r#"[{"type":"interchange","amount":0.021,"credit_debit":"C"},{"type":"network","amount":1,"credit_debit":"D"}]"#,
        ),
        ("standin_approved_by", r#""COMMANDO_AUTO""#),
        ("standin_by", r#""COMMANDO_AUTO""#),
        ("standin_reason", r#""no answer for 4111 1111 1111 1111""#),
        ("advice_reason_code", r#""0191""#),
        (
            "response",
            r#"{"code":"0002","memo":"Partial approval","additional_information":"4111111111111111"}"#,
        ),
        ("approval_code", r#""123456""#),
        ("network", r#""MASTERCARD""#),
        ("network_reference_id", r#""MDSACN1WM0125""#),
    ]);
    let expected = json!({
        "conversion": {
            "original_amount": "1000", "original_currency": "392", "rate": "0.00191", "by_merchant": true,
            "settlement": {"amount": "1.910", "currency": "840", "rate": "1"},
        },
        "fees": [
            {"type": "interchange", "amount": "0.021", "is_credit": true},
            {"type": "network", "amount": "1", "is_credit": false},
        ],
        "stand_in": {
            "approved_by": "COMMANDO_AUTO", "by": "COMMANDO_AUTO", "advice_reason_code": "0191",
            "reason": "no answer for **** **** **** 1111",
        },
        "response": {
            "code": "0002", "memo": "Partial approval", "additional_information": "************1111",
        },
        "approval_code": "123456", "network": "MASTERCARD", "network_reference_id": "MDSACN1WM0125",
    });
    assert_eq!(told, expected);
}

#[test]
fn what_cannot_be_read_is_left_out_and_fails_nothing() {
    let long = format!("\"{}\"", "x".repeat(65));
    let digits = format!("\"{}\"", "9".repeat(41));
    for field in ["currency_conversion", "acquirer_fee_amount", "network", "network_reference_id"] {
        for json in ["null", "[]", "{}", "[[1]]", "true", "-1", "1e999", "\"\"", &digits, r#"{"network":7}"#]
        {
            let told = of_request(&with(&bare(), &format!("/{field}"), json));
            assert!(told.is_null(), "{field} {json}: {told}");
        }
    }
    for field in [
        "currency_conversion",
        "acquirer_fee_amount",
        "network",
        "network_reference_id",
        "approval_code",
        "fees",
        "standin_approved_by",
        "standin_by",
        "standin_reason",
        "advice_reason_code",
    ] {
        for json in
            ["null", "[]", "{}", "[[1]]", "true", "\"\"", r#"[{"type":"t","amount":"x","credit_debit":"C"}]"#]
        {
            let told = of_report(&[(field, json)]);
            assert!(told.is_null(), "{field} {json}: {told}");
        }
    }
    assert!(of_report(&[("approval_code", &long)]).is_null());
    let no_amount = r#"{"network":{"original_amount":{},"original_currency_code":"826"}}"#;
    assert!(of_report(&[("currency_conversion", no_amount)]).is_null());
    let no_rate =
        r#"{"network":{"original_amount":1,"original_currency_code":"826","conversion_rate":"much"}}"#;
    let told = of_report(&[("currency_conversion", no_rate)]);
    assert_eq!(told, json!({"conversion": {"original_amount": "1", "original_currency": "826"}}));
    let many = vec![r#"{"type":"t","amount":1,"credit_debit":"C"}"#; 40].join(",");
    let told = of_report(&[("fees", &format!("[{many}]"))]);
    assert_eq!(told["fees"].as_array().map(Vec::len), Some(Details::FEES_MAX));
}

#[test]
fn the_days_of_an_authorization_are_told_as_a_number_in_its_metadata() {
    let told = [("30", json!(30)), (r#""21""#, json!(21)), ("0", Value::Null), ("-1", Value::Null)];
    for (days, expected) in told {
        let metadata = format!(r#"{{"authorization_life_cycle":{days}}}"#);
        let body = with(&bare(), "/transaction_metadata", &metadata);
        assert_eq!(of_request(&body)["hold_days"], expected, "{days}");
        assert_eq!(of_report(&[("transaction_metadata", &metadata)])["hold_days"], expected, "{days}");
    }
}
