//! What was taken from the windows of a scope's controls.

use bursar_core::window::Counters;
use bursar_store::columns::windows;
use tokio_postgres::Row;

use super::control::read_scope;
use super::{Damage, Read, get};

pub(crate) const COLUMNS: &str = "scope, subject, taken";

pub(crate) fn read(row: &Row) -> Read<Counters> {
    let counters = windows::read(read_scope(row, 0)?, get(row, 2)?);
    counters.ok_or_else(|| Damage("these are no windows".to_owned()))
}
