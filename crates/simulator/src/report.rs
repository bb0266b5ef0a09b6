//! A whole simulation: build the world, swipe, read what the server shows, judge it.

use std::collections::BTreeMap;

use serde::Serialize;
use tokio::task::JoinSet;

use crate::client::{Client, ClientError};
use crate::history::History;
use crate::hits::{Hits, hits};
use crate::judge::{Verdict, judge};
use crate::listing::{Listing, settled};
use crate::progress::{Figures, Progress};
use crate::records::ProcessorApi;
use crate::run::run;
use crate::settings::Settings;
use crate::world::{CreateError, World};

/// What a simulation found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Counts and latencies of the whole run.
    #[serde(flatten)]
    pub figures: Figures,
    /// How often each kind of spending control said no.
    pub controls: BTreeMap<&'static str, Hits>,
    /// Whether the simulator would have decided the same.
    pub verdict: Verdict,
}

/// Why a simulation could not begin. Once it began there is always a report.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// There is no such server.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The world could not be built.
    #[error("the simulated world could not be created")]
    Create(#[from] CreateError),
}

/// Builds a world on the server, swipes until the time is over or `stop` is ready, and judges every
/// decision. Where the processor has an API, the server can ask it. A server that cannot be read afterwards is a
/// failed verdict.
///
/// # Errors
/// See [`SimulateError`].
pub async fn simulate(
    settings: &Settings,
    api: Option<ProcessorApi>,
    progress: &Progress,
    stop: impl Future<Output = ()>,
) -> Result<Report, SimulateError> {
    let client = Client::new(settings)?;
    let world = World::create(&client, settings).await?;
    let records = api.as_ref().map(ProcessorApi::records);
    let mut serving = JoinSet::new();
    serving.extend(api.map(ProcessorApi::serve));
    let history = run(&client, world, settings, records, progress, stop).await;
    let (verdict, controls) = match read(&client, &history).await {
        Ok(listing) => (judge(&history, &listing), hits(&history, &listing)),
        Err(why) => (Verdict::unread(why), BTreeMap::new()),
    };
    Ok(Report { figures: progress.figures(), controls, verdict })
}

async fn read(client: &Client, history: &History) -> Result<Listing, String> {
    settled(client).await?;
    let listing = Listing::read(client, history).await;
    listing.map_err(|error| format!("the server's decisions could not be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_flat_object() {
        let report = Report {
            figures: Figures::default(),
            controls: BTreeMap::from([("daily limit", Hits { declined: 3, shadow: 1 })]),
            verdict: Verdict::unread("because".to_owned()),
        };
        let json = serde_json::to_value(&report).expect("JSON");
        for key in [
            "seconds",
            "sent",
            "decisions",
            "approved",
            "declined",
            "decline_reasons",
            "unavailable",
            "skipped",
        ] {
            assert!(json.get(key).is_some(), "{key}");
        }
        assert_eq!(json["latency"]["p99_us"], 0);
        assert_eq!(json["controls"]["daily limit"], serde_json::json!({"declined": 3, "shadow": 1}));
        assert_eq!(json["verdict"]["passed"], false);
        assert_eq!(json["verdict"]["differences"][0], "unknown because");
    }
}
