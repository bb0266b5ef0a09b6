//! A Redis of a test's own: it starts in a moment.

use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bursar_cache::KeyValue;
use bursar_cache::contract::Place;
use bursar_cache_redis::{Options, RedisKeyValue};
use bursar_services::{Life, Redis, free_port};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Where instances speak, in tests.
const CHANNEL: &str = "test:forgotten";

/// Runs until it is killed or dropped.
pub struct RedisServer {
    redis: Redis,
    port: u16,
    settings: Vec<String>,
    /// `None` after it was killed.
    server: Option<Child>,
    _folder: TempDir,
}

impl Default for RedisServer {
    fn default() -> Self {
        Self::new()
    }
}

impl RedisServer {
    /// An empty server. It ends with the thread that calls this.
    ///
    /// # Panics
    /// It cannot be made: the message says what is missing.
    #[must_use]
    pub fn new() -> Self {
        Self::with(&[])
    }

    /// One node that is a cluster of its own.
    ///
    /// # Panics
    /// As [`RedisServer::new`].
    #[must_use]
    pub fn cluster() -> Self {
        // Else it takes a port that may be somebody's connection.
        let bus = format!("cluster-port {}", free_port().unwrap_or_else(|error| panic!("{error}")));
        let server = Self::with(&["cluster-enabled yes", &bus]);
        let _ = server.ask(&["cluster", "addslotsrange", "0", "16383"]);
        while !server.ask(&["cluster", "info"]).contains("cluster_state:ok") {
            std::thread::yield_now();
        }
        server
    }

    /// One with more settings, lines of its own file.
    ///
    /// # Panics
    /// As [`RedisServer::new`].
    #[must_use]
    pub fn with(settings: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let redis = Redis::within(folder.path().to_owned())
            .unwrap_or_else(|error| panic!("{error}; as root on Debian: cargo xtask services up"));
        redis.make().unwrap_or_else(|error| panic!("{error}"));
        let port = free_port().unwrap_or_else(|error| panic!("{error}"));
        let settings = settings.iter().map(|line| (*line).to_owned()).collect();
        let mut server = Self { redis, port, settings, server: None, _folder: folder };
        server.start();
        server
    }

    /// Where it is.
    ///
    /// # Panics
    /// Its password cannot be read.
    #[must_use]
    pub fn url(&self) -> String {
        self.redis.url(self.port).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Where it is, by what stands between at this address.
    #[must_use]
    pub fn url_by(&self, address: std::net::SocketAddr) -> String {
        self.url().replace(&self.address(), &address.to_string())
    }

    /// Its host and port.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it again after a kill, at the same port, empty, and waits until it takes connections.
    ///
    /// # Panics
    /// It does not start.
    pub fn start(&mut self) {
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        let started = self.redis.start(self.port, &settings, Life::AsLongAsThis);
        self.server = Some(started.unwrap_or_else(|error| panic!("{error}")));
    }

    /// Ends it at once, as a power cut does.
    ///
    /// # Panics
    /// It does not end.
    pub fn kill(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        server.kill().and_then(|()| server.wait()).expect("it ends");
    }

    /// Stops it: connections stay, and nothing answers.
    pub fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on where it was.
    pub fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    /// What it answers to this command of `redis-cli`.
    ///
    /// # Panics
    /// It refuses.
    #[must_use]
    pub fn ask(&self, arguments: &[&str]) -> String {
        self.redis.control(self.port, arguments).unwrap_or_else(|error| panic!("{error}"))
    }

    /// All that is in it: keys, and values as they are printed.
    ///
    /// # Panics
    /// It refuses.
    #[must_use]
    pub fn dump(&self) -> String {
        let keys = self.ask(&["keys", "*"]);
        let value = |key: &str| format!("{key} {}", self.ask(&["--no-raw", "get", key]));
        keys.lines().filter(|key| !key.is_empty()).map(value).collect()
    }

    fn signal(&self, signal: Signal) {
        let id = self.server.as_ref().and_then(|server| i32::try_from(server.id()).ok());
        kill_process(id.and_then(Pid::from_raw).expect("it runs"), signal).expect("it is there");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.kill();
    }
}

#[async_trait]
impl Place for RedisServer {
    async fn open(&self) -> Arc<dyn KeyValue> {
        let is_cluster = self.settings.iter().any(|line| line.starts_with("cluster-enabled"));
        let url = if is_cluster {
            self.url().replace("redis://", "redis-cluster://").replace("/0", "")
        } else {
            self.url()
        };
        let options = Options { url, connect_timeout: Duration::from_secs(5), channel: CHANNEL.to_owned() };
        let values = RedisKeyValue::start(options).unwrap_or_else(|error| panic!("{error}"));
        Arc::new(values)
    }
}
