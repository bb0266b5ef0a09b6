//! In the place of `services/postgres.rs` where PostgreSQL is not built in.

use std::path::PathBuf;
use std::sync::Arc;

use bursar_store::books::Books;
use bursar_store::copy::{Source, Target};
use bursar_store::schema::Schema;
use bursar_store::{Store, StoreError};

use super::Service;
use crate::Failure;
use crate::config::{Postgres, SecretUrl};

pub(crate) const SERVICE: Service = Service { name: "PostgreSQL", feature: "postgres", url: None };

/// Nobody can make any, so nothing that takes them is ever run.
pub(crate) enum Options {}

pub(crate) fn options(_: &Postgres, _: &SecretUrl) -> Result<Options, Failure> {
    Err(SERVICE.missing().into())
}

pub(crate) fn bare_options(_: &str, _: Option<PathBuf>) -> Result<Options, Failure> {
    Err(SERVICE.missing().into())
}

pub(crate) fn describe(options: &Options) -> String {
    match *options {}
}

pub(crate) async fn open(options: &Options) -> Result<Arc<dyn Store>, StoreError> {
    match *options {}
}

pub(crate) async fn schema(options: &Options) -> Result<Schema, StoreError> {
    match *options {}
}

pub(crate) async fn migrate(options: &Options) -> Result<Schema, StoreError> {
    match *options {}
}

pub(crate) fn books(options: &Options) -> Result<Box<dyn Books>, StoreError> {
    match *options {}
}

pub(crate) fn source(options: &Options) -> Result<Box<dyn Source>, StoreError> {
    match *options {}
}

pub(crate) fn target(options: &Options) -> Result<Box<dyn Target>, StoreError> {
    match *options {}
}
