//! How the card was used, as each layout tells it.

use crate::given::{V1, V2, authorize, with, without};

fn told(body: &str) -> Vec<&'static str> {
    authorize(body).merchant.channels.iter().map(|channel| channel.as_str()).collect()
}

/// The v2 body, telling nothing.
fn silent_v2() -> String {
    with(&with(V2, "/pos", "{}"), "/transaction_metadata", "{}")
}

/// The v1 body, telling nothing.
fn silent_v1() -> String {
    with(V1, "/card_acceptor/poi", "{}")
}

#[test]
fn a_card_that_is_held_to_a_terminal_is_there_and_contactless() {
    assert_eq!(told(V2), ["card_present", "contactless"]);
}

#[test]
fn a_message_that_tells_nothing_has_no_channels() {
    for body in [silent_v2(), silent_v1(), V1.to_owned()] {
        assert!(told(&body).is_empty());
    }
    let bare = without(&without(V2, "/pos"), "/transaction_metadata");
    assert!(told(&bare).is_empty());
    assert!(told(&without(V1, "/card_acceptor/poi")).is_empty());
}

#[test]
fn each_field_of_v2_tells_its_channel() {
    for (pointer, value, channel) in [
        ("/pos/card_presence", "true", "card_present"),
        ("/pos/card_presence", "false", "card_not_present"),
        ("/transaction_metadata/payment_channel", "\"ECOMMERCE\"", "ecommerce"),
        ("/transaction_metadata/payment_channel", "\"MAIL\"", "mail_or_telephone"),
        ("/transaction_metadata/payment_channel", "\"PHONE\"", "mail_or_telephone"),
        ("/transaction_metadata/payment_channel", "\"MOTO\"", "mail_or_telephone"),
        ("/transaction_metadata/payment_channel", "\"ATM\"", "atm"),
        ("/type", "\"authorization.atm.withdrawal\"", "atm"),
        ("/pos/is_recurring", "true", "recurring"),
        ("/transaction_metadata/is_recurring", "true", "recurring"),
        ("/pos/pan_entry_mode", "\"CHIP_CONTACTLESS\"", "contactless"),
        ("/pos/pan_entry_mode", "\"MAG_STRIPE_CONTACTLESS\"", "contactless"),
    ] {
        assert_eq!(told(&with(&silent_v2(), pointer, value)), [channel], "{pointer} {value}");
    }
}

#[test]
fn each_field_of_v1_tells_its_channel() {
    for (pointer, value, channel) in [
        ("/card_acceptor/poi/card_presence", "\"1\"", "card_present"),
        ("/card_acceptor/poi/card_presence", "\"true\"", "card_present"),
        ("/card_acceptor/poi/card_presence", "1", "card_present"),
        ("/card_acceptor/poi/card_presence", "\"0\"", "card_not_present"),
        ("/card_acceptor/poi/card_presence", "\"False\"", "card_not_present"),
        ("/card_acceptor/poi/channel", "\"ECOMMERCE\"", "ecommerce"),
        ("/card_acceptor/poi/channel", "\"MOTO\"", "mail_or_telephone"),
        ("/card_acceptor/poi/channel", "\"ATM     \"", "atm"),
        ("/type", "\"pindebit.atm.withdrawal\"", "atm"),
        ("/is_recurring", "true", "recurring"),
        ("/is_recurring", "\"true\"", "recurring"),
        ("/card_acceptor/poi/is_recurring", "\"1\"", "recurring"),
        ("/card_acceptor/poi/processing_type", "\"CONTACTLESS\"", "contactless"),
        ("/card_acceptor/poi/pan_entry_mode", "\"CHIP_CONTACTLESS\"", "contactless"),
    ] {
        assert_eq!(told(&with(&silent_v1(), pointer, value)), [channel], "{pointer} {value}");
    }
}

#[test]
fn what_is_only_likely_is_not_told() {
    for (pointer, value) in [
        ("/pos/card_presence", "\"maybe\""),
        ("/pos/card_presence", "\"\""),
        ("/pos/card_presence", "2"),
        ("/pos/card_presence", "null"),
        ("/pos/card_holder_presence", "true"),
        ("/pos/pan_entry_mode", "\"CHIP\""),
        ("/pos/pan_entry_mode", "\"CARD_ON_FILE\""),
        ("/pos/card_data_input_capability", "\"CHIP_CONTACTLESS\""),
        ("/pos/is_recurring", "false"),
        ("/pos/is_installment", "true"),
        ("/is_recurring", "\"false\""),
        ("/is_recurring", "null"),
        ("/transaction_metadata/payment_channel", "\"OTHER\""),
        ("/transaction_metadata/payment_channel", "\"INVENTED\""),
        ("/transaction_metadata/payment_channel", "null"),
        ("/transaction_metadata/transaction_category", "\"PHONE_MAIL_ECOMMERCE\""),
        ("/cardholder_authentication_data/electronic_commerce_indicator", "\"no_authentication\""),
        ("/type", "\"authorization\""),
        ("/card_acceptor/mcc", "\"6011\""),
    ] {
        assert!(told(&with(&silent_v2(), pointer, value)).is_empty(), "{pointer} {value}");
    }
}

#[test]
fn several_channels_stand_in_a_fixed_order_and_each_once() {
    let body = with(
        V2,
        "/pos",
        r#"{"pan_entry_mode":"CHIP_CONTACTLESS","is_recurring":true,"card_presence":false,"channel":"ATM"}"#,
    );
    let metadata = r#"{"is_recurring":true,"payment_channel":"ECOMMERCE"}"#;
    let body = with(&with(&body, "/transaction_metadata", metadata), "/is_recurring", "true");
    let body = with(&body, "/type", "\"pindebit.atm.withdrawal\"");
    assert_eq!(told(&body), ["card_not_present", "ecommerce", "atm", "recurring", "contactless"]);
}

#[test]
fn a_withdrawal_is_at_a_cash_machine_whatever_else_is_told() {
    for method in ["pgfs.atm.withdrawal", "pgfs.pindebit.atm.withdrawal"] {
        let method = format!("\"{method}\"");
        for body in [silent_v1(), silent_v2()] {
            let body = with(&body, "/gpa_order/jit_funding/method", &method);
            assert_eq!(told(&body), ["atm"], "{method}");
            assert_eq!(told(&with(&body, "/type", "null")), ["atm"], "{method}");
        }
    }
    let single = with(&silent_v2(), "/gpa_order/jit_funding/method", "\"pgfs.auth_plus_capture\"");
    assert_eq!(told(&with(&single, "/type", "\"pindebit.atm.withdrawal\"")), ["atm"]);
    assert!(told(&with(&single, "/type", "\"pindebit\"")).is_empty());
}

#[test]
fn an_object_that_cannot_be_read_tells_nothing_and_rejects_nothing() {
    for pointer in ["/pos", "/transaction_metadata"] {
        for object in [
            "null",
            "17",
            "1e400",
            "\"ATM\"",
            "\"\\ud800\"",
            "[]",
            "[true,true,true,true,\"CHIP_CONTACTLESS\",\"ATM\",\"ATM\"]",
            r#"{"is_recurring":true,"is_recurring":true}"#,
        ] {
            assert!(told(&with(&silent_v2(), pointer, object)).is_empty(), "{pointer} {object}");
        }
    }
    assert!(told(&with(V1, "/card_acceptor/poi", "[\"1\"]")).is_empty());
}

#[test]
fn a_field_that_cannot_be_read_takes_nothing_from_the_others() {
    for value in ["{\"a\":[1e400]}", "[true]", "1e400", "-1", "\"\\ud800\"", "\"\\u0000\"", "\"\\\"\""] {
        for (pointer, left) in [
            ("/pos/card_presence", vec!["contactless"]),
            ("/pos/pan_entry_mode", vec!["card_present"]),
            ("/pos/is_recurring", vec!["card_present", "contactless"]),
            ("/is_recurring", vec!["card_present", "contactless"]),
            ("/type", vec!["card_present", "contactless"]),
            ("/transaction_metadata/payment_channel", vec!["card_present", "contactless"]),
        ] {
            let asked = authorize(&with(V2, pointer, value));
            assert!(asked.partial.is_some(), "{pointer} {value}");
            assert_eq!(told(&with(V2, pointer, value)), left, "{pointer} {value}");
        }
    }
}

#[test]
fn a_terminal_of_v1_counts_where_that_of_v2_cannot_be_read() {
    let v1 = with(V1, "/card_acceptor/poi/card_presence", "\"1\"");
    for pos in ["null", "17"] {
        assert_eq!(told(&with(&v1, "/pos", pos)), ["card_present"], "{pos}");
    }
    assert_eq!(told(&with(&v1, "/pos", r#"{"card_presence":false}"#)), ["card_not_present"]);
}

#[test]
fn a_message_without_a_merchant_still_tells_how_the_card_was_used() {
    assert_eq!(told(&without(V2, "/card_acceptor")), ["card_present", "contactless"]);
}
