//! The ledger on PostgreSQL 15 and newer. Several instances may work on one database: the row of the
//! owner is what they wait for, and correctness rests on nothing else.

mod books;
mod caution;
mod clock;
mod connection;
mod copy;
mod dead_letter;
mod endpoint;
mod error;
mod guards;
mod identity;
mod inbox;
mod lane;
mod ledger;
mod load;
mod memory;
mod outbox;
mod pools;
mod rows;
mod save;
mod schema;
mod session;
mod tls;
mod transaction_record;
mod url;

pub use books::PostgresBooks;
pub use connection::Options;
pub use copy::{PostgresSource, PostgresTarget};
pub use ledger::PostgresLedger;
pub use schema::{migrate, schema};
pub use url::{URL_FORM, describe, url_problem};
