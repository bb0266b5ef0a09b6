//! Connections to the ledger's file, all with the same promises.

use std::path::Path;
use std::time::Duration;

use bursar_store::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::of_read;
use crate::keys::add_function;

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
