//! Where ledgers under test keep their data.

mod postgres;
mod sqlite;

pub use postgres::PostgresPlace;
pub(crate) use postgres::execute;
pub use sqlite::SqlitePlace;
