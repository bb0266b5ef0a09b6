//! Which documents key seals what is here.

use bursar_documents::KeyId;
use rusqlite::Connection;

use crate::failure::{Failure, of_row};

/// The one that is noted: this one, unless there is one already.
pub(crate) fn note(connection: &Connection, key: KeyId) -> Result<KeyId, Failure> {
    let insert = "insert into documents_key (number, id) values (1, ?1) on conflict do nothing";
    connection.prepare_cached(insert)?.execute([key.0])?;
    let mut find = connection.prepare_cached("select id from documents_key")?;
    of_row("the id of", "documents_key", find.query_row([], |row| row.get(0).map(KeyId)))
}
