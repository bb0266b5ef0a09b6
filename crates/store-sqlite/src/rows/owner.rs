//! Companies and persons.

use bursar_core::text::FreeText;
use bursar_core::{Owner, OwnerId, ProgramId};
use rusqlite::{Connection, Row, params};

use super::{Blob16, Micros, id, word, word_opt};

pub(crate) const COLUMNS: &str = "id, program, kind, name, token, status, sequence, last_at, status_at";

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Owner> {
    Ok(Owner {
        id: id(row, 0, OwnerId::new)?,
        program: id(row, 1, ProgramId::new)?,
        kind: word(row, 2)?,
        name: FreeText::new(row.get_ref(3)?.as_str()?),
        token: word_opt(row, 4)?,
        status: word(row, 5)?,
        sequence: row.get(6)?,
        last_at: row.get::<_, Micros>(7)?.0,
        status_at: row.get::<_, Option<Micros>>(8)?.map(|time| time.0),
    })
}

/// The update comes first: owners change with every decision and are made once. `last` tells the
/// position of an owner's last message.
pub(crate) fn save<'a>(
    connection: &Connection,
    mut owners: impl Iterator<Item = &'a Owner>,
    last: impl Fn(OwnerId) -> Option<i64>,
) -> rusqlite::Result<()> {
    let update = "update owners set status = ?2, sequence = ?3, last_at = ?4, last_position = ?5, status_at = ?6 where id = ?1";
    let mut update = connection.prepare_cached(update)?;
    owners.try_for_each(|owner| {
        let id = Blob16(owner.id.uuid());
        let last = last(owner.id);
        let status_at = owner.status_at.map(Micros);
        let changed =
            params![id, owner.status.as_str(), owner.sequence, Micros(owner.last_at), last, status_at];
        match update.execute(changed)? {
            0 => insert(connection, owner, last),
            _ => Ok(()),
        }
    })
}

fn insert(connection: &Connection, owner: &Owner, last: Option<i64>) -> rusqlite::Result<()> {
    let insert = "insert into owners (id, program, kind, name, token, status, sequence, last_at,
                  last_position, status_at) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
    connection.prepare_cached(insert)?.execute(params![
        Blob16(owner.id.uuid()),
        Blob16(owner.program.uuid()),
        owner.kind.as_str(),
        owner.name.as_str(),
        owner.token.as_ref().map(|token| token.as_str()),
        owner.status.as_str(),
        owner.sequence,
        Micros(owner.last_at),
        last,
        owner.status_at.map(Micros)
    ])?;
    Ok(())
}
