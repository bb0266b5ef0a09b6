//! `bursar check`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::ExitCode;

use bursar_store::StoreError;
use bursar_store::books::{self, Books, Finding, Report};
use bursar_store_sqlite::SqliteBooks;

use crate::Failure;
use crate::cli::Check;
use crate::config::Config;
use crate::place::Place;
use crate::services::postgres;

/// Recomputes the books of a ledger and names what is not right.
pub(crate) fn check(arguments: &Check) -> Result<ExitCode, Failure> {
    let (config, _) = super::settings(&arguments.source, &[])?;
    let report = check_books(&config)?;
    let text = match arguments.json {
        true => serde_json::to_string(&report)?,
        false => describe(&report),
    };
    super::print(&text)?;
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One snapshot, beside a running server or without one.
pub(crate) fn check_books(config: &Config) -> Result<Report, Failure> {
    let place = Place::of(config)?;
    read(&place).map_err(|error| place.failed(&error, "--data-dir"))
}

fn read(place: &Place) -> Result<Report, StoreError> {
    let mut snapshot: Box<dyn Books> = match place {
        Place::Postgres(options) => postgres::books(options)?,
        Place::Folder(folder) => Box::new(SqliteBooks::open(folder)?),
    };
    // Half a ledger has a finding for all that is missing.
    snapshot.identity()?.refuse_unfinished()?;
    books::check(snapshot.as_mut(), &bursar_server::approved_minor)
}

/// The report for people.
pub(crate) fn describe(report: &Report) -> String {
    let Report { owners, accounts, entries, messages, events, events_forgotten, findings } = report;
    let forgotten = match events_forgotten {
        0 => String::new(),
        count => format!(" ({count} more were published and are forgotten)"),
    };
    let mut text = format!(
        "checked {owners} owners, {accounts} accounts, {entries} entries, {messages} messages, {events} events{forgotten}: "
    );
    match findings.len() {
        0 => text.push_str("the books are right"),
        count => {
            let _ = write!(text, "{count} findings");
        }
    }
    for line in lines(findings) {
        let _ = write!(text, "\n  {line}");
    }
    text
}

/// How many findings are told one by one: whoever has thousands needs to know of what kind they are.
const TOLD_MAX: usize = 20;

/// A line a finding, and one for all that are too many.
pub(crate) fn lines(findings: &[Finding]) -> Vec<String> {
    let (told, more) = findings.split_at(findings.len().min(TOLD_MAX));
    let mut lines: Vec<String> = told.iter().map(ToString::to_string).collect();
    let mut counts = BTreeMap::new();
    for finding in more {
        *counts.entry(finding.rule).or_insert(0_u64) += 1;
    }
    if !more.is_empty() {
        let counts: Vec<String> = counts.iter().map(|(rule, count)| format!("{rule} {count}")).collect();
        lines.push(format!("and {} more: {}; bursar check --json names all", more.len(), counts.join(", ")));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_beyond_the_first_twenty_are_counted_by_their_invariant() {
        let finding =
            |rule, number| Finding { rule, subject: format!("acct_{number}"), problem: "is wrong".into() };
        let mut findings: Vec<Finding> = (0..20).map(|number| finding("L1", number)).collect();
        assert_eq!(lines(&findings).len(), 20);
        assert_eq!(lines(&findings)[19], "L1 acct_19: is wrong");
        findings.extend([finding("O1", 20), finding("L3", 21), finding("O1", 22)]);
        let told = lines(&findings);
        assert_eq!((told.len(), told[19].as_str()), (21, "L1 acct_19: is wrong"));
        assert_eq!(told[20], "and 3 more: L3 1, O1 2; bursar check --json names all");
    }
}
