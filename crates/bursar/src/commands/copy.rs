//! `bursar copy`.

mod progress;

use std::fmt::Write;
use std::process::ExitCode;

use bursar_store::StoreError;
use bursar_store::copy::{BATCH, CopyError, Report, Settings, Source, Target, copy as run};
use bursar_store_sqlite::{SqliteSource, SqliteTarget};

use crate::Failure;
use crate::cli::Copy;
use crate::place::Place;
use crate::services::postgres;
use crate::{embedded_queues, wiring};
use progress::Line;

/// Copies a ledger and verifies it. The exit code says whether the copy is finished.
pub(crate) fn copy(arguments: &Copy) -> Result<ExitCode, Failure> {
    let from = parse("--from", &arguments.from, arguments)?;
    let to = parse("--to", &arguments.to, arguments)?;
    refuse_same_folder(&from, &to)?;
    refuse_waiting_messages(&from)?;
    let mut source =
        open_source(&from).map_err(|error| format!("the source, {}", from.failed(&error, "--from")))?;
    let mut target =
        open_target(&to).map_err(|error| format!("the target, {}", to.failed(&error, "--to")))?;
    let settings = Settings { approved: &bursar_server::approved_minor, batch: BATCH };
    let mut line = Line::new();
    let copied = run(source.as_mut(), target.as_mut(), &settings, &mut |progress| line.show(progress));
    line.end();
    let report = copied.map_err(|error| match error {
        CopyError::Refused(_) => error.to_string(),
        CopyError::Source(_) | CopyError::Target(_) => {
            format!("{error}\n  the copy is not finished; the same command goes on where it ended")
        }
    })?;
    super::print(&describe(&report, &from, &to))?;
    Ok(if report.is_finished() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn parse(option: &str, ledger: &str, arguments: &Copy) -> Result<Place, Failure> {
    if ["postgres://", "postgresql://"].iter().any(|scheme| ledger.starts_with(scheme)) {
        if let Some((what, remedy)) = postgres::SERVICE.url_problem(ledger, "name a data folder") {
            return Err(format!("the URL of {option} {what}: {remedy}").into());
        }
        let ca_file = arguments.ca_file.clone().filter(|file| !file.as_os_str().is_empty());
        return Ok(Place::Postgres(Box::new(postgres::bare_options(ledger, ca_file)?)));
    }
    // Whatever it was meant to be, it may hold a password.
    if ledger.is_empty() || ledger.contains("://") {
        return Err(format!("{option} is neither a data folder nor a postgres:// URL").into());
    }
    Ok(Place::Folder(ledger.into()))
}

/// The folder could not be locked twice; databases tell who they are.
fn refuse_same_folder(from: &Place, to: &Place) -> Result<(), Failure> {
    let (Place::Folder(from), Place::Folder(to)) = (from, to) else {
        return Ok(());
    };
    match (from.canonicalize(), to.canonicalize()) {
        (Ok(from), Ok(to)) if from == to => {
            Err(format!("--from and --to are the same folder, {}", from.display()).into())
        }
        _ => Ok(()),
    }
}

/// Their events are marked as published, and a copy brings no queues along: they would be lost.
fn refuse_waiting_messages(from: &Place) -> Result<(), Failure> {
    let Place::Folder(folder) = from else { return Ok(()) };
    match wiring::runtime()?.block_on(embedded_queues::waiting_in(folder))? {
        0 => Ok(()),
        count => Err(format!(
            "{count} messages wait in the queues of {}, which no copy brings along: serve the folder until none waits \
             (GET /v1/profile, queues), stop, and copy then; nothing was copied",
            folder.display()
        )
        .into()),
    }
}

fn open_source(place: &Place) -> Result<Box<dyn Source>, StoreError> {
    Ok(match place {
        Place::Folder(folder) => Box::new(SqliteSource::open(folder)?),
        Place::Postgres(options) => postgres::source(options)?,
    })
}

fn open_target(place: &Place) -> Result<Box<dyn Target>, StoreError> {
    Ok(match place {
        Place::Folder(folder) => Box::new(SqliteTarget::open(folder)?),
        Place::Postgres(options) => postgres::target(options)?,
    })
}

/// The report for people.
fn describe(report: &Report, from: &Place, to: &Place) -> String {
    let Report { rows, written, source, target, differences, moved_on, was_finished } = report;
    let mut text =
        format!("copied {from}\n    to {to}\n{rows} rows, {written} of them written by this run\n");
    let _ = writeln!(text, "source: {}", super::check::describe(source));
    let _ = writeln!(text, "target: {}", super::check::describe(target));
    match differences.count {
        0 => text.push_str("every row of the source is the same in the target, and no other is there\n"),
        count => {
            let _ = writeln!(text, "{count} differences between source and target:");
        }
    }
    for difference in &differences.named {
        let _ = writeln!(text, "  {difference}");
    }
    text.push_str(&match (report.is_equal(), moved_on, was_finished) {
        (true, None, _) => finished(from, to),
        (false, _, true) => "an earlier run FINISHED this copy, and the two differ now: one of them went on. Serve one \
                             of them only; to copy again, empty the target"
            .to_owned(),
        (true, Some(why), true) => format!("an earlier run FINISHED this copy; but {why}. Serve one of the two only"),
        (_, Some(why), false) => format!(
            "the copy is NOT FINISHED: {why}. Stop the source's servers and run the same command again: it brings \
             over what came since"
        ),
        (false, None, false) => "the copy is NOT FINISHED: source and target differ. No server starts on the target; \
                                 empty it and copy again, and if that ends the same, tell us"
            .to_owned(),
    });
    text
}

fn finished(from: &Place, to: &Place) -> String {
    let file = match from {
        Place::Folder(folder) => format!("{}/credentials.toml", folder.display()),
        Place::Postgres(_) => "the credentials.toml of the source's servers".to_owned(),
    };
    let place = match to {
        Place::Folder(folder) => format!("{}", folder.display()),
        Place::Postgres(_) => "the data folder of each server on the target".to_owned(),
    };
    format!(
        "the copy is FINISHED. Credentials are not part of a ledger: put {file} into {place}, or the processor's \
         requests are refused. Serve the target from here on, and never the source again"
    )
}
