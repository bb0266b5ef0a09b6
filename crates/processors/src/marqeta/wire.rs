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
    #[serde(borrow, rename = "type")]
    pub(super) transaction_type: Option<&'a RawValue>,
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
    /// [`Metadata`], if it can be read. Only v2 has it.
    #[serde(borrow)]
    pub(super) transaction_metadata: Option<&'a RawValue>,
    /// Here in v1, in the terminal in v2.
    #[serde(borrow)]
    pub(super) is_recurring: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) gpa_order: Option<Object<Order<'a>>>,
    #[serde(borrow)]
    pub(super) gpa_order_unload: Option<Object<Order<'a>>>,
    // For the details, each read if it can be.
    #[serde(borrow)]
    pub(super) currency_conversion: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) acquirer_fee_amount: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) network: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) network_reference_id: Option<&'a RawValue>,
}

/// A transaction as a webhook reports it. Nothing is required here: [`super::webhook`] names what is missing.
#[derive(serde::Deserialize)]
pub(super) struct Item<'a> {
    #[serde(borrow)]
    pub(super) token: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) transaction_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) state: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) response: Option<Object<ItemResponse<'a>>>,
    #[serde(borrow)]
    pub(super) card_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) preceding_related_transaction_token: Option<Text<'a>>,
    /// The first of its chain.
    #[serde(borrow)]
    pub(super) original_transaction_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) network_transaction_lifecycle_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) amount: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) cash_back_amount: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) currency_code: Option<Scalar<'a>>,
    /// When this one was made; `user_transaction_time` may be that of the first of its chain.
    #[serde(borrow)]
    pub(super) created_time: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) card_acceptor: Option<Object<CardAcceptor<'a>>>,
    #[serde(borrow)]
    pub(super) gpa_order: Option<Object<Order<'a>>>,
    #[serde(borrow)]
    pub(super) gpa_order_unload: Option<Object<Order<'a>>>,
    #[serde(borrow)]
    pub(super) is_final_clearing: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) multi_clearing_sequence_number: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) multi_clearing_sequence_count: Option<Scalar<'a>>,
    // For the details, each read if it can be.
    #[serde(borrow)]
    pub(super) currency_conversion: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) acquirer_fee_amount: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) network: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) network_reference_id: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) approval_code: Option<&'a RawValue>,
    /// A [`Metadata`], if it can be read.
    #[serde(borrow)]
    pub(super) transaction_metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) fees: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) standin_approved_by: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) standin_by: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) standin_reason: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) advice_reason_code: Option<&'a RawValue>,
}

/// A transition of a card, user or business. Users and businesses have a `status`, cards a `state`.
#[derive(serde::Deserialize)]
pub(super) struct TransitionItem<'a> {
    #[serde(borrow)]
    pub(super) token: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) transition_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) state: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) status: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) card_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) user_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) business_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) card: Option<Object<Named<'a>>>,
    #[serde(borrow)]
    pub(super) user: Option<Object<Named<'a>>>,
    #[serde(borrow)]
    pub(super) business: Option<Object<Named<'a>>>,
    #[serde(borrow)]
    pub(super) created_time: Option<Scalar<'a>>,
}

/// What is told of a dispute, or of a card in a wallet.
#[derive(serde::Deserialize)]
pub(super) struct EventItem<'a> {
    #[serde(borrow)]
    pub(super) token: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    pub(super) event_type: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) state: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) transaction_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) original_transaction_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) transaction: Option<Object<Named<'a>>>,
    #[serde(borrow)]
    pub(super) card_token: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) digital_wallet_token: Option<Object<InWallet<'a>>>,
    #[serde(borrow)]
    pub(super) created_time: Option<Scalar<'a>>,
}

/// An object of which only its token counts.
#[derive(serde::Deserialize)]
pub(super) struct Named<'a> {
    #[serde(borrow)]
    pub(super) token: Option<Text<'a>>,
}

/// A card in a wallet.
#[derive(serde::Deserialize)]
pub(super) struct InWallet<'a> {
    #[serde(borrow)]
    pub(super) card_token: Option<Text<'a>>,
}

/// `response` of a transaction.
#[derive(serde::Deserialize)]
pub(super) struct ItemResponse<'a> {
    #[serde(borrow)]
    pub(super) code: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) memo: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) additional_information: Option<&'a RawValue>,
}

/// `gpa_order` or `gpa_order_unload`.
#[derive(serde::Deserialize)]
pub(super) struct Order<'a> {
    /// A token, if it can be read.
    #[serde(borrow)]
    pub(super) token: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) currency_code: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) jit_funding: Option<Object<JitFunding<'a>>>,
    /// A [`Funding`], if it can be read.
    #[serde(borrow)]
    pub(super) funding: Option<&'a RawValue>,
}

/// `funding` of an order.
#[derive(serde::Deserialize)]
pub(super) struct Funding<'a> {
    /// A [`GatewayLog`], if it can be read.
    #[serde(borrow)]
    pub(super) gateway_log: Option<&'a RawValue>,
}

/// `gateway_log`: what the processor heard from us.
#[derive(serde::Deserialize)]
pub(super) struct GatewayLog<'a> {
    #[serde(borrow)]
    pub(super) message: Option<Scalar<'a>>,
    #[serde(borrow)]
    pub(super) timed_out: Option<&'a RawValue>,
    /// A [`Heard`], if it can be read.
    #[serde(borrow)]
    pub(super) response: Option<&'a RawValue>,
}

/// `response` of the log.
#[derive(serde::Deserialize)]
pub(super) struct Heard<'a> {
    #[serde(borrow)]
    pub(super) code: Option<Scalar<'a>>,
    /// Our answer, or an array of it.
    #[serde(borrow)]
    pub(super) data: Option<&'a RawValue>,
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
    /// An array of names, if it can be read.
    #[serde(borrow)]
    pub(super) mcc_groups: Option<&'a RawValue>,
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

/// The terminal: `pos` in v2, `card_acceptor.poi` in v1. Its values are kept as text, so that one
/// which cannot be read takes nothing from the others.
#[derive(Default, serde::Deserialize)]
pub(super) struct Terminal<'a> {
    #[serde(borrow)]
    pub(super) card_presence: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) partial_approval_capable: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) purchase_amount_only: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) is_recurring: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) pan_entry_mode: Option<&'a RawValue>,
    /// What v1 has for `pan_entry_mode`. In real bodies; the API description leaves it out.
    #[serde(borrow)]
    pub(super) processing_type: Option<&'a RawValue>,
    /// What v1 has for `transaction_metadata.payment_channel`. Found where `processing_type` is.
    #[serde(borrow)]
    pub(super) channel: Option<&'a RawValue>,
}

/// `transaction_metadata`.
#[derive(Default, serde::Deserialize)]
pub(super) struct Metadata<'a> {
    #[serde(borrow)]
    pub(super) payment_channel: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) is_recurring: Option<&'a RawValue>,
    /// Days.
    #[serde(borrow)]
    pub(super) authorization_life_cycle: Option<&'a RawValue>,
}

/// An object, if it can be read.
pub(super) fn read<'a, T: Deserialize<'a>>(object: &'a RawValue) -> Option<T> {
    let Object(object) = serde_json::from_str(object.get()).ok()?;
    Some(object)
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
