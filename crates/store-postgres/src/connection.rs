//! Connections: what each promises before it is used, and the pools.

use std::str::FromStr;
use std::time::Duration;

use bursar_store::{Clock, StoreError};
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
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
    /// Connections for reads, at most.
    pub connections_max: usize,
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
            connections_max: 15,
            lookups: 2,
            lanes: 2,
            connect_timeout: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(30),
            lane_timeout: Duration::from_millis(800),
            lock_timeout: Duration::from_millis(300),
            clock: Clock::system(),
        }
    }

    fn config(&self, application: &str) -> Result<Config, StoreError> {
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

    /// For reads.
    pub(crate) fn readers(&self) -> Result<Pool, StoreError> {
        let settings = format!("-c statement_timeout={}", self.statement_timeout.as_millis());
        self.pool(&settings, self.connections_max)
    }

    /// For lookups.
    pub(crate) fn lookups(&self) -> Result<Pool, StoreError> {
        self.pool(&format!("-c statement_timeout={}", self.lane_timeout.as_millis()), self.lookups)
    }

    /// For transactions. A plan that was made while the tables were small must not read large ones from
    /// one end to the other.
    pub(crate) fn writers(&self) -> Result<Pool, StoreError> {
        let settings = format!(
            "-c enable_seqscan=off -c jit=off -c statement_timeout={} -c lock_timeout={} \
             -c idle_in_transaction_session_timeout={}",
            self.lane_timeout.as_millis(),
            self.lock_timeout.as_millis(),
            self.lane_timeout.as_millis(),
        );
        // One more, for the heartbeat.
        self.pool(&settings, self.lanes + 1)
    }

    fn pool(&self, settings: &str, size: usize) -> Result<Pool, StoreError> {
        let mut config = self.config(SERVER)?;
        let given = config.get_options().map(str::to_owned).unwrap_or_default();
        config.options(format!("{given} {settings}"));
        let recycling_method = RecyclingMethod::Fast;
        let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
        let wait = Some(self.connect_timeout);
        let pool = Pool::builder(manager).max_size(size).runtime(Runtime::Tokio1).timeouts(Timeouts {
            wait,
            create: wait,
            recycle: wait,
        });
        pool.build().map_err(|error| StoreError::Unavailable(error.to_string()))
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
