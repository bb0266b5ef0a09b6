//! Sealed fields of persons and of their identities, in one table.

use std::collections::BTreeMap;

use bursar_core::OwnerId;
use bursar_documents::{Collection, Field, Sealed};
use rusqlite::{Connection, Row, params};

use crate::columns::word;
use crate::failure::{Failure, of_row};

const FIND: &str = "select field, sealed from fields where person = ?1";
const DELETE: &str = "delete from fields where person = ?1 and field = ?2";
const PUT: &str = "insert into fields (person, field, sealed) values (?1, ?2, ?3)
                   on conflict (person, field) do update set sealed = excluded.sealed";

/// Those of a collection.
pub(crate) fn find(
    connection: &Connection,
    person: OwnerId,
    collection: Collection,
) -> Result<BTreeMap<Field, Sealed>, Failure> {
    let mut find = connection.prepare_cached(FIND)?;
    let read = |row: &Row<'_>| Ok((word(row, "field", Field::from_name)?, Sealed(row.get("sealed")?)));
    let fields = find.query_map([person.uuid().as_bytes()], read)?.collect();
    let mut fields: BTreeMap<_, _> = of_row("fields of", person, fields)?;
    fields.retain(|field, _| field.collection() == collection);
    Ok(fields)
}

/// Replaces those of a collection.
pub(crate) fn put(
    connection: &Connection,
    person: OwnerId,
    collection: Collection,
    fields: &BTreeMap<Field, Sealed>,
) -> Result<(), Failure> {
    let id = person.uuid();
    for field in Field::ALL.into_iter().filter(|field| field.collection() == collection) {
        match fields.get(&field) {
            Some(Sealed(sealed)) => {
                connection.prepare_cached(PUT)?.execute(params![id.as_bytes(), field.as_str(), sealed])?
            }
            None => connection.prepare_cached(DELETE)?.execute(params![id.as_bytes(), field.as_str()])?,
        };
    }
    Ok(())
}
