//! Where personal documents are, if not in the data folder.

use std::time::Duration;

use super::read::Reader;
use super::{SecretUrl, read_url};
use crate::services::mongodb;

/// Personal documents on MongoDB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mongodb {
    /// `None` means the embedded documents.
    pub(crate) url: Option<SecretUrl>,
    pub(crate) connections_min: u32,
    pub(crate) connections_max: u32,
    pub(crate) idle_timeout: Duration,
    pub(crate) selection_timeout: Duration,
    pub(crate) operation_timeout: Duration,
}

impl Mongodb {
    pub(super) fn read(reader: &mut Reader) -> Self {
        let url = read_url(reader, "mongodb.url", &mongodb::SERVICE);
        let problems_before = reader.problem_count();
        let connections_min = reader.count("mongodb.connections_min", 0..=1_000);
        let connections_max = reader.count("mongodb.connections_max", 1..=1_000);
        // Stand-ins for bad values are not compared: one mistake is one problem.
        if reader.problem_count() == problems_before && connections_min > connections_max {
            let remedy = "lower it or raise mongodb.connections_max";
            reader.problem("mongodb.connections_min", "is above mongodb.connections_max", remedy);
        }
        Self {
            url,
            connections_min,
            connections_max,
            idle_timeout: reader.milliseconds("mongodb.idle_timeout_ms", 100..=86_400_000),
            selection_timeout: reader.milliseconds("mongodb.selection_timeout_ms", 100..=600_000),
            operation_timeout: reader.milliseconds("mongodb.operation_timeout_ms", 100..=600_000),
        }
    }
}
