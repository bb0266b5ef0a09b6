//! Where the processor and we say different things of a transaction.

use serde::Serialize;

use crate::id::MessageId;
use crate::money::Currency;
use crate::text::FreeText;
use crate::word::words;

words! {
    /// What they differ about.
    pub enum DiscrepancyKind {
        /// It approved what we declined, or were never asked about: that is booked.
        Adopted = "adopted",
        /// It refused what we approved: nothing is held or posted for it.
        Overruled = "overruled",
        /// It did not wait for our approval: nothing is held or posted for it.
        TooLate = "too_late",
        /// It could not read our approval: nothing is held or posted for it.
        Unparsable = "unparsable",
        /// It approved another amount than we did: its amount is booked.
        OtherAmount = "other_amount",
        /// It does not say which purchase a transaction is of: it is booked with one of the same card, approval code
        /// and merchant that was still held.
        Guessed = "guessed",
        /// It says that it heard another answer than we stored.
        OtherAnswer = "other_answer",
        /// It has not said a word of a hold in the time that it has for that.
        Unconfirmed = "unconfirmed",
        /// It was asked about a hold, and says that it knows no such transaction.
        Denied = "denied",
        /// What it reports cannot be booked.
        NotBooked = "not_booked",
        /// Nobody has said what it does to the ledger, or whose it is.
        Unknown = "unknown",
    }
}

impl DiscrepancyKind {
    /// Whether the books are right again, so that nobody has to decide anything.
    #[must_use]
    pub const fn is_repaired(self) -> bool {
        match self {
            Self::Adopted
            | Self::Overruled
            | Self::TooLate
            | Self::Unparsable
            | Self::OtherAmount
            | Self::Guessed => true,
            Self::OtherAnswer | Self::Unconfirmed | Self::Denied | Self::NotBooked | Self::Unknown => false,
        }
    }
}

/// A difference, and what its repair changed in the books of the account, in minor units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Discrepancy {
    /// What they differ about.
    pub kind: DiscrepancyKind,
    /// The account's currency, if it is about one.
    pub currency: Option<Currency>,
    /// More is held by so much, or less.
    pub held_minor: i64,
    /// Credits less debits that were posted.
    pub posted_minor: i64,
    /// More credit is pending by so much, or less.
    pub pending_credit_minor: i64,
}

impl Discrepancy {
    /// One that changed nothing.
    #[must_use]
    pub const fn unrepaired(kind: DiscrepancyKind) -> Self {
        Self { kind, currency: None, held_minor: 0, posted_minor: 0, pending_credit_minor: 0 }
    }
}

/// That nothing is left to do about a difference: an operator says so, or the processor has said what was missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closing {
    /// The message that brought it.
    pub discrepancy: MessageId,
    /// What was done.
    pub note: FreeText,
}
