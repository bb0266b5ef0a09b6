//! One multiplexed connection, to a server or to each node of a cluster, that is made again by itself.

use std::time::Duration;

use bursar_cache::KeyValueError;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::{ClusterClientBuilder, ClusterConfig};
use redis::cluster_async::ClusterConnection;
use redis::{Client, Cmd, ErrorKind, FromRedisValue, RedisError, ScriptInvocation, ServerErrorKind};

use crate::address::{Address, tcp};

/// Between two attempts to connect, at first and at most.
pub(crate) const PAUSE: Duration = Duration::from_millis(20);
pub(crate) const PAUSE_MAX: Duration = Duration::from_millis(500);

/// A command that is not answered by then has failed. Who needs an answer waits much less.
const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// A connection. Cheap to clone; a clone is the same connection.
#[derive(Clone)]
pub(crate) enum Link {
    One(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Link {
    /// Connects in the background, and again whenever it has to. Needs a runtime.
    pub(crate) fn to(address: &Address, connect_timeout: Duration) -> Result<Self, RedisError> {
        let first =
            address.nodes.first().cloned().ok_or((ErrorKind::InvalidClientConfig, "it names no host"))?;
        if address.is_cluster {
            let builder = ClusterClientBuilder::new(address.nodes.clone())
                .tcp_settings(tcp())
                .min_retry_wait(millis(PAUSE))
                .max_retry_wait(millis(PAUSE_MAX))
                .connection_timeout(connect_timeout)
                .response_timeout(ANSWER_WITHIN);
            let client = builder.build()?;
            return Ok(Self::Cluster(client.get_pending_async_connection_with_config(ClusterConfig::new())));
        }
        let config = ConnectionManagerConfig::new()
            .set_min_delay(PAUSE)
            .set_max_delay(PAUSE_MAX)
            .set_connection_timeout(Some(connect_timeout))
            .set_response_timeout(Some(ANSWER_WITHIN));
        Ok(Self::One(ConnectionManager::new_lazy_with_config(Client::open(first)?, config)?))
    }

    pub(crate) async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        match self.clone() {
            Self::One(mut one) => command.query_async(&mut one).await,
            Self::Cluster(mut cluster) => command.query_async(&mut cluster).await,
        }
    }

    pub(crate) async fn run_script<T: FromRedisValue>(
        &self,
        script: &ScriptInvocation<'_>,
    ) -> Result<T, RedisError> {
        match self.clone() {
            Self::One(mut one) => script.invoke_async(&mut one).await,
            Self::Cluster(mut cluster) => script.invoke_async(&mut cluster).await,
        }
    }
}

fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}

/// That what is at a key is of another type: somebody else put it there.
pub(crate) fn is_foreign(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}

/// What the error means to who asked. Redis' own words hold no secrets: it never repeats a password.
pub(crate) fn meaning(error: &RedisError) -> KeyValueError {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown};
    let is_answer = match error.kind() {
        ErrorKind::Server(BusyLoading | ClusterDown | MasterDown) => false,
        // What is no answer of the kind that was asked for is somebody else's value.
        ErrorKind::Server(_) | ErrorKind::Extension | ErrorKind::Parse | ErrorKind::UnexpectedReturnType => {
            true
        }
        _ => false,
    };
    match is_answer {
        true => KeyValueError::refused(error.to_string()),
        false => KeyValueError::away(error.to_string()),
    }
}
