//! Whatever arrives is read or rejected: it never panics, and what was read can be answered.

use bursar_processors::marqeta::{NESTING_MAX, decode};
use proptest::prelude::*;
use serde_json::Value;

use crate::given::{Books, REFUND, V1, V2, with};

fn any_fixture() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![V1, V2, REFUND])
}

/// A field of a body that something depends on.
fn any_pointer() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "/token",
        "/user_token",
        "/acting_user_token",
        "/card_token",
        "/preceding_related_transaction_token",
        "/currency_code",
        "/created_time",
        "/user_transaction_time",
        "/card_acceptor",
        "/card_acceptor/mid",
        "/card_acceptor/mcc",
        "/card_acceptor/name",
        "/card_acceptor/city",
        "/card_acceptor/country_code",
        "/gpa_order",
        "/gpa_order/currency_code",
        "/gpa_order/jit_funding",
        "/gpa_order/jit_funding/token",
        "/gpa_order/jit_funding/method",
        "/gpa_order/jit_funding/amount",
    ])
}

/// A field that describes the swipe: it may say anything, and reject nothing.
fn any_telling_pointer() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "/type",
        "/is_recurring",
        "/pos",
        "/pos/card_presence",
        "/pos/is_recurring",
        "/pos/pan_entry_mode",
        "/transaction_metadata",
        "/transaction_metadata/payment_channel",
        "/card_acceptor/poi",
        "/card_acceptor/mcc_groups",
    ])
}

fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|value| value.to_string()),
        "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][-+]?[0-9]{1,25})?",
        any::<String>().prop_map(|text| Value::from(text).to_string()),
    ];
    leaf.prop_recursive(4, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            (any::<String>(), inner).prop_map(|(key, item)| format!("{{{}:{item}}}", Value::from(key))),
        ]
    })
}

/// Reads the body as bytes, and answers it if it could be read.
fn handle(body: &[u8]) {
    match (decode(body), std::str::from_utf8(body)) {
        (Ok(_), Ok(text)) => {
            let answer = Books::new("USD").answer(text);
            assert!(matches!(answer.code, 200 | 402));
            let body: Value = serde_json::from_slice(&answer.body).expect("the answer is JSON");
            assert!(body["jit_funding"]["amount"].is_number(), "{body}");
        }
        (Ok(_), Err(_)) => panic!("a body that is no text was read"),
        (Err(reject), _) => assert!(!reject.field.is_empty() && !reject.message.is_empty()),
    }
}

proptest! {
    #[test]
    fn a_cut_body_is_rejected(body in any_fixture(), at in any::<prop::sample::Index>()) {
        let at = at.index(body.trim_end().len());
        prop_assert!(decode(&body.as_bytes()[..at]).is_err());
    }

    #[test]
    fn changed_bytes_are_read_or_rejected(
        body in any_fixture(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut body = body.as_bytes().to_vec();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        handle(&body);
    }

    #[test]
    fn a_field_of_any_content_is_read_or_rejected(pointer in any_pointer(), json in any_json()) {
        handle(with(V2, pointer, &json).as_bytes());
    }

    #[test]
    fn what_describes_the_swipe_rejects_nothing(pointer in any_telling_pointer(), json in any_json()) {
        let body = with(V2, pointer, &json);
        prop_assert!(decode(body.as_bytes()).is_ok(), "{}", body);
        handle(body.as_bytes());
    }

    #[test]
    fn any_bytes_are_rejected(body in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(decode(&body).is_err());
    }

    #[test]
    fn nesting_beyond_the_limit_is_rejected_wherever_it_is(
        levels in NESTING_MAX..2_000, opening in prop::sample::select(vec!["[", "{\"a\":"]),
    ) {
        let body = V2.replacen('{', &format!("{{\"x\":{}", opening.repeat(levels)), 1);
        let reject = decode(body.as_bytes()).expect_err("it nests too deep");
        prop_assert!(reject.message.contains("nests deeper"), "{}", reject);
    }
}
