//! A ledger in a database of its own.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, mpsc};
use std::time::Duration;

use bursar_store::books::Books;
use bursar_store::contract::{Place, SetClock};
use bursar_store::{Clock, Store, StoreError};
use bursar_store_postgres::{Options, PostgresBooks, PostgresLedger, PostgresSource, PostgresTarget};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, NoTls, Row};
use uuid::Uuid;

use super::services_file;
use crate::gate::Gate;

/// Where PostgreSQL is, if `cargo xtask services up` does not tell.
const URL: &str = "BURSAR_TEST_POSTGRES_URL";

/// Where connections live: a test's own runtime is busy with the test.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime")
});

/// A database that is dropped in the end, and the clock of the ledger in it.
pub struct PostgresPlace {
    name: String,
    clock: SetClock,
}

impl Default for PostgresPlace {
    fn default() -> Self {
        Self::new()
    }
}

impl PostgresPlace {
    /// An empty database; it is noon.
    ///
    /// # Panics
    /// There is no PostgreSQL, or it makes no database.
    #[must_use]
    pub fn new() -> Self {
        let name = format!("bursar_test_{}", Uuid::new_v4().simple());
        administer(format!("create database {name}"));
        Self { name, clock: SetClock::at_noon() }
    }

    /// The URL of the database.
    #[must_use]
    pub fn url(&self) -> String {
        let server = server();
        let (before, _) = server.rsplit_once('/').expect("a URL ends with a database");
        format!("{before}/{}", self.name)
    }

    /// The password in its URL.
    ///
    /// # Panics
    /// The URL has none.
    #[must_use]
    pub fn password(&self) -> String {
        self.url().split(['@', ':']).nth(2).expect("a password").to_owned()
    }

    /// A gate to the database, and the URL that goes through it.
    pub async fn behind_a_gate(&self) -> (Gate, String) {
        let gate = Gate::to(self.server()).await;
        let url = self.url_by(gate.address());
        (gate, url)
    }

    /// Host and port of the server.
    ///
    /// # Panics
    /// The URL names none.
    #[must_use]
    pub fn server(&self) -> String {
        let url = self.url();
        let (_, rest) = url.rsplit_once('@').expect("a user");
        rest.split_once('/').expect("a database").0.to_owned()
    }

    /// The URL of the database by somebody who listens here, and understands what he hears: it is not in TLS.
    #[must_use]
    pub fn url_by(&self, address: SocketAddr) -> String {
        let url = self.url().replace(&format!("@{}/", self.server()), &format!("@{address}/"));
        format!("{url}?sslmode=disable")
    }

    /// The defaults with the clock of this place.
    #[must_use]
    pub fn options(&self) -> Options {
        let clock = self.clock.clone();
        Options { clock: Some(Clock::new(move || clock.now())), ..Options::new(&self.url()) }
    }

    /// Opens the ledger.
    ///
    /// # Panics
    /// It cannot be opened.
    #[must_use]
    pub fn open_ledger(&self) -> Arc<PostgresLedger> {
        Arc::new(self.try_open_ledger().expect("a database of its own"))
    }

    /// Opens the ledger, or tells why not.
    ///
    /// # Errors
    /// Those of the ledger.
    pub fn try_open_ledger(&self) -> Result<PostgresLedger, StoreError> {
        let options = self.options();
        wait(async move { PostgresLedger::open(options).await })
    }

    /// The ledger as what is copied.
    ///
    /// # Panics
    /// There is none.
    #[must_use]
    pub fn source(&self) -> PostgresSource {
        PostgresSource::open(&self.options()).expect("a ledger")
    }

    /// The database as what is filled.
    ///
    /// # Errors
    /// It cannot be, or somebody has it.
    pub fn target(&self) -> Result<PostgresTarget, StoreError> {
        PostgresTarget::open(&self.options())
    }

    /// Waits until nobody else is connected to the database.
    ///
    /// # Panics
    /// Somebody stays.
    pub async fn until_alone(&self) {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.expect("a connection");
        tokio::spawn(connection);
        let others = "select 1 from pg_stat_activity where datname = current_database()
                      and pid <> pg_backend_pid() and backend_type = 'client backend'";
        let alone = async {
            while !client.query(others, &[]).await.expect("an answer").is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), alone).await.expect("the others leave");
    }

    /// Runs statements in the database in a transaction that stays open: what they lock, they hold until
    /// what is returned is dropped.
    ///
    /// # Panics
    /// The server refuses them.
    #[must_use]
    pub fn hold(&self, statements: &str) -> Client {
        let (url, statements) = (self.url(), format!("begin; {statements}"));
        let held = wait(async move {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
            tokio::spawn(connection);
            client.batch_execute(&statements).await.map(|()| client)
        });
        held.expect("a PostgreSQL that does as it is told")
    }

    /// The number that a query finds.
    ///
    /// # Panics
    /// The server refuses it, or it finds none.
    #[must_use]
    pub fn number(&self, query: &str) -> i64 {
        self.query(query).first().expect("a row").get(0)
    }

    /// The texts that a query finds.
    ///
    /// # Panics
    /// The server refuses it.
    #[must_use]
    pub fn texts(&self, query: &str) -> Vec<String> {
        self.query(query).iter().map(|row| row.get(0)).collect()
    }

    /// The files of its tables and indexes, with everything but ASCII escaped.
    ///
    /// # Panics
    /// The server does not read them.
    #[must_use]
    pub fn stored(&self) -> String {
        self.execute("checkpoint");
        let files = self.texts(
            "select encode(pg_read_binary_file(pg_relation_filepath(oid)), 'escape') from pg_class
             where relkind in ('r', 't', 'i') and relnamespace::regnamespace::text in ('public', 'pg_toast')",
        );
        files.concat()
    }

    /// Every row of every table as text, bytes in hexadecimal digits: also what the files have compressed.
    ///
    /// # Panics
    /// The server does not read them.
    #[must_use]
    pub fn dump(&self) -> String {
        let tables = self.texts("select tablename::text from pg_tables where schemaname = 'public'");
        let rows = |table: &String| self.texts(&format!("select t::text from \"{table}\" t")).concat();
        tables.iter().map(rows).collect()
    }

    fn query(&self, query: &str) -> Vec<Row> {
        let (url, query) = (self.url(), query.to_owned());
        let found = wait(async move {
            let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
            tokio::spawn(connection);
            client.query(&query, &[]).await
        });
        found.expect("a PostgreSQL that does as it is told")
    }

    /// Runs a statement in the database, beside whatever ledger is open.
    ///
    /// # Panics
    /// The server refuses it.
    pub fn execute(&self, statement: &str) {
        execute(self.url(), statement.to_owned());
    }
}

impl Place for PostgresPlace {
    fn open(&self) -> Arc<dyn Store> {
        self.open_ledger()
    }

    fn books(&self) -> Box<dyn Books> {
        Box::new(PostgresBooks::open(&self.options()).expect("readable books"))
    }

    fn clock(&self) -> &SetClock {
        &self.clock
    }
}

impl Drop for PostgresPlace {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            administer(format!("drop database {} with (force)", self.name));
        }
    }
}

fn server() -> String {
    services_file(URL, "postgres/url")
}

fn administer(statement: String) {
    execute(server(), statement);
}

/// Runs a statement in the database, by a connection of its own.
pub(crate) fn execute(url: String, statement: String) {
    let done = wait(async move {
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        client.batch_execute(&statement).await
    });
    done.expect("a PostgreSQL that does as it is told");
}

/// Runs it on the connections' runtime and waits here, which may be on another.
fn wait<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> T {
    let (done, result) = mpsc::sync_channel(1);
    RUNTIME.spawn(async move {
        let _ = done.send(future.await);
    });
    result.recv().expect("the task ends")
}
