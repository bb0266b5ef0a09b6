//! Embedded documents in a folder of their own.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use bursar_core::OwnerId;
use bursar_documents::Documents;
use bursar_documents::contract::Place;
use bursar_documents_sqlite::{FILE, SqliteDocuments};
use jiff::Timestamp;
use tempfile::TempDir;

/// A folder that is removed in the end.
pub struct DocumentsFolder {
    folder: TempDir,
}

impl Default for DocumentsFolder {
    fn default() -> Self {
        Self::new()
    }
}

impl DocumentsFolder {
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

    /// Does this to the file, beside whoever has it open.
    ///
    /// # Panics
    /// It cannot be done.
    pub fn meddle(&self, statement: &str) {
        let file = rusqlite::Connection::open(self.path().join(FILE)).expect("the file");
        file.execute_batch(statement).expect("it is done");
    }
}

#[async_trait]
impl Place for DocumentsFolder {
    async fn open(&self) -> Arc<dyn Documents> {
        Arc::new(SqliteDocuments::open(self.path()).expect("it opens"))
    }

    /// The file and those beside it.
    async fn dump(&self) -> Vec<u8> {
        let files =
            std::fs::read_dir(self.path()).expect("a folder").map(|entry| entry.expect("a file").path());
        files.flat_map(|file| std::fs::read(file).expect("it can be read")).collect()
    }

    async fn begin_erasure(&self, id: OwnerId, at: Timestamp) {
        let bytes = id.uuid().simple();
        let at = at.as_microsecond();
        self.meddle(&format!(
            // As whoever was killed had it.
            "pragma secure_delete = on;
             update persons set program = null, wrapped_key = null, email_index = null, phone_index = null,
                 version = null, created_at = null, updated_at = null, erased_at = {at}, is_unfinished = 1
             where id = x'{bytes}'"
        ));
    }
}
