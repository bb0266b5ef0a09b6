//! Wallets.

use bursar_core::{AccountId, Currency, OwnerId};
use bursar_documents::{Keep, Wallet};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::began_at;
use crate::columns::{id, word};
use crate::failure::{Failure, of_row};

const KEEP: &str =
    "insert into wallets (id, person, currency, posted_minor, held_minor, available_minor, sequence, kept_at)
    select ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8
    where exists (select 1 from persons where id = ?2 and erase_on is null and erased_at is null)
    on conflict (id) do update
    set currency = excluded.currency, posted_minor = excluded.posted_minor, held_minor = excluded.held_minor,
        available_minor = excluded.available_minor, sequence = excluded.sequence, kept_at = excluded.kept_at
    where wallets.person = excluded.person
      and (excluded.sequence > wallets.sequence
           or ?9 is not null and (excluded.sequence = wallets.sequence or wallets.kept_at < ?9))";

const LIST: &str = "select id, currency, posted_minor, held_minor, available_minor, sequence
                    from wallets where person = ?1 order by id";

/// How many rows that changes.
pub(crate) fn keep(
    connection: &Connection,
    wallet: &Wallet,
    keep: Keep,
    at: Timestamp,
) -> Result<usize, Failure> {
    Ok(connection.prepare_cached(KEEP)?.execute(params![
        wallet.id.uuid().as_bytes(),
        wallet.person.uuid().as_bytes(),
        wallet.currency.code(),
        wallet.posted_minor,
        wallet.held_minor,
        wallet.available_minor,
        wallet.sequence,
        at.as_microsecond(),
        began_at(keep),
    ])?)
}

pub(crate) fn list(connection: &Connection, person: OwnerId) -> Result<Vec<Wallet>, Failure> {
    let mut list = connection.prepare_cached(LIST)?;
    let read = |row: &Row<'_>| {
        Ok(Wallet {
            id: id(row, "id", AccountId::new)?,
            person,
            currency: word(row, "currency", |code| Currency::parse(code).ok())?,
            posted_minor: row.get("posted_minor")?,
            held_minor: row.get("held_minor")?,
            available_minor: row.get("available_minor")?,
            sequence: row.get("sequence")?,
        })
    };
    let found = list.query_map([person.uuid().as_bytes()], read)?.collect();
    of_row("a wallet of", person, found)
}
