//! What a processor reports of transactions that are over, or that it decided without us.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::authorize::merchant_content;
use super::{Amount, GroupRef, Route};
use crate::details::Details;
use crate::hold_group::Effect;
use crate::id::OwnerId;
use crate::merchant::Merchant;
use crate::message::TransactionKind;
use crate::text::Token;

/// What the processor says that became of a transaction. It is booked, not decided: the money has moved.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// Whose it is: the card's owner, or that of an earlier message about it.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// Where the card belongs; `None` if it names none that is known.
    #[serde(skip)]
    pub route: Option<Route>,
    /// The card's token, where it names one.
    pub card_token: Option<Token>,
    /// What proves its hold group, the surest first; groups that are proved to be one become one.
    #[serde(skip)]
    pub groups: Vec<GroupRef>,
    /// What suggests its hold group, where nothing proves one. Two groups do not become one by it.
    #[serde(skip)]
    pub hints: Vec<GroupRef>,
    /// What happened.
    pub says: Says,
    /// What kind of transaction it is about.
    pub kind: TransactionKind,
    /// How much, in the account's currency.
    pub amount: Amount,
    /// How much of it is cash paid out with a purchase, in minor units.
    #[serde(skip)]
    pub cash_minor: i64,
    /// Where.
    #[serde(serialize_with = "merchant_content")]
    pub merchant: Merchant,
    /// What else it tells. No content: it books nothing.
    #[serde(skip)]
    pub details: Option<Box<Details>>,
    /// When, by the processor's clock; `None` takes the time of its booking.
    #[serde(skip)]
    pub processor_time: Option<Timestamp>,
    /// Whether it is one that we are asked about before.
    #[serde(skip)]
    pub is_asked: bool,
    /// What the processor says that it heard from us; `None` if it does not tell.
    #[serde(skip)]
    pub heard: Option<Heard>,
}

/// What the processor says that it heard from us when it asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Heard {
    /// Whether that was an approval; `None` if it does not tell.
    pub is_approved: Option<bool>,
    /// How much we approved, in minor units; `None` if it does not tell.
    pub amount_minor: Option<i64>,
    /// It did not wait any longer.
    pub is_too_late: bool,
    /// It could not read what it heard.
    pub is_unreadable: bool,
}

impl Heard {
    /// Whether it heard an approval in time.
    #[must_use]
    pub fn approves(&self) -> bool {
        self.is_approved == Some(true) && !self.is_too_late && !self.is_unreadable
    }
}

/// What happened to the money, in the words of no processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// So much was approved: it is held, whoever approved it.
    Hold,
    /// So much is to be held from now on.
    Replace,
    /// So much of what is held is released.
    Release,
    /// All that is held is released, for it was held long enough.
    Expire,
    /// So much was captured, and more may follow.
    Capture,
    /// So much was captured, and no more follows.
    FinalCapture,
    /// So much was taken at once.
    Debit,
    /// A debit did not take place.
    UndoDebit,
    /// So much came in, pending before or not.
    Credit,
    /// A credit did not take place.
    UndoCredit,
    /// So much will come in.
    PendingCredit,
    /// So much is still to come in.
    ReplaceCredit,
    /// So much will not come in.
    ReleaseCredit,
    /// Nothing became of the transaction: it was refused, or has failed.
    Refused,
    /// Nothing that moves money.
    Nothing,
    /// That it was decided without us. Under the key of our decision it takes its place: one that is still on its
    /// way meets it, and holds nothing. What is reported of the transaction finds its group by it.
    Claim,
}

impl Says {
    /// What it does to a hold group.
    #[must_use]
    pub const fn effect(self, minor: i64) -> Effect {
        match self {
            Self::Hold => Effect::Hold(minor),
            Self::Replace => Effect::Replace(minor),
            Self::Release => Effect::Release(minor),
            Self::Expire => Effect::Expire,
            Self::Capture => Effect::Capture(minor),
            Self::FinalCapture => Effect::FinalCapture(minor),
            Self::Debit => Effect::Debit(minor),
            Self::UndoDebit => Effect::UndoDebit(minor),
            Self::Credit => Effect::ClearCredit(minor),
            Self::UndoCredit => Effect::UndoCredit(minor),
            Self::PendingCredit => Effect::PendingCredit(minor),
            Self::ReplaceCredit => Effect::ReplaceCredit(minor),
            Self::ReleaseCredit => Effect::ReleaseCredit(minor),
            Self::Refused | Self::Nothing | Self::Claim => Effect::None,
        }
    }

    /// Whether it begins a purchase, where nothing proves that it does not.
    #[must_use]
    pub const fn begins_a_purchase(self) -> bool {
        matches!(self, Self::Hold | Self::Debit | Self::PendingCredit | Self::Claim)
    }

    /// Whether an amount belongs to it.
    #[must_use]
    pub const fn has_amount(self) -> bool {
        !matches!(self, Self::Expire | Self::Refused | Self::Nothing | Self::Claim)
    }
}
