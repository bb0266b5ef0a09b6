//! Saves what a batch decided: one insert a message, each changed row once.

use bursar_core::journal::Journal;
use bursar_core::{Decided, MessageId, State};
use bursar_core::{Message, Outcome};
use bursar_store::{STAGES, Settled, StageTimes};
use rusqlite::{Connection, Statement, params};

use crate::keys;
use crate::rows::{Blob16, Micros, account, card, cardholder, message, owner, program};

/// Owners before what belongs to them, so that references hold. A statement is looked up once for a
/// batch: for each row that cost as much as a small insert.
pub(crate) fn batch(connection: &Connection, state: &State, settled: &[Settled]) -> rusqlite::Result<()> {
    state.programs.changed().try_for_each(|row| program::save(connection, row))?;
    owner::save(connection, state.owners.changed())?;
    account::save(connection, state.accounts.changed())?;
    state.cardholders.changed().try_for_each(|row| cardholder::save(connection, row))?;
    state.cards.changed().try_for_each(|row| card::save(connection, row))?;
    let mut insert_message = connection.prepare_cached(message::INSERT)?;
    let mut insert_key = connection.prepare_cached(keys::INSERT)?;
    let mut insert_event = connection.prepare_cached(INSERT_EVENT)?;
    for settled in settled {
        if let Settled::Done(Outcome::Decided(decided, answer)) = settled {
            message::insert(&mut insert_message, &decided.message, answer)?;
            keys::insert(&mut insert_key, &decided.message.key, connection.last_insert_rowid())?;
            event(&mut insert_event, decided)?;
            if let Some(journal) = &decided.journal {
                entries(connection, &decided.message, journal)?;
            }
        }
    }
    Ok(())
}

const INSERT_EVENT: &str = "insert into outbox (event, message, kind, owner, owner_sequence, payload)
                            values (?1, ?2, ?3, ?4, ?5, ?6)";

fn event(insert: &mut Statement<'_>, decided: &Decided) -> rusqlite::Result<()> {
    let event = decided.event();
    let payload = serde_json::to_string(&event)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    insert.execute(params![
        Blob16(event.id.uuid()),
        Blob16(event.message.uuid()),
        event.kind.as_str(),
        event.owner.map(|id| Blob16(id.uuid())),
        event.owner_sequence,
        payload
    ])?;
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
