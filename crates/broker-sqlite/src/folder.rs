//! The file and its lock.

use std::fs::{DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use bursar_broker::BrokerError;
use rusqlite::{Connection, OpenFlags};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Takes the folder's broker for this process, and opens its file. Whoever has the lock has it until it is dropped.
pub(crate) fn open(folder: &Path) -> Result<(Connection, File), BrokerError> {
    let failed = |error: std::io::Error| away(folder, &error);
    DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let private = |name: &str| {
        let mut options = File::options();
        options.create(true).truncate(false).write(true).mode(0o600).open(folder.join(name)).map_err(failed)
    };
    let lock = private("broker.lock")?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(BrokerError::InUse(format!("the embedded broker in {}", folder.display())));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    // SQLite gives the files beside it the same mode.
    private(FILE)?;
    Ok((connect(&folder.join(FILE)).map_err(|error| away(folder, &error))?, lock))
}

const FILE: &str = "broker.db";

fn connect(file: &Path) -> Result<Connection, Box<dyn std::error::Error>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_millis(300))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A publisher is told that its message is durable.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "mmap_size", 0)?;
    migrations::migrations::runner().run(&mut connection)?;
    Ok(connection)
}

fn away(folder: &Path, error: &dyn std::fmt::Display) -> BrokerError {
    BrokerError::Away(format!("the embedded broker in {} cannot be used: {error}", folder.display()))
}
