//! A hold group: an authorization and every later message about it.
//!
//! The group is a *set* of messages. [`fold`] reads them in processor time, then by id, and says
//! what should be held; a command adds its message and books the difference. Order and
//! repetition of deliveries cannot matter, by construction (M5). [`takes`] says the same of what
//! the group takes from spending windows.

use jiff::{SignedDuration, Timestamp};

use crate::control::Scope;
use crate::id::{AccountId, CardId, CardholderId, MessageId, OwnerId};
use crate::message::TransactionKind;
use crate::money::Currency;
use crate::word::words;

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

/// What one message takes from spending windows, less what was given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Take {
    /// The message.
    pub message: MessageId,
    /// When it was decided.
    pub at: Timestamp,
    /// What kind of transaction it is about.
    pub kind: TransactionKind,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// How much of it is cash paid out with a purchase.
    pub cash_minor: i64,
    /// How often: once for a purchase, not again for its increments.
    pub count: i64,
    /// Whether a release gives it back: what was posted at once stays taken.
    is_held: bool,
}

/// What a message does to its group. Amounts are minor units, zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: a decline, a verification, an inquiry.
    None,
    /// `H+ a`: an approved authorization or increment.
    Hold(i64),
    /// `P- a`: a debit that is posted at once, without a hold.
    Debit(i64),
    /// `P+ a`: a credit that is posted at once.
    Credit(i64),
    /// `C+ a`: a credit that was approved and has not cleared.
    PendingCredit(i64),
    /// `H- a`: so much of what is held is released, and the group ends with the last of it.
    Release(i64),
    /// All that is still held is released, and the group ends.
    ReverseAll,
    /// The same, for it was held long enough.
    Expire,
}

impl Effect {
    /// The word for it, and its amount if it has one.
    #[must_use]
    pub const fn parts(self) -> (&'static str, Option<i64>) {
        match self {
            Self::None => ("none", None),
            Self::Hold(minor) => ("hold", Some(minor)),
            Self::Debit(minor) => ("debit", Some(minor)),
            Self::Credit(minor) => ("credit", Some(minor)),
            Self::PendingCredit(minor) => ("pending_credit", Some(minor)),
            Self::Release(minor) => ("release", Some(minor)),
            Self::ReverseAll => ("reverse_all", None),
            Self::Expire => ("expire", None),
        }
    }

    /// Reads word and amount back; `None` if they are no effect.
    #[must_use]
    pub fn from_parts(word: &str, minor: Option<i64>) -> Option<Self> {
        match (word, minor) {
            ("none", None) => Some(Self::None),
            ("hold", Some(minor)) => Some(Self::Hold(minor)),
            ("debit", Some(minor)) => Some(Self::Debit(minor)),
            ("credit", Some(minor)) => Some(Self::Credit(minor)),
            ("pending_credit", Some(minor)) => Some(Self::PendingCredit(minor)),
            ("release", Some(minor)) => Some(Self::Release(minor)),
            ("reverse_all", None) => Some(Self::ReverseAll),
            ("expire", None) => Some(Self::Expire),
            _ => None,
        }
    }

    /// What its message's answer says was approved (D4).
    #[must_use]
    pub fn approved_minor(self) -> i64 {
        match self {
            Self::Hold(minor) | Self::Debit(minor) | Self::Credit(minor) | Self::PendingCredit(minor) => {
                minor
            }
            Self::None | Self::Release(_) | Self::ReverseAll | Self::Expire => 0,
        }
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
        /// Ended: all that it held was released.
        Reversed = "reversed",
        /// Ended: it was held long enough.
        Expired = "expired",
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

/// What is held, posted or pending, in total, is beyond 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldOverflow;

/// What the books of a group with these messages should be, whatever order they came in.
///
/// # Errors
/// A sum overflows.
pub fn fold(messages: &[GroupMessage]) -> Result<GroupBooks, FoldOverflow> {
    in_order(messages).into_iter().try_fold(GroupBooks::EMPTY, |books, message| step(books, message.effect))
}

fn in_order(messages: &[GroupMessage]) -> Vec<&GroupMessage> {
    let mut in_order: Vec<&GroupMessage> = messages.iter().collect();
    in_order.sort_by_key(|message| (message.processor_time, message.id));
    in_order.dedup_by_key(|message| message.id);
    in_order
}

/// What a group with these messages takes from spending windows, whatever order they came in. A
/// release gives back what is held, the newest first.
///
/// # Errors
/// A sum overflows.
pub fn takes(root: MessageId, messages: &[GroupMessage]) -> Result<Vec<Take>, FoldOverflow> {
    let first = messages.iter().find(|message| message.id == root);
    let mut takes: Vec<Take> = Vec::with_capacity(messages.len());
    let mut books = GroupBooks::EMPTY;
    for message in in_order(messages) {
        let before = books;
        books = step(books, message.effect)?;
        if books.held_minor < before.held_minor {
            give_back(&mut takes, before.held_minor - books.held_minor);
        } else if books != before && message.effect.approved_minor() > 0 {
            // More of a withdrawal is a withdrawal, whatever its increment is called.
            takes.push(Take::of(root, message, first.unwrap_or(message).kind));
        }
    }
    Ok(takes)
}

fn give_back(takes: &mut Vec<Take>, mut released_minor: i64) {
    for take in takes.iter_mut().rev().filter(|take| take.is_held) {
        let given_minor = take.amount_minor.min(released_minor);
        take.amount_minor -= given_minor;
        released_minor -= given_minor;
    }
    takes.retain(|take| take.amount_minor > 0);
}

impl Take {
    fn of(root: MessageId, message: &GroupMessage, kind: TransactionKind) -> Self {
        Self {
            message: message.id,
            at: message.at,
            kind,
            amount_minor: message.effect.approved_minor(),
            cash_minor: message.cash_minor,
            count: i64::from(message.id == root),
            is_held: matches!(message.effect, Effect::Hold(_)),
        }
    }
}

/// A group ends once: what arrives for one that was reversed or has expired moves nothing.
fn step(books: GroupBooks, effect: Effect) -> Result<GroupBooks, FoldOverflow> {
    let add = |sum: i64, minor: i64| sum.checked_add(minor).ok_or(FoldOverflow);
    Ok(match (books.status, effect) {
        (GroupStatus::Reversed | GroupStatus::Expired, _) | (_, Effect::None) => books,
        (_, Effect::ReverseAll) => GroupBooks { held_minor: 0, status: GroupStatus::Reversed, ..books },
        (_, Effect::Expire) => GroupBooks { held_minor: 0, status: GroupStatus::Expired, ..books },
        (_, Effect::Release(minor)) => release(books, minor),
        (_, effect) if effect.approved_minor() == 0 => books,
        (_, Effect::Hold(minor)) => {
            GroupBooks { held_minor: add(books.held_minor, minor)?, status: GroupStatus::Open, ..books }
        }
        (_, Effect::Debit(minor)) => GroupBooks {
            posted_minor: books.posted_minor.checked_sub(minor).ok_or(FoldOverflow)?,
            status: GroupStatus::Posted,
            ..books
        },
        (_, Effect::Credit(minor)) => {
            GroupBooks { posted_minor: add(books.posted_minor, minor)?, status: GroupStatus::Posted, ..books }
        }
        (_, Effect::PendingCredit(minor)) => GroupBooks {
            pending_credit_minor: add(books.pending_credit_minor, minor)?,
            status: GroupStatus::Pending,
            ..books
        },
    })
}

/// Never more than is held (M4).
fn release(books: GroupBooks, minor: i64) -> GroupBooks {
    match books.held_minor - minor.min(books.held_minor) {
        0 if books.held_minor > 0 => GroupBooks { held_minor: 0, status: GroupStatus::Reversed, ..books },
        held_minor => GroupBooks { held_minor, ..books },
    }
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
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn any_effect() -> impl Strategy<Value = Effect> {
        prop_oneof![
            Just(Effect::None),
            (0..1_000_000_i64).prop_map(Effect::Hold),
            (1..1_000_i64).prop_map(Effect::Hold),
            (0..1_000_i64).prop_map(Effect::Debit),
            (0..1_000_i64).prop_map(Effect::Credit),
            (0..1_000_i64).prop_map(Effect::PendingCredit),
            (0..1_000_i64).prop_map(Effect::Release),
            Just(Effect::ReverseAll),
            Just(Effect::Expire),
        ]
    }

    fn any_messages() -> impl Strategy<Value = Vec<GroupMessage>> {
        prop::collection::vec((any_effect(), 0..5_i64), 0..8).prop_map(|parts| {
            let message = |(index, (effect, second)): (usize, (Effect, i64))| GroupMessage {
                id: MessageId::new(Uuid::from_u128(index as u128)),
                processor_time: Timestamp::from_second(second).expect("a time"),
                effect,
                at: Timestamp::from_second(index as i64).expect("a time"),
                kind: TransactionKind::Purchase,
                cash_minor: 0,
            };
            parts.into_iter().enumerate().map(message).collect()
        })
    }

    proptest! {
        #[test]
        fn order_and_repetition_of_deliveries_do_not_matter(
            (messages, shuffled) in any_messages().prop_flat_map(|messages| {
                let twice = [messages.clone(), messages.clone()].concat();
                (Just(messages), Just(twice).prop_shuffle())
            }),
        ) {
            prop_assert_eq!(fold(&messages), fold(&shuffled));
            let root = MessageId::new(Uuid::nil());
            prop_assert_eq!(takes(root, &messages), takes(root, &shuffled));
        }

        #[test]
        fn what_is_held_was_taken_and_what_was_released_was_given_back(messages in any_messages()) {
            let books = fold(&messages).expect("small sums");
            let takes = takes(MessageId::new(Uuid::nil()), &messages).expect("small sums");
            let held = |take: &&Take| take.is_held;
            let held_minor: i64 = takes.iter().filter(held).map(|take| take.amount_minor).sum();
            prop_assert_eq!(held_minor, books.held_minor);
        }

        #[test]
        fn what_is_held_or_pending_is_never_negative(messages in any_messages()) {
            let books = fold(&messages).expect("small sums");
            prop_assert!(books.held_minor >= 0 && books.pending_credit_minor >= 0);
            prop_assert!(books.held_minor > 0 || books.status != GroupStatus::Open);
        }

        #[test]
        fn an_effect_is_read_back_from_its_parts(effect in any_effect()) {
            let (word, minor) = effect.parts();
            prop_assert_eq!(Effect::from_parts(word, minor), Some(effect));
        }
    }
}
