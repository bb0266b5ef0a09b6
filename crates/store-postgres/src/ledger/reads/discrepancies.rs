//! Where the processor and we say different things.

use bursar_core::text::FreeText;
use bursar_core::{Discrepancy, DiscrepancyKind, MessageId};
use bursar_store::{DiscrepancyFilter, ListedDiscrepancy, Page, StoreError};
use tokio_postgres::Row;

use super::PostgresLedger;
use crate::rows::{Read, get, message, word};

impl PostgresLedger {
    pub(super) async fn discrepancies(
        &self,
        filter: DiscrepancyFilter,
        page: Page<i64>,
    ) -> Result<Vec<ListedDiscrepancy>, StoreError> {
        let select = format!(
            "select {}, place, what, held_minor, posted_minor, pending_credit_minor, note
             from (
                 select position as place, message as brought_by, kind as what, held_minor, posted_minor,
                 pending_credit_minor from discrepancies
             ) as found join messages on id = brought_by
             left join lateral (
                 select note from closings where discrepancy = brought_by order by message limit 1
             ) as closing on true
             where place < $1 and ($2::uuid is null or brought_by = $2)
             and (not $3::bool or (note is null and what not in ({})))
             order by place desc limit $4",
            message::COLUMNS,
            DiscrepancyFilter::repaired_kinds(),
        );
        let (before, limit) = (page.after.unwrap_or(i64::MAX), i64::from(page.limit));
        let wanted = filter.message.map(MessageId::uuid);
        let rows = self.query(&select, &[&before, &wanted, &filter.only_open, &limit]).await?;
        Ok(rows.iter().map(read).collect::<Read<_>>()?)
    }
}

fn read(row: &Row) -> Read<ListedDiscrepancy> {
    let first = message::WIDTH;
    Ok(ListedDiscrepancy {
        position: get(row, first)?,
        message: message::read(row)?,
        discrepancy: Discrepancy {
            kind: word(row, first + 1, DiscrepancyKind::from_word)?,
            held_minor: get(row, first + 2)?,
            posted_minor: get(row, first + 3)?,
            pending_credit_minor: get(row, first + 4)?,
        },
        closing: get::<Option<&str>>(row, first + 5)?.map(FreeText::new),
    })
}
