//! Reads a webhook: an object of arrays, one each kind of notice.

use std::collections::BTreeMap;

use bursar_core::command::Says;
use serde_json::value::RawValue;

use super::decode::{
    NESTING_MAX, Reject, optional, read_amount, read_currency, read_merchant, read_time, required,
};
use super::report::{Asked, TransactionReport};
use super::transaction::{Amount, Rule, find_rule};
use super::wire::{Item, Scalar};
use crate::json::{Object, nests_deeper_than};

/// One notice of a webhook.
#[derive(Debug)]
pub enum Notice {
    /// What became of a transaction.
    Transaction(Box<TransactionReport>),
    /// The processor asks whether anybody is there.
    Ping,
    /// One of another kind, by its name: nothing is done with it.
    Other(String),
    /// A transaction that cannot be read.
    Unreadable(Reject),
}

/// Reads every notice of a webhook: what is wrong with one says nothing of the others.
///
/// # Errors
/// The body as a whole is not UTF-8, not JSON, no object of arrays, or nests too deep.
pub fn decode_webhook(body: &[u8]) -> Result<Vec<Notice>, Reject> {
    let text = std::str::from_utf8(body).map_err(|_| Reject::new("body", "is not UTF-8"))?;
    if nests_deeper_than(body, NESTING_MAX) {
        return Err(Reject::new("body", format!("nests deeper than {NESTING_MAX} levels")));
    }
    let kinds: BTreeMap<String, &RawValue> = serde_json::from_str(text)
        .map_err(|error| Reject::new("body", format!("is no JSON object: line {}", error.line())))?;
    let mut notices = Vec::new();
    for (kind, items) in kinds {
        let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(items.get()) else { continue };
        notices.extend(items.into_iter().zip(0..).map(|(item, place)| match kind.as_str() {
            "transactions" => read_transaction(item, place),
            "pings" => Notice::Ping,
            _ => Notice::Other(kind.clone()),
        }));
    }
    Ok(notices)
}

fn read_transaction(item: &RawValue, place: usize) -> Notice {
    let at = |field: &str| format!("transactions[{place}].{field}");
    let item = serde_json::from_str::<Object<Item<'_>>>(item.get());
    match item.map(|Object(item)| read_item(item)) {
        Ok(Ok(report)) => Notice::Transaction(Box::new(report)),
        Ok(Err(reject)) => Notice::Unreadable(Reject { field: at(&reject.field), ..reject }),
        Err(error) => {
            let message = error.to_string();
            // The first half of it quotes the value.
            let expected = message.rsplit_once(", expected ").map_or("another shape", |(_, rest)| rest);
            Notice::Unreadable(Reject::new(at(""), format!("has the wrong type: expected {expected}")))
        }
    }
}

/// Success codes of a transaction; everything else is a failure.
const SUCCESS: [&str; 3] = ["0000", "0002", "1830"];

fn read_item(mut item: Item<'_>) -> Result<TransactionReport, Reject> {
    let token = required(item.token.take(), &["token"])?;
    let transaction_type = required(item.transaction_type.take(), &["type"])?;
    let state = required(item.state.take(), &["state"])?;
    let code = item.response.take().and_then(|Object(response)| response.code);
    let has_failed = matches!(state.as_str(), "DECLINED" | "ERROR")
        || code.is_some_and(|code| !SUCCESS.contains(&code.0.trim()));
    let rule = find_rule(transaction_type.as_str());
    let asked = match rule {
        Some(rule @ (Rule::Booked(..) | Rule::Capture(_))) if has_failed => {
            Asked::Book { says: Says::Refused, was: says(rule, &item), kind: kind(rule) }
        }
        Some(rule @ (Rule::Booked(..) | Rule::Capture(_))) => {
            let says = says(rule, &item);
            Asked::Book { says, was: says, kind: kind(rule) }
        }
        Some(Rule::FundingLeg | Rule::Case | Rule::Noted) => Asked::Keep { needs_review: false },
        Some(Rule::Review) | None => Asked::Keep { needs_review: true },
    };
    let order = item.gpa_order.or(item.gpa_order_unload).map(|Object(order)| order);
    let (order_currency, jit) = match order {
        Some(order) => (order.currency_code, order.jit_funding.map(|Object(jit)| jit)),
        None => (None, None),
    };
    let currency = read_currency(order_currency, item.currency_code);
    let funded = jit.and_then(|jit| jit.amount);
    let raw = match rule {
        Some(Rule::Booked(_, Amount::Change, _)) => funded.or(item.amount),
        _ => item.amount,
    };
    let preceding = item.preceding_related_transaction_token;
    Ok(TransactionReport {
        asked,
        amount: read_amount(raw, currency, &["amount"])?,
        card_token: optional(item.card_token, &["card_token"])?,
        preceding: optional(preceding, &["preceding_related_transaction_token"])?,
        merchant: item.card_acceptor.map(|Object(merchant)| read_merchant(merchant)).unwrap_or_default(),
        processor_time: item.created_time.and_then(|time| read_time(&time)),
        token,
        transaction_type,
        state,
    })
}

/// What the rule says of the money.
fn says(rule: Rule, item: &Item<'_>) -> Says {
    match rule {
        Rule::Booked(says, ..) => says,
        _ if is_final(item) => Says::FinalCapture,
        _ => Says::Capture,
    }
}

const fn kind(rule: Rule) -> bursar_core::message::TransactionKind {
    match rule {
        Rule::Booked(_, _, kind) | Rule::Capture(kind) => kind,
        _ => bursar_core::message::TransactionKind::Purchase,
    }
}

/// Whether no more clearings follow. Where nothing tells, what is left stays held until it ends otherwise.
fn is_final(item: &Item<'_>) -> bool {
    let flag = item.is_final_clearing.map(|flag| flag.get().trim_matches('"'));
    let number = |text: &Option<Scalar<'_>>| text.as_ref().and_then(|text| text.0.trim().parse::<u32>().ok());
    let sequence =
        (number(&item.multi_clearing_sequence_number), number(&item.multi_clearing_sequence_count));
    match (flag, sequence) {
        (Some("true"), _) => true,
        (Some("false"), _) => false,
        (_, (Some(number), Some(count))) => number >= count,
        _ => false,
    }
}
