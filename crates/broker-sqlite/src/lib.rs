//! The embedded broker: durable queues in one SQLite file beside the ledger's, for one process.
//!
//! One thread writes, several changes a commit. What was delivered and not settled is known in memory only: a process
//! that ends gives all of it back.

mod broker;
mod desk;
mod folder;
mod rows;
mod subscriber;
mod writer;

pub use broker::SqliteBroker;
pub use folder::FILE;
