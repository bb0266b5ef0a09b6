//! File descriptors: as many as the connections need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::Failure;

/// What the process needs beside its connections: the ledger's files, their readers, the logs.
const BESIDE_CONNECTIONS: u64 = 64;

/// Raises the process's limit where it is too low for so many connections. A connection that could
/// not be accepted for want of a descriptor would wait in the dark, without an answer.
///
/// # Errors
/// The system does not allow so many.
pub(crate) fn allow(connections_max: usize) -> Result<(), Failure> {
    let needed = u64::try_from(connections_max)?.saturating_add(BESIDE_CONNECTIONS);
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
