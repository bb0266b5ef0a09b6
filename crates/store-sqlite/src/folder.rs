//! The data folder: one process at a time, and the file that was opened stays the file.

use std::fs::{self, DirBuilder, File, TryLockError};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use bursar_store::StoreError;

/// A data folder that this process has to itself until it is dropped.
pub struct DataFolder {
    path: PathBuf,
    /// Locked while this is open; the system lets go of it when the process ends, however it ends.
    _lock: File,
}

impl DataFolder {
    /// Makes the folder if it is missing, and takes it.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process has it; [`StoreError::Unavailable`] if it cannot be
    /// made or written.
    pub fn take(path: &Path) -> Result<Self, StoreError> {
        let failed = |error: std::io::Error| {
            StoreError::Unavailable(format!("the data folder {} cannot be used: {error}", path.display()))
        };
        // What is made here is its owner's alone: it is a ledger.
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(failed)?;
        let private = |name: PathBuf| {
            File::options().create(true).truncate(false).write(true).mode(0o600).open(name).map_err(failed)
        };
        let lock = private(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => {
                refuse_lone_log(path)?;
                // SQLite gives the files beside it the same mode.
                private(Self::ledger_file(path))?;
                Ok(Self { path: path.to_owned(), _lock: lock })
            }
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse("the data folder".into())),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The ledger's file in a data folder.
    #[must_use]
    pub fn ledger_file(folder: &Path) -> PathBuf {
        folder.join("ledger.db")
    }
}

/// A log without its file would be thrown away by SQLite, and with it every commit since the last
/// checkpoint.
fn refuse_lone_log(folder: &Path) -> Result<(), StoreError> {
    let length = |path: PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let file = DataFolder::ledger_file(folder);
    if length(file.clone()) > 0 || length(file.with_extension("db-wal")) == 0 {
        return Ok(());
    }
    Err(StoreError::Unavailable(format!(
        "{} is missing or empty while its log is beside it; put the file back, or move the log away to begin anew",
        file.display()
    )))
}

/// Which file was opened. A deleted or replaced file goes on taking commits that nobody will
/// ever find again, so this is compared before every commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileIdentity {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl FileIdentity {
    pub(crate) fn of(path: &Path) -> Result<Self, StoreError> {
        let metadata = fs::metadata(path).map_err(|error| gone(path, &error.to_string()))?;
        Ok(Self { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() })
    }

    pub(crate) fn verify(&self) -> Result<(), StoreError> {
        match Self::of(&self.path)? == *self {
            true => Ok(()),
            false => Err(gone(&self.path, "it was replaced while in use")),
        }
    }
}

fn gone(path: &Path, why: &str) -> StoreError {
    StoreError::Unavailable(format!(
        "the file {} is gone: {why}; put it back, or restart to go on with what is there",
        path.display()
    ))
}
