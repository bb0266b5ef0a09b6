//! Where a ledger is: a data folder, or a database of PostgreSQL.

use std::fmt;
use std::path::PathBuf;

use bursar_store::StoreError;
use bursar_store_postgres::Options;

use crate::Failure;
use crate::config::{BESIDE_LANES, Config, Postgres};

/// One of the two. Shown without its password.
pub(crate) enum Place {
    Folder(PathBuf),
    Postgres(Box<Options>),
}

impl Place {
    /// On PostgreSQL if the settings have a URL, else in the data folder.
    pub(crate) fn of(config: &Config) -> Self {
        match postgres_options(&config.postgres) {
            Some(options) => Self::Postgres(Box::new(options)),
            None => Self::Folder(config.data.dir.clone()),
        }
    }

    /// What failed, and with which ledger; the option is the one that names it.
    pub(crate) fn failed(&self, error: &StoreError, option: &str) -> Failure {
        match error {
            StoreError::InUse(_) => format!("{self}: {error} with {option}").into(),
            _ => format!("{self}: {error}").into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "folder {}", folder.display()),
            Self::Postgres(options) => f.write_str(&bursar_store_postgres::describe(&options.url)),
        }
    }
}

fn postgres_options(of: &Postgres) -> Option<Options> {
    let beside_readers = of.lanes + BESIDE_LANES;
    Some(Options {
        ca_file: of.ca_file.clone(),
        readers_min: of.connections_min.saturating_sub(beside_readers),
        readers_max: of.connections_max.saturating_sub(beside_readers),
        idle_timeout: of.idle_timeout,
        connect_timeout: of.connect_timeout,
        statement_timeout: of.statement_timeout,
        lanes: of.lanes,
        lane_timeout: of.lane_timeout,
        lock_timeout: of.lock_timeout,
        ..Options::new(of.url.as_ref()?.expose())
    })
}
