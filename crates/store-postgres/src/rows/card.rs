//! Cards.

use bursar_core::card::LastFour;
use bursar_core::{AccountId, Card, CardId, CardStatus, CardholderId, OwnerId};
use tokio_postgres::Row;

use super::{Read, get, id, token, word, word_opt};

pub(crate) const COLUMNS: &str = "id, owner, cardholder, account, token, last_four, status, status_at";

pub(crate) fn read(row: &Row) -> Read<Card> {
    Ok(Card {
        id: id(row, 0, CardId::new)?,
        owner: id(row, 1, OwnerId::new)?,
        cardholder: id(row, 2, CardholderId::new)?,
        account: id(row, 3, AccountId::new)?,
        token: word(row, 4, token)?,
        last_four: word_opt(row, 5, |text| LastFour::new(text).ok())?,
        status: word(row, 6, CardStatus::from_word)?,
        status_at: get(row, 7)?,
    })
}
