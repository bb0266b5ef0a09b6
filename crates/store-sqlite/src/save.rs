//! Saves what a batch decided: one insert a message, each changed row once.

use std::collections::HashMap;

use bursar_core::command::Link;
use bursar_core::journal::Journal;
use bursar_core::{Answer, Closing, Decided, Discrepancy, Message, MessageId, Outcome, OwnerId, State};
use bursar_store::{STAGES, Settled, StageTimes, Waiting};
use rusqlite::{Connection, OptionalExtension, Statement, params};

use crate::keys;
use crate::rows::{Blob16, Micros, account, card, cardholder, control, message, owner, program, window};

/// The positions of owners' last messages, as far as they are known.
pub(crate) type Heads = HashMap<OwnerId, i64>;

/// Owners before what belongs to them, so that references hold. A statement is looked up once for a
/// batch: for each row that cost as much as a small insert. The events, as they wait now.
pub(crate) fn batch(
    connection: &Connection,
    state: &State,
    settled: &[Settled],
    heads: &mut Heads,
) -> rusqlite::Result<Vec<Waiting>> {
    let events = messages(connection, settled, heads)?;
    state.programs.changed().try_for_each(|row| program::save(connection, row))?;
    owner::save(connection, state.owners.changed(), |owner| heads.get(&owner).copied())?;
    account::save(connection, state.accounts.changed())?;
    state.cardholders.changed().try_for_each(|row| cardholder::save(connection, row))?;
    state.cards.changed().try_for_each(|row| card::save(connection, row))?;
    for row in state.controls.changed() {
        row.controls.iter().try_for_each(|row| control::save(connection, row))?;
    }
    window::save(connection, state.counters.changed())?;
    decided(settled).try_for_each(|(decided, _)| match &decided.journal {
        Some(journal) => entries(connection, &decided.message, journal),
        None => Ok(()),
    })?;
    Ok(events)
}

fn decided(settled: &[Settled]) -> impl Iterator<Item = (&Decided, &Answer)> {
    settled.iter().filter_map(|settled| match settled {
        Settled::Done(Outcome::Decided(decided, answer)) => Some((&**decided, answer)),
        _ => None,
    })
}

/// The messages with their keys and events. Each knows where the owner's message before is.
fn messages(
    connection: &Connection,
    settled: &[Settled],
    heads: &mut Heads,
) -> rusqlite::Result<Vec<Waiting>> {
    let mut insert_message = connection.prepare_cached(message::INSERT)?;
    let mut insert_key = connection.prepare_cached(keys::INSERT)?;
    let mut insert_event = connection.prepare_cached(INSERT_EVENT)?;
    let mut events = Vec::new();
    for (decided, answer) in decided(settled) {
        let message = &decided.message;
        let previous = match message.owner {
            Some(owner) => head(connection, heads, owner)?,
            None => None,
        };
        message::insert(&mut insert_message, message, previous, answer)?;
        let position = connection.last_insert_rowid();
        keys::insert(&mut insert_key, &message.key, position)?;
        events.push(event(&mut insert_event, decided)?);
        links(connection, decided)?;
        discrepancy(connection, decided)?;
        if let Some(owner) = message.owner {
            heads.insert(owner, position);
        }
    }
    Ok(events)
}

/// The position of an owner's last message.
fn head(connection: &Connection, heads: &Heads, owner: OwnerId) -> rusqlite::Result<Option<i64>> {
    if let Some(position) = heads.get(&owner) {
        return Ok(Some(*position));
    }
    let select = "select last_position from owners where id = ?1";
    let position = connection.prepare_cached(select)?.query_row([Blob16(owner.uuid())], |row| row.get(0));
    Ok(position.optional()?.flatten())
}

const INSERT_EVENT: &str = "insert into outbox (event, message, kind, owner, owner_sequence, payload)
                            values (?1, ?2, ?3, ?4, ?5, ?6)";

fn event(insert: &mut Statement<'_>, decided: &Decided) -> rusqlite::Result<Waiting> {
    let event = decided.event();
    let payload = serde_json::to_string(&event)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let position = insert.insert(params![
        Blob16(event.id.uuid()),
        Blob16(event.message.uuid()),
        event.kind.as_str(),
        event.owner.map(|id| Blob16(id.uuid())),
        event.owner_sequence,
        payload
    ])?;
    Ok(Waiting { position, event: event.id.uuid(), kind: event.kind.as_str().to_owned(), payload })
}

/// What names the hold group from now on, and what became a part of it.
fn links(connection: &Connection, decided: &Decided) -> rusqlite::Result<()> {
    let message = &decided.message;
    let Some(group) = &message.group else { return Ok(()) };
    let root = Blob16(group.root.uuid());
    for Link { scope, kind, value } in &decided.links {
        // One that another owner's purchase has names that one.
        let insert =
            "insert into links (value, kind, scope, root) values (?1, ?2, ?3, ?4) on conflict do nothing";
        connection.prepare_cached(insert)?.execute(params![value, kind.as_str(), scope, root])?;
    }
    for merged in &decided.merged {
        let insert = "insert into merges (merged, root, message) values (?1, ?2, ?3)";
        let message = Blob16(message.id.uuid());
        connection.prepare_cached(insert)?.execute(params![Blob16(merged.uuid()), root, message])?;
    }
    Ok(())
}

fn discrepancy(connection: &Connection, decided: &Decided) -> rusqlite::Result<()> {
    let message = Blob16(decided.message.id.uuid());
    if let Some(Discrepancy { kind, currency, held_minor, posted_minor, pending_credit_minor }) =
        decided.discrepancy
    {
        let insert = "insert into discrepancies
                      (message, kind, currency, held_minor, posted_minor, pending_credit_minor)
                      values (?1, ?2, ?3, ?4, ?5, ?6)";
        connection.prepare_cached(insert)?.execute(params![
            message,
            kind.as_str(),
            currency.as_ref().map(|currency| currency.code()),
            held_minor,
            posted_minor,
            pending_credit_minor
        ])?;
    }
    for Closing { discrepancy, note } in &decided.closings {
        let insert = "insert into closings (message, discrepancy, note) values (?1, ?2, ?3)";
        let values = params![message, Blob16(discrepancy.uuid()), note.as_str()];
        connection.prepare_cached(insert)?.execute(values)?;
    }
    Ok(())
}

fn entries(connection: &Connection, message: &Message, journal: &Journal) -> rusqlite::Result<()> {
    let customer = &journal.customer;
    let insert =
        "insert into entries (account, number, journal, message, amount_minor, balance_after_minor, at)
                  values (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    connection.prepare_cached(insert)?.execute(params![
        Blob16(customer.account.uuid()),
        customer.number,
        Blob16(journal.id.uuid()),
        Blob16(journal.message.uuid()),
        customer.amount_minor,
        customer.balance_after_minor,
        Micros(message.at)
    ])?;
    let other = &journal.program;
    let insert = "insert into program_entries (journal, program, account, currency, amount_minor)
                  values (?1, ?2, ?3, ?4, ?5)";
    connection.prepare_cached(insert)?.execute(params![
        Blob16(journal.id.uuid()),
        Blob16(other.program.uuid()),
        other.account.as_str(),
        journal.currency.code(),
        other.amount_minor
    ])?;
    Ok(())
}

/// A message's times may come twice, after a batch was sent again: the first stay.
pub(crate) fn stage_times(
    connection: &Connection,
    times: &[(MessageId, StageTimes)],
) -> rusqlite::Result<()> {
    let insert =
        "insert into stage_times (message, parse, user_lookup, card_lookup, limits_lookup, queue_wait, load,
                  decision, \"commit\", answer) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                  on conflict do nothing";
    let mut statement = connection.prepare_cached(insert)?;
    for (message, times) in times {
        statement.raw_bind_parameter(1, Blob16(message.uuid()))?;
        for (place, &stage) in STAGES.iter().enumerate() {
            statement.raw_bind_parameter(place + 2, times.us(stage))?;
        }
        statement.raw_execute()?;
    }
    Ok(())
}
