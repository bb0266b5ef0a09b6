//! Settings: the defaults in `config/default.toml`, a file, the environment, the command line.
//! Later wins; unknown names are refused; all problems are reported at once.

mod effective;
mod layer;
mod messaging;
mod mongodb;
mod nearest;
mod problem;
mod read;
#[cfg(test)]
pub(crate) mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bursar_server::Roles;
use bursar_store_sqlite::Synchronous;
use secrecy::ExposeSecret;

pub(crate) use effective::Effective;
pub(crate) use messaging::{Events, Queues, Rabbitmq, Webhooks};
pub(crate) use mongodb::Mongodb;
pub(crate) use problem::{Problems, located};

use crate::services::{Service, postgres, redis};

use layer::Layers;
use read::Reader;

/// Where settings are read from, besides the defaults.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// The file of `--config` or `BURSAR_CONFIG`; it has to exist.
    pub(crate) file: Option<PathBuf>,
    /// All variables of the environment; those that begin with `BURSAR__` are settings.
    pub(crate) environment: Vec<(OsString, OsString)>,
    /// Key and value for each option of the command line that is a setting: `server.listen`.
    pub(crate) overrides: Vec<(String, String)>,
}

/// The settings, with every value in its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) server: Server,
    pub(crate) data: Data,
    pub(crate) credentials: Credentials,
    pub(crate) jit: Jit,
    pub(crate) lanes: Lanes,
    pub(crate) cache: Cache,
    pub(crate) redis: Redis,
    pub(crate) sqlite: Sqlite,
    pub(crate) postgres: Postgres,
    pub(crate) mongodb: Mongodb,
    pub(crate) rabbitmq: Rabbitmq,
    pub(crate) queues: Queues,
    pub(crate) events: Events,
    pub(crate) webhooks: Webhooks,
    pub(crate) sweeper: Sweeper,
    pub(crate) marqeta: Marqeta,
    pub(crate) profiler: Profiler,
    pub(crate) log: Log,
}

/// The HTTP interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    pub(crate) roles: Roles,
    pub(crate) header_timeout: Duration,
    pub(crate) body_timeout: Duration,
    pub(crate) answer_timeout: Duration,
    pub(crate) body_max_bytes: usize,
    pub(crate) connections_max: usize,
    /// `None` means no limit.
    pub(crate) api_rate_max: Option<u64>,
    pub(crate) drain: Duration,
    pub(crate) linger: Duration,
    pub(crate) shutdown_grace: Duration,
}

/// What is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Data {
    pub(crate) dir: PathBuf,
}

/// Where the secrets are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// `credentials.toml` in the data folder unless another file is set.
    pub(crate) file: PathBuf,
}

/// Just-in-time funding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Jit {
    pub(crate) start: Duration,
    pub(crate) deadline: Duration,
}

/// Batches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Lanes {
    pub(crate) batch_size_max: usize,
    pub(crate) queue_max: usize,
}

/// What is kept in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cache {
    pub(crate) user_ttl: Duration,
    pub(crate) card_ttl: Duration,
    pub(crate) limits_ttl: Duration,
    pub(crate) transaction_ttl: Duration,
    pub(crate) entries_max: u64,
}

/// What instances share of the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redis {
    /// `None` means that each has its memory.
    pub(crate) url: Option<SecretUrl>,
    pub(crate) connect_timeout: Duration,
}

/// The embedded ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sqlite {
    pub(crate) synchronous: Synchronous,
    pub(crate) checkpoint_pages: u32,
    pub(crate) readers: usize,
    pub(crate) cache_kib: u32,
}

/// The ledger on PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Postgres {
    /// `None` means the embedded ledger.
    pub(crate) url: Option<SecretUrl>,
    /// `None` means the system's CAs.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) connections_min: usize,
    pub(crate) connections_max: usize,
    pub(crate) idle_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) lanes: usize,
    pub(crate) lane_timeout: Duration,
    pub(crate) lock_timeout: Duration,
}

/// Connections beside lanes and readers: the heartbeat's, and two that look up the tokens of swipes.
pub(crate) const BESIDE_LANES: usize = 3;

/// A URL that may hold a password: nobody prints it by mistake.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SecretUrl {
    url: String,
    /// What is shown of it.
    shown: String,
}

impl SecretUrl {
    fn new(url: String, service: &Service) -> Self {
        Self { shown: service.describe(&url), url }
    }
}

impl ExposeSecret<str> for SecretUrl {
    fn expose_secret(&self) -> &str {
        &self.url
    }
}

/// Without the password.
impl std::fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown)
    }
}

impl std::fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self}")
    }
}

/// How holds are ended of which nothing more is heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sweeper {
    pub(crate) is_on: bool,
    pub(crate) interval: Duration,
    pub(crate) slice: u32,
    pub(crate) unconfirmed_after: Duration,
}

/// Marqeta's Core API, which is asked about transactions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Marqeta {
    /// `None` means that nobody is asked.
    pub(crate) base_url: Option<String>,
    pub(crate) timeout: Duration,
}

/// When an authorization is slow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profiler {
    pub(crate) warning: Duration,
    pub(crate) critical: Duration,
}

/// What is logged and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Log {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub(crate) level: &'static str,
    pub(crate) format: LogFormat,
}

/// How a log line is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For machines: an object a line.
    Json,
}

/// Reads the settings.
///
/// # Errors
/// Every problem of every source, each with its key, where it came from and what to do.
pub(crate) fn load(sources: &Sources) -> Result<(Config, Effective), Problems> {
    let (layers, mut problems) = Layers::read(sources);
    let mut reader = Reader::new(layers.merged());
    let config = Config::read(&mut reader);
    let (effective, out_of_range) = reader.finish();
    problems.extend(out_of_range);
    match problems.is_empty() {
        true => Ok((config, effective)),
        false => Err(problems),
    }
}

impl Config {
    fn read(reader: &mut Reader) -> Self {
        let server = Server::read(reader);
        let data = Data::read(reader);
        let config = Self {
            server,
            credentials: Credentials::read(reader, &data),
            data,
            jit: Jit::read(reader),
            lanes: Lanes {
                batch_size_max: reader.count("lanes.batch_size_max", 1..=256),
                queue_max: reader.count("lanes.queue_max", 1..=1_000_000),
            },
            cache: Cache {
                user_ttl: reader.seconds("cache.user_ttl_s", 1..=604_800),
                card_ttl: reader.seconds("cache.card_ttl_s", 1..=604_800),
                limits_ttl: reader.seconds("cache.limits_ttl_s", 1..=604_800),
                transaction_ttl: reader.seconds("cache.transaction_ttl_s", 1..=604_800),
                entries_max: reader.count("cache.entries_max", 1..=100_000_000),
            },
            redis: Redis::read(reader),
            sqlite: Sqlite::read(reader),
            postgres: Postgres::read(reader),
            mongodb: Mongodb::read(reader),
            rabbitmq: Rabbitmq::read(reader),
            queues: Queues::read(reader),
            events: Events::read(reader),
            webhooks: Webhooks::read(reader),
            sweeper: Sweeper::read(reader),
            marqeta: Marqeta::read(reader),
            profiler: Profiler::read(reader),
            log: Log::read(reader),
        };
        config.check_roles(reader);
        config
    }

    /// What is embedded belongs to one process: nobody else could do the rest of the work. What persons see would be
    /// made by the one instance, in documents of its own, and asked of the other.
    fn check_roles(&self, reader: &mut Reader) {
        let shared = [&self.postgres.url, &self.rabbitmq.url, &self.mongodb.url];
        if self.server.roles != Roles::ALL && !shared.iter().all(|url| url.is_some()) {
            reader.problem(
                "server.roles",
                "leaves work to other instances, and embedded ledger, queues and documents are this one's alone",
                "set postgres.url, rabbitmq.url and mongodb.url, or leave all roles to it",
            );
        }
    }
}

impl Server {
    fn read(reader: &mut Reader) -> Self {
        let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
        Self {
            listen: reader.parsed(
                "server.listen",
                unspecified,
                "give an IP address and a port: \"127.0.0.1:3000\" or \"[::1]:3000\"",
            ),
            roles: reader.parsed(
                "server.roles",
                Roles::ALL,
                "give some of api, relay, worker and sweeper: \"api,relay\"",
            ),
            header_timeout: reader.milliseconds("server.header_timeout_ms", 1..=600_000),
            body_timeout: reader.milliseconds("server.body_timeout_ms", 1..=600_000),
            answer_timeout: reader.milliseconds("server.answer_timeout_ms", 1..=600_000),
            body_max_bytes: reader.count::<usize>("server.body_max_kib", 1..=65_536) * 1024,
            connections_max: reader.count("server.connections_max", 1..=1_000_000),
            api_rate_max: Some(reader.count("server.api_rate_max", 0..=1_000_000)).filter(|most| *most > 0),
            drain: reader.milliseconds("server.drain_ms", 0..=600_000),
            linger: reader.milliseconds("server.linger_ms", 0..=600_000),
            shutdown_grace: reader.milliseconds("server.shutdown_grace_ms", 0..=600_000),
        }
    }
}

impl Data {
    fn read(reader: &mut Reader) -> Self {
        let dir = reader.text("data.dir");
        if dir.is_empty() {
            reader.problem("data.dir", "is empty", "name a folder");
        }
        Self { dir: dir.into() }
    }
}

impl Credentials {
    fn read(reader: &mut Reader, data: &Data) -> Self {
        let file = reader.text("credentials.file");
        Self {
            file: match file.is_empty() {
                true => data.dir.join("credentials.toml"),
                false => file.into(),
            },
        }
    }
}

impl Jit {
    fn read(reader: &mut Reader) -> Self {
        let (start, deadline) = read_rising(reader, "jit.start_ms", "jit.deadline_ms");
        Self { start, deadline }
    }
}

impl Redis {
    fn read(reader: &mut Reader) -> Self {
        Self {
            url: read_url(reader, "redis.url", &redis::SERVICE),
            connect_timeout: reader.milliseconds("redis.connect_timeout_ms", 100..=600_000),
        }
    }
}

impl Sqlite {
    fn read(reader: &mut Reader) -> Self {
        Self {
            synchronous: reader.choice(
                "sqlite.synchronous",
                &[("full", Synchronous::Full), ("normal", Synchronous::Normal)],
            ),
            checkpoint_pages: reader.count("sqlite.checkpoint_pages", 100..=10_000_000),
            readers: reader.count("sqlite.readers", 1..=64),
            cache_kib: reader.count("sqlite.cache_kib", 64..=4_194_304),
        }
    }
}

impl Postgres {
    fn read(reader: &mut Reader) -> Self {
        let url = read_url(reader, "postgres.url", &postgres::SERVICE);
        let ca_file = reader.text("postgres.ca_file");
        let connections_min = reader.count("postgres.connections_min", 0..=1_000);
        let connections_max = reader.count("postgres.connections_max", 6..=1_000);
        if connections_min > connections_max {
            let remedy = "lower it or raise postgres.connections_max";
            reader.problem("postgres.connections_min", "is above postgres.connections_max", remedy);
        }
        let of = Self {
            url,
            ca_file: (!ca_file.is_empty()).then(|| ca_file.into()),
            connections_min,
            connections_max,
            idle_timeout: reader.milliseconds("postgres.idle_timeout_ms", 100..=86_400_000),
            connect_timeout: reader.milliseconds("postgres.connect_timeout_ms", 1..=600_000),
            statement_timeout: reader.milliseconds("postgres.statement_timeout_ms", 1..=3_600_000),
            lanes: reader.count("postgres.lanes", 1..=16),
            lane_timeout: reader.milliseconds("postgres.lane_timeout_ms", 1..=60_000),
            lock_timeout: reader.milliseconds("postgres.lock_timeout_ms", 1..=60_000),
        };
        if of.lanes + BESIDE_LANES + 1 > connections_max {
            let remedy = "lower it or raise postgres.connections_max";
            reader.problem("postgres.lanes", "leaves no connections to read with", remedy);
        }
        of
    }
}

impl Sweeper {
    fn read(reader: &mut Reader) -> Self {
        Self {
            is_on: reader.choice("sweeper.switch", &[("on", true), ("off", false)]),
            interval: reader.seconds("sweeper.interval_s", 1..=86_400),
            slice: reader.count("sweeper.slice", 1..=10_000),
            unconfirmed_after: reader.seconds("sweeper.unconfirmed_after_s", 5..=604_800),
        }
    }
}

impl Marqeta {
    fn read(reader: &mut Reader) -> Self {
        let base_url = reader.text("marqeta.base_url");
        if base_url.contains('@') {
            // Somebody took it for one that holds a password.
            reader.hide("marqeta.base_url");
        }
        if let Some(why) = bursar_marqeta_client::url_problem(&base_url).filter(|_| !base_url.is_empty()) {
            reader.problem("marqeta.base_url", &why, "give it as https://sandbox-api.marqeta.com/v3");
        }
        Self {
            base_url: (!base_url.is_empty()).then_some(base_url),
            timeout: reader.milliseconds("marqeta.timeout_ms", 1..=60_000),
        }
    }
}

impl Profiler {
    fn read(reader: &mut Reader) -> Self {
        let (warning, critical) = read_rising(reader, "profiler.warning_ms", "profiler.critical_ms");
        Self { warning, critical }
    }
}

impl Log {
    fn read(reader: &mut Reader) -> Self {
        const LEVELS: [&str; 5] = ["error", "warn", "info", "debug", "trace"];
        Self {
            level: reader.choice("log.level", &LEVELS.map(|level| (level, level))),
            format: reader.choice("log.format", &[("text", LogFormat::Text), ("json", LogFormat::Json)]),
        }
    }
}

/// The URL of a service; `None` if it is empty, which means the embedded one.
fn read_url(reader: &mut Reader, key: &'static str, service: &Service) -> Option<SecretUrl> {
    let url = reader.secret(key);
    if url.is_empty() {
        return None;
    }
    if let Some((what, remedy)) = service.url_problem(&url, "unset it") {
        reader.problem(key, &what, &remedy);
    }
    Some(SecretUrl::new(url, service))
}

/// Two times of which the second may not be the shorter.
fn read_rising(reader: &mut Reader, lower: &'static str, upper: &'static str) -> (Duration, Duration) {
    let problems_before = reader.problem_count();
    let first = reader.milliseconds(lower, 1..=60_000);
    let second = reader.milliseconds(upper, 1..=60_000);
    // Stand-ins for bad values are not compared: one mistake is one problem.
    if reader.problem_count() == problems_before && second < first {
        let what = format!("is below {lower} ({} ms)", first.as_millis());
        reader.problem(upper, &what, &format!("raise it or lower {lower}"));
    }
    (first, second)
}
