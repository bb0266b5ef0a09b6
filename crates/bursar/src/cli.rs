//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use bursar_simulator::Habits;
use clap::{Args, Parser, Subcommand};
use url::{Host, Url};
use uuid::Uuid;

use crate::services::LONG_VERSION;

/// A self-hosted card-program server: decides and holds every swipe in one durable step.
#[derive(Debug, Parser)]
#[command(version, long_version = LONG_VERSION.as_str(), propagate_version = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server until Ctrl-C or SIGTERM. Without any configuration it is complete and durable.
    Serve(Serve),
    /// Run the server with a made-up program and simulated swipes, and judge it at the end.
    Demo(Demo),
    /// Drive a server that someone else started, through its HTTP interface, and judge it at the end.
    Simulate(Simulate),
    /// Recompute every balance and hold from messages and journal. Works beside a running server.
    Check(Check),
    /// Copy a whole ledger from one store to another, verify it, and go on where an earlier run ended.
    Copy(Copy),
    /// Bring the ledger's schema up to date without serving.
    Migrate(Migrate),
    /// Make anew, from the ledger, what can be made of it.
    Rebuild(Rebuild),
    /// Look at dead letters of a running server, replay them and discard them.
    Dlq(Dlq),
    /// Ask a running server whether it can decide now; fails if not.
    Probe(Probe),
    /// Print the effective settings and where each came from. Secrets are not shown.
    Config(Config),
    /// Print the OpenAPI description of /v1.
    Openapi,
}

/// Where the settings come from, beside the environment.
#[derive(Debug, Args)]
pub(crate) struct Source {
    /// A file of settings; `config/default.toml` in the repository documents them all.
    #[arg(long, value_name = "FILE", env = "BURSAR_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// The data folder.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) data_dir: Option<PathBuf>,
    /// The PostgreSQL of the ledger, instead of the data folder. Others on this machine can see the command
    /// line: where the password matters, set `BURSAR__POSTGRES__URL` instead.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    pub(crate) postgres: Option<String>,
    /// The RabbitMQ that carries messages, instead of the data folder. Others on this machine can see the command line:
    /// where the password matters, set `BURSAR__RABBITMQ__URL` instead.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    pub(crate) rabbitmq: Option<String>,
    /// The Redis that instances share a cache in. Others on this machine can see the command line: where the password
    /// matters, set `BURSAR__REDIS__URL` instead.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    pub(crate) redis: Option<String>,
    /// The MongoDB of personal documents, instead of the data folder. Others on this machine can see the command line:
    /// where the password matters, set `BURSAR__MONGODB__URL` instead.
    #[arg(long, value_name = "URL", hide_env_values = true)]
    pub(crate) mongodb: Option<String>,
    /// The port to listen on, on 127.0.0.1.
    #[arg(long)]
    pub(crate) port: Option<u16>,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    #[command(flatten)]
    pub(crate) source: Source,
    /// What this instance does: `api,relay,worker,sweeper` is all of it. With less it needs PostgreSQL,
    /// RabbitMQ and MongoDB.
    #[arg(long, value_name = "ROLES")]
    pub(crate) roles: Option<String>,
}

/// How the simulator swipes.
#[derive(Debug, Args)]
pub(crate) struct Load {
    /// Swipes a second, on a fixed schedule.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(crate) rate: u32,
    /// How long, e.g. 30s or 5m; until Ctrl-C if not given.
    #[arg(long = "for", value_name = "TIME", value_parser = parse_duration)]
    pub(crate) time: Option<Duration>,
    /// The same seed plans the same swipes and lives.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Companies in its world, with 20 cardholders and 25 cards each on average. Many swipes of few accounts wait for each other.
    #[arg(long, value_name = "NUMBER", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=400))]
    pub(crate) companies: u16,
    /// How often, in percent, the network repeats, reorders, loses and never sends notices, is too late, and
    /// decides by itself: all alike as 5, or some by name as late=10,lost=2. A demo has 5, a simulation 0 unless told.
    #[arg(long, value_name = "PERCENT")]
    pub(crate) habits: Option<Habits>,
    /// Nothing follows a swipe: no confirmation, no clearing, no refund.
    #[arg(long)]
    pub(crate) swipes_only: bool,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    #[command(flatten)]
    pub(crate) source: Source,
    #[command(flatten)]
    pub(crate) load: Load,
}

#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// The server: http://127.0.0.1:3000 on this machine, or anywhere by https.
    #[arg(long, value_parser = parse_private_url)]
    pub(crate) url: Url,
    /// The file with the server's API key and processor password.
    #[arg(long, value_name = "FILE", default_value = "bursar-data/credentials.toml")]
    pub(crate) credentials: PathBuf,
    /// Answer there what the server asks the processor: an address and port of this machine, as 127.0.0.1:3100. The
    /// server needs marqeta.base_url = "http://127.0.0.1:3100", sweeper.unconfirmed_after_s of a few seconds, and tokens
    /// in the credentials file. Only with it the habit `silent` shows.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_own_address)]
    pub(crate) processor_api: Option<SocketAddr>,
    #[command(flatten)]
    pub(crate) load: Load,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print the report as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Either end is a data folder, or the `postgres://` URL of a database.
#[derive(Debug, Args)]
pub(crate) struct Copy {
    /// The ledger to copy. It is only read; stop its servers before the last run.
    #[arg(long, value_name = "LEDGER", env = "BURSAR_COPY_FROM", hide_env_values = true)]
    pub(crate) from: String,
    /// Where to: an empty folder or database, or the unfinished copy of an earlier run.
    #[arg(long, value_name = "LEDGER", env = "BURSAR_COPY_TO", hide_env_values = true)]
    pub(crate) to: String,
    /// The CAs that sign the certificates of the databases, as `postgres.ca_file` of the settings.
    #[arg(long, value_name = "FILE", env = "BURSAR__POSTGRES__CA_FILE")]
    pub(crate) ca_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Migrate {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Change nothing, and print what would run.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Print the versions and migrations as one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Config {
    #[command(flatten)]
    pub(crate) source: Source,
    /// Print the settings as one JSON array.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Rebuild {
    /// What to make anew.
    #[command(subcommand)]
    pub(crate) what: RebuildCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum RebuildCommand {
    /// What persons see of cards, wallets and purchases. Beside a running server with PostgreSQL and MongoDB; what is in
    /// the data folder is one process's, so stop the server first.
    Documents {
        #[command(flatten)]
        source: Source,
        /// Print what was done as one JSON object.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Dlq {
    /// What to do.
    #[command(subcommand)]
    pub(crate) what: DlqCommand,
    /// The server: on this machine, or anywhere by https.
    #[arg(long, global = true, default_value = "http://127.0.0.1:3000", value_parser = parse_private_url)]
    pub(crate) url: Url,
    /// The file with the server's API key.
    #[arg(long, global = true, value_name = "FILE", default_value = "bursar-data/credentials.toml")]
    pub(crate) credentials: PathBuf,
    /// Print the server's answer as it is, in JSON.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// Which server is asked.
#[derive(Debug, Args)]
pub(crate) struct Probe {
    /// The server.
    #[arg(long, default_value = "http://127.0.0.1:3000", value_parser = parse_url)]
    pub(crate) url: Url,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DlqCommand {
    /// List dead letters, oldest first; open ones unless told otherwise.
    List {
        #[command(flatten)]
        letters: Letters,
        /// `open`, `replayed` or `discarded`.
        #[arg(long)]
        state: Option<String>,
        /// At most so many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
        limit: u32,
        /// Those after the page before, which said this.
        #[arg(long, value_name = "NEXT")]
        after: Option<String>,
    },
    /// Show a dead letter in full, card numbers masked.
    Show {
        /// Its id.
        id: Uuid,
    },
    /// Have a letter, or all open ones that are meant, worked on again. Twice has effect once.
    Replay {
        /// The id of one letter; all that are meant by the options if not given.
        #[arg(required_unless_present = "all")]
        id: Option<Uuid>,
        /// All open letters that are meant by the options.
        #[arg(long, conflicts_with = "id")]
        all: bool,
        #[command(flatten)]
        letters: Letters,
        /// Only say what would happen, and whose books would change.
        #[arg(long)]
        dry_run: bool,
    },
    /// Drop a letter that nobody needs.
    Discard {
        /// Its id.
        id: Uuid,
        /// For whoever looks at it later.
        #[arg(long)]
        reason: String,
    },
}

/// Which letters are meant.
#[derive(Debug, Args)]
pub(crate) struct Letters {
    /// Of this queue, as webhook-queue.
    #[arg(long)]
    pub(crate) queue: Option<String>,
    /// About this.
    #[arg(long)]
    pub(crate) kind: Option<String>,
    /// Dead for this reason: `exhausted` or `rejected`.
    #[arg(long = "because", value_name = "REASON")]
    pub(crate) because: Option<String>,
    /// That died then or later, as 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// That died before.
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
}

/// Reads an address of this machine: tokens are sent there in the clear.
fn parse_own_address(text: &str) -> Result<SocketAddr, String> {
    let address: Option<SocketAddr> = text.parse().ok();
    let is_good = |address: &SocketAddr| address.ip().is_loopback() && address.port() > 0;
    address
        .filter(is_good)
        .ok_or_else(|| format!("{text:?} is no address of this machine, as 127.0.0.1:3100"))
}

/// Reads where a server is; the paths below it are the command's.
fn parse_url(text: &str) -> Result<Url, String> {
    let is_one = |url: &Url| {
        let has_more = url.path() != "/" || url.query().is_some() || url.fragment().is_some();
        let has_user = !url.username().is_empty() || url.password().is_some();
        matches!(url.scheme(), "http" | "https") && url.has_host() && !has_user && !has_more
    };
    let url = Url::parse(text).ok().filter(is_one);
    url.ok_or_else(|| format!("{text:?} is no server; write as http://127.0.0.1:3000, without a path"))
}

/// Keys go there: without TLS they must not leave this machine.
fn parse_private_url(text: &str) -> Result<Url, String> {
    let url = parse_url(text)?;
    let is_own = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if url.scheme() == "http" && !is_own {
        return Err(format!(
            "{text:?} is another machine, and keys would go there in clear; reach it by https or through a tunnel (ssh \
             -L 3000:127.0.0.1:3000)"
        ));
    }
    Ok(url)
}

/// Reads `30s`, `5m`, `1h` or `500ms`.
fn parse_duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 =
        digits.parse().map_err(|_| format!("{text:?} is no time; write for example 30s, 5m or 1h"))?;
    let unit_ms = match &text[digits.len()..] {
        "ms" => 1,
        "s" | "" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        unit => return Err(format!("{unit:?} is no unit of time; use ms, s, m or h")),
    };
    number.checked_mul(unit_ms).map(Duration::from_millis).ok_or_else(|| format!("{text:?} is too long"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_processor_s_api_is_on_this_machine() {
        assert!(parse_own_address("127.0.0.1:3100").is_ok() && parse_own_address("[::1]:1").is_ok());
        for bad in ["127.0.0.1:0", "0.0.0.0:3100", "10.0.0.1:3100", "localhost:3100", "3100", ""] {
            assert!(parse_own_address(bad).is_err_and(|why| why.contains("127.0.0.1:3100")), "{bad}");
        }
    }

    #[test]
    fn a_key_without_tls_is_sent_to_this_machine_only() {
        let own = ["http://127.0.0.1:3000", "http://[::1]:80/", "http://localhost:3000/", "http://127.0.0.1"];
        for url in own.iter().chain(&["https://bursar.example.org", "https://10.0.0.1:8443/"]) {
            assert_eq!(parse_private_url(url), parse_url(url), "{url}");
            assert!(parse_url(url).is_ok(), "{url}");
        }
        for other in ["http://10.0.0.1:3000", "http://bursar.example.org", "http://[2001:db8::1]:3000"] {
            assert!(parse_private_url(other).is_err_and(|why| why.contains("ssh -L")), "{other}");
            assert!(parse_url(other).is_ok(), "who sends no key may ask it: {other}");
        }
    }

    #[test]
    fn a_server_is_named_without_a_path() {
        let no_servers = [
            "",
            "localhost:3000",
            "127.0.0.1:3000",
            "ftp://127.0.0.1",
            "http://",
            "http://a@localhost:1",
            "https://a:b@bursar.example.org",
            "https://bursar.example.org/v1",
            "http://localhost:3000?a=b",
            "http://localhost:3000/#a",
        ];
        for text in no_servers {
            let words = [parse_url(text), parse_private_url(text)];
            assert!(
                words.iter().all(|word| word.as_ref().is_err_and(|why| why.contains("no server"))),
                "{text}"
            );
        }
    }

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!(parse_duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse_duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert!(parse_duration("soon").is_err() && parse_duration("3 days").is_err());
        assert!(parse_duration("99999999999999999999h").is_err());
    }
}
