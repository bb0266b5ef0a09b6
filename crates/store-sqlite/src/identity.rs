//! Which ledger the file keeps.

use bursar_store::{Identity, StoreError};
use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use crate::error::of_read;
use crate::rows::{Blob16, Micros};

/// Reads it. A ledger without one is damaged.
pub(crate) fn read(connection: &Connection) -> Result<Identity, StoreError> {
    find(connection).map_err(|error| of_read(&error))
}

pub(crate) fn find(connection: &Connection) -> rusqlite::Result<Identity> {
    let select = "select ledger, copy_of, copied_at from identity where id = 1";
    connection.query_row(select, [], |row| {
        Ok(Identity {
            id: row.get::<_, Blob16>(0)?.0,
            copy_of: row.get::<_, Option<Blob16>>(1)?.map(|id| id.0),
            copied_at: row.get::<_, Option<Micros>>(2)?.map(|time| time.0),
        })
    })
}

/// The ledger is an unfinished copy from here on.
pub(crate) fn begin_copy(connection: &Connection, source: Uuid) -> rusqlite::Result<()> {
    let begin = "update identity set copy_of = ?1, copied_at = null where id = 1";
    connection.execute(begin, [Blob16(source)]).map(|_| ())
}

/// The copy is whole.
pub(crate) fn finish_copy(connection: &Connection, at: Timestamp) -> rusqlite::Result<()> {
    connection.execute("update identity set copied_at = ?1 where id = 1", [Micros(at)]).map(|_| ())
}
