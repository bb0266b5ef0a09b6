//! Reads a JIT request: one pass over the body, then into the words of the core.

use std::sync::Arc;

use bursar_core::command::{Amount, GroupRef, Purpose};
use bursar_core::message::Merchant;
use bursar_core::money::AmountError;
use bursar_core::text::{FreeText, Token};
use bursar_core::{Currency, MessageKey, Money};
use jiff::Timestamp;
use serde_json::value::RawValue;

use super::encode::JitEcho;
use super::method::{Side, Treatment, find_rule, treat};
use super::request::{Asked, JitRequest, message_key};
use super::wire::{Body, CardAcceptor, JitFunding, Order, Scalar, Text};

/// How many objects and arrays of a body may stand in one another.
pub const NESTING_MAX: usize = 32;

/// The request cannot be read: the caller answers 400 and nothing happens. Quotes nothing of the
/// body.
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
/// An amount or a currency that cannot be read is no reject: the decision declines it, in its
/// place of the order of checks. That goes for a missing amount too.
///
/// # Errors
/// The body is not UTF-8 or not JSON, nests deeper than [`NESTING_MAX`], lacks a required field,
/// or has one of another type or with a token that is none.
pub fn decode(body: &[u8]) -> Result<JitRequest, Reject> {
    let text = std::str::from_utf8(body).map_err(|_| Reject::of_body("is not UTF-8"))?;
    if is_too_deep(body) {
        return Err(Reject::of_body(format!(
            "nests deeper than {NESTING_MAX} levels"
        )));
    }
    let body: Body<'_> = serde_json::from_str(text).map_err(|error| explain(text, &error))?;
    read_body(body)
}

fn read_body(mut body: Body<'_>) -> Result<JitRequest, Reject> {
    let (side, order) = read_order(&mut body)?;
    let jit = (order.jit_funding).ok_or_else(|| Reject::missing(&[side.field(), "jit_funding"]))?;
    let jit_amount = jit.amount;
    let currency = read_currency(order.currency_code.as_ref(), body.currency_code.as_ref());
    let amount = read_amount(jit_amount, currency, side)?;
    let token = required(body.token, &["token"])?;
    let mut echo = read_echo(jit, side)?;
    echo.amount = money(&amount);
    let acting = acting(&echo, body.acting_user_token, body.user_token)?;
    let paying = (echo.user_token != acting).then(|| echo.user_token.clone());
    let rule = find_rule(echo.method.as_str());
    let preceding = body.preceding_related_transaction_token;
    let asked = match treat(rule, side) {
        Treatment::Purchase => Asked::Fund(Purpose::Purchase),
        Treatment::Increment => Asked::Fund(Purpose::Increment(group_ref(preceding, &echo, &token)?)),
        Treatment::Refuse => Asked::Fund(Purpose::NotPermitted),
        Treatment::Record | Treatment::Review => Asked::Record,
    };
    todo!()
}
