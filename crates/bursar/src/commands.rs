//! The commands, one file each.

mod check;
mod config;
mod copy;
mod demo;
mod dlq;
mod drawn;
mod live;
mod migrate;
mod openapi;
mod probe;
mod queues;
mod rebuild;
mod serve;
mod simulate;

use std::io::Write;

pub(crate) use check::check;
pub(crate) use config::config;
pub(crate) use copy::copy;
pub(crate) use demo::demo;
pub(crate) use dlq::dlq;
pub(crate) use migrate::migrate;
pub(crate) use openapi::openapi;
pub(crate) use probe::probe;
pub(crate) use rebuild::rebuild;
pub(crate) use serve::serve;
pub(crate) use simulate::simulate;

use http::header::{AUTHORIZATION, HeaderValue};
use http::request::Builder;
use secrecy::{ExposeSecret, SecretString};

use crate::Failure;
use crate::cli::Source;
use crate::config::{Config, Effective, Sources, load};

/// The settings, from everywhere they can come from.
fn settings(source: &Source, more: &[(&str, String)]) -> Result<(Config, Effective), Failure> {
    let mut overrides: Vec<(String, String)> =
        more.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    if let Some(folder) = &source.data_dir {
        overrides.push(("data.dir".to_owned(), folder.display().to_string()));
    }
    if let Some(url) = &source.postgres {
        overrides.push(("postgres.url".to_owned(), url.clone()));
    }
    if let Some(url) = &source.rabbitmq {
        overrides.push(("rabbitmq.url".to_owned(), url.clone()));
    }
    if let Some(url) = &source.redis {
        overrides.push(("redis.url".to_owned(), url.clone()));
    }
    if let Some(url) = &source.mongodb {
        overrides.push(("mongodb.url".to_owned(), url.clone()));
    }
    if let Some(port) = source.port {
        overrides.push(("server.listen".to_owned(), format!("127.0.0.1:{port}")));
    }
    let environment = std::env::vars_os().collect();
    let sources = Sources { file: source.config.clone(), environment, overrides };
    load(&sources).map_err(|problems| problems.to_string().into())
}

/// A request of who holds this key, which no log of it shows.
fn authorized(request: Builder, api_key: &SecretString) -> Builder {
    match HeaderValue::from_str(&format!("Bearer {}", api_key.expose_secret())) {
        Ok(mut bearer) => {
            bearer.set_sensitive(true);
            request.header(AUTHORIZATION, bearer)
        }
        // No server ever made it: what is sent without it is refused by its name.
        Err(_) => request,
    }
}

/// Prints what the command is for. A reader who has seen enough may close the pipe.
fn print(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(()),
    }
}
