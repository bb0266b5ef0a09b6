//! Where a ledger is: a data folder, or a database of PostgreSQL.

use std::fmt;
use std::path::PathBuf;

use bursar_store::StoreError;

use crate::Failure;
use crate::config::Config;
use crate::services::postgres;

/// One of the two. Shown without its password.
pub(crate) enum Place {
    Folder(PathBuf),
    Postgres(Box<postgres::Options>),
}

impl Place {
    /// On PostgreSQL if the settings have a URL, else in the data folder.
    pub(crate) fn of(config: &Config) -> Result<Self, Failure> {
        Ok(match &config.postgres.url {
            Some(url) => Self::Postgres(Box::new(postgres::options(&config.postgres, url)?)),
            None => Self::Folder(config.data.dir.clone()),
        })
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
            Self::Postgres(options) => f.write_str(&postgres::describe(options)),
        }
    }
}
