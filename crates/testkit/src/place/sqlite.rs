//! A ledger in a folder of its own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bursar_store::books::Books;
use bursar_store::contract::{Place, SetClock};
use bursar_store::{Clock, Store, StoreError};
use bursar_store_sqlite::{DataFolder, Options, SqliteBooks, SqliteLedger, SqliteSource, SqliteTarget};
use tempfile::TempDir;

/// A data folder that is removed in the end, and the clock of the ledger in it.
pub struct SqlitePlace {
    folder: TempDir,
    clock: SetClock,
}

impl Default for SqlitePlace {
    fn default() -> Self {
        Self::new()
    }
}

impl SqlitePlace {
    /// An empty folder; it is noon.
    ///
    /// # Panics
    /// The folder cannot be made.
    #[must_use]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder"), clock: SetClock::at_noon() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The ledger's file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        DataFolder::ledger_file(self.folder())
    }

    /// The defaults with the clock of this place.
    #[must_use]
    pub fn options(&self) -> Options {
        let clock = self.clock.clone();
        Options { clock: Clock::new(move || clock.now()), ..Options::default() }
    }

    /// Opens the ledger.
    ///
    /// # Panics
    /// It cannot be opened.
    #[must_use]
    pub fn open_ledger(&self) -> Arc<SqliteLedger> {
        let ledger = SqliteLedger::open(self.folder(), self.options());
        Arc::new(ledger.expect("a folder that nobody else uses"))
    }

    /// The ledger as what is copied.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn source(&self) -> SqliteSource {
        SqliteSource::open(self.folder()).expect("a ledger")
    }

    /// The folder as what is filled.
    ///
    /// # Errors
    /// It cannot be, or somebody has it.
    pub fn target(&self) -> Result<SqliteTarget, StoreError> {
        SqliteTarget::open(self.folder())
    }
}

impl Place for SqlitePlace {
    fn open(&self) -> Arc<dyn Store> {
        self.open_ledger()
    }

    fn books(&self) -> Box<dyn Books> {
        Box::new(SqliteBooks::open(self.folder()).expect("readable books"))
    }

    fn clock(&self) -> &SetClock {
        &self.clock
    }
}
