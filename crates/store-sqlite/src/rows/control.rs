//! Spending controls.

use bursar_core::control::{Rule, Scope};
use bursar_core::text::FreeText;
use bursar_core::{Control, ControlId, OwnerId};
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, Row, params};

use super::{Blob16, id, word};

pub(crate) const COLUMNS: &str = "id, owner, scope, subject, name, rule, status";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Control> {
    let damaged = |error: serde_json::Error| FromSqlError::Other(Box::new(error));
    let rule: Rule = serde_json::from_str(row.get_ref(5)?.as_str()?).map_err(damaged)?;
    Ok(Control {
        id: id(row, 0, ControlId::new)?,
        owner: id(row, 1, OwnerId::new)?,
        scope: read_scope(row, 2)?,
        name: FreeText::new(row.get_ref(4)?.as_str()?),
        rule,
        status: word(row, 6)?,
    })
}

/// The scope, from its kind and the id in the column after it.
pub(crate) fn read_scope(row: &Row<'_>, column: usize) -> rusqlite::Result<Scope> {
    let kind = row.get_ref(column)?.as_str()?;
    let scope = Scope::from_parts(kind, row.get::<_, Blob16>(column + 1)?.0);
    Ok(scope.ok_or_else(|| FromSqlError::Other(format!("{kind:?} is no scope").into()))?)
}

pub(crate) fn save(connection: &Connection, control: &Control) -> rusqlite::Result<()> {
    let upsert = "insert into controls (id, owner, scope, subject, name, rule, status)
                  values (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                  on conflict (id) do update set rule = excluded.rule, status = excluded.status";
    let rule = serde_json::to_string(&control.rule)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    connection.prepare_cached(upsert)?.execute(params![
        Blob16(control.id.uuid()),
        Blob16(control.owner.uuid()),
        control.scope.kind(),
        Blob16(control.scope.uuid()),
        control.name.as_str(),
        rule,
        control.status.as_str()
    ])?;
    Ok(())
}
