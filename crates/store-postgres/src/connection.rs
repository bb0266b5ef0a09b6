//! Connections: what each promises before it is used.

use std::str::FromStr;
use std::time::Duration;

use bursar_store::{Clock, StoreError};
use tokio_postgres::config::Host;
use tokio_postgres::tls::NoTlsStream;
use tokio_postgres::{Client, Config, Connection, NoTls, Socket};

use crate::error::before_commit;

/// How the database's server shows the connections of a Bursar that serves; commands have others.
pub(crate) const SERVER: &str = "bursar";

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
    /// Tells the time of decisions, if that is not the server's.
    pub clock: Option<Clock>,
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
            clock: None,
        }
    }

    pub(crate) fn config(&self, application: &str) -> Result<Config, StoreError> {
        // What the parser says may hold the password.
        let unreadable =
            "the URL of PostgreSQL cannot be read; its form is postgres://user:password@host:port/database";
        let mut config =
            Config::from_str(&self.url).map_err(|_| StoreError::Unavailable(unreadable.to_owned()))?;
        config.connect_timeout(self.connect_timeout).application_name(application);
        // A host that is gone without a word is noticed.
        config.tcp_user_timeout(self.connect_timeout).keepalives_idle(self.connect_timeout);
        Ok(config)
    }
}

/// A connection of its own, within the time for it: a server that takes the connection and says nothing
/// is not waited for. `application` is how the server shows it.
pub(crate) async fn connect(
    options: &Options,
    application: &str,
) -> Result<(Client, Connection<Socket, NoTlsStream>), StoreError> {
    let config = options.config(application)?;
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
