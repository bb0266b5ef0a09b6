//! A company or a person: the unit of lane, lock and event sequence.

use jiff::Timestamp;
use serde::Serialize;

use crate::id::{OwnerId, ProgramId};
use crate::text::{FreeText, Token};
use crate::word::words;

/// Everything that a decision about an owner may change belongs to it for ever: its accounts,
/// cardholders, cards and hold groups. Its one row is locked first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Owner {
    /// Its id.
    pub id: OwnerId,
    /// The program it belongs to.
    pub program: ProgramId,
    /// Company or person.
    pub kind: OwnerKind,
    /// A company's name, or the operator's own reference of a person: no personal data.
    pub name: FreeText,
    /// The processor's token of it, where there is one.
    pub token: Option<Token>,
    /// Whether its money may move.
    pub status: OwnerStatus,
    /// When it came to that status, by the clock of whoever changed it; `None` as long as nobody did.
    pub status_at: Option<Timestamp>,
    /// How many messages about it were decided; each event carries its number.
    pub sequence: i64,
    /// When the last one was decided: the owner's time never runs backwards.
    pub last_at: Timestamp,
}

words! {
    /// What an owner is.
    pub enum OwnerKind {
        /// Its accounts fund the cards of its business users.
        Company = "company",
        /// Its wallet funds its own cards.
        Person = "person",
    }
}

words! {
    /// Whether an owner's money may move.
    pub enum OwnerStatus {
        /// Everything is allowed.
        Active = "active",
        /// Nothing new; what already happened is still booked.
        Suspended = "suspended",
        /// For ever as suspended.
        Closed = "closed",
    }
}

impl OwnerStatus {
    /// Whether it never changes again.
    #[must_use]
    pub fn is_final(self) -> bool {
        self == Self::Closed
    }

    /// Whether an owner may go from this status to the other. Closed is final.
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        self != to && self != Self::Closed
    }
}
