//! The embedded store of personal documents: one SQLite file beside the ledger's, for one process.
//!
//! One thread has the file; several changes share a commit. What is deleted is overwritten, and after an erasure the
//! write-ahead log is emptied, so that nothing of an erased person stays in the files.

mod columns;
mod documents;
mod failure;
mod folder;
mod rows;
mod writer;

pub use documents::SqliteDocuments;
pub use folder::FILE;
