//! Releases: what a hold group holds is given back, in part or in full; the last of it ends the group.

use jiff::Timestamp;

use super::{Booked, Change, Fault, Ruling, book, find_group};
use crate::check::DeclineReason;
use crate::command::{Amount, Command, Expire, GroupRef, Reverse};
use crate::hold_group::{Effect, GroupMessage, GroupStatus, HoldGroup};
use crate::message::{Membership, TransactionKind};
use crate::owner::Owner;
use crate::state::State;

pub(super) fn reverse(
    state: &State,
    command: &Command,
    request: &Reverse,
    owner: &Owner,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    release(state, command, &request.group, owner, at, |group, held_minor| match &request.amount {
        None => Ok(Effect::ReverseAll),
        Some(amount) => part(amount, group, held_minor),
    })
}

pub(super) fn expire(
    state: &State,
    command: &Command,
    request: &Expire,
    owner: &Owner,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    release(state, command, &request.group, owner, at, |_, _| Ok(Effect::Expire))
}

fn part(amount: &Amount, group: &HoldGroup, held_minor: i64) -> Result<Effect, DeclineReason> {
    match amount.minor {
        _ if amount.currency != Some(group.currency) => Err(DeclineReason::CurrencyMismatch),
        Ok(minor) if minor > held_minor => Err(DeclineReason::MoreThanHeld),
        Ok(minor) if minor > 0 => Ok(Effect::Release(minor)),
        _ => Err(DeclineReason::InvalidAmount),
    }
}

/// Books what is released of an open group: as much as `effect` says of what is held.
fn release(
    state: &State,
    command: &Command,
    group: &GroupRef,
    owner: &Owner,
    at: Timestamp,
    effect: impl FnOnce(&HoldGroup, i64) -> Result<Effect, DeclineReason>,
) -> Result<Ruling, Fault> {
    let Some(group) = find_group(state, group) else {
        return Ok(Ruling::decline(DeclineReason::AuthorizationUnknown));
    };
    let books = group.books()?;
    if books.status != GroupStatus::Open {
        return Ok(Ruling::decline(DeclineReason::HoldGroupEnded));
    }
    let Some(account) = state.accounts.get(group.account)? else {
        return Ok(Ruling::decline(DeclineReason::AccountUnknown));
    };
    let effect = match effect(group, books.held_minor) {
        Ok(effect) => effect,
        Err(reason) => return Ok(Ruling::decline(reason)),
    };
    let membership = Membership { root: group.root, processor_time: group.time_after(at), effect };
    let added = GroupMessage {
        id: command.id,
        processor_time: membership.processor_time,
        effect,
        at,
        kind: TransactionKind::Purchase,
        cash_minor: 0,
    };
    let Booked { account, hold, journal, mut taken } = book(state, owner, account, group, added)?;
    taken.push(Change::Account(account.clone()));
    Ok(Ruling {
        journal,
        changes: taken,
        account: Some(account),
        hold: Some(hold),
        group: Some(membership),
        ..Ruling::default()
    })
}
