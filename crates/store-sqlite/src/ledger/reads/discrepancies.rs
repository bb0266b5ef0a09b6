//! Where the processor and we say different things.

use bursar_core::text::FreeText;
use bursar_core::{Discrepancy, MessageId};
use bursar_store::{DiscrepancyFilter, ListedDiscrepancy, Page};
use rusqlite::{Connection, Row, params};

use crate::rows::{Blob16, message, word};

pub(super) fn list_discrepancies(
    connection: &Connection,
    filter: DiscrepancyFilter,
    page: Page<i64>,
) -> rusqlite::Result<Vec<ListedDiscrepancy>> {
    let select = format!(
        "select {}, place, what, held_minor, posted_minor, pending_credit_minor,
         (select note from closings where discrepancy = brought_by order by message limit 1) as closing
         from (
             select position as place, message as brought_by, kind as what, held_minor, posted_minor,
             pending_credit_minor from discrepancies
         ) join messages on id = brought_by
         where place < ?1 and (?2 is null or brought_by = ?2)
         and (?3 = 0 or (closing is null and what not in ({})))
         order by place desc limit ?4",
        message::COLUMNS,
        DiscrepancyFilter::repaired_kinds(),
    );
    let before = page.after.unwrap_or(i64::MAX);
    let wanted = filter.message.map(|id: MessageId| Blob16(id.uuid()));
    let mut statement = connection.prepare_cached(&select)?;
    let rows = statement.query_map(params![before, wanted, filter.only_open, page.limit], read)?;
    rows.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<ListedDiscrepancy> {
    let first = message::WIDTH;
    Ok(ListedDiscrepancy {
        position: row.get(first)?,
        message: message::read(row)?,
        discrepancy: Discrepancy {
            kind: word(row, first + 1)?,
            held_minor: row.get(first + 2)?,
            posted_minor: row.get(first + 3)?,
            pending_credit_minor: row.get(first + 4)?,
        },
        closing: row.get::<_, Option<String>>(first + 5)?.map(|note| FreeText::new(&note)),
    })
}
