//! An account: the money that cards draw on.

use serde::Serialize;

use crate::id::{AccountId, OwnerId};
use crate::money::Currency;

/// A company's funding account or a person's wallet. Amounts are minor units of its currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whose money it is.
    pub owner: OwnerId,
    /// The one currency it keeps.
    pub currency: Currency,
    /// Sum of its entries.
    pub posted_minor: i64,
    /// Sum of what its hold groups hold; never negative.
    pub held_minor: i64,
    /// Approved credit that has not cleared.
    pub pending_credit_minor: i64,
    /// How far below zero the program lets it go.
    pub credit_line_minor: i64,
    /// Hold groups that hold something now.
    pub open_holds: i64,
    /// Number of its entries, which are numbered from 1 without gaps.
    pub entries: i64,
}

impl Account {
    /// A new account, empty.
    #[must_use]
    pub const fn new(id: AccountId, owner: OwnerId, currency: Currency) -> Self {
        Self {
            id,
            owner,
            currency,
            posted_minor: 0,
            held_minor: 0,
            pending_credit_minor: 0,
            credit_line_minor: 0,
            open_holds: 0,
            entries: 0,
        }
    }

    /// What may still be spent: `posted - held + credit line` (L4). Negative after a force step.
    /// `None` if the books are beyond 64 bits, which no approval may rest on.
    #[must_use]
    pub fn available_minor(&self) -> Option<i64> {
        self.posted_minor.checked_sub(self.held_minor)?.checked_add(self.credit_line_minor)
    }
}
