//! Connections: how the ledger uses its database, one of its own, and the schema.

use std::str::FromStr;
use std::time::Duration;

use bursar_store::{Clock, StoreError};
use tokio_postgres::config::Host;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, NoTls, Socket};

use crate::error::before_commit;

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Held while the schema is brought up to date: instances that start at once do it one after another.
const MIGRATING: i64 = 0x62_75_72_73_61_72;

/// How the ledger uses its database.
#[derive(Clone)]
pub struct Options {
    /// `postgres://user:password@host:port/database`.
    pub url: String,
    /// Connections for reads that stay open although nobody reads.
    pub readers_min: usize,
    /// Connections for reads, at most.
    pub readers_max: usize,
    /// How long a connection for reads stays open after its last one.
    pub idle_timeout: Duration,
    /// Connections that look up the tokens of swipes: no list keeps them busy.
    pub lookups: usize,
    /// Transactions at a time, each on a connection that only they use.
    pub lanes: usize,
    /// How long a read waits for a connection, at most; also how long connecting takes.
    pub connect_timeout: Duration,
    /// How long a read runs, at most.
    pub statement_timeout: Duration,
    /// How long a statement of a lane runs, at most.
    pub lane_timeout: Duration,
    /// How long a lane waits for an owner that another has locked, at most.
    pub lock_timeout: Duration,
    /// Tells the time of decisions.
    pub clock: Clock,
}

impl Options {
    /// The defaults, for this database.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            readers_min: 0,
            readers_max: 15,
            idle_timeout: Duration::from_secs(30),
            lookups: 2,
            lanes: 2,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lane_timeout: Duration::from_millis(800),
            lock_timeout: Duration::from_millis(300),
            clock: Clock::system(),
        }
    }

    pub(crate) fn config(&self) -> Result<Config, StoreError> {
        // What the parser says may hold the password.
        let unreadable =
            "the URL of PostgreSQL cannot be read; its form is postgres://user:password@host:port/database";
        let mut config =
            Config::from_str(&self.url).map_err(|_| StoreError::Unavailable(unreadable.to_owned()))?;
        config.connect_timeout(self.connect_timeout).application_name("bursar");
        // A host that is gone without a word is noticed.
        config.tcp_user_timeout(self.connect_timeout).keepalives_idle(self.connect_timeout);
        Ok(config)
    }
}

/// A connection of its own, within the time for it: a server that takes the connection and says nothing
/// is not waited for.
pub(crate) async fn connect(
    options: &Options,
) -> Result<(Client, Connection<Socket, NoTlsStream>), StoreError> {
    let config = options.config()?;
    let connected = tokio::time::timeout(options.connect_timeout, config.connect(NoTls)).await;
    let silent = |_| StoreError::Unavailable("the server takes connections and does not answer".into());
    connected.map_err(silent)?.map_err(|error| before_commit(&error))
}

/// A URL as it may be shown: the user, the hosts and the database, whatever form it has.
#[must_use]
pub fn describe(url: &str) -> String {
    let Ok(config) = Config::from_str(url) else {
        return "PostgreSQL, by a URL that cannot be read".to_owned();
    };
    let hosts = config.get_hosts().iter().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(path) => path.display().to_string(),
    });
    let ports: Vec<String> = config.get_ports().iter().map(u16::to_string).collect();
    format!(
        "PostgreSQL {} at {} port {}, database {}",
        config.get_user().unwrap_or("(no user)"),
        hosts.collect::<Vec<_>>().join(", "),
        if ports.is_empty() { "5432".to_owned() } else { ports.join(", ") },
        config.get_dbname().or(config.get_user()).unwrap_or("(none)"),
    )
}

/// Brings the schema up to date.
///
/// # Errors
/// [`StoreError::NewerSchema`] if a newer program wrote it: then nothing is touched.
pub async fn migrate(options: &Options) -> Result<(), StoreError> {
    let failed = |error: tokio_postgres::Error| before_commit(&error);
    let (mut client, connection) = connect(options).await?;
    let connection = tokio::spawn(connection);
    client.execute("select pg_advisory_lock($1)", &[&MIGRATING]).await.map_err(failed)?;
    let migrated = migrate_on(&mut client).await;
    // With the connection the lock goes, too.
    drop(client);
    let _ = connection.await;
    migrated
}

async fn migrate_on(client: &mut Client) -> Result<(), StoreError> {
    refuse_newer(client).await?;
    let runner = migrations::migrations::runner();
    let migrated = runner.set_abort_divergent(true).set_abort_missing(true).run_async(client).await;
    migrated
        .map(|_| ())
        .map_err(|error| StoreError::Unavailable(format!("the schema cannot be brought up to date: {error}")))
}

async fn refuse_newer(client: &Client) -> Result<(), StoreError> {
    match (schema_version(client).await?, known_version()) {
        (found, known) if found > known => Err(StoreError::NewerSchema { found, known }),
        _ => Ok(()),
    }
}

/// For who only reads: the data have to be as this program writes them.
pub(crate) async fn refuse_other_schema(client: &Client) -> Result<(), StoreError> {
    refuse_newer(client).await?;
    match (schema_version(client).await?, known_version()) {
        (found, known) if found < known => Err(StoreError::Unavailable(format!(
            "the data have schema version {found}, and this Bursar reads version {known}; start the server on \
             them first"
        ))),
        _ => Ok(()),
    }
}

/// 0 where there is no schema yet.
async fn schema_version(client: &Client) -> Result<i64, StoreError> {
    let failed = |error: tokio_postgres::Error| before_commit(&error);
    let exists = "select to_regclass('refinery_schema_history') is not null";
    if !client.query_one(exists, &[]).await.map_err(failed)?.get::<_, bool>(0) {
        return Ok(0);
    }
    let version = "select coalesce(max(version), 0)::bigint from refinery_schema_history";
    Ok(client.query_one(version, &[]).await.map_err(failed)?.get(0))
}

fn known_version() -> i64 {
    let runner = migrations::migrations::runner();
    runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}
