//! What is read out of a body, and what cannot be read.

use bursar_core::MessageKey;
use bursar_core::command::{GroupRef, Link, LinkKind, Purpose};
use bursar_core::message::Source;
use bursar_core::money::AmountError;
use bursar_core::text::Token;
use bursar_processors::marqeta::{NESTING_MAX, decode};

use crate::given::{REFUND, V1, V2, asking, authorize, command, read, rejected, with, without};

/// The text of an identifier or code.
fn text<T: serde::Serialize>(code: Option<T>) -> Option<String> {
    serde_json::to_value(code).ok()?.as_str().map(str::to_owned)
}

fn key(token: &str) -> MessageKey {
    MessageKey::new(Source::MarqetaJit, Token::new(token).expect("a token"))
}

#[test]
fn the_v2_layout_is_read() {
    let asked = authorize(V2);
    assert_eq!(command(V2).key, key("7c1d0a52-0b1e-4f55-9a3e-5d2f60b1c001"));
    assert_eq!(asked.method.as_str(), "pgfs.authorization");
    assert!(matches!(asked.purpose, Purpose::Hold));
    assert_eq!(asked.card_token.as_str(), "card-ada-1");
    assert_eq!(asked.acting.expect("acting").token.as_str(), "user-ada");
    assert!(asked.paying.is_none());
    assert_eq!(asked.amount.currency.expect("a currency").code(), "USD");
    assert_eq!(asked.amount.minor, Ok(2510));
    let name = asked.merchant.name.expect("a name");
    assert_eq!(name.as_str(), "CAFÉ ZUR POST");
    assert_eq!(asked.merchant.city.expect("a city").as_str(), "OAKLAND");
    assert_eq!(text(asked.merchant.id).as_deref(), Some("4000000000000002"));
    assert_eq!(text(asked.merchant.mcc).as_deref(), Some("5812"));
    assert_eq!(text(asked.merchant.country).as_deref(), Some("USA"));
    let time = asked.processor_time.expect("a time");
    assert_eq!(time.to_string(), "2026-11-20T15:14:04.123456Z");
}

#[test]
fn the_v1_layout_is_read() {
    let asked = authorize(V1);
    assert_eq!(command(V1).key, key("7"));
    assert_eq!(asked.amount.currency.expect("a currency").code(), "USD");
    assert_eq!(asked.amount.minor, Ok(1000));
    assert_eq!(text(asked.merchant.id).as_deref(), Some("123456890"));
    assert_eq!(text(asked.merchant.mcc).as_deref(), Some("6411"));
    assert_eq!(text(asked.merchant.country).as_deref(), Some("USA"));
    assert_eq!(asked.processor_time, "2026-11-20T15:14:05Z".parse().ok());
}

#[test]
fn the_amount_of_the_funding_request_counts_and_no_other() {
    let higher = with(&with(V2, "/amount", "99.99"), "/request_amount", "98.00");
    assert_eq!(authorize(&higher).amount.minor, Ok(2510));
}

#[test]
fn amounts_are_read_exactly_and_what_is_none_is_left_to_the_decision() {
    for (amount, currency, minor) in [
        ("25.10", "USD", Ok(2510)),
        ("25.1000", "840", Ok(2510)),
        ("\"25.10\"", "USD", Ok(2510)),
        ("0", "USD", Ok(0)),
        ("2.5e1", "USD", Ok(2500)),
        ("1000", "JPY", Ok(1000)),
        ("1.234", "KWD", Ok(1234)),
        ("90071992547409.93", "USD", Ok(9_007_199_254_740_993)),
        ("1e400", "USD", Err(AmountError::TooLarge)),
        ("\"1e400\"", "USD", Err(AmountError::TooLarge)),
        ("92233720368547758.08", "USD", Err(AmountError::TooLarge)),
        ("-5", "USD", Err(AmountError::Negative)),
        ("1.999", "USD", Err(AmountError::TooPrecise)),
        ("0.5", "JPY", Err(AmountError::TooPrecise)),
        ("\"NaN\"", "USD", Err(AmountError::NotANumber)),
        ("\"\"", "USD", Err(AmountError::NotANumber)),
        ("\"\\\"5\"", "USD", Err(AmountError::NotANumber)),
        ("null", "USD", Err(AmountError::NotANumber)),
        ("5", "XXX", Err(AmountError::NotANumber)),
        ("5", "", Err(AmountError::NotANumber)),
    ] {
        assert_eq!(authorize(&asking(amount, currency)).amount.minor, minor, "{amount} {currency}");
    }
    let none = without(V2, "/gpa_order/jit_funding/amount");
    assert_eq!(authorize(&none).amount.minor, Err(AmountError::NotANumber));
}

#[test]
fn two_currency_codes_must_name_one_currency() {
    let numeric = with(V2, "/currency_code", "\"840\"");
    assert_eq!(authorize(&numeric).amount.minor, Ok(2510));
    let one = without(V2, "/gpa_order/currency_code");
    assert_eq!(authorize(&one).amount.minor, Ok(2510));
    for torn in [with(V2, "/currency_code", "\"EUR\""), with(V2, "/currency_code", "\"ABC\"")] {
        assert!(authorize(&torn).amount.currency.is_none());
    }
}

#[test]
fn who_acts_is_looked_for_in_three_places_and_who_pays_is_told_apart() {
    let child = with(V2, "/acting_user_token", "\"user-child\"");
    let asked = read(&child);
    assert_eq!(asked.acting_token().map(Token::as_str), Some("user-child"));
    assert_eq!(asked.paying_token().map(Token::as_str), Some("user-ada"));

    let in_jit =
        with(&without(V2, "/acting_user_token"), "/gpa_order/jit_funding/acting_user_token", "\"user-jit\"");
    assert_eq!(read(&in_jit).acting_token().map(Token::as_str), Some("user-jit"));

    let neither = without(&without(V2, "/acting_user_token"), "/gpa_order/jit_funding/acting_user_token");
    let top = with(&neither, "/user_token", "\"user-top\"");
    assert_eq!(read(&top).acting_token().map(Token::as_str), Some("user-top"));
    let last = read(&without(&neither, "/user_token"));
    assert_eq!(last.acting_token().map(Token::as_str), Some("user-ada"));
    assert_eq!(last.paying_token(), None);
}

#[test]
fn an_increment_names_its_group_by_the_transaction_before_it() {
    let increment = with(V2, "/gpa_order/jit_funding/method", "\"pgfs.authorization.incremental\"");
    let group = |body: &str| match authorize(body).purpose {
        Purpose::Increment(group) => group,
        other => panic!("not an increment: {other:?}"),
    };
    let original = with(&increment, "/gpa_order/jit_funding/original_jit_funding_token", "\"jit-1\"");
    let both = with(&original, "/preceding_related_transaction_token", "\"auth-1\"");
    assert_eq!(group(&both), GroupRef::Key(key("auth-1")));
    assert_eq!(group(&original), GroupRef::Link(Link::new(LinkKind::Funding, "jit-1")));
    assert_eq!(group(&increment), GroupRef::Key(key("7c1d0a52-0b1e-4f55-9a3e-5d2f60b1c001")));
}

#[test]
fn card_numbers_are_masked_in_free_text_and_merchant_ids_are_kept() {
    let body = with(V2, "/card_acceptor/name", "\"SHOP 4111 1111 1111 1111\"");
    let body = with(&body, "/card_acceptor/city", "\"4111111111111111\"");
    let merchant = authorize(&body).merchant;
    assert_eq!(merchant.name.expect("a name").as_str(), "SHOP **** **** **** 1111");
    assert_eq!(merchant.city.expect("a city").as_str(), "************1111");
    assert_eq!(text(merchant.id).as_deref(), Some("4000000000000002"));
}

#[test]
fn merchant_fields_of_another_form_are_left_out() {
    for (field, value) in [
        ("mid", "\"a b\""),
        ("mid", "\"\""),
        ("mid", "null"),
        ("mcc", "\"58\""),
        ("mcc", "\"58x2\""),
        ("country_code", "\"4111111111111111\""),
        ("country_code", "\"U4\""),
        ("name", "\"   \""),
        ("city", "null"),
    ] {
        let merchant = authorize(&with(V2, &format!("/card_acceptor/{field}"), value)).merchant;
        let there = [merchant.id.is_some(), merchant.mcc.is_some(), merchant.name.is_some()]
            .into_iter()
            .chain([merchant.city.is_some(), merchant.country.is_some()]);
        assert_eq!(there.filter(|is| !is).count(), 1, "{field} {value}");
    }
    assert!(authorize(&without(V2, "/card_acceptor")).merchant.id.is_none());
}

#[test]
fn a_time_that_cannot_be_read_is_no_time() {
    let unreadable = with(V2, "/created_time", "\"yesterday\"");
    assert_eq!(authorize(&unreadable).processor_time, "2026-11-20T15:14:05Z".parse().ok());
    let neither = with(&unreadable, "/user_transaction_time", "17");
    assert_eq!(authorize(&neither).processor_time, None);
}

#[test]
fn fields_that_nothing_depends_on_may_have_any_type() {
    for field in ["type", "state", "amount", "pos", "fraud", "gpa", "card", "made_up"] {
        for value in ["null", "17", "\"x\"", "[{}]", "{\"a\":[1e400]}"] {
            let _ = authorize(&with(V2, &format!("/{field}"), value));
        }
    }
}

#[test]
fn a_missing_or_wrong_field_is_named() {
    for (pointer, field) in [
        ("/token", "token"),
        ("/card_token", "card_token"),
        ("/gpa_order", "gpa_order"),
        ("/gpa_order/jit_funding", "gpa_order.jit_funding"),
        ("/gpa_order/jit_funding/token", "gpa_order.jit_funding.token"),
        ("/gpa_order/jit_funding/method", "gpa_order.jit_funding.method"),
        ("/gpa_order/jit_funding/user_token", "gpa_order.jit_funding.user_token"),
    ] {
        assert_eq!(rejected(&without(V2, pointer)).field, field);
        assert_eq!(rejected(&with(V2, pointer, "null")).field, field);
        for wrong in ["17", "true", "[\"x\"]"] {
            let reject = rejected(&with(V2, pointer, wrong));
            assert_eq!(reject.field, field, "{wrong}");
            assert!(reject.message.contains("wrong type"), "{reject}");
        }
    }
    for (pointer, wrong, field) in [
        ("/acting_user_token", "{}", "acting_user_token"),
        ("/currency_code", "{}", "currency_code"),
        ("/card_acceptor", "\"x\"", "card_acceptor"),
        ("/card_acceptor/name", "[]", "card_acceptor.name"),
        ("/gpa_order/jit_funding/amount", "{}", "gpa_order.jit_funding.amount"),
        ("/gpa_order/jit_funding/amount", "true", "gpa_order.jit_funding.amount"),
        ("/gpa_order/jit_funding/business_token", "5", "gpa_order.jit_funding.business_token"),
    ] {
        assert_eq!(rejected(&with(V2, pointer, wrong)).field, field);
    }
}

#[test]
fn fields_of_an_unload_are_named_by_their_own_path() {
    let reject = rejected(&without(REFUND, "/gpa_order_unload/jit_funding/token"));
    assert_eq!(reject.field, "gpa_order_unload.jit_funding.token");
}

#[test]
fn a_request_has_one_order_and_no_second() {
    let order = "{\"jit_funding\":{\"token\":\"t\",\"method\":\"m\",\"user_token\":\"u\",\"amount\":1}}";
    let both = with(V2, "/gpa_order_unload", order);
    assert_eq!(rejected(&both).field, "gpa_order");
    assert!(authorize(&with(V2, "/gpa_order_unload", "null")).route.is_none());
}

#[test]
fn tokens_are_visible_ascii_of_at_most_255_characters() {
    let longest = format!("\"{}\"", "x".repeat(255));
    assert_eq!(command(&with(V2, "/token", &longest)).key.token.as_str().len(), 255);
    let too_long = format!("\"{}\"", "x".repeat(256));
    for bad in [too_long.as_str(), "\"\"", "\"a b\"", "\"é\"", "\"\\u0000\""] {
        for (pointer, field) in [
            ("/token", "token"),
            ("/card_token", "card_token"),
            ("/gpa_order/jit_funding/method", "gpa_order.jit_funding.method"),
        ] {
            assert_eq!(rejected(&with(V2, pointer, bad)).field, field, "{bad}");
        }
    }
    assert_eq!(rejected(&with(V2, "/acting_user_token", "\"a b\"")).field, "acting_user_token");
}

#[test]
fn what_is_not_json_is_the_body_s_fault() {
    let nan = with(V2, "/gpa_order/jit_funding/amount", "NaN");
    for body in ["", "{", "null", "17", "[]", "[1]", "<html>", &V2[..V2.len() / 2], &nan, &format!("{V2}x")] {
        assert_eq!(rejected(body).field, "body", "{body}");
    }
    assert_eq!(decode(b"\xff").map(|_| ()).expect_err("not UTF-8").field, "body");
}

#[test]
fn an_array_is_no_object_wherever_one_is_expected() {
    for (pointer, field) in [
        ("/gpa_order", "gpa_order"),
        ("/gpa_order/jit_funding", "gpa_order.jit_funding"),
        ("/card_acceptor", "card_acceptor"),
    ] {
        let reject = rejected(&with(V2, pointer, "[\"a\", \"b\"]"));
        assert_eq!(reject.field, field);
        assert!(reject.message.contains("expected an object"), "{reject}");
    }
}

#[test]
fn a_field_given_twice_is_refused() {
    let twice = V2.replacen('{', "{\"token\":\"other\",", 1);
    assert!(rejected(&twice).message.contains("duplicate field `token`"));
}

#[test]
fn nesting_is_allowed_to_its_limit_and_brackets_in_texts_are_not_counted() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let _ = authorize(&with(V2, "/pos", &nested(NESTING_MAX - 1)));
    let reject = rejected(&with(V2, "/pos", &nested(NESTING_MAX)));
    assert_eq!(reject.field, "body");
    assert!(reject.message.contains("32"), "{reject}");
    let _ = rejected(&nested(200_000));
    let quoted = format!("\"\\\"{}\\\\\"", "[{".repeat(100));
    let _ = authorize(&with(V2, "/pos", &quoted));
}

#[test]
fn a_reject_quotes_nothing_of_the_body() {
    for secret in ["\"Jane Doe, expected home\"", "4111111111111111"] {
        let reject = rejected(&with(V2, "/gpa_order", secret)).to_string();
        assert!(!reject.contains("Jane") && !reject.contains("4111"), "{reject}");
    }
}
