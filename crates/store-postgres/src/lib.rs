//! The ledger on PostgreSQL 15 and newer. Several instances may work on one database: the row of the
//! owner is what they wait for, and correctness rests on nothing else.

mod books;
mod connection;
mod error;
mod guards;
mod ledger;
mod load;
mod pools;
mod rows;
mod save;

pub use books::PostgresBooks;
pub use connection::{Options, describe, migrate};
pub use ledger::PostgresLedger;
