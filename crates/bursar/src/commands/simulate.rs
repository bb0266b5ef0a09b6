//! `bursar simulate`.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use bursar_http_client::with_causes;
use bursar_simulator::hits::Hits;
use bursar_simulator::{Habits, ProcessorApi, Progress, Report, Settings, Verdict, simulate as run};
use bursar_store::books::Finding;
use serde_json::{Value, json};

use crate::Failure;
use crate::cli::{Load, Simulate};
use crate::credentials::{self, Credentials};
use crate::wiring::{self, until_stopped};

use super::live::Live;

/// Drives a server that someone else started, and judges it.
pub(crate) fn simulate(arguments: &Simulate) -> Result<ExitCode, Failure> {
    let file = arguments.credentials.display();
    let named =
        |error: credentials::Error| format!("{}; name another file with --credentials", with_causes(&error));
    let credentials = credentials::load(&arguments.credentials).map_err(named)?;
    let driving = async {
        let api = match arguments.processor_api {
            Some(address) => Some(bind_api(address, &file.to_string(), &credentials).await?),
            None => None,
        };
        let driven =
            drive(arguments.url.as_str(), &credentials, api, &arguments.load, Habits::default()).await;
        driven.map_err(|error| {
            let error = with_causes(error.as_ref());
            let hint = format!("is {} the server, and {file} the file of its credentials?", arguments.url);
            Failure::from(format!("{error}\n  {hint}"))
        })
    };
    let driven = wiring::runtime()?.block_on(driving)?;
    driven.print(arguments.load.json)?;
    Ok(if driven.passed() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The processor's API, with the tokens that the server has.
async fn bind_api(
    address: SocketAddr,
    file: &str,
    credentials: &Credentials,
) -> Result<ProcessorApi, Failure> {
    let tokens = credentials.marqeta_api.as_ref().ok_or_else(|| {
        format!(
            "{file} has no application_token and access_token in [marqeta]: set both, and restart the server"
        )
    })?;
    let bound = ProcessorApi::bind(address, &tokens.application, &tokens.access).await;
    bound.map_err(|error| format!("--processor-api {address}: {error}").into())
}

/// What a drive found, and the server's own figures at its end.
pub(crate) struct Driven {
    report: Report,
    profile: Value,
    /// What the check of the books found; `None` where they were not at hand.
    pub(crate) check: Option<Vec<Finding>>,
}

/// Swipes until the time is over or somebody stops it, with live figures in the terminal.
/// The habits are those of a load that sets none.
pub(crate) async fn drive(
    url: &str,
    credentials: &Credentials,
    api: Option<ProcessorApi>,
    load: &Load,
    habits: Habits,
) -> Result<Driven, Failure> {
    let marqeta = &credentials.marqeta;
    let api_key = credentials.api_key.clone();
    let mut settings = Settings::new(url, api_key.clone(), &marqeta.username, marqeta.password.clone());
    settings.webhook_secret = marqeta.webhook_secrets.first().cloned();
    settings.rate_per_second = load.rate;
    settings.duration = load.time;
    settings.seed = load.seed;
    settings.set_companies(load.companies.into());
    settings.has_lives = !load.swipes_only;
    settings.habits = if load.swipes_only { Habits::default() } else { load.habits.unwrap_or(habits) };
    let progress = Progress::default();
    let live = Live::new(url, api_key, load.json)?;
    let showing = live.show(&progress);
    let report = tokio::select! {
        report = run(&settings, api, &progress, until_stopped()?) => report?,
        never = showing => match never {},
    };
    let profile = live.drained().await.unwrap_or_default();
    live.end();
    Ok(Driven { report, profile, check: None })
}

impl Driven {
    pub(crate) fn passed(&self) -> bool {
        self.report.verdict.passed && self.check.as_ref().is_none_or(Vec::is_empty)
    }

    pub(crate) fn print(&self, as_json: bool) -> Result<(), Failure> {
        match as_json {
            true => super::print(&self.json()?.to_string()),
            false => super::print(&self.text()),
        }
    }

    fn json(&self) -> Result<Value, Failure> {
        let mut json = serde_json::to_value(&self.report.figures)?;
        let all = super::live::since_start(&self.profile);
        json["stages"] = all["stages"].clone();
        json["controls"] = json!(self.report.controls);
        for figure in ["open_holds", "relay", "queues", "dead_letters"] {
            json[figure] = self.profile[figure].clone();
        }
        json["verdicts"] = json!({"simulator": word(self.report.verdict.passed)});
        json["differences"] = json!(self.report.verdict.differences);
        if let Some(findings) = &self.check {
            json["verdicts"]["check"] = word(findings.is_empty()).into();
            json["findings"] = findings.iter().map(ToString::to_string).collect();
        }
        Ok(json)
    }

    fn text(&self) -> String {
        let seconds = Duration::from_secs_f64(self.report.figures.seconds).as_secs_f64();
        let figures = &self.report.figures;
        let mut text = format!(
            "{} decisions in {seconds:.1} s on {} requests, repeats included: {} approved, {} declined, {} without a \
             decision, {} not sent\n{}\n",
            figures.decisions,
            figures.sent,
            figures.approved,
            figures.declined,
            figures.unavailable,
            figures.skipped,
            super::live::describe(&self.profile, figures),
        );
        let controls = &self.report.controls;
        text.push_str(&hits("declined by controls", controls, |hits| hits.declined));
        text.push_str(&hits("tried out, would have declined", controls, |hits| hits.shadow));
        if let Some(findings) = &self.check {
            text.push_str(&verdict("check", findings.len(), &super::check::lines(findings)));
        }
        let Verdict { count, differences, .. } = &self.report.verdict;
        text.push_str(&verdict("simulator", *count, differences));
        text
    }
}

/// One line: how often each kind of control said no, the most often first.
fn hits(what: &str, controls: &BTreeMap<&'static str, Hits>, of: fn(&Hits) -> u64) -> String {
    let mut hits: Vec<(u64, &str)> = controls.iter().map(|(kind, hits)| (of(hits), *kind)).collect();
    hits.retain(|(count, _)| *count > 0);
    hits.sort_by_key(|(count, kind)| (Reverse(*count), *kind));
    let named: Vec<String> = hits.iter().map(|(count, kind)| format!("{kind} {count}")).collect();
    let named = if named.is_empty() { "nothing".to_owned() } else { named.join("  ") };
    format!("{what}: {named}\n")
}

fn verdict(name: &str, count: usize, named: &[impl Display]) -> String {
    let mut text = match count {
        0 => format!("verdict of the {name}: passed\n"),
        count => format!("verdict of the {name}: FAILED, {count} differences\n"),
    };
    named.iter().for_each(|difference| text.push_str(&format!("  {difference}\n")));
    text
}

fn word(passed: bool) -> &'static str {
    if passed { "passed" } else { "failed" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_in_text_names_the_invariant_of_each_difference() {
        let unread = Verdict::unread("the server is gone".to_owned());
        let text = verdict("simulator", unread.count, &unread.differences);
        let expected = "verdict of the simulator: FAILED, 1 differences\n  unknown the server is gone\n";
        assert_eq!(text, expected);
    }
}
