//! Spending controls.

use bursar_core::control::{Rule, Scope};
use bursar_core::text::FreeText;
use bursar_core::{Control, ControlId, ControlStatus, OwnerId};
use tokio_postgres::Row;

use super::{Damage, Read, get, id, word};

pub(crate) const COLUMNS: &str = "id, owner, scope, subject, name, rule, status";

pub(crate) fn read(row: &Row) -> Read<Control> {
    let rule: Rule = serde_json::from_str(get(row, 5)?)?;
    Ok(Control {
        id: id(row, 0, ControlId::new)?,
        owner: id(row, 1, OwnerId::new)?,
        scope: read_scope(row, 2)?,
        name: FreeText::new(get(row, 4)?),
        rule,
        status: word(row, 6, ControlStatus::from_word)?,
    })
}

/// The scope, from its kind and the id in the column after it.
pub(crate) fn read_scope(row: &Row, column: usize) -> Read<Scope> {
    let kind: &str = get(row, column)?;
    Scope::from_parts(kind, get(row, column + 1)?).ok_or_else(|| Damage(format!("{kind:?} is no scope")))
}
