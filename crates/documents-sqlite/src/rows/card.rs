//! Cards.

use bursar_core::card::LastFour;
use bursar_core::{AccountId, CardId, CardStatus, OwnerId};
use bursar_documents::{CardState, Keep, Sealed, SealedCard};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::began_at;
use crate::columns::{id, optional_word, word};
use crate::failure::{Failure, of_row};

/// The label is the person's and stays.
const KEEP: &str = "insert into cards (id, person, account, last_four, status, sequence, kept_at)
    select ?1, ?2, ?3, ?4, ?5, ?6, ?7
    where exists (select 1 from persons where id = ?2 and erase_on is null and erased_at is null)
    on conflict (id) do update
    set account = excluded.account, last_four = excluded.last_four, status = excluded.status,
        sequence = excluded.sequence, kept_at = excluded.kept_at
    where cards.person = excluded.person
      and (excluded.sequence > cards.sequence
           or ?8 is not null and (excluded.sequence = cards.sequence or cards.kept_at < ?8))";

const LIST: &str =
    "select id, account, last_four, status, label, sequence from cards where person = ?1 order by id";

/// How many rows that changes.
pub(crate) fn keep(
    connection: &Connection,
    card: &CardState,
    keep: Keep,
    at: Timestamp,
) -> Result<usize, Failure> {
    Ok(connection.prepare_cached(KEEP)?.execute(params![
        card.id.uuid().as_bytes(),
        card.person.uuid().as_bytes(),
        card.account.uuid().as_bytes(),
        card.last_four.as_ref().map(LastFour::as_str),
        card.status.as_str(),
        card.sequence,
        at.as_microsecond(),
        began_at(keep),
    ])?)
}

/// Whether there is such a card of this person.
pub(crate) fn label(
    connection: &Connection,
    person: OwnerId,
    card: CardId,
    label: Option<&Sealed>,
) -> Result<bool, Failure> {
    let mut update =
        connection.prepare_cached("update cards set label = ?3 where id = ?1 and person = ?2")?;
    let label = label.map(|label| &label.0);
    Ok(update.execute(params![card.uuid().as_bytes(), person.uuid().as_bytes(), label])? > 0)
}

pub(crate) fn list(connection: &Connection, person: OwnerId) -> Result<Vec<SealedCard>, Failure> {
    let mut list = connection.prepare_cached(LIST)?;
    let read = |row: &Row<'_>| {
        let state = CardState {
            id: id(row, "id", CardId::new)?,
            person,
            account: id(row, "account", AccountId::new)?,
            last_four: optional_word(row, "last_four", |digits| LastFour::new(digits).ok())?,
            status: word(row, "status", CardStatus::from_word)?,
            sequence: row.get("sequence")?,
        };
        Ok(SealedCard { state, label: row.get::<_, Option<Vec<u8>>>("label")?.map(Sealed) })
    };
    let found = list.query_map([person.uuid().as_bytes()], read)?.collect();
    of_row("a card of", person, found)
}
