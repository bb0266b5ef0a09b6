//! What a group takes from spending windows.

use jiff::Timestamp;

use super::fold::step;
use super::transaction::{Transaction, transactions};
use super::{Effect, FoldOverflow, GroupBooks, GroupMessage, GroupStatus};
use crate::id::MessageId;
use crate::message::TransactionKind;

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
    /// How often: once for a purchase, not again for what follows it.
    pub count: i64,
    /// How much of it is still held or pending: a release gives that back, and what was posted stays taken.
    pub(super) open_minor: i64,
    pub(super) is_credit: bool,
}

/// What a group with these messages takes from spending windows, whatever order they came in. A
/// release gives back what is held, the newest first; a capture posts the oldest first, and takes by
/// force what goes beyond. A refund gives nothing back, and takes nothing.
///
/// # Errors
/// A sum overflows.
pub fn takes(messages: &[GroupMessage]) -> Result<Vec<Take>, FoldOverflow> {
    let transactions = transactions(messages);
    let mut taken = Taken { kind: None, takes: Vec::with_capacity(transactions.len()) };
    let mut books = GroupBooks::EMPTY;
    for transaction in &transactions {
        let before = books;
        books = step(books, transaction.effect)?;
        if books != before {
            taken.add(transaction, &before, &books);
        }
    }
    Ok(taken.takes)
}

struct Taken {
    /// Of the purchase: that of its first message.
    kind: Option<TransactionKind>,
    takes: Vec<Take>,
}

impl Taken {
    fn add(&mut self, of: &Transaction<'_>, before: &GroupBooks, after: &GroupBooks) {
        let (message, effect) = (of.message, of.effect);
        let (captured_minor, beside_minor) = match effect {
            Effect::Capture(minor) | Effect::FinalCapture(minor) | Effect::ClearCredit(minor) => (minor, 0),
            Effect::Debit(minor) => (0, minor),
            Effect::Credit(minor) if before.status == GroupStatus::Empty => (0, minor),
            _ => (0, 0),
        };
        for is_credit in [false, true] {
            let open = |of: &GroupBooks| if is_credit { of.pending_credit_minor } else { of.held_minor };
            let (captured_minor, beside_minor) = match effect.is_credit() == is_credit {
                true => (captured_minor, beside_minor),
                false => (0, 0),
            };
            let of_open_minor = captured_minor.min(open(before));
            let left_minor = open(before) - of_open_minor;
            self.post(of_open_minor, is_credit);
            self.give_back(left_minor - open(after), is_credit);
            self.take(message, is_credit, open(after) - left_minor, true);
            self.take(message, is_credit, captured_minor - of_open_minor + beside_minor, false);
        }
        if matches!(effect, Effect::UndoDebit(_) | Effect::UndoCredit(_)) {
            let undone_minor = before.posted_minor.abs_diff(after.posted_minor);
            self.undo(i64::try_from(undone_minor).unwrap_or(i64::MAX), effect.is_credit());
        }
    }

    fn take(&mut self, message: &GroupMessage, is_credit: bool, amount_minor: i64, is_open: bool) {
        if amount_minor <= 0 {
            return;
        }
        // More of a withdrawal is a withdrawal, whatever its increment is called.
        let kind = if is_credit { message.kind } else { *self.kind.get_or_insert(message.kind) };
        self.takes.push(Take {
            message: message.id,
            at: message.at,
            kind,
            amount_minor,
            cash_minor: message.cash_minor.min(amount_minor),
            count: i64::from(self.takes.iter().all(|take| take.count == 0)),
            open_minor: if is_open { amount_minor } else { 0 },
            is_credit,
        });
    }

    /// What is posted of what was held or pending, the oldest first, stays taken.
    fn post(&mut self, mut minor: i64, is_credit: bool) {
        for take in self.takes.iter_mut().filter(|take| take.is_credit == is_credit) {
            let posted_minor = take.open_minor.min(minor);
            take.open_minor -= posted_minor;
            minor -= posted_minor;
        }
    }

    fn give_back(&mut self, mut minor: i64, is_credit: bool) {
        if minor <= 0 {
            return;
        }
        for take in self.takes.iter_mut().rev().filter(|take| take.is_credit == is_credit) {
            let given_minor = take.open_minor.min(minor);
            take.open_minor -= given_minor;
            take.amount_minor -= given_minor;
            minor -= given_minor;
        }
        self.takes.retain(|take| take.amount_minor > 0);
    }

    /// What was posted is as if it had never been, the newest first.
    fn undo(&mut self, mut minor: i64, is_credit: bool) {
        for take in self.takes.iter_mut().rev().filter(|take| take.is_credit == is_credit) {
            let undone_minor = (take.amount_minor - take.open_minor).min(minor);
            take.amount_minor -= undone_minor;
            minor -= undone_minor;
        }
        self.takes.retain(|take| take.amount_minor > 0);
    }
}
