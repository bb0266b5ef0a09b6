//! Releases: what a hold group holds is given back, in part or in full; the last of it ends the group.

use jiff::Timestamp;

use super::group::{follow, part};
use super::{Fault, Ruling};
use crate::check::DeclineReason;
use crate::command::{Amount, Command, Expire, Reverse};
use crate::hold_group::{Effect, GroupBooks, GroupStatus, HoldGroup};
use crate::owner::Owner;
use crate::state::State;

pub(super) fn reverse(
    state: &State,
    command: &Command,
    request: &Reverse,
    owner: &Owner,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    follow(state, command, &request.group, owner, at, |group, books| {
        is_open(books)?;
        request.amount.as_ref().map_or(Ok(Effect::ReverseAll), |amount| released(amount, group, books))
    })
}

pub(super) fn expire(
    state: &State,
    command: &Command,
    request: &Expire,
    owner: &Owner,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    follow(state, command, &request.group, owner, at, |_, books| is_open(books).map(|()| Effect::Expire))
}

fn is_open(books: &GroupBooks) -> Result<(), DeclineReason> {
    match books.status {
        GroupStatus::Open => Ok(()),
        _ => Err(DeclineReason::HoldGroupEnded),
    }
}

fn released(amount: &Amount, group: &HoldGroup, books: &GroupBooks) -> Result<Effect, DeclineReason> {
    let minor = part(amount, group)?;
    if minor > books.held_minor {
        return Err(DeclineReason::MoreThanHeld);
    }
    Ok(Effect::Release(minor))
}
