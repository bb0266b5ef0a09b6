//! What merchants, and those who pose as one, write into a message is read safely.

use bursar_core::Merchant;
use bursar_core::text::FreeText;
use proptest::prelude::*;
use serde_json::Value;

use crate::given::{Books, V1, V2, authorize, with};

/// Where each layout has what a merchant can write.
const FIELDS: &[(&str, &str)] = &[
    (V1, "/card_acceptor/mid"),
    (V1, "/card_acceptor/mcc"),
    (V1, "/card_acceptor/name"),
    (V1, "/card_acceptor/city"),
    (V1, "/card_acceptor/country"),
    (V2, "/card_acceptor/mid"),
    (V2, "/card_acceptor/mcc"),
    (V2, "/card_acceptor/name"),
    (V2, "/card_acceptor/city"),
    (V2, "/card_acceptor/country_code"),
];

fn json(text: &str) -> String {
    Value::from(text).to_string()
}

fn groups(mcc_groups: &str) -> Vec<String> {
    let merchant = authorize(&with(V2, "/card_acceptor/mcc_groups", mcc_groups)).merchant;
    merchant.groups.iter().map(|group| group.as_str().to_owned()).collect()
}

/// The beginning of a text, to name its case by.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(20).collect::<String>())
}

/// What is kept can be stored and shown: short, on one line, without a card number.
fn assert_safe(merchant: &Merchant, what: &str) {
    for text in [&merchant.name, &merchant.city].into_iter().flatten() {
        let text = text.as_str();
        assert!(!text.is_empty() && text.chars().count() <= FreeText::CHARS_MAX, "{what}: {text}");
        assert!(!text.chars().any(char::is_control) && text.trim_start() == text, "{what}: {text}");
        assert!(!text.contains("411111111111"), "{what}: {text}");
    }
    if let Some(id) = &merchant.id {
        assert!(
            id.as_str().len() <= 255 && id.as_str().bytes().all(|byte| byte.is_ascii_graphic()),
            "{what}"
        );
    }
    assert!(merchant.country.as_ref().is_none_or(|country| country.as_str().len() <= 3), "{what}");
}

#[test]
fn hostile_text_in_any_field_of_a_merchant_is_read_safely_and_fails_no_swipe() {
    let long = "x".repeat(10_000);
    let padded = format!("{}CAFE{}", " ".repeat(5_000), " ".repeat(5_000));
    let numbers = "4111111111111111 ".repeat(600);
    let split = format!("{}4111111111111111", "x".repeat(FreeText::CHARS_MAX - 8));
    for text in [
        "",
        " ",
        "\u{0}",
        "\u{0}\u{1}\u{7f}\u{85}",
        "CAFE\r\nX-Injected: 1\t\u{1b}[2J",
        "مقهى السلام",
        "\u{202e}EFAC\u{202c}\u{2066}\u{2069}\u{200f}",
        "\u{feff}\u{200b}",
        "👩‍👩‍👧 Z̷̢̛͔͙a̶l̴g̵o̶",
        "'; drop table cards; --",
        "<script>alert(1)</script>",
        "{\"jit_funding\":[",
        "\\\"\\u0000",
        "PAID 4111111111111111",
        "-1",
        "5812.0",
        "٥٨١٢",
        "58120",
        "US A",
        &long,
        &padded,
        &numbers,
        &split,
    ] {
        for (body, pointer) in FIELDS {
            let body = with(body, pointer, &json(text));
            let what = format!("{pointer} {}", shown(text));
            assert_safe(&authorize(&body).merchant, &what);
            assert_eq!(Books::new("USD").answer(&body).code, 200, "{what}");
        }
    }
}

#[test]
fn text_is_trimmed_cut_and_cleaned_and_the_rest_is_kept() {
    let name = |text: &str| authorize(&with(V2, "/card_acceptor/name", text)).merchant.name;
    let kept = |text: &str| name(text).map(|name| name.as_str().to_owned());
    assert_eq!(kept(r#""\u0000 CAF\u00c9\u0000ZUR\nPOST \u0007""#).as_deref(), Some("CAFÉ ZUR POST"));
    assert_eq!(kept("\"مقهى السلام  \"").as_deref(), Some("مقهى السلام"));
    assert_eq!(kept(r#""\u0000\u0000""#), None);
    let long = format!("\"{}\"", "é".repeat(5_000));
    assert_eq!(kept(&long), Some("é".repeat(FreeText::CHARS_MAX)));
}

#[test]
fn a_code_that_is_none_is_left_out_and_takes_nothing_else_with_it() {
    let long = "1".repeat(10_000);
    for (field, texts) in [
        ("mid", ["\u{0}", "مقهى", &long]),
        ("mcc", ["5812\u{0}", "٥٨١٢", &long]),
        ("country_code", ["\u{202e}US", "U\u{0}", &long]),
    ] {
        for text in texts {
            let body = with(V2, &format!("/card_acceptor/{field}"), &json(text));
            let merchant = authorize(&body).merchant;
            let there = [
                ("mid", merchant.id.is_some()),
                ("mcc", merchant.mcc.is_some()),
                ("country_code", merchant.country.is_some()),
            ];
            assert!(merchant.name.is_some() && merchant.city.is_some(), "{field}");
            for (other, is_there) in there {
                assert_eq!(is_there, other != field, "{field} {}", shown(text));
            }
        }
    }
}

#[test]
fn the_groups_of_a_merchant_are_kept_in_their_order_and_each_once() {
    let named = r#"["b4b7cc10-1a3b-11e5-9fa3-005056aa121d", " AIRLINES ", "food\/drink", "AIRLINES"]"#;
    assert_eq!(groups(named), ["b4b7cc10-1a3b-11e5-9fa3-005056aa121d", "AIRLINES", "food/drink"]);
    let v1 = authorize(&with(V1, "/card_acceptor/mcc_groups", "[\"AIRLINES\"]"));
    assert_eq!(v1.merchant.groups.len(), 1);
}

#[test]
fn none_is_no_group() {
    assert!(groups("[\"NONE\"]").is_empty());
    assert!(groups("[]").is_empty());
    assert!(authorize(V1).merchant.groups.is_empty(), "the field is missing");
    assert_eq!(groups("[\"NONE\", \"AIRLINES\"]"), ["AIRLINES"]);
}

#[test]
fn groups_that_cannot_be_read_are_left_out() {
    for wrong in ["null", "17", "1e400", "true", "\"AIRLINES\"", "\"\\ud800\"", "{\"a\":\"AIRLINES\"}"] {
        assert!(groups(wrong).is_empty(), "{wrong}");
    }
    let long = format!("\"{}\"", "x".repeat(10_000));
    for wrong in [
        "null",
        "17",
        "-1e400",
        "true",
        "{\"a\":\"B\"}",
        "[\"B\"]",
        "\"\"",
        "\"a b\"",
        "\"é\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        &long,
    ] {
        assert_eq!(groups(&format!("[{wrong}, \"AIRLINES\", {wrong}]")), ["AIRLINES"], "{wrong:.20}");
    }
}

#[test]
fn at_most_sixteen_groups_are_kept() {
    let many = |count: usize| {
        let names: Vec<String> = (0..count).map(|number| format!("\"group-{number}\"")).collect();
        format!("[{}]", names.join(","))
    };
    assert_eq!(groups(&many(16)).len(), 16);
    let kept = groups(&many(10_000));
    assert_eq!((kept.len(), kept[15].as_str()), (16, "group-15"));
    let junk = format!("[{}\"AIRLINES\"]", "[{}],".repeat(10_000));
    assert_eq!(groups(&junk), ["AIRLINES"]);
}

proptest! {
    #[test]
    fn a_merchant_of_any_text_is_read_safely(
        (body, pointer) in prop::sample::select(FIELDS), text in any::<String>(),
    ) {
        assert_safe(&authorize(&with(body, pointer, &json(&text))).merchant, pointer);
    }
}
