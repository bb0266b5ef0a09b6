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
    #[serde(borrow)]
    pub(super) card_acceptor: Option<Object<CardAcceptor<'a>>>,
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

/// The merchant. Transaction Model v1 has `country`, v2 `country_code`; the terminal block, in
/// `poi` or in `pos`, decides nothing.
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
