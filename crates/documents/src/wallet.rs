//! A wallet: an account, as its person sees it.

use bursar_core::{AccountId, Currency, OwnerId};

/// What the ledger says of an account, in minor units. To be shown, and never the ground of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wallet {
    /// The account.
    pub id: AccountId,
    /// Whose it is.
    pub person: OwnerId,
    /// Of the amounts.
    pub currency: Currency,
    /// What was booked.
    pub posted_minor: i64,
    /// What is held.
    pub held_minor: i64,
    /// What can be spent.
    pub available_minor: i64,
    /// The owner's number of the change that made it so.
    pub sequence: i64,
}
