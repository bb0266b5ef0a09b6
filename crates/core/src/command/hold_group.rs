//! What follows an authorization in its hold group, on an operator's word.

use serde::Serialize;

use super::{Amount, Link};
use crate::id::{MessageId, OwnerId};
use crate::message::MessageKey;

/// How a later message names its hold group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GroupRef {
    /// By our own id of any message of the group.
    Message(MessageId),
    /// By the key of any message of the group.
    Key(MessageKey),
    /// By an id that messages of the group share.
    Link(Link),
}

impl GroupRef {
    /// The id, if it names the group by one.
    #[must_use]
    pub const fn link(&self) -> Option<&Link> {
        match self {
            Self::Link(link) => Some(link),
            Self::Message(_) | Self::Key(_) => None,
        }
    }

    /// All that may be known of the transaction with this key of a decision.
    #[must_use]
    pub fn of_transaction(decision: &MessageKey) -> Vec<Self> {
        decision.of_transaction().map(Self::Key).into()
    }
}

/// Releases what a hold group holds. The last of it ends the group.
#[derive(Debug, Clone, Serialize)]
pub struct Reverse {
    /// Whose hold group; found by the message.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// Any message of the group.
    pub group: GroupRef,
    /// How much, above zero; `None` is all that is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<Amount>,
}

/// Releases all that a hold group holds, for it was held long enough.
#[derive(Debug, Clone, Serialize)]
pub struct Expire {
    /// Whose hold group; found by the message.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// Any message of the group.
    pub group: GroupRef,
    /// The last message that moved anything in it, for who decided by that: if something moved since, it is
    /// not the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<MessageId>,
}

/// Notes that the processor has not confirmed a decision in the time that it has for that: somebody has to ask, or
/// to decide. What it holds it goes on holding.
#[derive(Debug, Clone, Serialize)]
pub struct Doubt {
    /// Whose hold group; found by the message.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// The decision, by its message.
    pub group: GroupRef,
    /// Whether it was asked, and says that it knows no such transaction. Not part of the content: the key tells.
    #[serde(skip)]
    pub is_denied: bool,
}

/// Posts what was captured of a purchase. The money has moved already: it may be more than is held, and
/// come after the hold has ended.
#[derive(Debug, Clone, Serialize)]
pub struct Capture {
    /// Whose hold group; found by the message.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// Any message of the group.
    pub group: GroupRef,
    /// How much, above zero.
    pub amount: Amount,
    /// Whether no more follows: then what is still held is released.
    pub is_final: bool,
}

/// Gives back what was captured of a purchase, or a part of it.
#[derive(Debug, Clone, Serialize)]
pub struct Refund {
    /// Whose hold group; found by the message.
    #[serde(skip)]
    pub owner: Option<OwnerId>,
    /// Any message of the group.
    pub group: GroupRef,
    /// How much, above zero.
    pub amount: Amount,
}
