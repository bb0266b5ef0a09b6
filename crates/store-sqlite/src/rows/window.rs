//! What was taken from the windows of a scope's controls.

use bursar_core::window::Counters;
use bursar_store::columns::windows;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, Row, params};

use super::Blob16;
use super::control::read_scope;

pub(crate) const COLUMNS: &str = "scope, subject, taken";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Counters> {
    let text = row.get_ref(2)?.as_str()?;
    let damaged = || FromSqlError::Other("these are no windows".into());
    Ok(windows::read(read_scope(row, 0)?, text).ok_or_else(damaged)?)
}

/// The update comes first: windows change with every approval and are made once.
pub(crate) fn save<'a>(
    connection: &Connection,
    mut counters: impl Iterator<Item = &'a Counters>,
) -> rusqlite::Result<()> {
    let update = "update windows set taken = ?3 where subject = ?1 and scope = ?2";
    let mut update = connection.prepare_cached(update)?;
    counters.try_for_each(|counters| {
        let scope = counters.scope;
        let columns = params![Blob16(scope.uuid()), scope.kind(), windows::write(counters)];
        match update.execute(columns)? {
            0 => {
                let insert = "insert into windows (subject, scope, taken) values (?1, ?2, ?3)";
                connection.prepare_cached(insert)?.execute(columns).map(|_| ())
            }
            _ => Ok(()),
        }
    })
}
