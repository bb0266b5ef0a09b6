//! File descriptors: as many as the connections need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Failure;
use crate::config::Config;

/// What the process needs beside its connections and readers: the writer, lookups, logs, the rest.
const BESIDE: usize = 64;

/// A reader has the ledger's file open, and its log.
const FILES_A_READER: usize = 2;

/// Raises the process's limit where it is too low for the connections of the settings. A connection that could
/// not be accepted for want of a descriptor would wait in the dark, without an answer.
///
/// # Errors
/// The system does not allow so many.
pub(crate) fn allow(config: &Config) -> Result<(), Failure> {
    let connections_max = config.server.connections_max;
    let store = match config.postgres.url {
        Some(_) => config.postgres.connections_max,
        None => FILES_A_READER * config.sqlite.readers,
    };
    let needed = u64::try_from(connections_max + store + BESIDE)?;
    let limit = getrlimit(Resource::Nofile);
    let is_enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= needed);
    if is_enough(limit.current) {
        return Ok(());
    }
    if !is_enough(limit.maximum) {
        let allowed = limit.maximum.unwrap_or_default();
        let problem = format!(
            "server.connections_max is {connections_max}, which needs {needed} file descriptors, and the system \
             allows {allowed}; lower it, or raise the limit (ulimit -Hn, or LimitNOFILE= of the service)"
        );
        return Err(problem.into());
    }
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(needed), ..limit })?)
}
