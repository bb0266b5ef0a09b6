//! What the books of a group should be.

use super::transaction::transactions;
use super::{Effect, GroupBooks, GroupMessage, GroupStatus};

/// What is held, posted or pending, in total, is beyond 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoldOverflow;

/// What the books of a group with these messages should be, whatever order they came in.
///
/// # Errors
/// A sum overflows.
pub fn fold(messages: &[GroupMessage]) -> Result<GroupBooks, FoldOverflow> {
    transactions(messages).iter().try_fold(GroupBooks::EMPTY, |books, of| step(books, of.effect))
}

/// A group ends once: nothing is held or pending in it again. What is posted has moved already, whatever
/// state it finds.
pub(super) fn step(books: GroupBooks, effect: Effect) -> Result<GroupBooks, FoldOverflow> {
    let has_ended = books.status.has_ended();
    match effect {
        Effect::Debit(minor) => post(books, minor.checked_neg()),
        Effect::Credit(minor) => post(books, Some(minor)),
        // What was never booked, or refused meanwhile, is not undone.
        Effect::UndoDebit(minor) => post(books, Some(minor.min(books.posted_minor.saturating_neg()).max(0))),
        Effect::UndoCredit(minor) => post(books, minor.min(books.posted_minor).max(0).checked_neg()),
        Effect::None | Effect::Capture(0) | Effect::ClearCredit(0) => Ok(books),
        Effect::Capture(minor) => capture(books, minor, books.held_minor.saturating_sub(minor).max(0)),
        Effect::FinalCapture(0) => Ok(end(books, GroupStatus::Reversed)),
        Effect::FinalCapture(minor) => capture(books, minor, 0),
        Effect::ClearCredit(minor) => clear(books, minor),
        _ if has_ended => Ok(books),
        Effect::Hold(0) | Effect::PendingCredit(0) => Ok(books),
        Effect::Hold(minor) => hold(books, books.held_minor.checked_add(minor)),
        Effect::Replace(0) | Effect::ReverseAll => Ok(end(books, GroupStatus::Reversed)),
        Effect::Replace(minor) => hold(books, Some(minor)),
        Effect::Expire => Ok(end(books, GroupStatus::Expired)),
        Effect::Release(minor) => Ok(match books.held_minor.saturating_sub(minor) {
            _ if books.held_minor == 0 => books,
            ..=0 => end(books, GroupStatus::Reversed),
            held_minor => GroupBooks { held_minor, ..books },
        }),
        Effect::PendingCredit(minor) => pend(books, books.pending_credit_minor.checked_add(minor)),
        Effect::ReplaceCredit(0) => Ok(end(books, GroupStatus::Reversed)),
        Effect::ReplaceCredit(minor) => pend(books, Some(minor)),
        Effect::ReleaseCredit(minor) => Ok(match books.pending_credit_minor.saturating_sub(minor) {
            _ if books.pending_credit_minor == 0 => books,
            ..=0 => end(books, GroupStatus::Reversed),
            pending_credit_minor => GroupBooks { pending_credit_minor, ..books },
        }),
    }
}

fn hold(books: GroupBooks, held_minor: Option<i64>) -> Result<GroupBooks, FoldOverflow> {
    let held_minor = held_minor.ok_or(FoldOverflow)?;
    Ok(GroupBooks { held_minor, status: GroupStatus::Open, ..books })
}

fn pend(books: GroupBooks, pending_credit_minor: Option<i64>) -> Result<GroupBooks, FoldOverflow> {
    let pending_credit_minor = pending_credit_minor.ok_or(FoldOverflow)?;
    // What is held of a purchase comes first.
    let status = if books.held_minor > 0 { GroupStatus::Open } else { GroupStatus::Pending };
    Ok(GroupBooks { pending_credit_minor, status, ..books })
}

/// Nothing is held or pending any more. What was posted of it stays, and so does an earlier end.
fn end(books: GroupBooks, status: GroupStatus) -> GroupBooks {
    let status = match books.status {
        ended if ended.has_ended() => ended,
        _ if books.posted_minor == 0 => status,
        _ => GroupStatus::Closed,
    };
    GroupBooks { held_minor: 0, pending_credit_minor: 0, status, ..books }
}

/// Posts beside what is held and pending.
fn post(books: GroupBooks, minor: Option<i64>) -> Result<GroupBooks, FoldOverflow> {
    let minor = minor.ok_or(FoldOverflow)?;
    let posted_minor = books.posted_minor.checked_add(minor).ok_or(FoldOverflow)?;
    let status = match books.status {
        GroupStatus::Empty if minor != 0 => GroupStatus::Posted,
        status => status,
    };
    Ok(GroupBooks { posted_minor, status, ..books })
}

/// What is captured beyond the hold is posted all the same: tips, fuel, a late or a lost authorization.
fn capture(books: GroupBooks, minor: i64, held_minor: i64) -> Result<GroupBooks, FoldOverflow> {
    let books = post(books, minor.checked_neg())?;
    Ok(settled(GroupBooks { held_minor, ..books }))
}

fn clear(books: GroupBooks, minor: i64) -> Result<GroupBooks, FoldOverflow> {
    let books = post(books, Some(minor))?;
    let pending_credit_minor = books.pending_credit_minor.saturating_sub(minor).max(0);
    Ok(settled(GroupBooks { pending_credit_minor, ..books }))
}

/// With the last of what was held or pending the group ends.
fn settled(books: GroupBooks) -> GroupBooks {
    let status = match (books.held_minor, books.pending_credit_minor) {
        (1.., _) => GroupStatus::Open,
        (_, 1..) => GroupStatus::Pending,
        _ => GroupStatus::Closed,
    };
    GroupBooks { status, ..books }
}
