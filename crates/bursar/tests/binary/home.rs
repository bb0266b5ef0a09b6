//! Where the Bursar of a test keeps its ledger: in its data folder, or on PostgreSQL.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};

use bursar_testkit::{PostgresPlace, Store};
use serde_json::Value;
use tempfile::TempDir;

use crate::common::{Error, Running, bursar, ledger_file, report};

/// The setting that says where PostgreSQL is.
const URL: &str = "BURSAR__POSTGRES__URL";

/// A port that no other test has, and that the system gives to nobody who asks for any.
pub(crate) fn own_port() -> u16 {
    /// Tests may share a process, and processes a machine.
    const EACH: u16 = 16;
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % 500).unwrap_or_default();
    12_000 + process * EACH + GIVEN.fetch_add(1, Ordering::Relaxed) % EACH
}

/// A data folder with credentials, and a ledger in it or in a database of its own.
pub(crate) struct Home {
    folder: TempDir,
    postgres: Option<PostgresPlace>,
}

impl Home {
    pub(crate) fn on(store: Store) -> Result<Self, Error> {
        let postgres = match store {
            Store::Sqlite => None,
            Store::Postgres => Some(PostgresPlace::new()),
        };
        Ok(Self { folder: tempfile::tempdir()?, postgres })
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The binary with a command and its options, told of the database if there is one.
    pub(crate) fn bursar(&self, arguments: &[&str]) -> Command {
        let mut command = bursar(arguments);
        if let Some(place) = &self.postgres {
            command.env(URL, place.url());
        }
        command
    }

    pub(crate) fn start(&self) -> Result<Running, Error> {
        self.start_with(&[])
    }

    /// Starts it on this port, where it asks the processor at this address a few seconds after a decision.
    pub(crate) fn start_asking(&self, port: u16, api: &str) -> Result<Running, Error> {
        let mut command = self.bursar(&["serve"]);
        command.env("BURSAR__MARQETA__BASE_URL", format!("http://{api}"));
        command.env("BURSAR__SWEEPER__UNCONFIRMED_AFTER_S", "5").env("BURSAR__SWEEPER__INTERVAL_S", "1");
        Running::launch_on(port, command, self.folder())
    }

    /// Adds the tokens of the processor's API to the credentials, which are there.
    pub(crate) fn add_tokens(&self) -> Result<(), Error> {
        let mut file = OpenOptions::new().append(true).open(self.folder().join("credentials.toml"))?;
        Ok(file.write_all(b"application_token = \"app\"\naccess_token = \"secret\"\n")?)
    }

    /// Starts it with more of the environment.
    pub(crate) fn start_with(&self, environment: &[(&str, &str)]) -> Result<Running, Error> {
        Running::start_with(self.bursar(&[]), self.folder(), environment)
    }

    /// `bursar check`, beside a server or after it.
    pub(crate) fn check(&self) -> Result<Value, Error> {
        report(&self.bursar(&["check", "--json", "--data-dir"]).arg(self.folder()).output()?)
    }

    /// What nobody may be shown.
    pub(crate) fn secrets(&self, server: &Running) -> Vec<String> {
        let of_server = [server.api_key.clone(), server.password.clone()];
        of_server.into_iter().chain(self.postgres.as_ref().map(PostgresPlace::password)).collect()
    }

    /// Runs statements on the ledger behind the server's back.
    pub(crate) fn execute(&self, statements: &str) -> Result<(), Error> {
        match &self.postgres {
            Some(place) => place.execute(statements),
            None => ledger_file(self.folder())?.execute_batch(statements)?,
        }
        Ok(())
    }

    /// The database, if it is in one.
    #[cfg(all(feature = "mongodb", feature = "postgres", feature = "rabbitmq", feature = "redis"))]
    pub(crate) fn postgres(&self) -> Option<&PostgresPlace> {
        self.postgres.as_ref()
    }

    /// What the ledger has on the disk, byte for byte where it is text.
    pub(crate) fn stored(&self) -> Result<String, Error> {
        match &self.postgres {
            Some(place) => Ok(place.stored()),
            None => {
                let mut stored = Vec::new();
                for file in ["ledger.db", "ledger.db-wal"] {
                    stored.extend(std::fs::read(self.folder().join(file))?);
                }
                Ok(String::from_utf8_lossy(&stored).into_owned())
            }
        }
    }
}
