//! The embedded ledger: one SQLite file in a data folder, one writer, readers apart.
//!
//! Every commit is flushed before it is answered (`synchronous = FULL`). The folder belongs to one
//! process at a time.

mod books;
mod change;
mod checkpoint;
mod connection;
mod copy;
mod dead_letter;
mod endpoint;
mod error;
mod folder;
mod identity;
mod inbox;
mod keys;
mod ledger;
mod load;
mod outbox;
mod readers;
mod rows;
mod save;
mod schema;
mod transaction_record;
mod writer;

pub use books::SqliteBooks;
pub use connection::Synchronous;
pub use copy::{SqliteSource, SqliteTarget};
pub use folder::DataFolder;
pub use keys::KeyLimits;
pub use ledger::{Options, SqliteLedger};
pub use schema::{migrate, schema};
