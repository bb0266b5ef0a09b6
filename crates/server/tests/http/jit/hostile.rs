//! Merchants whose data is hostile are decided and stored like any other.

use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};

use super::{swipe, verdict, with};
use crate::Tested;
use crate::running::Running;

on_both_stores!(hostile_merchant_data_is_decided_stored_and_shown_safely);
async fn hostile_merchant_data_is_decided_stored_and_shown_safely(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    // A list to judge it by, and hours: whatever it is, it is no gambling.
    let deny = json!({"card": given.card["id"], "name": "no gambling", "merchant": {"list": "deny", "mccs": ["gambling"]}});
    server.make("/v1/controls", deny).await?;
    let long = "é".repeat(10_000);
    let padded = format!("{0}CAFE{0}", " ".repeat(5_000));
    let texts = [
        "",
        " ",
        "\u{0}\u{7}\u{1b}[2J\r\n",
        "\u{202e}EFAC\u{2066} مقهى",
        "\u{feff}\u{200b}",
        "'; drop table messages; --",
        "4111 1111 1111 1111 4111-1111-1111-1111",
        &long,
        &padded,
    ];
    for (number, text) in texts.into_iter().enumerate() {
        let mut body = swipe(&format!("hostile-{number}"), "1.00");
        for field in ["mid", "mcc", "name", "city", "country_code"] {
            body = with(&body, &format!("/card_acceptor/{field}"), Some(Value::from(text)))?;
        }
        body = with(&body, "/card_acceptor/mcc_groups", Some(json!([text, text, {"x": 1}])))?;
        let answered = server.jit(&body).await?;
        assert_eq!(verdict(&answered), (200, String::new()), "{number}: {}", answered.text);
        assert_eq!(server.jit(&body).await?.text, answered.text);
    }
    let listed = server.get("/v1/authorizations?limit=100").await?;
    assert!(!listed.text.contains("411111111111") && !listed.text.contains("4111-1111"), "masked");
    for item in listed.json()["items"].as_array().ok_or("no items")? {
        for field in ["name", "city"] {
            let text = item["merchant"][field].as_str().unwrap_or("x");
            assert!((1..=255).contains(&text.chars().count()), "{item}");
            assert!(!text.chars().any(|c| c.is_control() || c == '\u{202e}' || c == '\u{200b}'), "{item}");
        }
    }
    let account = server.get(&format!("/v1/accounts/{}", given.account())).await?.json();
    assert_eq!(account["held"], "9.00", "each was held once");
    Ok(())
}
