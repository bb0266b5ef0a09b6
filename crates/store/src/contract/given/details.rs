//! What a message tells beside its amounts.

use bursar_core::Details;
use bursar_core::details::{Conversion, Decimal, Fee, Response, Settlement, StandIn};
use bursar_core::text::FreeText;

use super::token;

/// Details with something in each part: a purchase of 39 pence, approved by the network.
///
/// # Panics
/// Never: all of it is readable.
#[must_use]
pub fn details() -> Details {
    let decimal = |text| Decimal::parse(text).expect("a decimal");
    Details {
        hold_days: Some(30),
        conversion: Some(Conversion {
            original_amount: decimal("0.39"),
            original_currency: token("826"),
            rate: Some(decimal("4.894582")),
            by_merchant: Some(false),
            settlement: Some(Settlement {
                amount: decimal("1.91"),
                currency: Some(token("840")),
                rate: Some(decimal("1.0")),
            }),
        }),
        acquirer_fee: Some(decimal("0.50")),
        fees: vec![Fee { kind: token("interchange"), amount: decimal("0.02"), is_credit: true }],
        stand_in: Some(StandIn {
            approved_by: Some(token("NETWORK")),
            by: Some(token("NETWORK")),
            reason: Some(FreeText::new("the issuer could not be reached")),
            advice_reason_code: Some(token("0191")),
        }),
        response: Some(Response {
            code: token("0000"),
            memo: Some(FreeText::new("Approved")),
            additional_information: None,
        }),
        approval_code: Some(token("123456")),
        network: Some(token("VISA")),
        network_reference_id: Some(token("reference-1")),
    }
}
