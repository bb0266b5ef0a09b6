//! What a message tells beside what is decided and booked.
//!
//! No swipe fails over it: what cannot be read, or is longer than anything that belongs there, is left out.

use std::borrow::Cow;

use bursar_core::Currency;
use bursar_core::details::{Conversion, Decimal, Details, Fee, Response, Settlement, StandIn};
use bursar_core::text::{FreeText, Token};
use serde_json::value::RawValue;

use super::wire::{Body, Item, ItemResponse, Metadata, Scalar, read};
use crate::json::Object;

/// No code or id of a processor's or network's is longer.
const CODE_MAX: usize = 64;

/// What a funding request tells. A swipe at home tells nothing more than its amount; the network and its
/// id come again with what is reported of it, so they alone are not worth a wider row.
pub(super) fn of_request(body: &Body<'_>, currency: Option<Currency>) -> Option<Box<Details>> {
    let told = Details {
        conversion: body.currency_conversion.and_then(|raw| conversion(raw, currency)),
        acquirer_fee: fee_of_acquirer(body.acquirer_fee_amount),
        hold_days: hold_days(body.transaction_metadata),
        ..Details::default()
    };
    let mut told = told.told()?;
    (told.network, told.network_reference_id) = (code(body.network), code(body.network_reference_id));
    Some(told)
}

/// What a reported transaction of this type tells.
pub(super) fn of_report(
    item: &Item<'_>,
    transaction_type: &Token,
    currency: Option<Currency>,
) -> Option<Box<Details>> {
    let details = Details {
        conversion: item.currency_conversion.and_then(|raw| conversion(raw, currency)),
        acquirer_fee: fee_of_acquirer(item.acquirer_fee_amount),
        fees: item.fees.map(fees).unwrap_or_default(),
        stand_in: stand_in(item, transaction_type),
        response: item.response.as_ref().and_then(|Object(of)| response(of)),
        approval_code: code(item.approval_code),
        hold_days: hold_days(item.transaction_metadata),
        network: code(item.network),
        network_reference_id: code(item.network_reference_id),
    };
    details.told()
}

/// How long the authorization lives; 0 tells nothing.
fn hold_days(metadata: Option<&RawValue>) -> Option<u16> {
    let days = read::<Metadata<'_>>(metadata?)?.authorization_life_cycle.and_then(text)?;
    days.parse().ok().filter(|days| *days > 0)
}

#[derive(serde::Deserialize)]
struct CurrencyConversion<'a> {
    #[serde(borrow)]
    network: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct OfNetwork<'a> {
    #[serde(borrow)]
    original_amount: Option<&'a RawValue>,
    #[serde(borrow)]
    original_currency_code: Option<&'a RawValue>,
    #[serde(borrow)]
    conversion_rate: Option<&'a RawValue>,
    #[serde(borrow)]
    dynamic_currency_conversion: Option<&'a RawValue>,
    #[serde(borrow)]
    settlement_data: Option<&'a RawValue>,
}

#[derive(serde::Deserialize)]
struct SettlementData<'a> {
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    #[serde(borrow)]
    currency_code: Option<&'a RawValue>,
    #[serde(borrow)]
    conversion_rate: Option<&'a RawValue>,
}

/// Often it is there though nothing was converted: then it tells nothing.
fn conversion(raw: &RawValue, booked: Option<Currency>) -> Option<Conversion> {
    let of = read::<OfNetwork<'_>>(read::<CurrencyConversion<'_>>(raw)?.network?)?;
    let told = Conversion {
        original_amount: decimal(of.original_amount?)?,
        original_currency: code(of.original_currency_code)?,
        rate: of.conversion_rate.and_then(decimal),
        by_merchant: of.dynamic_currency_conversion.and_then(flag),
        settlement: of.settlement_data.and_then(settlement),
    };
    let original = Currency::parse(told.original_currency.as_str()).ok();
    let is_other = original.is_none() || original != booked;
    (is_other || told.by_merchant == Some(true) || told.settlement.is_some()).then_some(told)
}

fn settlement(raw: &RawValue) -> Option<Settlement> {
    let of = read::<SettlementData<'_>>(raw)?;
    Some(Settlement {
        amount: decimal(of.amount?)?,
        currency: code(of.currency_code),
        rate: of.conversion_rate.and_then(decimal),
    })
}

fn fee_of_acquirer(raw: Option<&RawValue>) -> Option<Decimal> {
    decimal(raw?).filter(|fee| !fee.is_zero())
}

#[derive(serde::Deserialize)]
struct ItemFee<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    amount: Option<&'a RawValue>,
    #[serde(borrow)]
    credit_debit: Option<&'a RawValue>,
}

fn fees(raw: &RawValue) -> Vec<Fee> {
    let fee = |raw: &RawValue| {
        let of = read::<ItemFee<'_>>(raw)?;
        let is_credit = match text(of.credit_debit?)?.as_ref() {
            "C" => true,
            "D" => false,
            _ => return None,
        };
        Some(Fee { kind: code(of.kind)?, amount: decimal(of.amount?)?, is_credit })
    };
    let fees: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    fees.into_iter().filter_map(fee).take(Details::FEES_MAX).collect()
}

/// The type alone says that the network decided, where nothing else does.
fn stand_in(item: &Item<'_>, transaction_type: &Token) -> Option<StandIn> {
    let by_type = (transaction_type.as_str() == "authorization.standin").then_some("NETWORK");
    let told = StandIn {
        approved_by: code(item.standin_approved_by),
        by: code(item.standin_by).or(by_type.and_then(|by| Token::new(by).ok())),
        reason: free(item.standin_reason),
        advice_reason_code: code(item.advice_reason_code),
    };
    (told != StandIn::default()).then_some(told)
}

fn response(of: &ItemResponse<'_>) -> Option<Response> {
    let told = of.code.as_ref()?.0.trim();
    Some(Response {
        code: Token::new(told).ok().filter(is_short)?,
        memo: free(of.memo),
        additional_information: free(of.additional_information),
    })
}

/// A string, or a whole number in its place.
pub(super) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    serde_json::from_str::<Scalar<'_>>(raw.get()).ok().map(|Scalar(text)| text)
}

/// A short code or id.
pub(super) fn code(raw: Option<&RawValue>) -> Option<Token> {
    Token::new(text(raw?)?.trim()).ok().filter(is_short)
}

fn is_short(code: &Token) -> bool {
    code.as_str().len() <= CODE_MAX
}

fn free(raw: Option<&RawValue>) -> Option<FreeText> {
    let text = FreeText::new(&text(raw?)?);
    (!text.as_str().is_empty()).then_some(text)
}

/// A number, or a number in quotes.
fn decimal(raw: &RawValue) -> Option<Decimal> {
    Decimal::parse(raw.get().trim_matches('"'))
}

fn flag(raw: &RawValue) -> Option<bool> {
    match raw.get().trim_matches('"') {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
