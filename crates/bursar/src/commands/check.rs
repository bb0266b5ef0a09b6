//! `bursar check`.

use std::fmt::Write;
use std::process::ExitCode;

use bursar_store::StoreError;
use bursar_store::books::{self, Books, Report};
use bursar_store_postgres::PostgresBooks;
use bursar_store_sqlite::SqliteBooks;

use crate::Failure;
use crate::cli::Check;
use crate::config::Config;
use crate::place::Place;

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
    let place = Place::of(config);
    read(&place).map_err(|error| place.failed(&error, "--data-dir"))
}

fn read(place: &Place) -> Result<Report, StoreError> {
    let mut snapshot: Box<dyn Books> = match place {
        Place::Postgres(options) => Box::new(PostgresBooks::open(options)?),
        Place::Folder(folder) => Box::new(SqliteBooks::open(folder)?),
    };
    books::check(snapshot.as_mut(), &bursar_server::approved_minor)
}

/// The report for people.
pub(crate) fn describe(report: &Report) -> String {
    let Report { owners, accounts, entries, messages, events, findings } = report;
    let mut text = format!(
        "checked {owners} owners, {accounts} accounts, {entries} entries, {messages} messages, {events} events: "
    );
    match findings.len() {
        0 => text.push_str("the books are right"),
        count => {
            let _ = write!(text, "{count} findings");
        }
    }
    for finding in findings {
        let _ = write!(text, "\n  {} {}: {}", finding.rule, finding.subject, finding.problem);
    }
    text
}
