//! Reports: what the processor says is booked, whether there is money for it or not.

use jiff::Timestamp;

use super::group::{Booked, begin, book, find, member};
use super::{Change, Fault, Ruling};
use crate::account::Account;
use crate::check::DeclineReason;
use crate::command::{Command, Report, Says};
use crate::hold_group::{Effect, HoldGroup};
use crate::message::{Authorization, Membership};
use crate::owner::Owner;
use crate::state::State;
use crate::time::whole_microseconds;

/// What cannot be booked is kept with the reason: no money is moved on a guess.
pub(super) fn report(
    state: &State,
    command: &Command,
    request: &Report,
    owner: Option<&Owner>,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    // Only what is the owner's is locked: another's purchase is none of this card's.
    let is_own = |group: &&HoldGroup| owner.is_some_and(|owner| owner.id == group.owner);
    let group = request.groups.iter().filter_map(|group| find(state, group)).find(is_own);
    let account = match group.map(|group| group.account).or(request.route.map(|route| route.account)) {
        Some(account) => state.accounts.get(account)?,
        None => None,
    };
    let (Some(owner), Some(account)) = (owner, account) else {
        return Ok(unbooked(request, None, DeclineReason::CardUnknown));
    };
    let effect = match effect(request, account) {
        Ok(effect) => effect,
        Err(reason) => return Ok(unbooked(request, Some(account), reason)),
    };
    let begun = request.route.map(|route| begin(command.id, route, account));
    let Some(group) = group.or(begun.as_ref()) else {
        return Ok(unbooked(request, Some(account), DeclineReason::CardUnknown));
    };
    let membership = Membership {
        root: group.root,
        processor_time: request.processor_time.map_or(at, whole_microseconds),
        effect,
    };
    let added = member(command, &membership, at, (request.kind, request.cash_minor));
    let Booked { account, hold, journal, taken: mut changes } = book(state, owner, account, group, added)?;
    changes.push(Change::Account(account.clone()));
    Ok(Ruling {
        // Of a claim: what comes under its key gets nothing.
        declined: (request.says == Says::Claim).then_some(DeclineReason::DecidedElsewhere),
        journal,
        changes,
        authorization: kept(request, Some(&account)),
        account: Some(account),
        hold: Some(hold),
        group: Some(membership),
        ..Ruling::default()
    })
}

fn effect(request: &Report, account: &Account) -> Result<Effect, DeclineReason> {
    if !request.says.has_amount() {
        return Ok(request.says.effect(0));
    }
    match request.amount.minor {
        _ if request.amount.currency != Some(account.currency) => Err(DeclineReason::CurrencyMismatch),
        Ok(minor) if minor >= 0 => Ok(request.says.effect(minor)),
        _ => Err(DeclineReason::InvalidAmount),
    }
}

fn unbooked(request: &Report, account: Option<&Account>, reason: DeclineReason) -> Ruling {
    Ruling { declined: Some(reason), authorization: kept(request, account), ..Ruling::default() }
}

/// What is kept of it beside its effect; nothing was checked.
fn kept(request: &Report, account: Option<&Account>) -> Option<Authorization> {
    Some(Authorization {
        kind: request.kind,
        card_token: request.card_token.clone()?,
        card: request.route.map(|route| route.card),
        cardholder: request.route.map(|route| route.cardholder),
        account: account.map(|account| account.id),
        amount_minor: request.amount.minor.ok(),
        cash_minor: request.cash_minor,
        currency: request.amount.currency,
        available_minor: None,
        merchant: request.merchant.clone(),
        details: request.details.clone(),
        checks: Vec::new(),
    })
}
