//! A group as people read it: what came of it in all, and its messages one after the other.

use super::fold::step;
use super::transaction::transactions;
use super::{FoldOverflow, GroupBooks, GroupMessage, fold};
use crate::message::Role;

/// What came of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total {
    /// Its books.
    pub books: GroupBooks,
    /// What was taken of the account: debits and captures, without what was given back.
    pub taken_minor: i64,
    /// What was given back, or came in.
    pub given_minor: i64,
    /// Whether something was captured without a hold, or beyond it.
    pub is_forced: bool,
}

/// What came of the group with these messages.
///
/// # Errors
/// A sum overflows.
pub fn total(messages: &[GroupMessage]) -> Result<Total, FoldOverflow> {
    let nothing = Total { books: GroupBooks::EMPTY, taken_minor: 0, given_minor: 0, is_forced: false };
    transactions(messages).iter().try_fold(nothing, |total, of| {
        let (before, books) = (total.books, step(total.books, of.effect)?);
        let moved = books.posted_minor.checked_sub(before.posted_minor).ok_or(FoldOverflow)?;
        let more = |sum: i64, minor: i64| sum.checked_add(minor).ok_or(FoldOverflow);
        Ok(Total {
            books,
            taken_minor: more(total.taken_minor, moved.min(0).saturating_neg())?,
            given_minor: more(total.given_minor, moved.max(0))?,
            is_forced: total.is_forced || of.effect.captured_minor() > before.held_minor,
        })
    })
}

/// The messages in the group's order, each with the books after it. Messages about one transaction stand
/// together: what was decided, then what was reported of it.
///
/// # Errors
/// A sum overflows.
pub fn story(messages: &[GroupMessage]) -> Result<Vec<(&GroupMessage, GroupBooks)>, FoldOverflow> {
    let mut story = Vec::with_capacity(messages.len());
    let mut books = GroupBooks::EMPTY;
    for of in transactions(messages) {
        let before = books;
        let mut told: Vec<GroupMessage> = Vec::new();
        for message in about(messages, of.message) {
            told.push(message.clone());
            let so_far = transactions(&told);
            books = so_far.iter().try_fold(before, |books, of| step(books, of.effect))?;
            story.push((message, books));
        }
    }
    Ok(story)
}

/// The messages about the transaction of this one.
fn about<'a>(messages: &'a [GroupMessage], first: &GroupMessage) -> Vec<&'a GroupMessage> {
    let is_of = |message: &&GroupMessage| message.id == first.id || message.key.is_of_transaction(&first.key);
    let mut about: Vec<&GroupMessage> = messages.iter().filter(is_of).collect();
    about.sort_by_key(|message| (rank(message.key.role()), message.at, message.id));
    about.dedup_by_key(|message| message.id);
    about
}

const fn rank(role: Role) -> u8 {
    match role {
        Role::Alone | Role::Decision => 0,
        Role::Report => 1,
        Role::Refusal => 2,
    }
}

/// Whether the processor's word about one of these decisions is another than ours was. Claims are no
/// decisions, and have to be left out.
#[must_use]
pub fn is_overruled(decided: &[GroupMessage]) -> bool {
    let sums = |messages: &[GroupMessage]| {
        fold(messages).map(|books| (books.held_minor, books.posted_minor, books.pending_credit_minor))
    };
    decided.iter().filter(|message| message.key.role() == Role::Decision).any(|decision| {
        let about: Vec<GroupMessage> = about(decided, decision).into_iter().cloned().collect();
        sums(&about) != sums(std::slice::from_ref(decision))
    })
}
