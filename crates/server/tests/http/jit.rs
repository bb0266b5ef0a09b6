//! `POST /jit/marqeta`, as the processor calls it.

mod concurrent;
mod decided;
mod declined;
mod hostile;
mod limits;
mod refused;

use serde_json::Value;

use crate::running::{Answered, Given, Running};

type Error = Box<dyn std::error::Error>;

/// A swipe of the card that [`Running::given`] makes. The amount is JSON: a number, or a text in
/// quotes.
pub(crate) fn swipe(token: &str, amount: &str) -> String {
    swipe_in("USD", token, amount)
}

fn swipe_in(currency: &str, token: &str, amount: &str) -> String {
    format!(
        r#"{{"type":"authorization","state":"PENDING","token":"{token}","user_token":"user-1",
        "acting_user_token":"user-1","card_token":"card-1","amount":{amount},"currency_code":"{currency}",
        "gpa_order":{{"token":"order-{token}","amount":{amount},"currency_code":"{currency}",
        "jit_funding":{{"token":"jit-{token}","method":"pgfs.authorization","user_token":"user-1",
        "acting_user_token":"user-1","amount":{amount}}}}},
        "card_acceptor":{{"mid":"4111111111111111","mcc":"5814","name":"CAFE 4111111111111111",
        "city":"Springfield","country_code":"USA"}},"user_transaction_time":"2026-11-20T15:14:04Z"}}"#
    )
}

/// A body with one thing changed: `None` takes the field away.
fn with(body: &str, pointer: &str, value: Option<Value>) -> Result<String, Error> {
    let mut body: Value = serde_json::from_str(body)?;
    let (parent, field) = pointer.rsplit_once('/').ok_or("no pointer")?;
    let parent = body.pointer_mut(parent).and_then(Value::as_object_mut).ok_or("no such object")?;
    match value {
        Some(value) => drop(parent.insert(field.to_owned(), value)),
        None => drop(parent.remove(field).ok_or("no such field")?),
    }
    Ok(body.to_string())
}

/// A status with the processor's reason.
pub(crate) fn verdict(answered: &Answered) -> (u16, String) {
    let reason = answered.json()["jit_funding"]["decline_reason"].as_str().unwrap_or_default().to_owned();
    (answered.status.as_u16(), reason)
}

/// What a swipe could have changed: the account, and all that was decided. Stage times are left
/// out: they are written with a later batch.
async fn state(server: &Running, given: &Given) -> Result<(Value, Vec<Value>), Error> {
    let account = server.get(&format!("/v1/accounts/{}", given.account())).await?;
    let listed = server.get("/v1/authorizations?limit=1000").await?.json();
    let mut decided = listed["items"].as_array().ok_or("no items")?.clone();
    decided.iter_mut().for_each(|item| item["stages"] = Value::Null);
    Ok((account.json(), decided))
}
