//! Cardholders.

use bursar_core::text::FreeText;
use bursar_core::{Cardholder, CardholderId, CardholderStatus, OwnerId};
use tokio_postgres::Row;

use super::{Read, get, id, token, word};

pub(crate) const COLUMNS: &str = "id, owner, token, reference, status, status_at";

pub(crate) fn read(row: &Row) -> Read<Cardholder> {
    Ok(Cardholder {
        id: id(row, 0, CardholderId::new)?,
        owner: id(row, 1, OwnerId::new)?,
        token: word(row, 2, token)?,
        reference: FreeText::new(get(row, 3)?),
        status: word(row, 4, CardholderStatus::from_word)?,
        status_at: get(row, 5)?,
    })
}
