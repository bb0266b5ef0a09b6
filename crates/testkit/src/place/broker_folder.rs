//! An embedded broker in a folder of its own.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bursar_broker::contract::Place;
use bursar_broker::{Broker, Retries};
use bursar_broker_sqlite::SqliteBroker;
use tempfile::TempDir;

/// A folder that is removed in the end.
pub struct BrokerFolder {
    folder: TempDir,
}

impl Default for BrokerFolder {
    fn default() -> Self {
        Self::new()
    }
}

impl BrokerFolder {
    /// An empty folder.
    ///
    /// # Panics
    /// The system gives none.
    #[must_use]
    pub fn new() -> Self {
        Self { folder: TempDir::new().expect("a folder") }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

#[async_trait]
impl Place for BrokerFolder {
    async fn open_with(&self, retries: Retries) -> Arc<dyn Broker> {
        Arc::new(SqliteBroker::open(self.folder.path(), retries).expect("it opens"))
    }
}
