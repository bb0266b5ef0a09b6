//! A ledger in a database of its own.

use std::sync::{Arc, LazyLock, mpsc};

use bursar_store::books::Books;
use bursar_store::contract::{Place, SetClock};
use bursar_store::{Clock, Ledger};
use bursar_store_postgres::{Options, PostgresBooks, PostgresLedger};
use tokio::runtime::Runtime;
use tokio_postgres::NoTls;
use uuid::Uuid;

use crate::gate::Gate;

/// Where PostgreSQL is, if `cargo xtask services up` does not tell.
const URL: &str = "BURSAR_TEST_POSTGRES_URL";

/// What `cargo xtask services up` tells.
const URL_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/services/postgres/url");

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

    /// A gate to the database, and the URL that goes through it.
    ///
    /// # Panics
    /// The URL names no user and host.
    pub async fn behind_a_gate(&self) -> (Gate, String) {
        let url = self.url();
        let (before, rest) = url.rsplit_once('@').expect("a user");
        let (server, database) = rest.split_once('/').expect("a database");
        let gate = Gate::to(server.to_owned()).await;
        let url = format!("{before}@{}/{database}", gate.address());
        (gate, url)
    }

    /// The defaults with the clock of this place.
    #[must_use]
    pub fn options(&self) -> Options {
        let clock = self.clock.clone();
        Options { clock: Clock::new(move || clock.now()), ..Options::new(&self.url()) }
    }

    /// Opens the ledger.
    ///
    /// # Panics
    /// It cannot be opened.
    #[must_use]
    pub fn open_ledger(&self) -> Arc<PostgresLedger> {
        let options = self.options();
        Arc::new(wait(async move { PostgresLedger::open(options).await }).expect("a database of its own"))
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
    fn open(&self) -> Arc<dyn Ledger> {
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
    let given = std::env::var(URL).ok().filter(|url| !url.is_empty());
    given.or_else(|| std::fs::read_to_string(URL_FILE).ok()).unwrap_or_else(|| {
        panic!("no PostgreSQL for this test: cargo xtask services up, or cargo xtask test, brings one up")
    })
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
