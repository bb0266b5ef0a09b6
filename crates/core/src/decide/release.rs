//! Releases: what a hold group holds is given back, in part or in full; the last of it ends the group.

use jiff::{SignedDuration, Timestamp};

use super::{Booked, Change, Fault, Ruling, book, find_group};
use crate::check::DeclineReason;
use crate::command::{Amount, Command, Expire, GroupRef, Reverse};
use crate::hold_group::{Effect, GroupMessage, GroupStatus, HoldGroup};
use crate::message::{Membership, TransactionKind};
use crate::owner::Owner;
use crate::state::State;
use crate::time::whole_microseconds;

pub(super) fn reverse(
    state: &State,
    command: &Command,
    request: &Reverse,
    owner: &Owner,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    let released = Released { group: &request.group, processor_time: request.processor_time };
    released.book(state, command, owner, at, |group, held_minor| match &request.amount {
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
    let released = Released { group: &request.group, processor_time: request.processor_time };
    released.book(state, command, owner, at, |_, _| Ok(Effect::Expire))
}

fn part(amount: &Amount, group: &HoldGroup, held_minor: i64) -> Result<Effect, DeclineReason> {
    match amount.minor {
        _ if amount.currency != Some(group.currency) => Err(DeclineReason::CurrencyMismatch),
        Ok(minor) if minor > held_minor => Err(DeclineReason::MoreThanHeld),
        Ok(minor) if minor > 0 => Ok(Effect::Release(minor)),
        _ => Err(DeclineReason::InvalidAmount),
    }
}

/// What a release is about, whatever it is called.
struct Released<'a> {
    group: &'a GroupRef,
    processor_time: Option<Timestamp>,
}

impl Released<'_> {
    /// Books what is released of an open group: as much as `effect` says of what is held.
    fn book(
        &self,
        state: &State,
        command: &Command,
        owner: &Owner,
        at: Timestamp,
        effect: impl FnOnce(&HoldGroup, i64) -> Result<Effect, DeclineReason>,
    ) -> Result<Ruling, Fault> {
        let Some(group) = find_group(state, self.group) else {
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
        let membership = Membership { root: group.root, processor_time: self.time(group, at), effect };
        let added = GroupMessage {
            id: command.id,
            processor_time: membership.processor_time,
            effect,
            at,
            kind: TransactionKind::Purchase,
            cash_minor: 0,
        };
        let Booked { account, status, journal, mut taken } = book(state, owner, account, group, added)?;
        taken.push(Change::Account(account.clone()));
        Ok(Ruling {
            journal,
            changes: taken,
            account: Some(account),
            object: Some((group.root.to_string(), Some(status.as_str()))),
            group: Some(membership),
            ..Ruling::default()
        })
    }

    /// A release is of what was held when it came: later than all of it, though our clock may be
    /// behind the processor's, and though ids of equal times may have any order.
    fn time(&self, group: &HoldGroup, at: Timestamp) -> Timestamp {
        let last = group.messages.iter().map(|message| message.processor_time).max();
        let after = last.and_then(|last| last.checked_add(SignedDuration::from_micros(1)).ok());
        self.processor_time.map_or_else(|| after.map_or(at, |after| after.max(at)), whole_microseconds)
    }
}
