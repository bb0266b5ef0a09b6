//! What is taken from the windows of spending controls: it follows from the messages of hold groups.

use jiff::Timestamp;

use super::control::{NO_EDGE, is_of_currency, of_scope, zone_of};
use super::{Change, Fault};
use crate::control::{Control, Scope, Velocity};
use crate::hold_group::{GroupMessage, HoldGroup, Take, takes};
use crate::money::Currency;
use crate::owner::Owner;
use crate::state::State;
use crate::time::Zone;
use crate::window::{Counter, Used};

/// The windows of the groups' controls, when the messages of the first are `after` instead of what they are,
/// and those of the others are among them.
pub(super) fn take(
    state: &State,
    owner: &Owner,
    groups: &[&HoldGroup],
    after: &[GroupMessage],
    at: Timestamp,
) -> Result<Vec<Change>, Fault> {
    let mut changes = Vec::new();
    let mut takes_of_both = None;
    let mut scopes: Vec<Scope> = groups.iter().flat_map(|group| group.scopes()).collect();
    scopes.sort_unstable();
    scopes.dedup();
    for scope in scopes {
        let (row, counters) = of_scope(state, scope)?;
        if row.controls.iter().all(|control| control.rule.counted().is_none()) {
            continue;
        }
        let zone = zone_of(state, owner)?;
        let (before, after) = match &takes_of_both {
            Some(both) => both,
            None => takes_of_both.insert((takes_of_each(groups)?, takes(after)?)),
        };
        let mut counters = counters.clone();
        for control in row.controls.iter() {
            let Some(velocity) = control.rule.counted() else { continue };
            let counter = counters.of(control.id);
            for ((group, before), place) in groups.iter().zip(before).zip(0..) {
                if !group.scopes().contains(&scope) {
                    continue;
                }
                let counting = Counting { velocity, currency: group.currency, at, zone };
                counting.add(counter, before, -1)?;
                if place == 0 {
                    counting.add(counter, after, 1)?;
                }
            }
        }
        changes.push(Change::Counters(counters));
    }
    Ok(changes)
}

fn takes_of_each(groups: &[&HoldGroup]) -> Result<Vec<Vec<Take>>, Fault> {
    groups.iter().map(|group| Ok(takes(&group.messages)?)).collect()
}

/// How the takes of one account count for one limit, now.
struct Counting<'a> {
    velocity: &'a Velocity,
    currency: Currency,
    at: Timestamp,
    zone: &'a Zone,
}

impl Counting<'_> {
    /// Adds what was taken, or gives it back where the sign is negative.
    fn add(&self, counter: &mut Counter, takes: &[Take], sign: i64) -> Result<(), Fault> {
        let Self { velocity, currency, at, zone } = *self;
        if !is_of_currency(velocity, currency) {
            return Ok(());
        }
        let begins = velocity.window.begins(at, zone).ok_or(NO_EDGE)?;
        for take in takes {
            let Some(part_minor) = velocity.part(take.kind, take.amount_minor, take.cash_minor) else {
                continue;
            };
            // Of a calendar period there is one bucket, and what is older counts no more.
            let start = match velocity.window.is_rolling() {
                false if take.at >= begins => begins,
                _ => velocity.window.bucket(take.at, zone).ok_or(NO_EDGE)?,
            };
            counter.add(start, Used { amount_minor: sign * part_minor, count: sign * take.count }, begins)?;
        }
        Ok(())
    }
}

/// What the hold groups took from a control's window by this time (V2): its counter, as if it had
/// been there for ever.
///
/// # Errors
/// A sum overflows.
pub fn count<'a>(
    control: &Control,
    groups: impl Iterator<Item = &'a HoldGroup>,
    at: Timestamp,
    zone: &Zone,
) -> Result<Counter, Fault> {
    let mut counter = Counter::default();
    if let Some(velocity) = control.rule.counted() {
        for group in groups.filter(|group| group.scopes().contains(&control.scope)) {
            let counting = Counting { velocity, currency: group.currency, at, zone };
            counting.add(&mut counter, &takes(&group.messages)?, 1)?;
        }
    }
    Ok(counter)
}
