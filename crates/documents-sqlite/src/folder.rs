//! The file and its lock.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use bursar_documents::DocumentsError;
use rusqlite::{Connection, OpenFlags};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Takes the folder's documents for this process, and opens its file. Whoever has the lock has it until it is dropped.
pub(crate) fn open(folder: &Path) -> Result<(Connection, File), DocumentsError> {
    let failed = |error: std::io::Error| away(folder, &error);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let private = |name: &str| {
        let mut options = File::options();
        options.create(true).truncate(false).write(true).mode(0o600).open(folder.join(name)).map_err(failed)
    };
    let lock = private("documents.lock")?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(DocumentsError::InUse(format!("documents.db in {}", folder.display())));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // SQLite gives the files beside it the same mode.
    private(FILE)?;
    Ok((connect(&folder.join(FILE)).map_err(|error| away(folder, &error))?, lock))
}

/// The file of the documents in a data folder.
pub const FILE: &str = "documents.db";

/// Statements that stay prepared: more than there are.
const STATEMENTS: usize = 64;

fn connect(file: &Path) -> Result<Connection, Box<dyn std::error::Error>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_millis(300))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    // What is deleted is overwritten with zeros, and no copy of it lies in a file of the system's.
    connection.pragma_update(None, "secure_delete", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    migrations::migrations::runner().run(&mut connection)?;
    Ok(connection)
}

fn away(folder: &Path, error: &dyn std::fmt::Display) -> DocumentsError {
    DocumentsError::Unavailable(format!(
        "the embedded documents in {} cannot be used: {error}",
        folder.display()
    ))
}
