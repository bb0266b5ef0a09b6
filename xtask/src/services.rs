//! `cargo xtask services`: the real services that tests and demos run against, for this checkout alone.
//!
//! What is given by URL is used as it is. Else the system's programs run as children on free loopback
//! ports, with their data under `target/services`; nothing of the system's own is touched. The programs are
//! needed either way: a test that kills a server starts one of its own.

mod lock;
mod mongodb;
mod nginx;
mod postgres;
mod rabbitmq;
mod redis;
mod service;

use bursar_services::{Life, MongoDb, Nginx, Postgres, RabbitMq, Redis};
use clap::Subcommand;

use crate::Error;
use crate::say::{headline, say};
use lock::Lock;
pub(crate) use postgres::GIVEN;
use service::{Daemon, Service};

/// The variables that tell tests where PostgreSQL, RabbitMQ, its management API and MongoDB are. Each test of Redis has one
/// of its own: it starts in a moment.
pub(crate) const TEST_URLS: [&str; 4] = [
    "BURSAR_TEST_POSTGRES_URL",
    "BURSAR_TEST_RABBITMQ_URL",
    "BURSAR_TEST_RABBITMQ_API",
    "BURSAR_TEST_MONGODB_URL",
];

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
    let _lock = matches!(deed, Deed::Up | Deed::Down).then(Lock::take).transpose()?;
    let each: [fn() -> Result<(), Error>; 5] = match deed {
        Deed::Up => [up::<Postgres>, up::<RabbitMq>, up::<Redis>, up::<MongoDb>, up_if_installed::<Nginx>],
        Deed::Down => [down::<Postgres>, down::<RabbitMq>, down::<Redis>, down::<MongoDb>, down::<Nginx>],
        Deed::Status => {
            [status::<Postgres>, status::<RabbitMq>, status::<Redis>, status::<MongoDb>, status::<Nginx>]
        }
        Deed::Logs => [logs::<Postgres>, logs::<RabbitMq>, logs::<Redis>, logs::<MongoDb>, logs::<Nginx>],
    };
    each.into_iter().try_for_each(|of| of())
}

fn up<D: Daemon>() -> Result<(), Error> {
    if let Some((variable, _)) = given::<D>() {
        D::install().map_err(|error| beside_the_given(error, variable))?;
        // Not printed: it may hold a password in any of several places.
        say(format_args!(
            "{}: {variable} is set and used as it is; for tests beside cargo xtask test:",
            D::NAME
        ));
        say(format_args!("export {}=\"${variable}\"", TEST_URLS[0]));
        return Ok(());
    }
    let service = Service::<D>::prepare()?;
    let url = match service.running()? {
        Some(url) => url,
        None => service.start(Life::UntilStopped)?,
    };
    say(format_args!("{}: {}", D::NAME, without_password(&url)));
    if let Some(variable) = D::GIVEN {
        say(format_args!("export {variable}='{url}'"));
    }
    Ok(())
}

/// The same of what the others do without: whoever may not install it is told.
fn up_if_installed<D: Daemon>() -> Result<(), Error> {
    match D::install() {
        Ok(()) => up::<D>(),
        Err(why) => {
            say(format_args!("{}: left out, {why}", D::NAME));
            Ok(())
        }
    }
}

fn down<D: Daemon>() -> Result<(), Error> {
    let Some(service) = Service::<D>::find()? else {
        say(format_args!("{}: there is none", D::NAME));
        return Ok(());
    };
    match service.running()? {
        None => say(format_args!("{}: not running", D::NAME)),
        Some(_) => {
            service.stop()?;
            say(format_args!("{}: stopped", D::NAME));
        }
    }
    Ok(())
}

fn status<D: Daemon>() -> Result<(), Error> {
    let running = Service::<D>::find()?.map(|service| service.running()).transpose()?.flatten();
    say(match running {
        Some(url) => format!("{}: running, {}", D::NAME, without_password(&url)),
        None => format!("{}: not running (cargo xtask services up)", D::NAME),
    });
    Ok(())
}

fn logs<D: Daemon>() -> Result<(), Error> {
    let Some(service) = Service::<D>::find()? else {
        say(format_args!("{}: there is none", D::NAME));
        return Ok(());
    };
    headline(D::NAME);
    say(service.last_words());
    Ok(())
}

/// The variable that names a service to use, and its value, if it is set.
fn given<D: Daemon>() -> Option<(&'static str, String)> {
    let variable = D::GIVEN?;
    std::env::var(variable).ok().filter(|url| !url.is_empty()).map(|url| (variable, url))
}

fn beside_the_given(error: Error, variable: &str) -> Error {
    format!("{error}, and some tests start a server of their own beside the one that {variable} names")
}

/// A URL as it may be printed.
fn without_password(url: &str) -> String {
    let Some((before, host)) = url.rsplit_once('@') else { return url.to_owned() };
    let user = before.rsplit_once(':').filter(|(scheme, _)| scheme.contains("//"));
    format!("{}@{host}", user.map_or(before, |(user, _)| user))
}

/// The services for as long as the tests run. What was running before goes on running.
pub(crate) struct ForTests {
    postgres: Running<Postgres>,
    rabbitmq: Running<RabbitMq>,
    mongodb: Running<MongoDb>,
    /// Dropped after what was started is stopped.
    _lock: Lock,
}

impl ForTests {
    /// # Errors
    /// Why there is no such service: without it its tests cannot run, and are not left out.
    pub(crate) fn start() -> Result<Self, Error> {
        let lock = Lock::take()?;
        let postgres = match given::<Postgres>() {
            Some((variable, url)) => {
                Postgres::install().map_err(|error| beside_the_given(error, variable))?;
                Running { url, service: None, is_ours: false }
            }
            None => Running::start()?,
        };
        Redis::install()?;
        Ok(Self { postgres, rabbitmq: Running::start()?, mongodb: Running::start()?, _lock: lock })
    }

    /// The values of [`TEST_URLS`].
    ///
    /// # Errors
    /// RabbitMQ does not tell where its management API is.
    pub(crate) fn urls(&self) -> Result<[String; 4], Error> {
        let api = self.rabbitmq.service.as_ref().map(|service| service.read(rabbitmq::API)).transpose()?;
        let [postgres, rabbitmq] = [&self.postgres.url, &self.rabbitmq.url].map(Clone::clone);
        Ok([postgres, rabbitmq, api.unwrap_or_default(), self.mongodb.url.clone()])
    }
}

/// A service that runs.
struct Running<D: Daemon> {
    url: String,
    service: Option<Service<D>>,
    is_ours: bool,
}

impl<D: Daemon> Running<D> {
    fn start() -> Result<Self, Error> {
        let service = Service::<D>::prepare()?;
        let (url, is_ours) = match service.running()? {
            Some(url) => (url, false),
            None => (service.start(Life::AsLongAsThis)?, true),
        };
        Ok(Self { url, service: Some(service), is_ours })
    }
}

impl<D: Daemon> Drop for Running<D> {
    fn drop(&mut self) {
        if let Some(service) = self.service.take().filter(|_| self.is_ours)
            && let Err(error) = service.stop().and_then(|()| service.remove())
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
