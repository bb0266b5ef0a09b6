//! Cardholders.

use bursar_core::text::FreeText;
use bursar_core::{Cardholder, CardholderId, OwnerId};
use rusqlite::{Connection, Row, params};

use super::{Blob16, Micros, id, word};

pub(crate) const COLUMNS: &str = "id, owner, token, reference, status, status_at";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Cardholder> {
    Ok(Cardholder {
        id: id(row, 0, CardholderId::new)?,
        owner: id(row, 1, OwnerId::new)?,
        token: word(row, 2)?,
        reference: FreeText::new(row.get_ref(3)?.as_str()?),
        status: word(row, 4)?,
        status_at: row.get::<_, Option<Micros>>(5)?.map(|time| time.0),
    })
}

pub(crate) fn save(connection: &Connection, cardholder: &Cardholder) -> rusqlite::Result<()> {
    let upsert = "insert into cardholders (id, owner, token, reference, status, status_at)
                  values (?1, ?2, ?3, ?4, ?5, ?6)
                  on conflict (id) do update set status = excluded.status, status_at = excluded.status_at";
    connection.prepare_cached(upsert)?.execute(params![
        Blob16(cardholder.id.uuid()),
        Blob16(cardholder.owner.uuid()),
        cardholder.token.as_str(),
        cardholder.reference.as_str(),
        cardholder.status.as_str(),
        cardholder.status_at.map(Micros)
    ])?;
    Ok(())
}
