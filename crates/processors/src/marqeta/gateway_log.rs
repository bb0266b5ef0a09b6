//! What the processor says that it heard from us (processor reference, section 3.6).

use bursar_core::command::Heard;
use bursar_core::{Currency, Money};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::wire::{self, Funding, GatewayLog, JitFunding, read};
use crate::json::Object;

/// Reads the log in an order's `funding`; `None` where there is none. What of it cannot be read is not told.
pub(super) fn read_heard(funding: &RawValue, currency: Option<Currency>) -> Option<Heard> {
    let funding: Funding<'_> = read(funding)?;
    let log: GatewayLog<'_> = read(funding.gateway_log?)?;
    let response = log.response.and_then(read::<wire::Heard<'_>>);
    let code = response.as_ref().and_then(|response| response.code.as_ref());
    let amount = response.as_ref().and_then(|response| read_amount(response.data?));
    let minor = |text: &str| Money::parse(text.trim_matches('"'), currency?).ok().map(|money| money.minor);
    Some(Heard {
        is_approved: code.and_then(|code| match code.0.trim() {
            "200" => Some(true),
            "402" => Some(false),
            _ => None,
        }),
        amount_minor: amount.and_then(|amount| minor(amount.get())),
        is_too_late: log.timed_out.is_some_and(|flag| flag.get().trim_matches('"') == "true"),
        is_unreadable: log.message.is_some_and(|message| message.0.starts_with("Unable to parse")),
    })
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    jit_funding: Option<Object<JitFunding<'a>>>,
}

/// The amount of our answer, which is an object, or the first of an array of them.
fn read_amount(data: &RawValue) -> Option<&RawValue> {
    let answers = serde_json::from_str::<Vec<&RawValue>>(data.get());
    let data = answers.map_or(Some(data), |answers| answers.first().copied())?;
    let answer: Answer<'_> = read(data)?;
    answer.jit_funding?.0.amount
}
