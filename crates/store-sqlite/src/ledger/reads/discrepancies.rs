//! Where the processor and we say different things.

use bursar_core::Discrepancy;
use bursar_core::text::FreeText;
use bursar_store::{DiscrepancyFilter, ListedDiscrepancy, Page};
use rusqlite::{Connection, Row, params};

use crate::rows::{Blob16, message, word, word_opt};

pub(super) fn list_discrepancies(
    connection: &Connection,
    filter: DiscrepancyFilter,
    page: Page<i64>,
) -> rusqlite::Result<Vec<ListedDiscrepancy>> {
    let select = format!(
        "select {}, place, what, money, held_minor, posted_minor, pending_credit_minor,
         (select note from closings where discrepancy = brought_by order by message limit 1)
         from (
             select position as place, message as brought_by, kind as what, currency as money, held_minor,
             posted_minor, pending_credit_minor from discrepancies
             where position < ?1 and {} order by position desc limit ?2
         ) join messages on id = brought_by order by place desc",
        message::COLUMNS,
        filter.condition("?3"),
    );
    let before = page.after.unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(&select)?;
    let rows = match filter.message {
        Some(id) => statement.query_map(params![before, page.limit, Blob16(id.uuid())], read)?,
        None => statement.query_map(params![before, page.limit], read)?,
    };
    rows.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<ListedDiscrepancy> {
    let first = message::WIDTH;
    Ok(ListedDiscrepancy {
        position: row.get(first)?,
        message: message::read(row)?,
        discrepancy: Discrepancy {
            kind: word(row, first + 1)?,
            currency: word_opt(row, first + 2)?,
            held_minor: row.get(first + 3)?,
            posted_minor: row.get(first + 4)?,
            pending_credit_minor: row.get(first + 5)?,
        },
        closing: row.get::<_, Option<String>>(first + 6)?.map(|note| FreeText::new(&note)),
    })
}
