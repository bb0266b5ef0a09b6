//! Double entry: each journal moves money between a customer's account and the program's own.

use serde::Serialize;

use crate::id::{AccountId, JournalId, MessageId, ProgramId};
use crate::money::Currency;
use crate::word::words;

/// One balanced movement of posted money. Append-only; a correction is a new journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Journal {
    /// Its id: the message's, typed as a journal's.
    pub id: JournalId,
    /// The message that moved the money.
    pub message: MessageId,
    /// The currency of both sides.
    pub currency: Currency,
    /// The customer's side.
    pub customer: CustomerEntry,
    /// The program's side: the same amount with the other sign.
    pub program: ProgramEntry,
}

/// An entry on a customer's account, numbered without gaps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CustomerEntry {
    /// The account.
    pub account: AccountId,
    /// 1 for the account's first entry.
    pub number: i64,
    /// Credits are positive.
    pub amount_minor: i64,
    /// The posted balance after it.
    pub balance_after_minor: i64,
}

/// An entry on an account of the program's own. It is neither numbered nor added up here: one
/// settlement row that every journal changes would queue the whole program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProgramEntry {
    /// The program.
    pub program: ProgramId,
    /// Which of its accounts.
    pub account: ProgramAccount,
    /// The opposite of the customer's entry.
    pub amount_minor: i64,
}

words! {
    /// The program's own accounts, one of each per currency.
    pub enum ProgramAccount {
        /// Where loads come from and unloads go to.
        Funding = "funding",
        /// What the processor settles: debits and credits of cards.
        Settlement = "settlement",
    }
}
