//! Cards.

use bursar_core::card::LastFour;
use bursar_core::{AccountId, Card, CardId, CardholderId, OwnerId};
use rusqlite::{Connection, Row, params};

use super::{Blob16, FromWord, Micros, id, word, word_opt};

pub(crate) const COLUMNS: &str = "id, owner, cardholder, account, token, last_four, status, status_at";

impl FromWord for LastFour {
    fn from_column(text: &str) -> Option<Self> {
        Self::new(text).ok()
    }
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Card> {
    Ok(Card {
        id: id(row, 0, CardId::new)?,
        owner: id(row, 1, OwnerId::new)?,
        cardholder: id(row, 2, CardholderId::new)?,
        account: id(row, 3, AccountId::new)?,
        token: word(row, 4)?,
        last_four: word_opt(row, 5)?,
        status: word(row, 6)?,
        status_at: row.get::<_, Option<Micros>>(7)?.map(|time| time.0),
    })
}

pub(crate) fn save(connection: &Connection, card: &Card) -> rusqlite::Result<()> {
    let upsert = "insert into cards (id, owner, cardholder, account, token, last_four, status, status_at)
                  values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                  on conflict (id) do update set status = excluded.status, status_at = excluded.status_at";
    connection.prepare_cached(upsert)?.execute(params![
        Blob16(card.id.uuid()),
        Blob16(card.owner.uuid()),
        Blob16(card.cardholder.uuid()),
        Blob16(card.account.uuid()),
        card.token.as_str(),
        card.last_four.as_ref().map(LastFour::as_str),
        card.status.as_str(),
        card.status_at.map(Micros)
    ])?;
    Ok(())
}
