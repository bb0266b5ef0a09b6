use serde_json::{Value, json};

use super::*;
use crate::merchants::{Kind, MERCHANTS};

fn money(minor: i64, code: &str) -> Money {
    let currency = Currency::parse(code).expect("a currency");
    Money { minor, currency }
}

fn request(layout: BodyLayout) -> JitRequest {
    let amount = money(4_210, "USD");
    JitRequest {
        token: "t-1".into(),
        jit_token: "j-1".into(),
        card_token: "c-1".into(),
        acting_token: "u-1".into(),
        business_token: Some("b-1".into()),
        preceding: None,
        ask: Ask::Purchase,
        takes_less: false,
        amount: Decimal::of(amount),
        currency: amount.currency,
        is_currency_numeric: false,
        merchant: &MERCHANTS[0],
        layout,
        at: Timestamp::UNIX_EPOCH,
    }
}

fn body(request: &JitRequest) -> Value {
    serde_json::from_slice(&request.body().expect("a body")).expect("JSON")
}

#[test]
fn both_layouts_name_the_merchant_their_own_way() {
    let (v1, v2) = (body(&request(BodyLayout::V1)), body(&request(BodyLayout::V2)));
    assert_eq!(v1["card_acceptor"]["country"], "USA");
    assert_eq!(v1["card_acceptor"]["poi"]["card_presence"], "1");
    assert_eq!(v1["is_recurring"], false);
    assert!(v1.get("pos").is_none() && v1.get("transaction_metadata").is_none());
    assert_eq!(v2["card_acceptor"]["country_code"], "USA");
    assert_eq!(v2["pos"]["card_presence"], true);
    assert!(v2["card_acceptor"].get("poi").is_none() && v2.get("is_recurring").is_none());
}

#[test]
fn a_purchase_has_what_the_processor_always_sends() {
    let body = body(&request(BodyLayout::V2));
    for path in [
        "/type",
        "/state",
        "/token",
        "/acting_user_token",
        "/business_token",
        "/card_token",
        "/amount",
        "/currency_code",
        "/user_transaction_time",
        "/gpa_order/token",
        "/gpa_order/funding/source/type",
        "/gpa_order/jit_funding/token",
        "/gpa_order/jit_funding/user_token",
        "/gpa_order/jit_funding/amount",
    ] {
        assert!(body.pointer(path).is_some(), "{path}");
    }
    assert_eq!(body["gpa_order"]["jit_funding"]["method"], "pgfs.authorization");
    assert!(body.get("preceding_related_transaction_token").is_none());
    assert_eq!(body["user_transaction_time"], "1970-01-01T00:00:00Z");
}

#[test]
fn amounts_are_written_exactly() {
    for (amount, text) in [
        (money(4_210, "USD"), "amount\":42.10"),
        (money(1_000, "JPY"), "amount\":1000"),
        (money(1_050, "KWD"), "amount\":1.050"),
    ] {
        let mut request = request(BodyLayout::V2);
        (request.amount, request.currency) = (Decimal::of(amount), amount.currency);
        let body = String::from_utf8(request.body().expect("a body")).expect("text");
        assert_eq!(body.matches(text).count(), 5, "{text} in {body}");
    }
}

#[test]
fn too_precise_is_no_amount_of_its_currency() {
    for code in ["USD", "JPY", "KWD"] {
        let amount = money(1_234, code);
        assert_eq!(Decimal::of(amount).minor(amount.currency), Some(1_234));
        assert_eq!(Decimal::too_precise(amount).minor(amount.currency), None, "{code}");
    }
}

#[test]
fn an_increment_names_the_purchase_it_adds_to() {
    let mut request = request(BodyLayout::V1);
    request.preceding = Some(Preceding { token: "t-0".into(), jit_token: "j-0".into() });
    let body = body(&request);
    assert_eq!(body["preceding_related_transaction_token"], "t-0");
    assert_eq!(body["type"], "authorization.incremental");
    let funding = &body["gpa_order"]["jit_funding"];
    assert_eq!(funding["method"], "pgfs.authorization.incremental");
    assert_eq!(funding["original_jit_funding_token"], "j-0");
}

#[test]
fn currencies_are_sometimes_numbers() {
    for (code, number) in [("USD", "840"), ("EUR", "978"), ("JPY", "392"), ("KWD", "414"), ("GBP", "826")] {
        let mut request = request(BodyLayout::V2);
        request.currency = Currency::parse(code).expect("a currency");
        assert_eq!(body(&request)["currency_code"], code);
        request.is_currency_numeric = true;
        assert_eq!(body(&request)["currency_code"], number);
        assert_eq!(Currency::parse(number), Ok(request.currency));
    }
}

#[test]
fn equal_requests_give_equal_bytes() {
    let [first, second] = [request(BodyLayout::V2), request(BodyLayout::V2)];
    assert_eq!(first.body().expect("a body"), second.body().expect("a body"));
}

fn answer(change: impl Fn(&mut Value)) -> Vec<u8> {
    let mut answer = json!({"jit_funding": {
        "token": "j-1",
        "method": "pgfs.authorization",
        "user_token": "u-1",
        "amount": 42.5,
        "decline_reason": "INSUFFICIENT_FUNDS",
        "tags": "decision=msg_00000000000000000000000001",
    }});
    change(&mut answer["jit_funding"]);
    serde_json::to_vec(&answer).expect("JSON")
}

#[test]
fn an_answer_is_read_as_the_processor_reads_it() {
    let Delivery::Answered(answer) = request(BodyLayout::V2).read_answer(402, &answer(|_| ())) else {
        panic!("the answer is in order");
    };
    assert_eq!(answer.status, 402);
    assert_eq!(&*answer.amount, "42.5");
    assert_eq!(answer.decline_reason.as_deref(), Some("INSUFFICIENT_FUNDS"));
    let id = answer.decision.expect("an id").to_string();
    assert_eq!(id, "msg_00000000000000000000000001");
}

#[test]
fn what_the_processor_would_not_take_is_unusable() {
    let request = request(BodyLayout::V2);
    let read = |status, body: &[u8]| matches!(request.read_answer(status, body), Delivery::Unusable(_));
    assert!(!read(200, &answer(|_| ())));
    assert!(read(400, &answer(|_| ())));
    assert!(read(200, b"<html>"));
    assert!(read(200, b"{}"));
    assert!(read(200, &answer(|funding| funding["token"] = json!("j-2"))));
    assert!(read(200, &answer(|funding| funding["method"] = json!("pgfs.refund"))));
    assert!(read(200, &answer(|funding| funding["user_token"] = json!("u-2"))));
    assert!(read(200, &answer(|funding| funding["acting_user_token"] = json!("u-2"))));
    assert_eq!(request.read_answer(503, b""), Delivery::Unknown);
}

#[test]
fn both_layouts_tell_how_the_card_is_used() {
    let at = |kind, layout| {
        let merchant = MERCHANTS.iter().find(|merchant| merchant.kind == kind).expect("a merchant");
        body(&JitRequest { merchant, ..request(layout) })
    };
    let (v1, v2) = (at(Kind::Online, BodyLayout::V1), at(Kind::Online, BodyLayout::V2));
    let poi = &v1["card_acceptor"]["poi"];
    assert_eq!((&poi["card_presence"], &poi["channel"]), (&json!("0"), &json!("ECOMMERCE")));
    assert_eq!(v2["pos"]["card_presence"], false);
    assert_eq!(v2["transaction_metadata"]["payment_channel"], "ECOMMERCE");
    let (v1, v2) = (at(Kind::Utilities, BodyLayout::V1), at(Kind::Utilities, BodyLayout::V2));
    assert_eq!((&v1["is_recurring"], &v2["pos"]["is_recurring"]), (&json!(true), &json!(true)));
    let (v1, v2) = (at(Kind::Coffee, BodyLayout::V1), at(Kind::Coffee, BodyLayout::V2));
    assert_eq!(v1["card_acceptor"]["poi"]["processing_type"], "CHIP_CONTACTLESS");
    assert_eq!(v2["pos"]["pan_entry_mode"], "CHIP_CONTACTLESS");
}
