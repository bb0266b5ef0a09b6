//! Releases: what a hold group holds is given back, in part or in full; the last of it ends the group.

use super::group::part;
use crate::check::DeclineReason;
use crate::command::{Expire, Reverse};
use crate::hold_group::{Effect, GroupBooks, GroupStatus, HoldGroup};

pub(super) fn reverse(
    request: &Reverse,
    group: &HoldGroup,
    books: &GroupBooks,
) -> Result<Effect, DeclineReason> {
    is_open(books)?;
    let Some(amount) = &request.amount else { return Ok(Effect::ReverseAll) };
    match part(amount, group)? {
        minor if minor > books.held_minor => Err(DeclineReason::MoreThanHeld),
        minor => Ok(Effect::Release(minor)),
    }
}

/// Who expires it for a message that was its last has to look again where that is no longer so.
pub(super) fn expire(
    request: &Expire,
    group: &HoldGroup,
    books: &GroupBooks,
) -> Result<Effect, DeclineReason> {
    is_open(books)?;
    match request.last {
        Some(last) if group.has_moved_since(last) => Err(DeclineReason::HoldGroupMoved),
        _ => Ok(Effect::Expire),
    }
}

fn is_open(books: &GroupBooks) -> Result<(), DeclineReason> {
    match books.status {
        GroupStatus::Open => Ok(()),
        _ => Err(DeclineReason::HoldGroupEnded),
    }
}
