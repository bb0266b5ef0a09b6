//! The schema of the file, and what brings it up to date.

use std::path::Path;

use bursar_store::StoreError;
use bursar_store::schema::{Applied, Known, Migration, Schema};
use rusqlite::{Connection, Row};

use crate::connection::{Synchronous, Tuning, open_reader, open_writer};
use crate::error::{before_commit, of_read};
use crate::folder::DataFolder;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Where the schema of a data folder's ledger is. Changes and makes nothing.
///
/// # Errors
/// [`StoreError::NewerSchema`], [`StoreError::OtherSchema`], or why the file cannot be read.
pub fn schema(folder: &Path) -> Result<Schema, StoreError> {
    let file = DataFolder::ledger_file(folder);
    match std::fs::metadata(&file) {
        Ok(metadata) if metadata.len() > 0 => compare(&open_reader(&file)?),
        _ => Schema::compare(known(), &[]),
    }
}

/// Brings the ledger of a data folder up to date, making what is missing; what ran is what was pending
/// in the schema that is returned. No server may have the folder.
///
/// # Errors
/// As those of [`schema`], and [`StoreError::InUse`].
pub fn migrate(folder: &Path) -> Result<Schema, StoreError> {
    let folder = DataFolder::take(folder)?;
    let tuning = Tuning { synchronous: Synchronous::Full, cache_kib: 32_768 };
    let mut connection = open_writer(&DataFolder::ledger_file(folder.path()), tuning, true)?;
    bring_up_to_date(&mut connection)
}

/// Brings the schema up to date; what was there before. A schema that is refused is not touched.
pub(crate) fn bring_up_to_date(connection: &mut Connection) -> Result<Schema, StoreError> {
    let found = compare(connection)?;
    let runner = migrations::migrations::runner();
    let migrated = runner.set_abort_divergent(true).set_abort_missing(true).run(connection);
    migrated
        .map(|_| found)
        .map_err(|error| StoreError::Unavailable(format!("the schema cannot be brought up to date: {error}")))
}

/// Where the schema is.
pub(crate) fn compare(connection: &Connection) -> Result<Schema, StoreError> {
    Schema::compare(known(), &applied(connection).map_err(|error| of_read(&error))?)
}

fn known() -> Vec<Known> {
    let known = |of: &refinery::Migration| Known {
        migration: Migration {
            version: i64::from(of.version()),
            name: of.name().to_owned(),
            sql: of.sql().unwrap_or_default().to_owned(),
        },
        checksum: of.checksum().to_string(),
    };
    migrations::migrations::runner().get_migrations().iter().map(known).collect()
}

fn applied(connection: &Connection) -> rusqlite::Result<Vec<Applied>> {
    let tables = "select count(*) from sqlite_master where name = 'refinery_schema_history'";
    if connection.query_row(tables, [], |row| row.get::<_, i64>(0))? == 0 {
        return Ok(Vec::new());
    }
    let select = "select version, name, coalesce(checksum, '') from refinery_schema_history order by version";
    let read = |row: &Row<'_>| Ok(Applied { version: row.get(0)?, name: row.get(1)?, checksum: row.get(2)? });
    connection.prepare(select)?.query_map([], read)?.collect()
}

/// Whether nothing was ever made in the file.
pub(crate) fn is_blank(connection: &Connection) -> Result<bool, StoreError> {
    let count = connection.query_row("select count(*) from sqlite_master", [], |row| row.get::<_, i64>(0));
    Ok(count.map_err(|error| before_commit(&error))? == 0)
}
