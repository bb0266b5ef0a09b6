//! The processor's side of a just-in-time funding request: the body it sends, and how it reads
//! the answer.

mod body;

use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;

use bursar_core::{Currency, Money};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::history::{Answer, Delivery};
use crate::merchants::Merchant;
use crate::plan::BodyLayout;

pub(crate) use body::funding_source;

/// One request. Equal requests give equal bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JitRequest {
    /// The transaction token.
    pub token: Arc<str>,
    /// The token of the funding message.
    pub jit_token: Arc<str>,
    /// The card that is presented.
    pub card_token: Arc<str>,
    /// Who uses it, and pays.
    pub acting_token: Arc<str>,
    /// The company that owns the account, if one does.
    pub business_token: Option<Arc<str>>,
    /// The purchase that this adds to.
    pub preceding: Option<Preceding>,
    /// What it asks, if it adds to nothing.
    pub ask: Ask,
    /// Whether the terminal takes less than it asks.
    pub takes_less: bool,
    /// The amount, as it is written: a JSON number.
    pub amount: Decimal,
    /// The currency.
    pub currency: Currency,
    /// Whether it is written as a number.
    pub is_currency_numeric: bool,
    /// Where.
    pub merchant: &'static Merchant,
    /// How the body is laid out.
    pub layout: BodyLayout,
    /// When, by the processor's clock.
    pub at: Timestamp,
}

/// What a request asks, if it adds to no earlier purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// To hold the amount of a purchase.
    Purchase,
    /// To hold the amount of a purchase, half of it cash.
    CashBack,
    /// To take cash, at once.
    Withdrawal,
    /// The balances.
    BalanceInquiry,
    /// To give back the amount later.
    Refund,
}

impl Ask {
    /// The server's word for the transaction.
    #[must_use]
    pub const fn transaction(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::CashBack => "cash_back",
            Self::Withdrawal => "withdrawal",
            Self::BalanceInquiry => "balance_inquiry",
            Self::Refund => "refund",
        }
    }

    /// The processor's words for method and type.
    pub(crate) const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Purchase => ("pgfs.authorization", "authorization"),
            Self::CashBack => ("pgfs.authorization.cashback", "authorization.cashback"),
            Self::Withdrawal => ("pgfs.pindebit.atm.withdrawal", "pindebit.atm.withdrawal"),
            Self::BalanceInquiry => ("pgfs.balanceinquiry", "balanceinquiry"),
            Self::Refund => ("pgfs.refund.authorization", "refund.authorization"),
        }
    }
}

/// The first message of a purchase, as a later one refers to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preceding {
    /// Its transaction token.
    pub token: Arc<str>,
    /// The token of its funding message.
    pub jit_token: Arc<str>,
}

/// The text of a JSON number that is written as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decimal(Box<str>);

impl Decimal {
    /// The exact amount.
    #[must_use]
    pub fn of(amount: Money) -> Self {
        Self(amount.to_string().into())
    }

    /// The amount and a digit below the minor unit: no amount of its currency.
    #[must_use]
    pub fn too_precise(amount: Money) -> Self {
        let point = if amount.currency.exponent() == 0 { "." } else { "" };
        Self(format!("{amount}{point}5").into())
    }

    /// The amount that it is in the currency, if it is one.
    #[must_use]
    pub fn minor(&self, currency: Currency) -> Option<i64> {
        Money::parse(&self.0, currency).ok().map(|money| money.minor)
    }
}

impl Serialize for Decimal {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.clone().into()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl JitRequest {
    /// Reads an answer as the processor does: without the required fields, or with another token,
    /// method or user, it is none.
    #[must_use]
    pub fn read_answer(&self, status: u16, body: &[u8]) -> Delivery {
        if status == 503 {
            return Delivery::Unknown;
        }
        let text = String::from_utf8_lossy(body);
        let unusable = |why: &str| {
            let start: String = text.chars().take(200).collect();
            Delivery::Unusable(format!("{status} {why}: {start}"))
        };
        if !matches!(status, 200 | 402) {
            return unusable("is no decision");
        }
        let Ok(Reply { jit_funding: reply }) = serde_json::from_slice(body) else {
            return unusable("without the required fields");
        };
        let acting = reply.acting_user_token.as_deref();
        let is_ours = reply.token == *self.jit_token
            && reply.method == self.method()
            && reply.user_token == *self.acting_token
            && acting.is_none_or(|acting| acting == &*self.acting_token);
        if !is_ours {
            return unusable("for another token, method or user");
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(body);
        Delivery::Answered(Answer {
            status,
            decision: reply.tags.as_deref().and_then(decision_id),
            amount: reply.amount.get().into(),
            decline_reason: reply.decline_reason.as_deref().map(Into::into),
            digest: hasher.finish(),
        })
    }

    /// The processor's name of what it asks.
    #[must_use]
    pub const fn method(&self) -> &'static str {
        match self.preceding {
            None => self.ask.words().0,
            Some(_) => "pgfs.authorization.incremental",
        }
    }

    /// Half of a purchase with cash back, rounded down, in minor units.
    #[must_use]
    pub fn cash_minor(&self) -> Option<i64> {
        let minor = self.amount.minor(self.currency).filter(|_| self.ask == Ask::CashBack)?;
        Some(minor / 2)
    }
}

#[derive(Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    jit_funding: Funded<'a>,
}

#[derive(Deserialize)]
struct Funded<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    user_token: Cow<'a, str>,
    #[serde(default)]
    acting_user_token: Option<String>,
    #[serde(borrow)]
    amount: &'a RawValue,
    #[serde(default)]
    decline_reason: Option<String>,
    #[serde(default)]
    tags: Option<String>,
}

/// The id in `decision=msg_…`, which may stand among other tags.
fn decision_id(tags: &str) -> Option<bursar_core::MessageId> {
    tags.split([',', ';', ' ']).find_map(|tag| tag.strip_prefix("decision=")).and_then(|id| id.parse().ok())
}

#[cfg(test)]
mod tests;
