//! What a message tells of a transaction beside what is decided and booked: the merchant's currency, fees, who
//! stood in for us, what the processor answered.
//!
//! It is only told. What is booked is in the account's currency and comes from elsewhere, so nothing here is
//! added up, and nothing of it is content that makes a message another one.

use serde::{Deserialize, Serialize};

use crate::money;
use crate::text::{FreeText, Token};

/// What a message tells beside what is booked. Each part is left out where it is not told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Details {
    /// What the merchant charged, where that is in another currency than what is booked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conversion: Option<Conversion>,
    /// What the operator of the machine or pump adds: a part of the amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub acquirer_fee: Option<Decimal>,
    /// Fees of the program, not of the cardholder: interchange, network.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fees: Vec<Fee>,
    /// Who decided in our place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stand_in: Option<StandIn>,
    /// What the processor answered the network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
    /// The code of the approval, as the merchant has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval_code: Option<Token>,
    /// For how many days the merchant may clear it, where that is told of this transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_days: Option<u16>,
    /// The card network.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Token>,
    /// The network's id of the transaction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_reference_id: Option<Token>,
}

/// What the merchant charged, and how it became what is booked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    /// What the merchant charged.
    pub original_amount: Decimal,
    /// Its currency, as the processor names it: the ISO 4217 number.
    pub original_currency: Token,
    /// From the merchant's currency to the card's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Decimal>,
    /// Whether the merchant converted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by_merchant: Option<bool>,
    /// What the networks settle, where a clearing tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settlement: Option<Settlement>,
}

/// What the networks settle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settlement {
    /// How much.
    pub amount: Decimal,
    /// Its currency, as the processor names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Token>,
    /// The rate to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<Decimal>,
}

/// A fee of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fee {
    /// The processor's name of it.
    #[serde(rename = "type")]
    pub kind: Token,
    /// How much.
    pub amount: Decimal,
    /// Whether the program gets it; otherwise it pays.
    pub is_credit: bool,
}

/// Who decided in our place, and why.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct StandIn {
    /// Who approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approved_by: Option<Token>,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Token>,
    /// Why we were not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FreeText>,
    /// The network's code of that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice_reason_code: Option<Token>,
}

/// What the processor answered the network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// The processor's code.
    pub code: Token,
    /// What it means, in the processor's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<FreeText>,
    /// What else is said of it: the processor's control that declined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub additional_information: Option<FreeText>,
}

impl Details {
    /// How many fees are kept of a message, which has a size.
    pub const FEES_MAX: usize = 16;

    /// Itself, unless it tells nothing: then nothing is stored.
    #[must_use]
    pub fn told(self) -> Option<Box<Self>> {
        (self != Self::default()).then(|| Box::new(self))
    }
}

/// An exact decimal that is only told, not below zero: its digits, without an exponent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Decimal(Box<str>);

impl Decimal {
    /// So many characters at most.
    const CHARS_MAX: usize = 40;

    /// Reads an unsigned JSON number, exactly; `None` if the text is none, or is too long.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_short =
            |exponent: i64| usize::try_from(exponent.unsigned_abs()).is_ok_and(|of| of <= Self::CHARS_MAX);
        let money::Decimal { whole, fraction, exponent } = money::Decimal::parse(text).ok()?;
        if text.len() > Self::CHARS_MAX || !is_short(exponent) {
            return None;
        }
        let plain = move_point(whole, fraction, isize::try_from(exponent).ok()?)?;
        (plain.len() <= Self::CHARS_MAX).then(|| Self(plain.into()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is nothing.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.bytes().all(|byte| matches!(byte, b'0' | b'.'))
    }
}

/// The number with its point so many digits to the right, and one digit before it at least.
fn move_point(whole: &str, fraction: &str, by: isize) -> Option<String> {
    let point = isize::try_from(whole.len()).ok()?.checked_add(by)?;
    let zeros_before = usize::try_from(point.saturating_neg().max(0)).ok()?;
    let mut digits = "0".repeat(zeros_before) + whole + fraction;
    let point = usize::try_from(point.max(0)).ok()?;
    if digits.len() < point {
        digits += &"0".repeat(point - digits.len());
    }
    let (whole, fraction) = digits.split_at(point);
    let whole = whole.trim_start_matches('0');
    let whole = if whole.is_empty() { "0" } else { whole };
    Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
}

impl<'de> Deserialize<'de> for Decimal {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("this is no decimal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_is_kept_exactly_and_without_an_exponent() {
        for (text, plain) in [
            ("0.39", "0.39"),
            ("4.894582", "4.894582"),
            ("10", "10"),
            ("1.0", "1.0"),
            ("007.50", "7.50"),
            ("1.5e2", "150"),
            ("1.0E-4", "0.00010"),
            ("0.00E1", "0.0"),
            ("123456789012345678901234567890.123456789", "123456789012345678901234567890.123456789"),
        ] {
            assert_eq!(Decimal::parse(text).as_ref().map(Decimal::as_str), Some(plain), "{text}");
        }
        for text in
            ["", "-1", "+1", ".5", "1.", "1e", "1e41", "1e-41", "1,5", "NaN", "0x1", " 1", &"9".repeat(41)]
        {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_stored_is_read_back_and_nothing_is_nothing() {
        assert_eq!(Details::default().told(), None);
        let token = |text| Token::new(text).expect("a token");
        let decimal = |text| Decimal::parse(text).expect("a decimal");
        let details = Details {
            conversion: Some(Conversion {
                original_amount: decimal("0.39"),
                original_currency: token("826"),
                rate: Some(decimal("4.894582")),
                by_merchant: Some(false),
                settlement: Some(Settlement {
                    amount: decimal("1.91"),
                    currency: Some(token("985")),
                    rate: None,
                }),
            }),
            fees: vec![Fee { kind: token("interchange"), amount: decimal("0.02"), is_credit: true }],
            ..Details::default()
        };
        let json = serde_json::to_string(&details).expect("plain data");
        assert_eq!(serde_json::from_str::<Details>(&json).ok(), Some(details));
        assert_eq!(serde_json::from_str::<Details>("{}").ok(), Some(Details::default()));
    }
}
