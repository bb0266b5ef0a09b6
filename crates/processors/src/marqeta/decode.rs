//! Reads a JIT request: one pass over the body, then into the words of the core.

use std::sync::Arc;

use bursar_core::command::{Amount, GroupRef, Link, LinkKind, Purpose};
use bursar_core::message::TransactionKind;
use bursar_core::money::AmountError;
use bursar_core::text::{FreeText, Token, mask_card_numbers};
use bursar_core::{Country, Currency, Mcc, Merchant, Money};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::value::RawValue;

use super::details;
use super::encode::JitEcho;
use super::method::{Rule, Side, Treatment, find_rule, treat};
use super::request::{Asked, Funding, JitRequest, message_key};
use super::terminal::Usage;
use super::wire::{Body, CardAcceptor, JitFunding, Order, Scalar, Text};
use crate::json::{Object, nests_deeper_than};

/// How many objects and arrays of a body may stand in one another.
pub const NESTING_MAX: usize = 32;

/// How many groups of a merchant are kept: they are stored with the message, which has a size.
const GROUPS_MAX: usize = 16;

/// The request cannot be read: it is answered 400, and nothing happens. Quotes no values of the
/// body, which may be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Reject {
    /// The path of the field, e.g. `gpa_order.jit_funding.token`, or `body`.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// Reads a request in either layout of the processor (Transaction Model v1 and v2).
///
/// An amount or a currency that is missing or cannot be read is no reject: the decision declines
/// it, in its place in the order of the checks.
///
/// # Errors
/// The body is not UTF-8 or not JSON, nests deeper than [`NESTING_MAX`], lacks a required field,
/// or has one of a wrong type, or a token that is too long or has other characters than visible ASCII.
pub fn decode(body: &[u8]) -> Result<JitRequest, Reject> {
    let text = read_text(body)?;
    let Object(body) = serde_json::from_str(text).map_err(|error| explain(text, &error))?;
    read_body(body)
}

/// The text of a body that a parser may see.
pub(super) fn read_text(body: &[u8]) -> Result<&str, Reject> {
    let text = std::str::from_utf8(body).map_err(|_| Reject::new("body", "is not UTF-8"))?;
    match nests_deeper_than(body, NESTING_MAX) {
        true => Err(Reject::new("body", format!("nests deeper than {NESTING_MAX} levels"))),
        false => Ok(text),
    }
}

fn read_body(mut body: Body<'_>) -> Result<JitRequest, Reject> {
    let (side, order) = read_order(&mut body)?;
    let Some(Object(jit)) = order.jit_funding else {
        return Err(Reject::missing(&[side.field(), "jit_funding"]));
    };
    let token = required(body.token.take(), &["token"])?;
    let currency = read_currency(order.currency_code, body.currency_code.take());
    let amount = read_amount(jit.amount, currency, &[side.field(), "jit_funding", "amount"])?;
    let echo = read_echo(jit, &amount, side)?;
    let treatment = treat(find_rule(echo.method.as_str()), side);
    let asked = match treatment {
        Treatment::Decide(rule) => {
            let (purpose, kind) = read_purpose(rule, &mut body, &token, &echo)?;
            Asked::Fund(read_funding(body, (purpose, kind), &amount, &echo)?)
        }
        Treatment::Refuse => {
            let refused = (Purpose::NotPermitted, TransactionKind::Purchase);
            Asked::Fund(read_funding(body, refused, &amount, &echo)?)
        }
        Treatment::Record | Treatment::Review => {
            Asked::Record { card_token: optional(body.card_token, &["card_token"])? }
        }
    };
    Ok(JitRequest { token, side, treatment, asked, amount, echo: Arc::new(echo) })
}

fn read_order<'a>(body: &mut Body<'a>) -> Result<(Side, Order<'a>), Reject> {
    match (body.gpa_order.take(), body.gpa_order_unload.take()) {
        (Some(Object(order)), None) => Ok((Side::Debit, order)),
        (None, Some(Object(order))) => Ok((Side::Credit, order)),
        _ => {
            let message = "exactly one of gpa_order and gpa_order_unload must be there";
            Err(Reject::new(Side::Debit.field(), message))
        }
    }
}

/// The order's code and the transaction's name one currency; where they disagree, there is none.
pub(super) fn read_currency(of_order: Option<Scalar<'_>>, of_body: Option<Scalar<'_>>) -> Option<Currency> {
    let parse = |code: Scalar<'_>| Currency::parse(code.0.trim()).ok();
    match (of_order.map(parse), of_body.map(parse)) {
        (Some(order), Some(body)) => order.filter(|_| order == body),
        (one, other) => one.or(other).flatten(),
    }
}

/// A number, or a number in quotes, kept as text until its currency says what a unit is.
pub(super) fn read_amount(
    raw: Option<&RawValue>,
    currency: Option<Currency>,
    path: &[&str],
) -> Result<Amount, Reject> {
    let text = raw.map_or("", RawValue::get);
    if text.starts_with(['{', '[', 't', 'f']) {
        return Err(Reject::new(path.join("."), "has the wrong type: expected a number"));
    }
    let text = text.trim_matches('"');
    let minor = match currency {
        Some(currency) => Money::parse(text, currency).map(|money| money.minor),
        None => Err(AmountError::NotANumber),
    };
    Ok(Amount { currency, minor })
}

fn read_echo(jit: JitFunding<'_>, amount: &Amount, side: Side) -> Result<JitEcho, Reject> {
    let path = |field| [side.field(), "jit_funding", field];
    let original = jit.original_jit_funding_token;
    Ok(JitEcho {
        token: required(jit.token, &path("token"))?,
        method: required(jit.method, &path("method"))?,
        user_token: required(jit.user_token, &path("user_token"))?,
        acting_user_token: optional(jit.acting_user_token, &path("acting_user_token"))?,
        business_token: optional(jit.business_token, &path("business_token"))?,
        original_jit_funding_token: optional(original, &path("original_jit_funding_token"))?,
        amount: match (amount.minor, amount.currency) {
            (Ok(minor), Some(currency)) => Some(Money { minor, currency }),
            _ => None,
        },
    })
}

fn read_purpose(
    rule: Rule,
    body: &mut Body<'_>,
    token: &Token,
    echo: &JitEcho,
) -> Result<(Purpose, TransactionKind), Reject> {
    Ok(match rule {
        Rule::Hold(kind) => (Purpose::Hold, kind),
        Rule::Increment => (Purpose::Increment(read_group(body, token, echo)?), TransactionKind::Purchase),
        Rule::Debit(kind) => (Purpose::Debit, kind),
        Rule::Credit(kind) => (Purpose::Credit, kind),
        Rule::PendingCredit(kind) => (Purpose::PendingCredit, kind),
        Rule::Inquiry(kind) => (Purpose::Inquiry, kind),
        Rule::Unfunded | Rule::Informative => (Purpose::NotPermitted, TransactionKind::Purchase),
    })
}

/// By the transaction that it follows, or else by the first request to fund the purchase, once that is reported.
/// Failing both, by its own token: no group is found by it, and the increment is judged like a purchase.
fn read_group(body: &mut Body<'_>, token: &Token, echo: &JitEcho) -> Result<GroupRef, Reject> {
    let field = "preceding_related_transaction_token";
    let preceding = optional(body.preceding_related_transaction_token.take(), &[field])?;
    Ok(match (preceding, &echo.original_jit_funding_token) {
        (None, Some(first)) => GroupRef::Link(Link::new(LinkKind::Funding, first.as_str())),
        (preceding, _) => GroupRef::Key(message_key(preceding.unwrap_or_else(|| token.clone()))),
    })
}

fn read_funding(
    body: Body<'_>,
    (purpose, kind): (Purpose, TransactionKind),
    amount: &Amount,
    echo: &JitEcho,
) -> Result<Box<Funding>, Reject> {
    let usage = Usage::of(&body);
    let details = details::of_request(&body, amount.currency);
    let kind = usage.kind(kind);
    let of_body = optional(body.acting_user_token, &["acting_user_token"])?;
    let user = optional(body.user_token, &["user_token"])?;
    let acting = of_body
        .or_else(|| echo.acting_user_token.clone())
        .or(user)
        .unwrap_or_else(|| echo.user_token.clone());
    // As in what is reported of it later; the other may be the terminal's clock, or that of an earlier message.
    let times = [body.created_time, body.user_transaction_time];
    let cash_back_minor = read_cash_back(body.cash_back_amount, amount);
    let partial = usage.partial(cash_back_minor);
    let merchant = body.card_acceptor.map(|Object(merchant)| read_merchant(merchant));
    Ok(Box::new(Funding {
        kind,
        cash_minor: cash_back_minor.min(amount.minor.unwrap_or(0)).max(0),
        partial: partial.filter(|_| matches!(purpose, Purpose::Hold | Purpose::Debit)),
        purpose,
        card_token: required(body.card_token, &["card_token"])?,
        paying: (echo.user_token != acting).then(|| echo.user_token.clone()),
        acting,
        merchant: Merchant { channels: usage.channels(kind), ..merchant.unwrap_or_default() },
        details,
        processor_time: times.into_iter().flatten().find_map(|time| read_time(&time)),
    }))
}

/// The cash part of a purchase with cash back; what cannot be read could be all of it.
pub(super) fn read_cash_back(raw: Option<&RawValue>, amount: &Amount) -> i64 {
    let text = raw.map_or("null", RawValue::get);
    if text == "null" {
        return 0;
    }
    let money = amount.currency.and_then(|currency| Money::parse(text.trim_matches('"'), currency).ok());
    money.map_or(i64::MAX, |money| money.minor)
}

/// What is not of the expected form is left out: no swipe fails over it. A code that may be
/// anything could be a card number, so only what is one is kept unmasked.
pub(super) fn read_merchant(merchant: CardAcceptor<'_>) -> Merchant {
    let free = |text: Option<Scalar<'_>>| {
        let text = FreeText::new(&text?.0);
        (!text.as_str().is_empty()).then_some(text)
    };
    let country = merchant.country_code.or(merchant.country);
    Merchant {
        id: merchant.mid.and_then(|id| Token::new(id.0.trim()).ok()),
        mcc: merchant.mcc.and_then(|mcc| Mcc::parse(mcc.0.trim()).ok()),
        name: free(merchant.name),
        city: free(merchant.city),
        country: country.and_then(|code| Country::parse(code.0.trim()).ok()),
        groups: merchant.mcc_groups.map(read_groups).unwrap_or_default(),
        channels: Vec::new(), // told by the terminal, also where there is no merchant
    }
}

/// The program made these names: identifiers, kept as they are. `["NONE"]` stands for none.
fn read_groups(names: &RawValue) -> Vec<Token> {
    let names: Vec<&RawValue> = serde_json::from_str(names.get()).unwrap_or_default();
    let mut groups = Vec::new();
    for name in names {
        let name = serde_json::from_str::<Text<'_>>(name.get()).ok();
        let group = name.and_then(|name| Token::new(name.0.trim()).ok());
        let group = group.filter(|group| group.as_str() != "NONE" && !groups.contains(group));
        groups.extend(group);
        if groups.len() == GROUPS_MAX {
            break;
        }
    }
    groups
}

/// Stores keep microseconds: finer times would sort differently once they were read back.
pub(super) fn read_time(time: &Scalar<'_>) -> Option<Timestamp> {
    let time: Timestamp = time.0.parse().ok()?;
    // No store has to keep what is no time of a swipe.
    let is_time = (1..=9_999).contains(&time.to_zoned(TimeZone::UTC).year());
    Timestamp::from_microsecond(time.as_microsecond()).ok().filter(|_| is_time)
}

pub(super) fn required(text: Option<Text<'_>>, path: &[&str]) -> Result<Token, Reject> {
    optional(text, path)?.ok_or_else(|| Reject::missing(path))
}

/// An empty string is as good as none.
pub(super) fn optional(text: Option<Text<'_>>, path: &[&str]) -> Result<Option<Token>, Reject> {
    match text.filter(|text| !text.0.is_empty()) {
        None => Ok(None),
        Some(text) => match Token::new(&text.0) {
            Ok(token) => Ok(Some(token)),
            Err(error) => Err(Reject::new(path.join("."), error.to_string())),
        },
    }
}

/// Reads the body a second time to find out where it went wrong: the first pass keeps no path,
/// which is what makes it fast.
fn explain(text: &str, error: &serde_json::Error) -> Reject {
    if !error.is_data() {
        return Reject::new("body", format!("is not JSON: {error}"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let path = match serde_path_to_error::deserialize::<_, Object<Body<'_>>>(&mut deserializer) {
        Err(error) => error.path().to_string(),
        Ok(_) => String::new(),
    };
    let field = if matches!(path.as_str(), "" | ".") { "body" } else { &path };
    // The first half of serde's message quotes the value; the last tells what should be there.
    let message = error.to_string();
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => Reject::new(field, format!("has the wrong type: expected {expected}")),
        None => Reject::new(field, mask_card_numbers(&message)),
    }
}

impl Reject {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    fn missing(path: &[&str]) -> Self {
        Self::new(path.join("."), "is missing")
    }
}
