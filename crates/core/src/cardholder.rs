//! A cardholder: who uses a card.

use jiff::Timestamp;
use serde::Serialize;

use crate::id::{CardholderId, OwnerId};
use crate::text::{FreeText, Token};
use crate::word::words;

/// A business user of a company, or the person that an owner is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cardholder {
    /// Its id.
    pub id: CardholderId,
    /// Whose money it spends.
    pub owner: OwnerId,
    /// The processor's user token; the id where the caller gave none.
    pub token: Token,
    /// The operator's own reference: no personal data.
    pub reference: FreeText,
    /// Whether it may spend.
    pub status: CardholderStatus,
    /// When it came to that status, by the clock of whoever changed it; `None` as long as nobody did.
    pub status_at: Option<Timestamp>,
}

words! {
    /// Where a cardholder stands (the statuses of a Marqeta user).
    pub enum CardholderStatus {
        /// Not yet verified: may not spend.
        Unverified = "unverified",
        /// May spend within the program's limits for the unverified.
        Limited = "limited",
        /// May spend.
        Active = "active",
        /// May not spend for now.
        Suspended = "suspended",
        /// May never spend again.
        Closed = "closed",
    }
}

impl CardholderStatus {
    /// Whether it never changes again.
    #[must_use]
    pub fn is_final(self) -> bool {
        self == Self::Closed
    }

    /// Whether a purchase may be funded.
    #[must_use]
    pub fn may_spend(self) -> bool {
        matches!(self, Self::Active | Self::Limited)
    }

    /// Whether a cardholder may go from this status to the other (processor reference 8.1).
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        match (self, to) {
            (Self::Closed, _) => false,
            (_, Self::Closed) => true,
            (Self::Unverified, to) => matches!(to, Self::Active | Self::Limited),
            (Self::Limited, to) => matches!(to, Self::Active | Self::Suspended),
            (Self::Active, to) => matches!(to, Self::Suspended | Self::Unverified),
            (Self::Suspended, to) => matches!(to, Self::Active | Self::Limited | Self::Unverified),
        }
    }
}
