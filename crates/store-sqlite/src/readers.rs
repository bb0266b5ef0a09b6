//! Readers: connections of their own, which see what was committed before a read began.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bursar_store::StoreError;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::connection::open_reader;
use crate::error::of_read;

/// How long a read may take, its wait for a connection included.
const READ_MAX: Duration = Duration::from_secs(10);

/// A bounded pool of reading connections. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Readers {
    file: PathBuf,
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
}

impl Readers {
    pub(crate) fn new(file: PathBuf, size: usize) -> Self {
        Self { file, permits: Arc::new(Semaphore::new(size)), idle: Arc::default() }
    }

    /// Runs one read, in one snapshot, on a thread that may block.
    ///
    /// # Errors
    /// Also if it takes too long: whoever waits is a connection that others lack. A read that hangs
    /// keeps its place among the readers until it ends.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        match tokio::time::timeout(READ_MAX, self.read_unbounded(read)).await {
            Ok(read) => read,
            Err(_) => Err(StoreError::Unavailable(format!(
                "a read took more than {} s, or waited so long for its turn",
                READ_MAX.as_secs()
            ))),
        }
    }

    async fn read_unbounded<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let readers = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            readers.read_now(read)
        });
        task.await
            .unwrap_or_else(|error| Err(StoreError::Unavailable(format!("a read ended early: {error}"))))
    }

    /// Closes the idle connections. The last connection to close folds the log into the file, and
    /// a reader cannot: the writer has to be the last.
    pub(crate) fn close(&self) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// A connection that failed is not used again.
    fn read_now<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut connection = match idle {
            Some(connection) => connection,
            None => open_reader(&self.file)?,
        };
        let in_snapshot = |connection: &mut Connection| {
            let snapshot = connection.transaction()?;
            let found = read(&snapshot)?;
            snapshot.commit()?;
            Ok(found)
        };
        let found = in_snapshot(&mut connection).map_err(|error| of_read(&error))?;
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
        Ok(found)
    }
}
