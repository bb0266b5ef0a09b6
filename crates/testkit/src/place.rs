//! Where ledgers, brokers and documents under test keep their data.

mod broker_folder;
mod documents_folder;
mod mongodb;
mod postgres;
mod rabbitmq;
mod sqlite;

pub use broker_folder::BrokerFolder;
pub use documents_folder::DocumentsFolder;
pub use mongodb::MongoPlace;
pub use postgres::PostgresPlace;
pub(crate) use postgres::execute;
pub use rabbitmq::RabbitPlace;
pub use sqlite::SqlitePlace;

/// What `cargo xtask services up` tells.
const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/services");

/// Where a service is: the variable says so, or the file that `cargo xtask services up` writes.
fn services_file(variable: &str, file: &str) -> String {
    let given = std::env::var(variable).ok().filter(|url| !url.is_empty());
    given.or_else(|| std::fs::read_to_string(format!("{SERVICES}/{file}")).ok()).unwrap_or_else(|| {
        panic!("no {file} for this test: cargo xtask services up, or cargo xtask test, brings one up")
    })
}
