//! The ledger on PostgreSQL.

use std::path::PathBuf;
use std::sync::Arc;

use bursar_store::books::Books;
use bursar_store::copy::{Source, Target};
use bursar_store::{Store, StoreError};
use bursar_store_postgres::{PostgresBooks, PostgresLedger, PostgresSource, PostgresTarget};
use secrecy::ExposeSecret;

use super::{Service, UrlRules};
use crate::Failure;
use crate::config::{BESIDE_LANES, Postgres, SecretUrl};

pub(crate) use bursar_store_postgres::{Options, migrate, schema};

pub(crate) const SERVICE: Service = Service {
    name: "PostgreSQL",
    feature: "postgres",
    url: Some(UrlRules {
        describe: bursar_store_postgres::describe,
        problem: bursar_store_postgres::url_problem,
        form: bursar_store_postgres::URL_FORM,
    }),
};

/// Where it is, for a server and for commands with settings.
pub(crate) fn options(of: &Postgres, url: &SecretUrl) -> Result<Options, Failure> {
    let beside_readers = of.lanes + BESIDE_LANES;
    Ok(Options {
        readers_min: of.connections_min.saturating_sub(beside_readers),
        readers_max: of.connections_max.saturating_sub(beside_readers),
        idle_timeout: of.idle_timeout,
        connect_timeout: of.connect_timeout,
        statement_timeout: of.statement_timeout,
        lanes: of.lanes,
        lane_timeout: of.lane_timeout,
        lock_timeout: of.lock_timeout,
        ..bare_options(url.expose_secret(), of.ca_file.clone())?
    })
}

/// Where it is, for commands without settings.
pub(crate) fn bare_options(url: &str, ca_file: Option<PathBuf>) -> Result<Options, Failure> {
    Ok(Options { ca_file, ..Options::new(url) })
}

/// As it may be shown.
pub(crate) fn describe(options: &Options) -> String {
    SERVICE.describe(&options.url)
}

pub(crate) async fn open(options: &Options) -> Result<Arc<dyn Store>, StoreError> {
    Ok(Arc::new(PostgresLedger::open(options.clone()).await?))
}

pub(crate) fn books(options: &Options) -> Result<Box<dyn Books>, StoreError> {
    Ok(Box::new(PostgresBooks::open(options)?))
}

pub(crate) fn source(options: &Options) -> Result<Box<dyn Source>, StoreError> {
    Ok(Box::new(PostgresSource::open(options)?))
}

pub(crate) fn target(options: &Options) -> Result<Box<dyn Target>, StoreError> {
    Ok(Box::new(PostgresTarget::open(options)?))
}
