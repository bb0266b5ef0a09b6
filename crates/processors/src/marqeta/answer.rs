//! Reads what Marqeta answers when it is asked about transactions: they have the form of its webhooks.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::decode::{Reject, read_text};
use super::webhook::{Delivered, deliver};
use crate::json::Object;

/// The name of their array in a webhook.
const TRANSACTIONS: &str = "transactions";

/// A page of transactions.
#[derive(Debug)]
pub struct TransactionPage {
    /// Each of them.
    pub items: Vec<Delivered>,
    /// Whether others follow.
    pub is_more: bool,
}

#[derive(Deserialize)]
#[serde(expecting = "a page")]
struct Page<'a> {
    #[serde(borrow)]
    data: Vec<&'a RawValue>,
    is_more: Option<bool>,
}

/// Reads the answer of `GET /transactions/{token}`.
///
/// # Errors
/// It is no JSON object.
pub fn decode_transaction(body: &[u8]) -> Result<Delivered, Reject> {
    let item: &RawValue = serde_json::from_str(read_text(body)?).map_err(|error| no_json(&error))?;
    match item.get().starts_with('{') {
        true => Ok(deliver(TRANSACTIONS, TRANSACTIONS, item, 0)),
        false => Err(Reject::new("body", "is no JSON object")),
    }
}

/// Reads an answer of `GET /transactions/{token}/related`.
///
/// # Errors
/// It is no page.
pub fn decode_transactions(body: &[u8]) -> Result<TransactionPage, Reject> {
    let Object(page) =
        serde_json::from_str::<Object<Page<'_>>>(read_text(body)?).map_err(|error| no_json(&error))?;
    let items = page.data.into_iter().zip(0..);
    Ok(TransactionPage {
        items: items.map(|(item, place)| deliver(TRANSACTIONS, TRANSACTIONS, item, place)).collect(),
        is_more: page.is_more.unwrap_or(false),
    })
}

/// Without what it holds.
fn no_json(error: &serde_json::Error) -> Reject {
    Reject::new("body", format!("cannot be read: line {}, column {}", error.line(), error.column()))
}
