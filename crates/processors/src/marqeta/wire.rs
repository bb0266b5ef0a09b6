//! The request as it is on the wire, as far as anything depends on it. Texts are borrowed from the
//! body. What is not declared here is skipped, whatever its type: the processor adds fields, and
//! sends some as numbers in one program and as strings in another.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde_json::value::RawValue;

use crate::json::Object;

/// The transaction object. Nothing is required here: [`super::decode`] names what is missing.
#[derive(serde::Deserialize)]
pub(super) struct Body<'a> {
    #[serde(borrow)]
    pub(super) token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) user_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) acting_user_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) card_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) preceding_related_transaction_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) currency_code: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) user_transaction_time: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) created_time: Option<Scalar<'a>>,
    /// Part of the amount. Kept as text, as every amount.
    #[serde(borrow)]
    pub(super) cash_back_amount: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) card_acceptor: Option<Object<CardAcceptor<'a>>>,
    /// The terminal in Transaction Model v2: a [`Terminal`], if it can be read.
    #[serde(borrow)]
    pub(super) pos: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) gpa_order: Option<Object<Order<'a>>>,
    #[serde(borrow)]
    pub(super) gpa_order_unload: Option<Object<Order<'a>>>,
}

/// `gpa_order` or `gpa_order_unload`.
#[derive(serde::Deserialize)]
pub(super) struct Order<'a> {
    #[serde(borrow)]
    pub(super) currency_code: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) jit_funding: Option<Object<JitFunding<'a>>>,
}

/// `jit_funding` of an order.
#[derive(serde::Deserialize)]
pub(super) struct JitFunding<'a> {
    #[serde(borrow)]
    pub(super) token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) method: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) user_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) acting_user_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) business_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) original_jit_funding_token: Option<Text<'a>>,
    /// Kept as text: a float would round it.
    #[serde(borrow)]
    pub(super) amount: Option<&'a RawValue>,
}

/// The merchant. Transaction Model v1 has `country`, v2 `country_code`.
#[derive(serde::Deserialize)]
pub(super) struct CardAcceptor<'a> {
    #[serde(borrow)]
    pub(super) mid: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) mcc: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) name: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) city: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) country_code: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) country: Option<Scalar<'a>>,
    /// The terminal in Transaction Model v1: a [`Terminal`], if it can be read.
    #[serde(borrow)]
    pub(super) poi: Option<&'a RawValue>,
}

/// What the terminal can do.
#[derive(serde::Deserialize)]
pub(super) struct Terminal {
    pub(super) partial_approval_capable: Option<Flag>,
    pub(super) purchase_amount_only: Option<Flag>,
}

/// Yes or no: a boolean in Transaction Model v2, `"0"`, `"1"`, `"true"` or `"false"` in v1.
pub(super) struct Flag(pub(super) bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FlagVisitor).map(Self)
    }
}

struct FlagVisitor;

impl Visitor<'_> for FlagVisitor {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("yes or no: a boolean, or a text such as \"1\"")
    }

    fn visit_bool<E: Error>(self, flag: bool) -> Result<bool, E> {
        Ok(flag)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        Ok(number == 1)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Ok(text == "1" || text.eq_ignore_ascii_case("true"))
    }
}

/// A string, borrowed where it has no escapes. A bare `Option<Cow<str>>` would always copy.
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

/// A string, or a whole number in its place.
pub(super) struct Scalar<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(CowVisitor { numbers: false }).map(Self)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CowVisitor { numbers: true }).map(Self)
    }
}

struct CowVisitor {
    numbers: bool,
}

impl<'de> Visitor<'de> for CowVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.numbers { "a string or a whole number" } else { "a string" })
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        match self.numbers {
            true => Ok(Cow::Owned(number.to_string())),
            false => Err(E::invalid_type(serde::de::Unexpected::Unsigned(number), &self)),
        }
    }
}
