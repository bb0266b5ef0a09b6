//! Captures and refunds: the money has moved, and the group's books follow it.

use super::group::part;
use crate::check::DeclineReason;
use crate::command::{Capture, Refund};
use crate::hold_group::{Effect, GroupBooks, HoldGroup};

/// Whatever the hold is by now: a tip makes it more, and the hold may have ended before.
pub(super) fn capture(request: &Capture, group: &HoldGroup) -> Result<Effect, DeclineReason> {
    if !group.was_held() {
        return Err(DeclineReason::NothingHeld);
    }
    let minor = part(&request.amount, group)?;
    Ok(if request.is_final { Effect::FinalCapture(minor) } else { Effect::Capture(minor) })
}

/// No more than was captured, less what was given back already.
pub(super) fn refund(
    request: &Refund,
    group: &HoldGroup,
    books: &GroupBooks,
) -> Result<Effect, DeclineReason> {
    match (part(&request.amount, group)?, books.posted_minor.saturating_neg()) {
        (minor, captured_minor) if minor <= captured_minor => Ok(Effect::Credit(minor)),
        _ => Err(DeclineReason::MoreThanCaptured),
    }
}
