//! A hold group: an authorization and every later message about it.
//!
//! The group is a *set* of messages, and a few of them may be about one transaction: our decision, and what
//! the processor reports of it. [`fold`] reads the transactions in processor time, and says
//! what should be held; a command adds its message and books the difference. Order and
//! repetition of deliveries cannot matter, by construction (M5). [`takes`] says the same of what
//! the group takes from spending windows.

mod effect;
mod fold;
mod story;
mod takes;
mod transaction;

use jiff::{SignedDuration, Timestamp};

use crate::control::Scope;
use crate::id::{AccountId, CardId, CardholderId, MessageId, OwnerId};
use crate::message::{MessageKey, Role, Source, TransactionKind};
use crate::money::Currency;
use crate::text::Token;
use crate::word::words;

pub use effect::Effect;
pub use fold::{FoldOverflow, fold};
pub use story::{Total, is_overruled, story, total};
pub use takes::{Take, takes};

/// The stored messages of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldGroup {
    /// The message that began it.
    pub root: MessageId,
    /// Whose it is.
    pub owner: OwnerId,
    /// The card it was made with.
    pub card: CardId,
    /// Whose card it is.
    pub cardholder: CardholderId,
    /// The account that it holds money of.
    pub account: AccountId,
    /// The account's currency.
    pub currency: Currency,
    /// All its messages, in any order.
    pub messages: Vec<GroupMessage>,
}

/// What one message says about its group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMessage {
    /// The message.
    pub id: MessageId,
    /// Its key: it tells which transaction it is about.
    pub key: MessageKey,
    /// When it happened, by the processor's clock.
    pub processor_time: Timestamp,
    /// What it does.
    pub effect: Effect,
    /// When it was decided: it takes from the windows of this time.
    pub at: Timestamp,
    /// What kind of transaction it is about.
    pub kind: TransactionKind,
    /// How much of it is cash paid out with a purchase.
    pub cash_minor: i64,
}

impl GroupMessage {
    /// Whether it only says that nobody has confirmed a decision.
    #[must_use]
    pub fn is_doubt(&self) -> bool {
        self.key.source == Source::Sweeper && self.effect == Effect::None
    }

    /// Whether it may change the group's books: by its effect, by taking that of another from it, or by what it
    /// brings together.
    #[must_use]
    pub fn moves(&self) -> bool {
        self.effect != Effect::None || matches!(self.key.role(), Role::Report | Role::Refusal)
    }
}

words! {
    /// Where a group stands.
    pub enum GroupStatus {
        /// Nothing ever moved: the authorization was declined, or only asked or verified.
        Empty = "empty",
        /// Money is held.
        Open = "open",
        /// Money was posted at once; nothing is held.
        Posted = "posted",
        /// Credit was approved and has not cleared.
        Pending = "pending",
        /// Ended: all that it held was released, or the credit will not come.
        Reversed = "reversed",
        /// Ended: it was held long enough.
        Expired = "expired",
        /// Ended: it was captured, or the credit has cleared.
        Closed = "closed",
    }
}

impl GroupStatus {
    /// Whether something is held, posted or pending by what was decided, and may still come to nothing.
    #[must_use]
    pub const fn stands(self) -> bool {
        matches!(self, Self::Open | Self::Posted | Self::Pending)
    }

    /// Whether nothing is held or pending in it ever again.
    #[must_use]
    pub const fn has_ended(self) -> bool {
        matches!(self, Self::Reversed | Self::Expired | Self::Closed)
    }
}

/// What the books of a group should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupBooks {
    /// Held now; never negative.
    pub held_minor: i64,
    /// Posted by it: credits less debits.
    pub posted_minor: i64,
    /// Approved credit that has not cleared; never negative.
    pub pending_credit_minor: i64,
    /// Where it stands.
    pub status: GroupStatus,
}

impl GroupBooks {
    /// Of a group without messages.
    pub const EMPTY: Self =
        Self { held_minor: 0, posted_minor: 0, pending_credit_minor: 0, status: GroupStatus::Empty };
}

impl HoldGroup {
    /// The books of the group as it is.
    ///
    /// # Errors
    /// A sum overflows.
    pub fn books(&self) -> Result<GroupBooks, FoldOverflow> {
        fold(&self.messages)
    }

    /// When a message that is decided on this group takes its place in it, if it names this time: later
    /// than all that it was decided on. Clocks differ, and ids of equal times may have any order.
    #[must_use]
    pub fn time_after(&self, named: Timestamp) -> Timestamp {
        let moving = self.messages.iter().filter(|message| message.effect != Effect::None);
        let last = moving.map(|message| message.processor_time).max();
        let after = |last: Timestamp| last.checked_add(SignedDuration::from_micros(1)).unwrap_or(last);
        last.map_or(named, |last| named.max(after(last)))
    }

    /// Whether something moved in it after this message of it was decided. Of one that it does not have nobody
    /// knows.
    #[must_use]
    pub fn has_moved_since(&self, last: MessageId) -> bool {
        let last = self.messages.iter().find(|message| message.id == last);
        last.is_none_or(|last| self.messages.iter().any(|message| message.moves() && message.at > last.at))
    }

    /// Whether its processor has said anything of it, or there is none (D5).
    #[must_use]
    pub fn is_confirmed(&self) -> bool {
        let has = |role: Role| self.messages.iter().any(|message| message.key.role() == role);
        has(Role::Report) || has(Role::Refusal) || !has(Role::Decision)
    }

    /// The decisions that did something and of whose own transactions the processor has said nothing (D5).
    pub fn unconfirmed(&self) -> impl Iterator<Item = &GroupMessage> {
        let is_told = |decision: &GroupMessage| {
            let told = |message: &GroupMessage| matches!(message.key.role(), Role::Report | Role::Refusal);
            self.messages.iter().any(|of| told(of) && of.key.is_of_transaction(&decision.key))
        };
        let decisions = self.messages.iter().filter(|message| message.key.role() == Role::Decision);
        decisions.filter(move |decision| decision.effect != Effect::None && !is_told(decision))
    }

    /// The processor's transactions to ask about, each once, and when it was made: what was decided, or else what was
    /// reported. None if it is of no processor.
    #[must_use]
    pub fn asked_about(&self) -> Vec<(&Token, Timestamp)> {
        let of_role = |role: Role| {
            let mut found: Vec<(&Token, Timestamp)> = Vec::new();
            for message in self.messages.iter().filter(|message| message.key.role() == role) {
                if found.iter().all(|(token, _)| **token != message.key.token) {
                    found.push((&message.key.token, message.processor_time));
                }
            }
            found
        };
        match of_role(Role::Decision) {
            found if found.is_empty() => of_role(Role::Report),
            found => found,
        }
    }

    /// Whether money was ever held in it.
    #[must_use]
    pub fn was_held(&self) -> bool {
        let is_hold = |effect| matches!(effect, Effect::Hold(1..) | Effect::Replace(1..));
        transaction::transactions(&self.messages).iter().any(|of| is_hold(of.effect))
    }

    /// What kind of transaction it is about: that of the message that began it.
    #[must_use]
    pub fn kind(&self) -> Option<TransactionKind> {
        self.messages.iter().find(|message| message.id == self.root).map(|message| message.kind)
    }

    /// Whose controls count for it: the card's, its cardholder's, the owner's.
    #[must_use]
    pub const fn scopes(&self) -> [Scope; 3] {
        [Scope::Card(self.card), Scope::Cardholder(self.cardholder), Scope::Owner(self.owner)]
    }
}

#[cfg(test)]
mod tests;
