//! Connections to the ledger's file, all with the same promises.

use std::path::Path;
use std::time::Duration;

use bursar_store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::{before_commit, of_read};
use crate::keys::add_function;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// When commits reach the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Synchronous {
    /// Before they are answered.
    #[default]
    Full,
    /// Some time later: an answered decision can be lost. The instance is then not ready.
    Normal,
}

/// How the writer's connection works.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tuning {
    pub(crate) synchronous: Synchronous,
    pub(crate) cache_kib: u32,
}

/// Opens the file to write. It is made only where the caller says so: a file that vanished must
/// not be replaced by an empty one.
pub(crate) fn open_writer(file: &Path, tuning: Tuning, create: bool) -> Result<Connection, StoreError> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if create {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(Duration::from_millis(300))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(
            None,
            "synchronous",
            match tuning.synchronous {
                Synchronous::Full => "full",
                Synchronous::Normal => "normal",
            },
        )?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.pragma_update(None, "mmap_size", 0)?;
        connection.pragma_update(None, "cache_size", -i64::from(tuning.cache_kib))?;
        // Checkpoints are made beside the writer; see `checkpoint`.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        // After an error the writer closes its connection and opens another. Closing the last one
        // would delete the log, which then is not the one that was opened: no commit ever again.
        keep_log_on_close(&connection, true)?;
        connection.set_prepared_statement_cache_capacity(64);
        add_function(&connection)?;
        Ok(connection)
    };
    open().map_err(|error| of_read(&error))
}

/// Whether the log stays when the last connection is closed. Without it the file has everything.
pub(crate) fn keep_log_on_close(connection: &Connection, keep: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, keep)?;
    Ok(())
}

/// Opens the file to read.
pub(crate) fn open_reader(file: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(file, flags)?;
        connection.busy_timeout(Duration::from_secs(5))?;
        connection.set_prepared_statement_cache_capacity(64);
        add_function(&connection)?;
        Ok(connection)
    };
    open().map_err(|error| of_read(&error))
}

/// Brings the schema up to date.
///
/// # Errors
/// [`StoreError::NewerSchema`] if a newer program wrote it: then nothing is touched.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    refuse_newer(connection)?;
    let runner = migrations::migrations::runner();
    let migrated = runner.set_abort_divergent(true).set_abort_missing(true).run(connection);
    migrated.map_err(|error| {
        StoreError::Unavailable(format!("the schema cannot be brought up to date: {error}"))
    })?;
    Ok(())
}

fn refuse_newer(connection: &Connection) -> Result<(), StoreError> {
    match (schema_version(connection)?, known_version()) {
        (found, known) if found > known => Err(StoreError::NewerSchema { found, known }),
        _ => Ok(()),
    }
}

/// For who only reads: the data has to be as this program writes it.
///
/// # Errors
/// A newer or an older program wrote it.
pub(crate) fn refuse_other_schema(connection: &Connection) -> Result<(), StoreError> {
    refuse_newer(connection)?;
    match (schema_version(connection)?, known_version()) {
        (found, known) if found < known => Err(StoreError::Unavailable(format!(
            "the data has schema version {found}, and this Bursar reads version {known}; start the server on it \
             once, which brings it up to date"
        ))),
        _ => Ok(()),
    }
}

fn known_version() -> i64 {
    let runner = migrations::migrations::runner();
    let versions = runner.get_migrations().iter().map(|migration| i64::from(migration.version()));
    versions.max().unwrap_or(0)
}

fn schema_version(connection: &Connection) -> Result<i64, StoreError> {
    let tables = "select count(*) from sqlite_master where name = 'refinery_schema_history'";
    let read = || -> rusqlite::Result<i64> {
        match connection.query_row(tables, [], |row| row.get::<_, i64>(0))? {
            0 => Ok(0),
            _ => connection.query_row(
                "select coalesce(max(version), 0) from refinery_schema_history",
                [],
                |row| row.get(0),
            ),
        }
    };
    read().map_err(|error| before_commit(&error))
}
