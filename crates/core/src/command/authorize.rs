//! A request to fund a purchase.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::{Actor, Amount, GroupRef, Route};
use crate::details::Details;
use crate::merchant::Merchant;
use crate::message::TransactionKind;
use crate::text::Token;

/// Asks to fund a purchase.
#[derive(Debug, Clone, Serialize)]
pub struct Authorize {
    /// The processor's name of what it asks, e.g. `pgfs.authorization`.
    pub method: Token,
    /// The processor's id of this request for funding, where it has one beside the message's:
    /// another one under the same message is other content.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub funding_token: Option<Token>,
    /// What is to happen to the money.
    pub purpose: Purpose,
    /// What kind of transaction it is.
    #[serde(skip_serializing_if = "TransactionKind::is_purchase")]
    pub kind: TransactionKind,
    /// The card's token, as presented.
    pub card_token: Token,
    /// Where the card belongs; `None` if no such card is known. It never changes.
    #[serde(skip)]
    pub route: Option<Route>,
    /// Who used the card; `None` if the message does not tell.
    pub acting: Option<Actor>,
    /// Who pays, where that is somebody else.
    pub paying: Option<Actor>,
    /// What is asked. Zero verifies the card and holds nothing.
    pub amount: Amount,
    /// How much of it is cash paid out with a purchase, in minor units. A part of the amount, and no
    /// content of its own: the fingerprints of messages that are stored already know none.
    #[serde(skip)]
    pub cash_minor: i64,
    /// Whether less will do, and how little.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<Partial>,
    /// Where.
    #[serde(serialize_with = "merchant_content")]
    pub merchant: Merchant,
    /// What else it tells. No content: it decides nothing.
    #[serde(skip)]
    pub details: Option<Box<Details>>,
    /// When, by the processor's clock; `None` takes the time of the decision.
    #[serde(skip)]
    pub processor_time: Option<Timestamp>,
}

/// What describes the swipe beside the merchant is no content, for the same reason.
pub(super) fn merchant_content<S: Serializer>(merchant: &Merchant, serializer: S) -> Result<S::Ok, S::Error> {
    Merchant { groups: Vec::new(), channels: Vec::new(), ..merchant.clone() }.serialize(serializer)
}

/// What is to happen to the money.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To hold it: begins a hold group.
    #[serde(rename = "purchase")]
    Hold,
    /// To hold more, in the hold group of an earlier message.
    Increment(GroupRef),
    /// To take it at once: posted without a hold.
    Debit,
    /// To give it at once: posted.
    Credit,
    /// To give it once it clears.
    PendingCredit,
    /// Nothing: a card is verified, or its balance asked for.
    Inquiry,
    /// A method that we do not fund: always declined.
    NotPermitted,
}

impl Purpose {
    /// Whether money goes out of the account.
    #[must_use]
    pub const fn is_spending(&self) -> bool {
        matches!(self, Self::Hold | Self::Increment(_) | Self::Debit)
    }

    /// Whether money comes into the account.
    #[must_use]
    pub const fn is_credit(&self) -> bool {
        matches!(self, Self::Credit | Self::PendingCredit)
    }
}

/// Less than was asked will do, where the program allows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Partial {
    /// In minor units: the cash part of a purchase with cash back, else zero.
    pub at_least_minor: i64,
}
