//! Two ledgers walked side by side: what one has and the other has not.

use std::cmp::Ordering;
use std::collections::VecDeque;

use super::tables::{Row, Table, Value};
use super::{CopyError, Side, Source, Target};
use crate::error::StoreError;

/// What is in one place of a table.
pub(super) enum Place {
    /// The same row on both sides.
    Same,
    /// A row that the target lacks.
    Missing(Row),
    /// A row that the target has otherwise; which columns differ.
    Other(Row, Vec<&'static str>),
    /// A row that the source does not have.
    Extra(Row),
}

/// Walks a table of both sides in the order of its key. What is written to the target on the way, at
/// places that were passed, is not seen.
pub(super) struct Merge {
    table: &'static Table,
    source: Cursor,
    target: Cursor,
}

impl Merge {
    pub(super) fn new(table: &'static Table, batch: usize) -> Self {
        Self { table, source: Cursor::new(batch), target: Cursor::new(batch) }
    }

    /// The next place; `None` at the end of both.
    pub(super) fn next(
        &mut self,
        source: &mut dyn Source,
        target: &mut dyn Target,
    ) -> Result<Option<Place>, CopyError> {
        let (table, key) = (self.table, self.table.key);
        let one = self.source.peek(source, table).map_err(CopyError::Source)?;
        let other = self.target.peek(target, table).map_err(CopyError::Target)?;
        let order = match (one, other) {
            (None, None) => return Ok(None),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(one), Some(other)) => one[..key].cmp(&other[..key]),
        };
        let one = if order.is_le() { self.source.rows.pop_front() } else { None };
        let other = if order.is_ge() { self.target.rows.pop_front() } else { None };
        Ok(match (one, other) {
            (Some(one), Some(other)) if one == other => Some(Place::Same),
            (Some(one), Some(other)) => {
                let columns = table.columns.iter().zip(one.iter().zip(&other));
                let differ = columns.filter(|(_, (one, other))| one != other);
                let differ = differ.map(|(column, _)| column.name).collect();
                Some(Place::Other(one, differ))
            }
            (Some(one), None) => Some(Place::Missing(one)),
            (None, Some(other)) => Some(Place::Extra(other)),
            (None, None) => None,
        })
    }
}

/// How far one side was walked.
struct Cursor {
    batch: usize,
    after: Option<Vec<Value>>,
    rows: VecDeque<Row>,
    is_at_end: bool,
}

impl Cursor {
    fn new(batch: usize) -> Self {
        Self { batch, after: None, rows: VecDeque::new(), is_at_end: false }
    }

    fn peek<S: Side + ?Sized>(
        &mut self,
        side: &mut S,
        table: &'static Table,
    ) -> Result<Option<&Row>, StoreError> {
        if self.rows.is_empty() && !self.is_at_end {
            let rows = side.rows(table, self.after.as_deref(), self.batch)?;
            self.is_at_end = rows.len() < self.batch;
            self.after = rows.last().map(|row| row[..table.key].to_vec());
            self.rows = rows.into();
        }
        Ok(self.rows.front())
    }
}
