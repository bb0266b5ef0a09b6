//! Connections: what each promises before it is used.

use std::path::PathBuf;
use std::time::Duration;

use bursar_store::{Clock, StoreError};
use tokio_postgres::config::{SslMode, TargetSessionAttrs};
use tokio_postgres::{Client, Config, Connection, Socket};

use crate::error::before_commit;
use crate::url::URL_FORM;
use crate::{tls, url};

/// How the database's server shows the connections of a Bursar that serves; commands have others.
pub(crate) const SERVER: &str = "bursar";

/// How the ledger uses its database.
#[derive(Clone)]
pub struct Options {
    /// As [`URL_FORM`].
    pub url: String,
    /// The CAs that sign the certificate of the server, in PEM form: with it TLS is spoken, unless the URL
    /// says `sslmode=disable`. Without it the system's CAs are trusted.
    pub ca_file: Option<PathBuf>,
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
    /// How long a read waits for a connection, at most; also how long connecting takes, but where swipes
    /// wait for it.
    pub connect_timeout: Duration,
    /// How long a read runs, at most.
    pub statement_timeout: Duration,
    /// How long a statement of a lane runs, at most; also a look-up, and whoever waits for the connection
    /// that it has.
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
            ca_file: None,
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

    /// How to connect within this time; `application` is how the server shows it.
    pub(crate) fn config(&self, application: &str, limit: Duration) -> Result<Config, StoreError> {
        let unreadable =
            |why| StoreError::Unavailable(format!("the URL of PostgreSQL {why}; its form is {URL_FORM}"));
        let mut config = url::read(&self.url).map_err(unreadable)?;
        config.application_name(application);
        let hosts = config.get_hosts().len().max(config.get_hostaddrs().len()).max(1);
        // One that is gone leaves time for those after it.
        config.connect_timeout(limit / u32::try_from(hosts).unwrap_or(u32::MAX));
        // A host that is gone without a word is noticed.
        config.tcp_user_timeout(self.connect_timeout).keepalives_idle(self.connect_timeout);
        // A single one is connected to although it only reads, and says so when it is asked to decide.
        if hosts > 1 && !self.url.contains("target_session_attrs=") {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        // Whoever names a CA wants no link that anybody could have talked out of TLS.
        if self.ca_file.is_some() && config.get_ssl_mode() == SslMode::Prefer {
            config.ssl_mode(SslMode::Require);
        }
        Ok(config)
    }
}

/// A connection of its own, within the time for it: a server that takes the connection and says nothing
/// is not waited for. `application` is how the server shows it.
pub(crate) async fn connect(
    options: &Options,
    application: &str,
) -> Result<(Client, Connection<Socket, tls::Stream>), StoreError> {
    let config = options.config(application, options.connect_timeout)?;
    let tls = tls::connector(options.ca_file.as_deref())?;
    let connected = tokio::time::timeout(options.connect_timeout, config.connect(tls)).await;
    let silent = |_| {
        StoreError::Unavailable(
            "the server takes connections and does not answer; look at what it does there, or correct host and port \
             in its URL"
                .into(),
        )
    };
    connected.map_err(silent)?.map_err(|error| before_commit(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_share_the_time_for_connecting() {
        let share = |url: &str| {
            let config = Options::new(url).config(SERVER, Duration::from_secs(6)).expect("readable");
            config.get_connect_timeout().copied()
        };
        assert_eq!(share("postgres://me@one/bursar"), Some(Duration::from_secs(6)));
        assert_eq!(share("postgres://me@one,two,three/bursar"), Some(Duration::from_secs(2)));
    }
}
