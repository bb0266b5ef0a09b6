//! `cargo xtask services`: the real services that tests and demos run against, for this checkout alone.
//!
//! What is given by URL is used as it is. Else the system's programs run as children on free loopback
//! ports, with their data under `target/services`; nothing of the system's own is touched. The programs are
//! needed either way: a test that kills a server starts one of its own.

mod lock;
mod postgres;

use bursar_services::Life;
use clap::Subcommand;

use crate::Error;
use crate::say::{headline, say};
use lock::Lock;
use postgres::Postgres;

/// The variable that names a PostgreSQL to use instead of one of our own.
pub(crate) const GIVEN: &str = "BURSAR__POSTGRES__URL";

/// The variable that tells tests where PostgreSQL is.
pub(crate) const TEST_URL: &str = "BURSAR_TEST_POSTGRES_URL";

/// What to do with the services.
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum Deed {
    /// Installs what is missing and starts what is not running; prints where it is.
    Up,
    /// Stops what `up` started. The data stay under target/services.
    Down,
    /// Says what runs where.
    Status,
    /// Prints what the services said last.
    Logs,
}

pub(crate) fn run(deed: Deed) -> Result<(), Error> {
    match deed {
        Deed::Up => up(),
        Deed::Down => down(),
        Deed::Status => status(),
        Deed::Logs => logs(),
    }
}

fn up() -> Result<(), Error> {
    let _lock = Lock::take()?;
    if given().is_some() {
        Postgres::install().map_err(beside_the_given)?;
        // Not printed: it may hold a password in any of several places.
        say(format_args!("postgres: {GIVEN} is set and used as it is; for tests beside cargo xtask test:"));
        say(format_args!("export {TEST_URL}=\"${GIVEN}\""));
        return Ok(());
    }
    let postgres = Postgres::prepare()?;
    let url = match postgres.running()? {
        Some(url) => url,
        None => postgres.start(Life::UntilStopped)?,
    };
    say(format_args!("postgres: {}", without_password(&url)));
    say(format_args!("export {GIVEN}='{url}'"));
    Ok(())
}

fn down() -> Result<(), Error> {
    let _lock = Lock::take()?;
    let Some(postgres) = Postgres::find()? else {
        say("postgres: there is none");
        return Ok(());
    };
    match postgres.running()? {
        None => say("postgres: not running"),
        Some(_) => {
            postgres.stop()?;
            say("postgres: stopped");
        }
    }
    Ok(())
}

fn status() -> Result<(), Error> {
    let running = Postgres::find()?.map(|postgres| postgres.running()).transpose()?.flatten();
    say(match running {
        Some(url) => format!("postgres: running, {}", without_password(&url)),
        None => "postgres: not running (cargo xtask services up)".to_owned(),
    });
    Ok(())
}

fn logs() -> Result<(), Error> {
    let Some(postgres) = Postgres::find()? else {
        say("postgres: there is none");
        return Ok(());
    };
    headline("postgres");
    say(postgres.last_words());
    Ok(())
}

fn given() -> Option<String> {
    std::env::var(GIVEN).ok().filter(|url| !url.is_empty())
}

fn beside_the_given(error: Error) -> Error {
    format!("{error}, and some tests start a server of their own beside the one that {GIVEN} names")
}

/// A URL as it may be printed.
fn without_password(url: &str) -> String {
    let Some((before, host)) = url.rsplit_once('@') else { return url.to_owned() };
    let user = before.rsplit_once(':').filter(|(scheme, _)| scheme.contains("//"));
    format!("{}@{host}", user.map_or(before, |(user, _)| user))
}

/// The services for as long as the tests run. What was running before goes on running.
pub(crate) struct ForTests {
    url: String,
    started: Option<Postgres>,
    /// Dropped after what was started is stopped.
    _lock: Lock,
}

impl ForTests {
    /// # Errors
    /// Why there is no PostgreSQL: without one its tests cannot run, and are not left out.
    pub(crate) fn start() -> Result<Self, Error> {
        let lock = Lock::take()?;
        let of = |url, started| Self { url, started, _lock: lock };
        if let Some(url) = given() {
            Postgres::install().map_err(beside_the_given)?;
            return Ok(of(url, None));
        }
        let postgres = Postgres::prepare()?;
        match postgres.running()? {
            Some(url) => Ok(of(url, None)),
            None => Ok(of(postgres.start(Life::AsLongAsThis)?, Some(postgres))),
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for ForTests {
    fn drop(&mut self) {
        if let Some(postgres) = self.started.take()
            && let Err(error) = postgres.stop().and_then(|()| postgres.remove())
        {
            say(error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_printed() {
        for (url, shown) in [
            ("postgres://bursar:secret@127.0.0.1:5432/postgres", "postgres://bursar@127.0.0.1:5432/postgres"),
            ("postgres://bursar@127.0.0.1:5432/postgres", "postgres://bursar@127.0.0.1:5432/postgres"),
            ("postgres://127.0.0.1/bursar", "postgres://127.0.0.1/bursar"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
