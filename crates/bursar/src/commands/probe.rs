//! `bursar probe`: whether a server on this machine can decide now, for who has no other client.

use std::process::ExitCode;
use std::time::Duration;

use bursar_http_client::HttpClient;
use bytes::Bytes;

use crate::cli::Probe;
use crate::{Failure, wiring};

/// Shorter than whoever asks waits, and longer than the server takes to say no.
const ANSWER_MAX: Duration = Duration::from_secs(4);

/// Asks `/ready`, and prints what it says. Fails if the server is not ready, or does not answer.
pub(crate) fn probe(arguments: &Probe) -> Result<ExitCode, Failure> {
    let http = HttpClient::to(arguments.url.as_str())?;
    let request = http::Request::get(arguments.url.join("/ready")?.as_str()).body(Bytes::new())?;
    let answer = wiring::runtime()?.block_on(http.send(request, ANSWER_MAX));
    let answer = answer.map_err(|why| format!("{why}; name the running server with --url"))?;
    super::print(&String::from_utf8_lossy(&answer.body))?;
    Ok(if answer.status.is_success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
