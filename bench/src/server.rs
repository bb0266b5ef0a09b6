//! The servers that are measured, as processes of their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::Error;
use crate::postgres::Database;
use crate::wrk::Target;

/// The do-nothing server.
pub(crate) struct Reference {
    _process: Child,
    target: Target,
}

impl Reference {
    pub(crate) async fn start() -> Result<Self, Error> {
        let port = free_port()?;
        let mut command = Command::new(std::env::current_exe()?);
        let process = command.args(["--reference", &port.to_string()]).kill_on_drop(true).spawn()?;
        let url = format!("http://127.0.0.1:{port}/jit/marqeta");
        until_answered(&url).await?;
        let cards = vec![("bench-card".to_owned(), "bench-user".to_owned())];
        let target = Target { url, authorization: "Basic bm9ib2R5".to_owned(), cards, readable: Vec::new() };
        Ok(Self { _process: process, target })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }
}

/// A Bursar with a place of its own.
pub(crate) struct Bursar {
    process: Child,
    binary: PathBuf,
    address: SocketAddr,
    base: String,
    api_key: String,
    pub(crate) target: Target,
    start_ms: u128,
    place: Place,
}

/// Servers that stand in for embedded parts.
#[derive(Clone, Copy)]
pub(crate) struct Services<'a> {
    pub(crate) postgres: Option<&'a str>,
    pub(crate) rabbitmq: Option<&'a str>,
    pub(crate) redis: Option<&'a str>,
    pub(crate) mongodb: Option<&'a str>,
}

/// A data folder, a database if the ledger is on PostgreSQL, and where what else is not embedded is.
struct Place {
    folder: TempDir,
    database: Option<Database>,
    others: Vec<(&'static str, String)>,
}

/// All that a server does.
pub(crate) const ALL_ROLES: &str = "api,relay,worker,sweeper";

impl Bursar {
    /// Starts it on an empty folder and makes companies with ten cards each, and money without end. With
    /// controls, each card has three limits and a list of categories.
    pub(crate) async fn start(
        binary: &Path,
        services: Services<'_>,
        companies: usize,
        controls: bool,
    ) -> Result<Self, Error> {
        let database = match services.postgres {
            Some(server) => Some(Database::create(server).await?),
            None => None,
        };
        let folder = tempfile::tempdir_in(std::env::current_dir()?.join("target"))?;
        let others = [
            ("BURSAR__RABBITMQ__URL", services.rabbitmq.map(str::to_owned)),
            ("BURSAR__REDIS__URL", services.redis.map(str::to_owned)),
            ("BURSAR__MONGODB__URL", services.mongodb.map(with_own_database)),
        ];
        let others = others.into_iter().filter_map(|(name, url)| Some((name, url?))).collect();
        let place = Place { folder, database, others };
        let target = Target::default();
        let mut bursar = Self::start_in(binary, place, target, ALL_ROLES).await?;
        bursar.fill(companies, controls).await?;
        Ok(bursar)
    }

    /// Has PostgreSQL, if the ledger is there, do what it owes for what was decided so far.
    pub(crate) async fn tidy(&self) -> Result<(), Error> {
        match &self.place.database {
            Some(database) => database.tidy().await,
            None => Ok(()),
        }
    }

    /// Stops it and starts it again in the same place.
    pub(crate) async fn restart(self) -> Result<Self, Error> {
        self.restart_as(ALL_ROLES).await
    }

    /// The same, to do this part of the work.
    pub(crate) async fn restart_as(mut self, roles: &str) -> Result<Self, Error> {
        self.stop().await?;
        Self::start_in(&self.binary, self.place, self.target, roles).await
    }

    async fn start_in(binary: &Path, place: Place, mut target: Target, roles: &str) -> Result<Self, Error> {
        let began = Instant::now();
        let (process, address) = place.serve(binary, roles).await?;
        let base = format!("http://{address}");
        let start_ms = began.elapsed().as_millis();
        let credentials = std::fs::read_to_string(place.folder.path().join("credentials.toml"))?;
        let credentials: toml::Value = toml::from_str(&credentials)?;
        let text = |value: Option<&toml::Value>| value.and_then(toml::Value::as_str).map(str::to_owned);
        let api_key = text(credentials.get("api_key")).ok_or("credentials without an api_key")?;
        let marqeta = credentials.get("marqeta").ok_or("credentials without [marqeta]")?;
        let username = text(marqeta.get("username")).ok_or("credentials without a username")?;
        let password = text(marqeta.get("password")).ok_or("credentials without a password")?;
        target.url = format!("{base}/jit/marqeta");
        target.authorization = basic(&base, &username, &password)?;
        Ok(Self { process, binary: binary.to_owned(), address, base, api_key, target, start_ms, place })
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn api_key(&self) -> &str {
        &self.api_key
    }

    /// Another instance in the same place, which ends when it is dropped.
    pub(crate) async fn beside(&self) -> Result<(Child, SocketAddr), Error> {
        self.place.serve(&self.binary, ALL_ROLES).await
    }

    pub(crate) fn start_ms(&self) -> u128 {
        self.start_ms
    }

    /// Resident memory as the system counts it.
    pub(crate) fn resident_mb(&self) -> Result<u64, Error> {
        let id = self.process.id().ok_or("the server has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).ok_or("no VmRSS")?.parse()?;
        Ok(kib / 1024)
    }

    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Value, Error> {
        self.send(reqwest::Method::POST, path, body).await
    }

    pub(crate) async fn send(
        &self,
        method: reqwest::Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, Error> {
        let request = reqwest::Client::new().request(method, format!("{}{path}", self.base));
        let request = request.bearer_auth(&self.api_key);
        let request = request.header("Idempotency-Key", uuid::Uuid::new_v4().to_string()).json(body);
        let response = request.send().await?;
        let status = response.status();
        let body: Value = response.json().await?;
        if !status.is_success() {
            return Err(format!("{path} answered {status}: {body}").into());
        }
        Ok(body)
    }

    /// Its figures.
    pub(crate) async fn profile(&self) -> Result<Value, Error> {
        self.get(self.address, "/v1/profile").await
    }

    /// What this instance of its place answers.
    pub(crate) async fn get(&self, instance: SocketAddr, path: &str) -> Result<Value, Error> {
        let request = reqwest::Client::new().get(format!("http://{instance}{path}"));
        Ok(request.bearer_auth(&self.api_key).send().await?.json().await?)
    }

    /// Loads it until it has decided so many authorizations.
    pub(crate) async fn decide(&self, wanted: u64) -> Result<(), Error> {
        let mut decided = 0;
        while decided < wanted {
            crate::wrk::run(&self.target, 64, Duration::from_secs(2)).await?;
            let profile = self.profile().await?;
            let windows = profile["windows"].as_array().ok_or("a profile without windows")?;
            let all =
                windows.iter().find(|window| window["window"] == "all").ok_or("a profile without all")?;
            decided = all["count"].as_u64().unwrap_or_default();
        }
        Ok(())
    }

    /// Drives it by `bursar simulate` on a fixed schedule; the simulator's verdict has to pass.
    pub(crate) async fn open_loop(
        &self,
        rate: u32,
        time: Duration,
    ) -> Result<Vec<(&'static str, String)>, Error> {
        let report = self.simulate(rate, time).await?;
        let latency =
            |name: &str| format!("{:.1} ms", report["latency"][name].as_f64().unwrap_or(f64::NAN) / 1000.0);
        let names = [("p50", "p50_us"), ("p95", "p95_us"), ("p99", "p99_us"), ("p99.9", "p999_us")];
        Ok(names.map(|(name, key)| (name, latency(key))).to_vec())
    }

    /// The simulator's report.
    pub(crate) async fn simulate(&self, rate: u32, time: Duration) -> Result<Value, Error> {
        self.simulate_at((&self.base, None), &[], rate, time).await
    }

    /// The same at this URL of it, which is trusted by this file, with more arguments.
    pub(crate) async fn simulate_at(
        &self,
        (url, trusted): (&str, Option<&Path>),
        arguments: &[&str],
        rate: u32,
        time: Duration,
    ) -> Result<Value, Error> {
        let output = Command::new(&self.binary)
            .envs(trusted.map(|file| ("SSL_CERT_FILE", file)))
            .args(["simulate", "--swipes-only", "--json", "--url", url, "--rate", &rate.to_string()])
            .args(arguments)
            .args(["--for", &format!("{}s", time.as_secs()), "--credentials"])
            .arg(self.place.folder.path().join("credentials.toml"))
            .stderr(Stdio::inherit())
            .output()
            .await?;
        let report: Value = serde_json::from_slice(&output.stdout)?;
        if !output.status.success() {
            return Err(format!("the simulator's verdict failed: {report}").into());
        }
        Ok(report)
    }

    async fn stop(&mut self) -> Result<(), Error> {
        end(&mut self.process).await
    }

    /// A figure counts only if the books are right afterwards.
    pub(crate) async fn stop_and_check(mut self) -> Result<(), Error> {
        self.stop().await?;
        let mut check = self.place.command(&self.binary);
        let check = check.args(["check", "--data-dir"]).arg(self.place.folder.path()).output().await?;
        if !check.status.success() {
            return Err(format!("the books are wrong:\n{}", String::from_utf8_lossy(&check.stdout)).into());
        }
        match self.place.database.take() {
            Some(database) => database.drop().await,
            None => Ok(()),
        }
    }
}

impl Place {
    /// A server that is ready, and where it is.
    async fn serve(&self, binary: &Path, roles: &str) -> Result<(Child, SocketAddr), Error> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
        let mut process = self
            .command(binary)
            .args(["serve", "--roles", roles, "--port", &address.port().to_string(), "--data-dir"])
            .arg(self.folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let url = format!("http://{address}/ready");
        tokio::select! {
            answered = until_answered(&url) => answered?,
            ended = process.wait() => {
                let ended = ended?;
                return Err(format!("bursar serve --roles {roles} ended before it was ready: {ended}; by hand it says why").into());
            }
        }
        Ok((process, address))
    }

    /// The binary, told of the place's servers and of no others.
    fn command(&self, binary: &Path) -> Command {
        let postgres = self.database.as_ref().map(|database| ("BURSAR__POSTGRES__URL", database.url()));
        let mut command = Command::new(binary);
        let ours = |(name, _): &(std::ffi::OsString, _)| name.to_string_lossy().starts_with("BURSAR__");
        std::env::vars_os().filter(ours).for_each(|(name, _)| {
            command.env_remove(name);
        });
        command.envs(postgres).envs(self.others.iter().cloned());
        command
    }
}

/// The URL with a database that nobody has used: documents are of one key, and each server here has another.
fn with_own_database(mongodb: &str) -> String {
    let (server, options) = mongodb.split_once('?').unwrap_or((mongodb, ""));
    let after_hosts = server.find("://").map_or(0, |at| at + 3);
    let hosts = server[after_hosts..].find('/').map_or(server, |length| &server[..after_hosts + length]);
    format!("{hosts}/bursar_bench_{}?{options}", uuid::Uuid::new_v4().simple())
}

/// Has it stop, and waits until it has.
pub(crate) async fn end(process: &mut Child) -> Result<(), Error> {
    let id = process.id().ok_or("the server has ended")?;
    Command::new("kill").args(["-TERM", &id.to_string()]).status().await?;
    process.wait().await?;
    Ok(())
}

/// The header that reqwest would send, for `wrk` to send.
fn basic(base: &str, username: &str, password: &str) -> Result<String, Error> {
    let request = reqwest::Client::new().get(base).basic_auth(username, Some(password)).build()?;
    let header = request.headers().get(reqwest::header::AUTHORIZATION).ok_or("no authorization header")?;
    Ok(header.to_str()?.to_owned())
}

fn free_port() -> Result<u16, Error> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Any answer will do: the reference has no `/ready`.
async fn until_answered(url: &str) -> Result<(), Error> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(20) {
        if reqwest::get(url).await.is_ok_and(|answer| answer.status().as_u16() != 503) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Err(format!("nobody answers at {url}").into())
}
