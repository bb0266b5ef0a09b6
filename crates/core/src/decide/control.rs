//! Spending controls: judged with the other checks, taken from with the books, and changed.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::windows::count;
use super::{Change, Fault, Ruling};
use crate::check::{Check, CheckName, DeclineReason};
use crate::command::{Action, ChangeControl, Command, PutControls};
use crate::control::{
    CONTROLS_MAX, Control, ControlStatus, MerchantRule, Places, Rule, Scope, Velocity, is_within,
};
use crate::hold_group::{HoldGroup, takes};
use crate::id::{ControlId, MessageId, OwnerId};
use crate::merchant::Merchant;
use crate::message::TransactionKind;
use crate::money::Currency;
use crate::owner::Owner;
use crate::state::{ScopeControls, State, Unreadable};
use crate::time::Zone;
use crate::window::{Counter, CounterOverflow, Counters, Used, Window};

/// What controls look at.
pub(super) struct Swipe<'a> {
    pub(super) scopes: [Scope; 3],
    pub(super) kind: TransactionKind,
    /// What would be spent, above zero.
    pub(super) minor: i64,
    pub(super) cash_minor: i64,
    pub(super) currency: Currency,
    pub(super) merchant: &'a Merchant,
    /// What an increment belongs to.
    pub(super) group: Option<&'a HoldGroup>,
    pub(super) at: Timestamp,
}

impl From<CounterOverflow> for Fault {
    fn from(_: CounterOverflow) -> Self {
        Self::Overflow("what was taken from a spending window")
    }
}

/// What every control that is in force says: one check for each list and schedule, one for each limit.
/// Whether money comes in is asked of limits only.
pub(super) fn judge(
    state: &State,
    owner: &Owner,
    swipe: &Swipe<'_>,
    is_spending: bool,
) -> Result<Vec<Check>, Fault> {
    let mut checks = Vec::new();
    for scope in swipe.scopes {
        let (row, counters) = of_scope(state, scope)?;
        for control in row.controls.iter().filter(|control| control.status != ControlStatus::Off) {
            let made = match &control.rule {
                Rule::Velocity(velocity) => {
                    let counter = counters.find(control.id);
                    judge_velocity(velocity, counter, swipe, zone_of(state, owner)?)?
                }
                Rule::Merchant(rule) if is_spending => [Some(judge_merchant(rule, swipe.merchant)), None],
                Rule::Schedule(hours) if is_spending => {
                    let is_now = is_within(hours, swipe.at, zone_of(state, owner)?);
                    [Some(Check::of(CheckName::ScheduleAllowed, is_now)), None]
                }
                Rule::Merchant(_) | Rule::Schedule(_) => [None, None],
            };
            checks.extend(made.into_iter().flatten().map(|check| check.of_control(control)));
        }
    }
    Ok(checks)
}

/// The limit of the amount, and that of the count. An increment is judged with all that its hold
/// group spends, and is no further use.
fn judge_velocity(
    velocity: &Velocity,
    counter: Option<&Counter>,
    swipe: &Swipe<'_>,
    zone: &Zone,
) -> Result<[Option<Check>; 2], Fault> {
    let part = velocity.part(swipe.kind, swipe.minor, swipe.cash_minor);
    let Some(wanted_minor) = part.filter(|_| is_of_currency(velocity, swipe.currency)) else {
        return Ok([None, None]);
    };
    let used = match velocity.window {
        Window::Transaction => of_group(velocity, swipe.group)?,
        window => match counter {
            Some(counter) => counter.used(window.begins(swipe.at, zone).ok_or(NO_EDGE)?)?,
            None => Used::default(),
        },
    };
    let left = velocity.less(used).ok_or(CounterOverflow)?;
    let found = match velocity.share(swipe.kind) {
        None => velocity.window.to_string(),
        Some(share) => format!("{}, {share} only", velocity.window),
    };
    let limit = |name, wanted: i64, left: i64| {
        Check::of(name, wanted <= left).comparing(wanted, left).found(found.clone())
    };
    let amount = left.amount_minor.map(|left_minor| limit(CheckName::AmountLimit, wanted_minor, left_minor));
    let uses = left.count.filter(|_| swipe.group.is_none());
    let count = uses.map(|uses| limit(CheckName::CountLimit, 1, uses));
    Ok([amount, count])
}

/// What the group spends by now, as far as it counts.
fn of_group(velocity: &Velocity, group: Option<&HoldGroup>) -> Result<Used, Fault> {
    let Some(group) = group else { return Ok(Used::default()) };
    let mut used = Used::default();
    for take in takes(&group.messages)? {
        let part = velocity.part(take.kind, take.amount_minor, take.cash_minor).unwrap_or(0);
        used.amount_minor = used.amount_minor.checked_add(part).ok_or(CounterOverflow)?;
    }
    Ok(used)
}

fn judge_merchant(rule: &MerchantRule, merchant: &Merchant) -> Check {
    let (name, found) = match &rule.of {
        Places::Mccs(_) => (CheckName::MerchantAllowed, merchant.mcc.as_ref().map(|mcc| mcc.as_str())),
        Places::Merchants(_) | Places::FirstMerchant(_) => {
            (CheckName::MerchantAllowed, merchant.id.as_ref().map(|id| id.as_str()))
        }
        Places::Countries(_) => {
            (CheckName::CountryAllowed, merchant.country.as_ref().map(|country| country.as_str()))
        }
        Places::Channels(_) => {
            (CheckName::ChannelAllowed, merchant.channels.first().map(|channel| channel.as_str()))
        }
    };
    let check = Check::of(name, rule.allows(merchant));
    check.found(found.map_or("not told".to_owned(), str::to_owned))
}

pub(super) fn is_of_currency(velocity: &Velocity, currency: Currency) -> bool {
    velocity.amount.is_none_or(|amount| amount.currency == currency)
}

pub(super) const NO_EDGE: Fault = Fault::Overflow("the edge of a spending window");

/// The time zone of the owner's program.
pub(super) fn zone_of<'a>(state: &'a State, owner: &Owner) -> Result<&'a Zone, Fault> {
    match state.programs.get(owner.program)? {
        Some(program) => Ok(&program.time_zone),
        None => Err(gone("program", owner.program.to_string())),
    }
}

fn gone(what: &'static str, id: String) -> Fault {
    Unreadable { what, id, why: "it is not there".to_owned() }.into()
}

/// The controls of a scope and what was taken from their windows. A store loads both, also where there
/// are none: what it forgot is not allowed by that.
pub(super) fn of_scope(state: &State, scope: Scope) -> Result<(&ScopeControls, &Counters), Fault> {
    match (state.controls.get(scope)?, state.counters.get(scope)?) {
        (Some(controls), Some(counters)) => Ok((controls, counters)),
        _ => Err(gone("controls of", scope.to_string())),
    }
}

/// Controls that lock onto the first merchant, once there is one.
pub(super) fn learn(state: &State, scopes: [Scope; 3], merchant: &Merchant) -> Result<Vec<Change>, Fault> {
    let mut changes = Vec::new();
    let Some(id) = &merchant.id else { return Ok(changes) };
    for scope in scopes {
        let (row, _) = of_scope(state, scope)?;
        let learns = |control: &Control| {
            let Rule::Merchant(rule) = &control.rule else { return false };
            control.status != ControlStatus::Off && matches!(rule.of, Places::FirstMerchant(None))
        };
        if !row.controls.iter().any(learns) {
            continue;
        }
        let mut row = row.clone();
        for control in Arc::make_mut(&mut row.controls).iter_mut().filter(|control| learns(control)) {
            if let Rule::Merchant(rule) = &mut control.rule {
                rule.of = Places::FirstMerchant(Some(id.clone()));
            }
        }
        changes.push(Change::Controls(row));
    }
    Ok(changes)
}

pub(super) fn put(
    state: &State,
    id: MessageId,
    request: &PutControls,
    owner: &Owner,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    if let Some(reason) = unknown_scope(state, request.scope, owner)? {
        return Ok(Ruling::decline(reason));
    }
    let zone = zone_of(state, owner)?;
    let (row, counters) = of_scope(state, request.scope)?;
    let (mut row, mut counters) = (row.clone(), counters.clone());
    let controls = Arc::make_mut(&mut row.controls);
    for (index, spec) in request.controls.iter().enumerate() {
        let place = match controls.iter().position(|control| control.name == spec.name) {
            Some(_) if !request.replace => return Ok(Ruling::decline(DeclineReason::ControlNameTaken)),
            Some(place) => place,
            None => {
                let Some(rule) = &spec.rule else { continue };
                let id = ControlId::new(Uuid::from_u128(id.uuid().as_u128().wrapping_add(index as u128)));
                controls.push(Control {
                    id,
                    owner: owner.id,
                    scope: request.scope,
                    name: spec.name.clone(),
                    rule: rule.clone(),
                    status: spec.status,
                });
                let place = controls.len() - 1;
                let taken = count(&controls[place], state.groups.values(), at, zone)?;
                *counters.of(id) = taken;
                continue;
            }
        };
        controls[place].status = spec.status;
        if let Some(rule) = &spec.rule {
            change_rule(state, &mut controls[place], rule, &mut counters, at, zone)?;
        }
    }
    if controls.len() > CONTROLS_MAX {
        return Ok(Ruling::decline(DeclineReason::TooManyControls));
    }
    let object = Some((request.scope.to_string(), None));
    Ok(changed(row, counters, object))
}

pub(super) fn change(
    state: &State,
    request: &ChangeControl,
    owner: &Owner,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    let (row, counters) = of_scope(state, request.scope)?;
    let (mut row, mut counters) = (row.clone(), counters.clone());
    let is_it = |control: &&mut Control| control.id == request.control && control.owner == owner.id;
    let Some(control) = Arc::make_mut(&mut row.controls).iter_mut().find(is_it) else {
        return Ok(Ruling::decline(DeclineReason::ControlUnknown));
    };
    control.status = request.status.unwrap_or(control.status);
    if let Some(rule) = &request.rule {
        change_rule(state, control, rule, &mut counters, at, zone_of(state, owner)?)?;
    }
    let object = Some((control.id.to_string(), Some(control.status.as_str())));
    Ok(changed(row, counters, object))
}

fn changed(row: ScopeControls, counters: Counters, object: Option<(String, Option<&'static str>)>) -> Ruling {
    Ruling { changes: vec![Change::Controls(row), Change::Counters(counters)], object, ..Ruling::default() }
}

/// What was counted stays right as long as the same is counted.
fn change_rule(
    state: &State,
    control: &mut Control,
    rule: &Rule,
    counters: &mut Counters,
    at: Timestamp,
    zone: &Zone,
) -> Result<(), Fault> {
    let counts_alike = control.rule.counts_like(rule);
    control.rule = rule.clone();
    if !counts_alike {
        // The groups were loaded for it.
        *counters.of(control.id) = count(control, state.groups.values(), at, zone)?;
    }
    Ok(())
}

fn unknown_scope(state: &State, scope: Scope, owner: &Owner) -> Result<Option<DeclineReason>, Fault> {
    let (found, reason) = match scope {
        Scope::Card(id) => (state.cards.get(id)?.map(|card| card.owner), DeclineReason::CardUnknown),
        Scope::Cardholder(id) => {
            let found = state.cardholders.get(id)?.map(|cardholder| cardholder.owner);
            (found, DeclineReason::CardholderUnknown)
        }
        Scope::Owner(id) => (Some(id), DeclineReason::OwnerUnknown),
    };
    Ok((found != Some(owner.id)).then_some(reason))
}

/// From when on the command needs all hold groups of an owner in the state: a limit that counts
/// something new counts what was already taken. `None` if it needs none.
///
/// The rows that the command names are in the state. `changed` are the scopes whose controls commands
/// before it in the batch change: what they will be then is not what is stored.
pub fn history_since(
    state: &State,
    command: &Command,
    at: Timestamp,
    changed: &mut HashSet<Scope>,
) -> Option<(OwnerId, Timestamp)> {
    let (scope, rules): (Scope, Vec<(Option<&Control>, &Rule)>) = match &command.action {
        Action::PutControls(put) => {
            let rules = put.controls.iter().filter_map(|spec| {
                let stored = stored(state, put.scope, |control| control.name == spec.name);
                // A name that is taken is refused, and nothing counted.
                spec.rule.as_ref().filter(|_| put.replace || stored.is_none()).map(|rule| (stored, rule))
            });
            (put.scope, rules.collect())
        }
        Action::ChangeControl(change) => {
            let stored = stored(state, change.scope, |control| control.id == change.control);
            (change.scope, change.rule.iter().map(|rule| (stored, rule)).collect())
        }
        _ => return None,
    };
    let is_first = changed.insert(scope);
    let owner = state.owners.get(command.owner()?).ok()??;
    let zone = zone_of(state, owner).ok()?;
    let is_counted = |stored: Option<&Control>, rule: &Rule| {
        is_first && stored.is_some_and(|stored| stored.rule.counts_like(rule))
    };
    let since = |(stored, rule): (Option<&Control>, &Rule)| match rule.counted() {
        Some(velocity) if !is_counted(stored, rule) => velocity.window.begins(at, zone),
        _ => None,
    };
    Some((owner.id, rules.into_iter().filter_map(since).min()?))
}

fn stored(state: &State, scope: Scope, is_it: impl Fn(&Control) -> bool) -> Option<&Control> {
    state.controls.get(scope).ok()??.controls.iter().find(|control| is_it(control))
}
