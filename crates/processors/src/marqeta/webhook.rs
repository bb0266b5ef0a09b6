//! Reads a webhook: an object of arrays, one each kind of notice.

use bursar_core::command::Says;
use bursar_core::text::{FreeText, Token};
use serde_json::value::RawValue;

use super::decode::{
    Reject, optional, read_amount, read_cash_back, read_currency, read_merchant, read_text, read_time,
    required,
};
use super::details;
use super::gateway_log::read_heard;
use super::link::read_links;
use super::notice::{Notice, find_token, without_card_data};
use super::report::{Asked, TransactionReport, may_be_asked};
use super::transaction::{Amount, Rule, find_rule};
use super::wire::{Item, Scalar};
use crate::json::{Members, Object};

/// One item of a webhook.
#[derive(Debug)]
pub enum Delivered {
    /// It says something.
    Notice(Notice),
    /// The processor asks whether anybody is there.
    Ping,
    /// One that nobody can read, as it came: it may hold anything.
    Unreadable(Unreadable),
}

/// An item that nobody can read.
#[derive(Debug)]
pub struct Unreadable {
    /// The name of the array that it came in.
    pub kind: String,
    /// Its own token, if that much can be read.
    pub token: Option<Token>,
    /// What is wrong with it; the field begins with its place in the body.
    pub why: Reject,
    /// Itself, without numbers of cards.
    pub item: String,
}

/// Reads every item of a webhook: what is wrong with one says nothing of the others.
///
/// # Errors
/// The body as a whole is not UTF-8, not JSON, no object with arrays, or nests too deep.
pub fn decode_webhook(body: &[u8]) -> Result<Vec<Delivered>, Reject> {
    let text = read_text(body)?;
    let Members(kinds) = serde_json::from_str(text)
        .map_err(|error| Reject::new("body", format!("is no JSON object: line {}", error.line())))?;
    let mut delivered = Vec::new();
    let mut has_array = false;
    for (kind, value) in kinds {
        let name = shown(&kind);
        match serde_json::from_str::<Vec<&RawValue>>(value.get()) {
            Ok(items) => {
                has_array = true;
                let items = items.into_iter().zip(0..).take(ITEMS_MAX + 1);
                delivered.extend(items.map(|(item, place)| deliver(&kind, &name, item, place)));
            }
            Err(_) => delivered.push(unreadable(&name, value, Reject::new(name.clone(), "is no array"))),
        }
        if delivered.len() > ITEMS_MAX {
            return Err(Reject::new("body", format!("has more than {ITEMS_MAX} notices")));
        }
    }
    has_array.then_some(delivered).ok_or_else(|| Reject::new("body", "has no notices"))
}

/// Notices of a webhook, at most. The processor sends ten.
const ITEMS_MAX: usize = 1_000;

/// Characters of an array's name that are kept, at most.
const NAME_MAX: usize = 64;

/// A name that anybody may have sent, as it may be kept and shown.
fn shown(kind: &str) -> String {
    FreeText::new(kind).as_str().chars().take(NAME_MAX).collect()
}

pub(super) fn deliver(kind: &str, name: &str, item: &RawValue, place: usize) -> Delivered {
    if kind == "pings" {
        return Delivered::Ping;
    }
    match Notice::read(kind, item.get()) {
        Ok(notice) => Delivered::Notice(notice),
        Err(reject) => {
            let field = format!("{name}[{place}].{}", reject.field);
            unreadable(name, item, Reject { field, ..reject })
        }
    }
}

fn unreadable(name: &str, item: &RawValue, why: Reject) -> Delivered {
    let (token, item) = (find_token(item), without_card_data(item));
    Delivered::Unreadable(Unreadable { kind: name.to_owned(), token, why, item })
}

/// Success codes of a transaction; everything else is a failure.
const SUCCESS: [&str; 3] = ["0000", "0002", "1830"];

pub(super) fn read_item(mut item: Item<'_>) -> Result<TransactionReport, Reject> {
    let token = required(item.token.take(), &["token"])?;
    let transaction_type = required(item.transaction_type.take(), &["type"])?;
    let state = required(item.state.take(), &["state"])?;
    let code = item.response.as_ref().and_then(|Object(response)| response.code.as_ref());
    let has_failed = matches!(state.as_str(), "DECLINED" | "ERROR")
        || code.is_some_and(|code| !SUCCESS.contains(&code.0.trim()));
    let rule = find_rule(transaction_type.as_str());
    let asked = match rule {
        Some(Rule::Booked(says, _, kind)) if has_failed && may_be_asked(says) => {
            Asked::Book { says: Says::Refused, was: says, kind }
        }
        // It may be tried again, and then it counts.
        Some(Rule::Booked(..) | Rule::Capture(_)) if has_failed => Asked::Keep { needs_review: true },
        Some(Rule::Booked(says, _, kind)) => Asked::Book { says, was: says, kind },
        Some(Rule::Capture(kind)) => {
            let says = if is_final(&item) { Says::FinalCapture } else { Says::Capture };
            Asked::Book { says, was: says, kind }
        }
        Some(Rule::Noted) => Asked::Keep { needs_review: false },
        Some(Rule::Review) | None => Asked::Keep { needs_review: true },
    };
    let card_token = optional(item.card_token.take(), &["card_token"])?;
    let merchant =
        item.card_acceptor.take().map(|Object(merchant)| read_merchant(merchant)).unwrap_or_default();
    let links = read_links(&item, card_token.as_ref(), &merchant);
    // What goes back goes by an order of its own, where the first is told beside it.
    let order = item.gpa_order_unload.take().or(item.gpa_order.take()).map(|Object(order)| order);
    let (order_currency, funding, jit) = match order {
        Some(order) => (order.currency_code, order.funding, order.jit_funding.map(|Object(jit)| jit)),
        None => (None, None, None),
    };
    let currency = read_currency(order_currency, item.currency_code.take());
    let details = details::of_report(&item, &transaction_type, currency);
    let funded = jit.and_then(|jit| jit.amount);
    let raw = match rule {
        Some(Rule::Booked(_, Amount::Change, _)) => funded.or(item.amount),
        _ => item.amount,
    };
    let (preceding, original) = (item.preceding_related_transaction_token, item.original_transaction_token);
    let amount = read_amount(raw, currency, &["amount"])?;
    let cash_minor = read_cash_back(item.cash_back_amount, &amount);
    Ok(TransactionReport {
        asked,
        cash_minor: cash_minor.min(amount.minor.unwrap_or(0)).max(0),
        amount,
        card_token,
        links,
        heard: funding.and_then(|funding| read_heard(funding, currency)),
        preceding: optional(preceding, &["preceding_related_transaction_token"])?,
        original: optional(original, &["original_transaction_token"])?,
        merchant,
        details,
        processor_time: item.created_time.and_then(|time| read_time(&time)),
        token,
        transaction_type,
        state,
    })
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
