//! Where the processor and we say different things.

use bursar_core::text::FreeText;
use bursar_core::{Discrepancy, DiscrepancyKind, MessageId};
use bursar_store::{DiscrepancyFilter, ListedDiscrepancy, Page, StoreError};
use tokio_postgres::Row;

use super::PostgresLedger;
use crate::rows::{Read, currency, get, message, word, word_opt};

impl PostgresLedger {
    pub(super) async fn discrepancies(
        &self,
        filter: DiscrepancyFilter,
        page: Page<i64>,
    ) -> Result<Vec<ListedDiscrepancy>, StoreError> {
        let select = format!(
            "select {}, place, what, money, held_minor, posted_minor, pending_credit_minor, note
             from (
                 select position as place, message as brought_by, kind as what, currency as money, held_minor,
                 posted_minor, pending_credit_minor from discrepancies
                 where position < $1 and {} order by position desc limit $2
             ) as found join messages on id = brought_by
             left join lateral (
                 select note from closings where discrepancy = brought_by order by message limit 1
             ) as closing on true
             order by place desc",
            message::COLUMNS,
            filter.condition("$3"),
        );
        let (before, limit) = (page.after.unwrap_or(i64::MAX), i64::from(page.limit));
        let rows = match filter.message.map(MessageId::uuid) {
            Some(wanted) => self.query(&select, &[&before, &limit, &wanted]).await?,
            None => self.query(&select, &[&before, &limit]).await?,
        };
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
            currency: word_opt(row, first + 2, currency)?,
            held_minor: get(row, first + 3)?,
            posted_minor: get(row, first + 4)?,
            pending_credit_minor: get(row, first + 5)?,
        },
        closing: get::<Option<&str>>(row, first + 6)?.map(FreeText::new),
    })
}
