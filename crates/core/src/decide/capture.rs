//! Captures and refunds: the money has moved, and the group's books follow it.

use jiff::Timestamp;

use super::group::{follow, part};
use super::{Fault, Ruling};
use crate::check::DeclineReason;
use crate::command::{Capture, Command, Refund};
use crate::hold_group::Effect;
use crate::owner::Owner;
use crate::state::State;

/// Whatever the hold is by now: a tip makes it more, and the hold may have ended before.
pub(super) fn capture(
    state: &State,
    command: &Command,
    request: &Capture,
    owner: &Owner,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    follow(state, command, &request.group, owner, at, |group, _| {
        if !group.was_held() {
            return Err(DeclineReason::NothingHeld);
        }
        let minor = part(&request.amount, group)?;
        Ok(if request.is_final { Effect::FinalCapture(minor) } else { Effect::Capture(minor) })
    })
}

/// No more than was captured, less what was given back already.
pub(super) fn refund(
    state: &State,
    command: &Command,
    request: &Refund,
    owner: &Owner,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    follow(state, command, &request.group, owner, at, |group, books| {
        let minor = part(&request.amount, group)?;
        match books.posted_minor.saturating_neg() {
            captured_minor if minor <= captured_minor => Ok(Effect::Credit(minor)),
            _ => Err(DeclineReason::MoreThanCaptured),
        }
    })
}
