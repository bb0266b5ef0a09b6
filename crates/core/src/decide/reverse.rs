//! The full reversal: what a hold group still holds is released, and the group ends.

use jiff::Timestamp;

use super::{Booked, Change, Fault, Ruling, book, find_group};
use crate::check::DeclineReason;
use crate::command::{Command, Reverse};
use crate::hold_group::{Effect, GroupMessage, GroupStatus};
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
    let Some(group) = find_group(state, &request.group) else {
        return Ok(Ruling::decline(DeclineReason::AuthorizationUnknown));
    };
    if group.books()?.status != GroupStatus::Open {
        return Ok(Ruling::decline(DeclineReason::HoldGroupEnded));
    }
    let Some(account) = state.accounts.get(group.account)? else {
        return Ok(Ruling::decline(DeclineReason::AccountUnknown));
    };
    let last = group.messages.iter().map(|message| message.processor_time).max();
    let named = request.processor_time.map(whole_microseconds);
    let membership = Membership {
        root: group.root,
        // Our clock may be behind the processor's: a reversal ends what was there when it came.
        processor_time: named.unwrap_or_else(|| last.map_or(at, |last| last.max(at))),
        effect: Effect::ReverseAll,
    };
    let added = GroupMessage {
        id: command.id,
        processor_time: membership.processor_time,
        effect: membership.effect,
        at,
        kind: TransactionKind::Purchase,
        cash_minor: 0,
    };
    let Booked { account, journal, mut taken } = book(state, owner, account, group, added)?;
    taken.push(Change::Account(account.clone()));
    Ok(Ruling {
        journal,
        changes: taken,
        account: Some(account),
        group: Some(membership),
        ..Ruling::default()
    })
}
