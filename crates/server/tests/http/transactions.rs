//! Transactions: `/v1/transactions`, one of them with its timeline, and the export.

mod export;
mod filters;
mod timelines;

use serde_json::{Value, json};

use crate::Tested;
use crate::running::{Error, Running};

/// A purchase of the card of the tests, through the API.
fn purchase(amount: &str, merchant: Value) -> Value {
    json!({"card": "card-1", "amount": amount, "currency": "USD", "merchant": merchant})
}

/// A transaction in dollars with the card of the tests, as the processor reports it.
fn item(kind: &str, token: &str, state: &str, amount: &str, time: &str) -> Value {
    let code = if state == "DECLINED" { "1016" } else { "0000" };
    json!({
        "type": kind, "token": token, "state": state, "card_token": "card-1", "user_token": "user-1",
        "amount": amount, "currency_code": "USD", "response": {"code": code},
        "created_time": format!("2026-11-27T{time}Z"),
    })
}

fn following(mut item: Value, token: &str) -> Value {
    item["preceding_related_transaction_token"] = token.into();
    item
}

async fn report(server: &Running, item: Value) -> Tested {
    super::webhooks::report(server, &[item]).await
}

/// Every item of a list, page by page.
async fn listed(server: &Running, query: &str) -> Result<Vec<Value>, Error> {
    let mut items = Vec::new();
    let mut after = String::new();
    loop {
        let answered = server.get(&format!("/v1/transactions?{query}{after}")).await?;
        if answered.status != 200 {
            return Err(format!("{query}: {} {}", answered.status, answered.text).into());
        }
        let page = answered.json();
        items.extend(page["items"].as_array().ok_or("no items")?.iter().cloned());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(items),
        }
    }
}

fn texts(items: &[Value], field: &str) -> Vec<String> {
    items.iter().map(|item| item[field].as_str().unwrap_or_default().to_owned()).collect()
}
