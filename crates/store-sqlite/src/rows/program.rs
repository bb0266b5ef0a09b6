//! Programs.

use bursar_core::program::Policies;
use bursar_core::text::FreeText;
use bursar_core::{Currency, Program, ProgramId, Zone};
use bursar_store::columns::hold_days;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, Row, params};

use super::{Blob16, FromWord, id};

pub(crate) const COLUMNS: &str = "id, name, time_zone, currencies, partial_approvals, original_credits, hold_days, \
                                  hold_days_by_merchant";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Program> {
    let codes = row.get_ref(3)?.as_str()?;
    let currencies: Option<Vec<Currency>> = codes.split(',').map(Currency::from_column).collect();
    let hold_days = hold_days::read_or_longest(row.get(6)?, row.get_ref(7)?.as_str()?);
    let unknown = || FromSqlError::Other(format!("{codes:?} are no currencies").into());
    Ok(Program {
        id: id(row, 0, ProgramId::new)?,
        name: FreeText::new(row.get_ref(1)?.as_str()?),
        time_zone: read_zone(row.get_ref(2)?.as_str()?)?,
        currencies: currencies.ok_or_else(unknown)?,
        policies: Policies { partial_approvals: row.get(4)?, original_credits: row.get(5)? },
        hold_days,
    })
}

fn read_zone(name: &str) -> rusqlite::Result<Zone> {
    Ok(Zone::parse(name).map_err(|error| FromSqlError::Other(Box::new(error)))?)
}

pub(crate) fn save(connection: &Connection, program: &Program) -> rusqlite::Result<()> {
    let codes: Vec<&str> = program.currencies.iter().map(|currency| currency.code()).collect();
    let insert = "insert into programs (id, name, time_zone, currencies, partial_approvals, original_credits,
                  hold_days, hold_days_by_merchant) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                  on conflict (id) do update set hold_days = excluded.hold_days,
                  hold_days_by_merchant = excluded.hold_days_by_merchant";
    let program_id = Blob16(program.id.uuid());
    connection.prepare_cached(insert)?.execute(params![
        program_id,
        program.name.as_str(),
        program.time_zone.name(),
        codes.join(","),
        program.policies.partial_approvals,
        program.policies.original_credits,
        program.hold_days.usual.number(),
        hold_days::write(&program.hold_days.by_merchant)
    ])?;
    Ok(())
}
