//! Purchases.

use bursar_core::{CardId, Currency, MessageId, OwnerId};
use bursar_documents::{Keep, Sealed, SealedHistoryEntry};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::began_at;
use crate::columns::{id, optional_id, optional_word, time};
use crate::failure::{Failure, of_row};

const KEEP: &str =
    "insert into history (root, person, position, sequence, merged_into, card, merchant, category,
                         status, amount_minor, currency, began_at, kept_at)
    select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13
    where exists (select 1 from persons where id = ?2 and erase_on is null and erased_at is null)
    on conflict (root) do update
    set position = excluded.position, sequence = excluded.sequence, merged_into = excluded.merged_into,
        card = excluded.card, merchant = excluded.merchant, category = excluded.category,
        status = excluded.status, amount_minor = excluded.amount_minor, currency = excluded.currency,
        began_at = excluded.began_at, kept_at = excluded.kept_at
    where history.person = excluded.person
      and (excluded.sequence > history.sequence
           or ?14 is not null and (excluded.sequence = history.sequence or history.kept_at < ?14))";

const LIST: &str =
    "select root, position, sequence, merged_into, card, merchant, category, status, amount_minor,
                           currency, began_at
    from history where person = ?1 and position < ?2 and merged_into is null order by position desc limit ?3";

/// How many rows that changes.
pub(crate) fn keep(
    connection: &Connection,
    entry: &SealedHistoryEntry,
    keep: Keep,
    at: Timestamp,
) -> Result<usize, Failure> {
    Ok(connection.prepare_cached(KEEP)?.execute(params![
        entry.root.uuid().as_bytes(),
        entry.person.uuid().as_bytes(),
        entry.position,
        entry.sequence,
        entry.merged_into.map(|root| root.uuid().into_bytes()),
        entry.card.map(|card| card.uuid().into_bytes()),
        entry.merchant.as_ref().map(|merchant| &merchant.0),
        entry.category.as_ref().map(|category| &category.0),
        entry.status,
        entry.amount_minor,
        entry.currency.map(Currency::code),
        entry.began_at.as_microsecond(),
        at.as_microsecond(),
        began_at(keep),
    ])?)
}

pub(crate) fn list(
    connection: &Connection,
    person: OwnerId,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<SealedHistoryEntry>, Failure> {
    let mut list = connection.prepare_cached(LIST)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    // Positions count messages: there is none at the end of numbers.
    let before = before.unwrap_or(i64::MAX);
    let found =
        list.query_map(params![person.uuid().as_bytes(), before, limit], |row| read(row, person))?.collect();
    of_row("a purchase of", person, found)
}

fn read(row: &Row<'_>, person: OwnerId) -> rusqlite::Result<SealedHistoryEntry> {
    let sealed = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<Vec<u8>>>(column)?.map(Sealed));
    Ok(SealedHistoryEntry {
        root: id(row, "root", MessageId::new)?,
        person,
        position: row.get("position")?,
        sequence: row.get("sequence")?,
        merged_into: optional_id(row, "merged_into", MessageId::new)?,
        card: optional_id(row, "card", CardId::new)?,
        merchant: sealed("merchant")?,
        category: sealed("category")?,
        status: row.get("status")?,
        amount_minor: row.get("amount_minor")?,
        currency: optional_word(row, "currency", |code| Currency::parse(code).ok())?,
        began_at: time(row, "began_at")?,
    })
}
