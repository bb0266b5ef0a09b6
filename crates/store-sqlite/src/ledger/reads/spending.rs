//! Spending controls, and what was taken from their windows.

use bursar_core::control::Scope;
use bursar_core::window::Counters;
use bursar_core::{Control, ControlId};
use bursar_store::{Clock, ControlFilter, Page, Spending};
use rusqlite::Connection;

use super::{CARDHOLDERS, CARDS, CONTROLS, OWNERS, PROGRAMS};
use crate::load::{read_controls, read_counters};
use crate::rows::Blob16;

pub(super) fn list_controls(
    connection: &Connection,
    filter: ControlFilter,
    page: Page<ControlId>,
) -> rusqlite::Result<Vec<Control>> {
    let Some(scope) = filter.scope else {
        return CONTROLS.list_of_owner(connection, filter.owner, page.after.map(ControlId::uuid), page.limit);
    };
    // A scope has few.
    let is_wanted = |control: &Control| {
        page.after.is_none_or(|after| control.id > after)
            && filter.owner.is_none_or(|owner| control.owner == owner)
    };
    let found = read_controls(connection, scope)?.into_iter().filter(is_wanted);
    Ok(found.take(page.limit as usize).collect())
}

pub(super) fn find_spending(
    connection: &Connection,
    scope: Scope,
    clock: &Clock,
) -> rusqlite::Result<Option<Spending>> {
    let (owner, scopes) = match scope {
        Scope::Owner(id) => (Some(id), vec![scope]),
        Scope::Cardholder(id) => match CARDHOLDERS.find(connection, "id", [Blob16(id.uuid())])? {
            Some(holder) => (Some(holder.owner), vec![scope, Scope::Owner(holder.owner)]),
            None => (None, Vec::new()),
        },
        Scope::Card(id) => match CARDS.find(connection, "id", [Blob16(id.uuid())])? {
            Some(card) => {
                (Some(card.owner), vec![scope, Scope::Cardholder(card.cardholder), Scope::Owner(card.owner)])
            }
            None => (None, Vec::new()),
        },
    };
    let Some(owner) =
        owner.map(|id| OWNERS.find(connection, "id", [Blob16(id.uuid())])).transpose()?.flatten()
    else {
        return Ok(None);
    };
    let Some(program) = PROGRAMS.find(connection, "id", [Blob16(owner.program.uuid())])? else {
        return Ok(None);
    };
    let mut controls = Vec::new();
    for scope in scopes {
        let counters = read_counters(connection, scope)?.unwrap_or(Counters::new(scope));
        for control in read_controls(connection, scope)? {
            let counter = counters.find(control.id).cloned().unwrap_or_default();
            controls.push((control, counter));
        }
    }
    Ok(Some(Spending { at: clock.now().max(owner.last_at), zone: program.time_zone, controls }))
}
