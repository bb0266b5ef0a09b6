//! A hold group: an authorization and every later message about it.
//!
//! The group is a *set* of messages. [`fold`] reads them in processor time, then by id, and says
//! what should be held; a command adds its message and books the difference. Order and
//! repetition of deliveries cannot matter, by construction (M5).

use jiff::Timestamp;

use crate::id::{AccountId, CardId, MessageId};
use crate::word::words;

/// The stored messages of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldGroup {
    /// The message that began it.
    pub root: MessageId,
    /// The card it was made with.
    pub card: CardId,
    /// The account that it holds money of.
    pub account: AccountId,
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
}

/// What a message does to its group. Amounts are minor units, zero or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Nothing: a decline, or a verification.
    None,
    /// `H+ a`: an approved authorization or increment.
    Hold(i64),
    /// All that is still held is released, and the group ends.
    ReverseAll,
}

words! {
    /// Where a group stands.
    pub enum GroupStatus {
        /// Nothing was ever held: the authorization was declined, or only verified a card.
        Empty = "empty",
        /// Money is held.
        Open = "open",
        /// Ended by a full reversal.
        Reversed = "reversed",
    }
}

/// What the books of a group should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupBooks {
    /// Held now; never negative.
    pub held_minor: i64,
    /// Where it stands.
    pub status: GroupStatus,
}

/// What is held, in total, is beyond 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldOverflow;

/// What the books of a group with these messages should be, whatever order they came in.
///
/// # Errors
/// The sum of the holds overflows.
pub fn fold(messages: &[GroupMessage]) -> Result<GroupBooks, FoldOverflow> {
    let mut in_order: Vec<&GroupMessage> = messages.iter().collect();
    in_order.sort_by_key(|message| (message.processor_time, message.id));
    in_order.dedup_by_key(|message| message.id);
    let mut books = GroupBooks { held_minor: 0, status: GroupStatus::Empty };
    for message in in_order {
        books = step(books, message.effect)?;
    }
    Ok(books)
}

/// A group ends once: what arrives for a reversed group holds nothing.
fn step(books: GroupBooks, effect: Effect) -> Result<GroupBooks, FoldOverflow> {
    match (books.status, effect) {
        (GroupStatus::Reversed, _) | (_, Effect::None) => Ok(books),
        (_, Effect::Hold(0)) => Ok(books),
        (_, Effect::Hold(amount)) => {
            let held_minor = books.held_minor.checked_add(amount).ok_or(FoldOverflow)?;
            Ok(GroupBooks { held_minor, status: GroupStatus::Open })
        }
        (_, Effect::ReverseAll) => Ok(GroupBooks { held_minor: 0, status: GroupStatus::Reversed }),
    }
}

impl HoldGroup {
    /// The books of the group as it is.
    ///
    /// # Errors
    /// The sum of the holds overflows.
    pub fn books(&self) -> Result<GroupBooks, FoldOverflow> {
        fold(&self.messages)
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
            Just(Effect::ReverseAll),
        ]
    }

    fn any_messages() -> impl Strategy<Value = Vec<GroupMessage>> {
        prop::collection::vec((any_effect(), 0..5_i64), 0..8).prop_map(|parts| {
            let message = |(index, (effect, second)): (usize, (Effect, i64))| GroupMessage {
                id: MessageId::new(Uuid::from_u128(index as u128)),
                processor_time: Timestamp::from_second(second).expect("a time"),
                effect,
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
        }

        #[test]
        fn what_is_held_is_never_negative(messages in any_messages()) {
            let books = fold(&messages).expect("small sums");
            prop_assert!(books.held_minor >= 0);
            prop_assert_eq!(books.held_minor > 0, books.status == GroupStatus::Open);
        }
    }
}
