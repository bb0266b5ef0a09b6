//! Reports: what the processor says is booked, whether there is money for it or not.

use jiff::Timestamp;

use super::group::{Booked, begin, book, find_own, member};
use super::{Change, Fault, Ruling, discrepancy};
use crate::account::Account;
use crate::check::DeclineReason;
use crate::command::{Command, GroupRef, Link, Report, Says};
use crate::discrepancy::{Discrepancy, DiscrepancyKind};
use crate::hold_group::{Effect, GroupStatus, HoldGroup};
use crate::id::OwnerId;
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
    let Found { groups: found, is_guess } =
        owner.map_or_else(Found::default, |owner| find_groups(state, request, owner.id));
    let account = found.first().map(|group| group.account).or(request.route.map(|route| route.account));
    let account = match account {
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
    let groups = match (&begun, found.is_empty()) {
        (Some(begun), true) => vec![begun],
        _ => found,
    };
    let Some((group, merged)) = groups.split_first() else {
        return Ok(unbooked(request, Some(account), DeclineReason::CardUnknown));
    };
    let membership = Membership {
        root: group.root,
        processor_time: request.processor_time.map_or(at, whole_microseconds),
        effect,
    };
    let added = member(command, &membership, at, (request.kind, request.cash_minor));
    let before = account;
    let Booked { account, hold, journal, taken: mut changes } = book(state, owner, before, &groups, added)?;
    changes.push(Change::Account(account.clone()));
    let discrepancy = discrepancy::find(command, request, &groups, is_guess, before, &account);
    Ok(Ruling {
        // Of a claim: what comes under its key gets nothing.
        declined: (request.says == Says::Claim).then_some(DeclineReason::DecidedElsewhere),
        journal,
        changes,
        authorization: kept(request, Some(&account)),
        account: Some(account),
        hold: Some(hold),
        merged: merged.iter().map(|group| group.root).collect(),
        links: new_links(state, request),
        discrepancy,
        closings: discrepancy::closings(command, &groups),
        group: Some(membership),
        ..Ruling::default()
    })
}

/// What a report is about.
#[derive(Default)]
struct Found<'a> {
    groups: Vec<&'a HoldGroup>,
    is_guess: bool,
}

/// The groups that the report proves to be one, the one begun first before the others; or else the one that it
/// seems to be of. What an account holds stays its own: that of the surest group counts, and a group of another
/// one is left out.
fn find_groups<'a>(state: &'a State, request: &Report, owner: OwnerId) -> Found<'a> {
    let mut groups = find_own(state, &request.groups, owner);
    if groups.is_empty() && !request.says.begins_a_purchase() {
        return find_hinted(state, request, owner);
    }
    let account = groups.first().map(|group| group.account);
    groups.retain(|group| Some(group.account) == account);
    groups.sort_by_key(|group| group.root);
    groups.dedup_by_key(|group| group.root);
    Found { groups, is_guess: false }
}

/// The group that the first of the hints leads to; the surest come first. A guess counts only for what is held.
fn find_hinted<'a>(state: &'a State, request: &Report, owner: OwnerId) -> Found<'a> {
    let hinted = |hint: &GroupRef| {
        let group = *find_own(state, std::slice::from_ref(hint), owner).first()?;
        let is_guess = hint.link().is_some_and(Link::is_guess);
        let is_held = || group.books().is_ok_and(|books| books.status == GroupStatus::Open);
        (!is_guess || is_held()).then(|| Found { groups: vec![group], is_guess })
    };
    request.hints.iter().find_map(hinted).unwrap_or_default()
}

/// A claim says nothing of the transaction: its report has the links.
fn new_links(state: &State, request: &Report) -> Vec<Link> {
    if request.says == Says::Claim {
        return Vec::new();
    }
    let named = request.groups.iter().chain(&request.hints);
    let new = named.filter(|group| !state.group_refs.contains_key(group)).filter_map(GroupRef::link);
    new.cloned().collect()
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
    let discrepancy = Some(Discrepancy::unrepaired(DiscrepancyKind::NotBooked));
    Ruling { declined: Some(reason), authorization: kept(request, account), discrepancy, ..Ruling::default() }
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
