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

/// The file of the queues in a data folder.
pub const FILE: &str = "broker.db";

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

#[cfg(test)]
mod tests {
    use bursar_broker::Queue;
    use bursar_testkit::BrokerFolder;
    use refinery::Target;

    use super::*;
    use crate::rows;

    #[test]
    fn messages_of_the_first_version_are_still_there() {
        let place = BrokerFolder::new();
        let file = place.path().join(FILE);
        let mut old = Connection::open(&file).expect("a file");
        migrations::migrations::runner().set_target(Target::Version(1)).run(&mut old).expect("version 1");
        let insert =
            "insert into messages values (7, 'jit-funding-dlq', zeroblob(16), 'test', x'01', null, null,
                      1, 1, 'webhook-queue', 4, 'first', 'last', 'exhausted')";
        old.execute_batch(insert).expect("a dead letter");
        drop(old);
        let (connection, _lock) = open(place.path()).expect("it opens");
        assert_eq!(rows::last_position(&connection), Ok(7));
        let dead =
            rows::read(&connection, Queue::DeadLetters, 7).expect("it can be read").expect("it is there");
        let death = dead.content.death.expect("it died");
        assert!(death.id.is_nil());
        assert_eq!((death.queue, death.attempts, death.error_last.as_str()), (Queue::Webhook, 4, "last"));
    }
}
