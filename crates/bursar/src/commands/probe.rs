//! `bursar probe`: whether a server on this machine can decide now, for who has no other client.

use std::process::ExitCode;
use std::time::Duration;

use reqwest::{Client, StatusCode};

use crate::cli::Probe;
use crate::{Failure, wiring};

/// Shorter than whoever asks waits, and longer than the server takes to say no.
const ANSWER_MAX: Duration = Duration::from_secs(4);

/// Asks `/ready`, and prints what it says. Fails if the server is not ready, or does not answer.
pub(crate) fn probe(arguments: &Probe) -> Result<ExitCode, Failure> {
    let http = Client::builder().timeout(ANSWER_MAX).build()?;
    let url = format!("{}/ready", arguments.url.trim_end_matches('/'));
    let ask = async {
        let answer = http.get(url).send().await?;
        Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
    };
    let (status, text) = wiring::runtime()?.block_on(ask)?;
    super::print(&text)?;
    Ok(if status == StatusCode::OK { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
