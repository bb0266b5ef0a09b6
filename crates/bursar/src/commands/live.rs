//! The live figures of a drive, read from the server as anybody with an API key can.

use std::convert::Infallible;
use std::fmt::Write;
use std::time::Duration;

use bursar_http_client::HttpClient;
use bursar_simulator::{Figures, Progress};
use bytes::Bytes;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use http::Request;
use indicatif::ProgressBar;
use secrecy::SecretString;
use serde_json::Value;

use super::queues;
use crate::Failure;

/// How often the figures are drawn in a terminal.
const DRAWN_EVERY: Duration = Duration::from_secs(1);

/// How often a line is printed where there is no terminal.
const PRINTED_EVERY: Duration = Duration::from_secs(10);

/// A server that does not say them by then is asked again at the next look.
const ANSWER_MAX: Duration = Duration::from_secs(10);

/// How often it is looked at whether queues are empty, and for how long, after a drive.
const LOOKS_EVERY: Duration = Duration::from_millis(200);
const DRAINS_FOR: Duration = Duration::from_secs(30);

/// A block of figures that is drawn again and again, on standard error.
pub(crate) struct Live {
    url: String,
    api_key: SecretString,
    http: HttpClient,
    block: ProgressBar,
    is_silent: bool,
}

impl Live {
    /// # Errors
    /// The address wants TLS, and this system trusts nobody.
    pub(crate) fn new(url: &str, api_key: SecretString, is_silent: bool) -> Result<Self, Failure> {
        let http = HttpClient::to(url)?;
        let block = super::drawn::block(is_silent);
        let url = format!("{}/v1/profile", url.trim_end_matches('/'));
        Ok(Self { url, api_key, http, block, is_silent })
    }

    /// Shows the figures until it is dropped.
    pub(crate) async fn show(&self, progress: &Progress) -> Infallible {
        let every = if self.block.is_hidden() { PRINTED_EVERY } else { DRAWN_EVERY };
        let mut ticks = tokio::time::interval(every);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            let Some(profile) = self.profile().await else {
                continue;
            };
            let figures = progress.figures();
            if !self.block.is_hidden() {
                self.block.set_message(describe(&profile, &figures));
                self.block.tick();
            } else if !self.is_silent {
                eprintln!("{}", headline(&profile, &figures));
            }
        }
    }

    /// The server's figures; `None` if it does not answer.
    pub(crate) async fn profile(&self) -> Option<Value> {
        let request = super::authorized(Request::get(&self.url), &self.api_key).body(Bytes::new()).ok()?;
        let answer = self.http.send(request, ANSWER_MAX).await.ok()?;
        serde_json::from_slice(&answer.body).ok()
    }

    /// The server's figures once every event is published and every queue that somebody consumes is empty, or those after
    /// a while; `None` if it does not answer.
    pub(crate) async fn drained(&self) -> Option<Value> {
        let mut looks = tokio::time::interval(LOOKS_EVERY);
        let until = tokio::time::Instant::now() + DRAINS_FOR;
        loop {
            looks.tick().await;
            let profile = self.profile().await?;
            if queues::is_drained(&profile) || tokio::time::Instant::now() > until {
                return Some(profile);
            }
        }
    }

    pub(crate) fn end(&self) {
        self.block.finish_and_clear();
    }
}

/// The figures since the server started.
pub(crate) fn since_start(profile: &Value) -> &Value {
    profile["windows"].as_array().and_then(|windows| windows.last()).unwrap_or(&Value::Null)
}

fn headline(profile: &Value, figures: &Figures) -> String {
    let decided = figures.decisions.max(1) as f64;
    format!(
        "{:>7.0} s   {:>7.1} decisions/s   {:>5.1} % approved   {} open holds   {} unavailable",
        figures.seconds,
        figures.decisions as f64 / figures.seconds.max(1.0),
        100.0 * figures.approved as f64 / decided,
        profile["open_holds"].as_u64().unwrap_or_default(),
        figures.unavailable,
    )
}

/// What the processor reported, the most first.
pub(crate) fn notices(figures: &Figures) -> String {
    let mut notices: Vec<(u64, &str)> = figures.notices.iter().map(|(what, count)| (*count, *what)).collect();
    notices.sort_by_key(|(count, what)| (std::cmp::Reverse(*count), *what));
    let mut text = "reported:".to_owned();
    for (count, what) in notices {
        let _ = write!(text, "  {what} {count}");
    }
    text
}

/// What the simulator saw of its own swipes, then a row a stage, which only the server can tell,
/// about everything since it started.
pub(crate) fn describe(profile: &Value, figures: &Figures) -> String {
    let all = since_start(profile);
    let mut text = headline(profile, figures);
    text.push_str("\ndeclines:");
    for (reason, count) in &figures.decline_reasons {
        let _ = write!(text, "  {reason} {count}");
    }
    let _ = write!(text, "\n{}", notices(figures));
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["server's stage", "p50", "p95", "p99", "max"]);
    for stage in all["stages"].as_array().into_iter().flatten() {
        let ms = |name: &str| format!("{:.2} ms", stage[name].as_f64().unwrap_or_default() / 1000.0);
        let name = stage["stage"].as_str().unwrap_or_default().to_owned();
        table.add_row([name, ms("p50_us"), ms("p95_us"), ms("p99_us"), ms("max_us")]);
    }
    let latency = &figures.latency;
    let seen = |us: u64| format!("{:.2} ms", us as f64 / 1000.0);
    table.add_row([
        "seen by the processor".to_owned(),
        seen(latency.p50_us),
        seen(latency.p95_us),
        seen(latency.p99_us),
        seen(latency.max_us),
    ]);
    let _ = write!(text, "\n\n{table}\n\n{}\n", queues::describe(profile));
    text
}
