//! From body to answer: read, decided on a small state, written.

use bursar_core::Outcome;
use bursar_processors::marqeta::approved_minor;
use serde_json::Value;

use crate::given::{Books, V1, V2, asking, jit_funding, read, with};

#[test]
fn an_approval_is_a_200_with_the_full_object() {
    let answer = Books::new("USD").answer(V2);
    let body = String::from_utf8(answer.body).expect("UTF-8");
    assert_eq!(answer.code, 200);
    assert_eq!(
        body,
        concat!(
            r#"{"jit_funding":{"token":"c4a7b6d8-31f2-4a0b-b9ce-6f7e8d9c0004","method":"pgfs.authorization","#,
            r#""user_token":"user-ada","acting_user_token":"user-ada","amount":25.10,"#,
            r#""tags":"decision=msg_00000000000000000000000035","memo":"approved"}}"#
        )
    );
}

#[test]
fn the_optional_tokens_come_back_if_they_came() {
    let body = with(V2, "/gpa_order/jit_funding/business_token", r#""b\"1\\""#);
    let body = with(&body, "/gpa_order/jit_funding/original_jit_funding_token", "\"jit-0\"");
    let answer = jit_funding(&Books::new("USD").answer(&body));
    assert_eq!(answer["business_token"], "b\"1\\");
    assert_eq!(answer["original_jit_funding_token"], "jit-0");
    let v1 = jit_funding(&Books::new("USD").answer(V1));
    assert!(v1.get("acting_user_token").is_none() && v1.get("business_token").is_none());
}

#[test]
fn the_amount_held_is_the_amount_answered_with_all_places_of_its_currency() {
    for (asked, currency, answered, held_minor) in [
        ("25.1", "USD", "25.10", 2510),
        ("\"25\"", "840", "25.00", 2500),
        ("99", "JPY", "99", 99),
        ("25.1", "KWD", "25.100", 25_100),
    ] {
        let code = if currency == "840" { "USD" } else { currency };
        let mut books = Books::new(code);
        let answer = books.answer(&asking(asked, currency));
        let body = String::from_utf8(answer.body).expect("UTF-8");
        assert!(body.contains(&format!("\"amount\":{answered},")), "{body}");
        assert_eq!(books.account().held_minor, held_minor);
    }
}

#[test]
fn a_decline_is_a_402_with_the_processor_s_reason() {
    for (pointer, value, reason) in [
        ("/gpa_order/jit_funding/amount", "100.01", "INSUFFICIENT_FUNDS"),
        ("/gpa_order/jit_funding/amount", "-1", "INVALID_AMOUNT"),
        ("/gpa_order/jit_funding/amount", "1e400", "INVALID_AMOUNT"),
        ("/gpa_order/jit_funding/amount", "1.999", "INVALID_AMOUNT"),
        ("/gpa_order/jit_funding/amount", "\"NaN\"", "INVALID_AMOUNT"),
        ("/card_token", "\"card-unknown\"", "INVALID_CARD"),
        ("/acting_user_token", "\"user-ben\"", "INVALID_CARD"),
        ("/gpa_order/jit_funding/user_token", "\"user-nobody\"", "CARDHOLDER_NOT_ACTIVE"),
        ("/currency_code", "\"EUR\"", "TRANSACTION_NOT_PERMITTED"),
        ("/gpa_order/jit_funding/method", "\"pgfs.invented\"", "TRANSACTION_NOT_PERMITTED"),
    ] {
        let mut books = Books::new("USD");
        let answer = books.answer(&with(V2, pointer, value));
        assert_eq!(answer.code, 402, "{pointer} {value}");
        assert_eq!(jit_funding(&answer)["decline_reason"], reason, "{pointer} {value}");
        assert!(jit_funding(&answer)["tags"].as_str().is_some_and(|tags| tags.starts_with("decision=msg_")));
        assert_eq!(books.account().held_minor, 0);
    }
}

#[test]
fn an_unreadable_amount_is_answered_as_zero() {
    let answer = Books::new("USD").answer(&asking("1e400", "USD"));
    assert_eq!(jit_funding(&answer)["amount"], Value::from(0));
}

#[test]
fn a_zero_amount_verifies_the_card_and_holds_nothing() {
    let mut books = Books::new("USD");
    let answer = books.answer(&asking("0.00", "USD"));
    assert_eq!(answer.code, 200);
    assert_eq!((books.account().held_minor, books.account().open_holds), (0, 0));
}

#[test]
fn an_increment_joins_the_hold_of_the_transaction_before_it() {
    let mut books = Books::new("USD");
    books.answer(V2);
    let increment = with(&asking("4.9", "USD"), "/token", "\"increment-1\"");
    let increment = with(&increment, "/gpa_order/jit_funding/method", "\"pgfs.authorization.incremental\"");
    let preceding = "\"7c1d0a52-0b1e-4f55-9a3e-5d2f60b1c001\"";
    let increment = with(&increment, "/preceding_related_transaction_token", preceding);
    let answer = books.answer(&increment);
    assert_eq!(answer.code, 200);
    assert!(String::from_utf8_lossy(&answer.body).contains("\"amount\":4.90,"));
    assert_eq!((books.account().held_minor, books.account().open_holds), (3000, 1));
}

#[test]
fn the_same_request_again_gets_the_same_bytes_and_holds_nothing_more() {
    let mut books = Books::new("USD");
    let first = books.answer(V2);
    let reformatted = with(V2, "/network", "null");
    assert_eq!(books.answer(&reformatted), first);
    assert_eq!(books.account().held_minor, 2510);
}

#[test]
fn the_same_token_with_another_amount_is_a_duplicate() {
    let mut books = Books::new("USD");
    books.answer(V2);
    let other = asking("26.00", "USD");
    assert!(matches!(books.decide(&other), Outcome::Conflict));
    let answer = read(&other).duplicate().answer();
    let jit = jit_funding(&answer);
    assert_eq!((answer.code, &jit["decline_reason"]), (402, &Value::from("DUPLICATE_TRANSACTION")));
    assert_eq!(jit["token"], "c4a7b6d8-31f2-4a0b-b9ce-6f7e8d9c0004");
    assert!(String::from_utf8_lossy(&answer.body).contains("\"amount\":26.00,"));
    assert!(jit.get("tags").is_none());
}

#[test]
fn another_funding_request_under_the_same_token_is_a_duplicate() {
    let mut books = Books::new("USD");
    books.answer(V2);
    let other = with(V2, "/gpa_order/jit_funding/token", "\"another\"");
    assert!(matches!(books.decide(&other), Outcome::Conflict));
}

#[test]
fn a_report_under_a_token_that_was_used_is_not_refused() {
    let mut books = Books::new("USD");
    books.answer(V2);
    let report = with(V2, "/gpa_order/jit_funding/method", "\"pgfs.authorization.clearing\"");
    // It is kept beside the decision, whose place is taken.
    let answer = books.answer(&report);
    assert_eq!(answer.code, 200);
    assert!(jit_funding(&answer).get("decline_reason").is_none());
    let other = with(&report, "/gpa_order/jit_funding/token", "\"another\"");
    assert!(matches!(books.decide(&other), Outcome::Conflict));
    let answer = read(&report).duplicate().answer();
    assert_eq!(answer.code, 200);
    assert!(jit_funding(&answer).get("decline_reason").is_none());
}

#[test]
fn what_an_answer_approves_can_be_read_back() {
    for (currency, amount, minor) in [("USD", "26.00", 2600), ("JPY", "99", 99), ("KWD", "1.005", 1005)] {
        let answer = Books::new(currency).answer(&asking(amount, currency));
        let code = bursar_core::Currency::parse(currency).expect("a currency");
        assert_eq!(approved_minor(&answer, code), Some(minor), "{currency}");
    }
    let usd = bursar_core::Currency::parse("USD").expect("a currency");
    let declined = Books::new("USD").answer(&asking("100.01", "USD"));
    assert_eq!((declined.code, approved_minor(&declined, usd)), (402, None));
}

#[test]
fn a_balance_inquiry_is_answered_with_the_balances() {
    let mut books = Books::new("USD");
    books.answer(V2);
    let asked = with(V2, "/token", "\"inquiry\"");
    let asked = with(&asked, "/gpa_order/jit_funding/method", "\"pgfs.balanceinquiry\"");
    let answer = books.answer(&with(&asked, "/gpa_order/jit_funding/amount", "0"));
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let balances =
        r#""balances":{"USD":{"currency_code":"USD","ledger_balance":100.00,"available_balance":74.90}}"#;
    assert!(answer.code == 200 && text.contains(balances), "{text}");
    let funded = books.answer(&with(V2, "/token", "\"another\""));
    assert!(jit_funding(&funded).get("balances").is_none(), "only where they are asked for");
}

#[test]
fn less_is_approved_only_where_terminal_and_program_take_less_and_there_is_some() {
    let takes_less = r#"{"partial_approval_capable":true}"#;
    let answered = |books: &mut Books, body: &str| {
        let answer = books.answer(body);
        (answer.code, jit_funding(&answer)["amount"].to_string())
    };
    let v1 =
        with(&with(V1, "/gpa_order/jit_funding/amount", "150.00"), "/gpa_order/currency_code", "\"USD\"");
    let v1 = with(&v1, "/card_acceptor/poi", r#"{"partial_approval_capable":"1"}"#);
    let too_much = with(&asking("150.00", "USD"), "/pos", takes_less);
    let in_v1 = answered(&mut Books::allowing_all("USD"), &v1);
    assert_eq!(in_v1, (200, "100.0".to_owned()));
    let mut books = Books::allowing_all("USD");
    assert_eq!(answered(&mut books, &too_much), (200, "100.0".to_owned()));
    assert_eq!((books.account().held_minor, books.account().available_minor()), (10_000, Some(0)));
    let nothing_left = with(&too_much, "/token", "\"second\"");
    assert_eq!(answered(&mut books, &nothing_left).0, 402, "nothing is no part");
    for (body, why) in [
        (
            with(&too_much, "/pos", r#"{"partial_approval_capable":false}"#),
            "the terminal takes all or nothing",
        ),
        (with(&too_much, "/pos", "17"), "the terminal cannot be read"),
        (with(&too_much, "/cash_back_amount", "100.01"), "the cash part is more than there is"),
        (with(&too_much, "/cash_back_amount", "\"x\""), "the cash part cannot be read"),
    ] {
        assert_eq!(answered(&mut Books::allowing_all("USD"), &body).0, 402, "{why}");
    }
    let cash = with(&too_much, "/cash_back_amount", "100.00");
    assert_eq!(answered(&mut Books::allowing_all("USD"), &cash), (200, "100.0".to_owned()));
    let leaves_out = with(&cash, "/pos", r#"{"partial_approval_capable":true,"purchase_amount_only":true}"#);
    assert_eq!(answered(&mut Books::allowing_all("USD"), &leaves_out).0, 402, "what is left would be cash");
    assert_eq!(answered(&mut Books::new("USD"), &too_much).0, 402, "the program does not allow it");
}
