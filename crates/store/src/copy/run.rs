//! One run of a copy: whether it may begin, the walk that writes, the walk that compares, and both checks.

use std::fmt::Write;

use super::merge::{Merge, Place};
use super::{CopyError, Differences, Progress, Report, Row, Settings, Source, Step, TABLES, Table, Target};
use crate::books::{self, Finding, ReadApproved};
use crate::error::StoreError;
use crate::identity::Identity;

/// Brings over what the target lacks, verifies everything, and marks the target as finished if all of it
/// is there and right, and the source stood still. Run again, it goes on where the target ends.
///
/// # Errors
/// [`CopyError`]. What differs at the end is no error but in the report.
pub fn copy(
    source: &mut dyn Source,
    target: &mut dyn Target,
    settings: &Settings<'_>,
    watch: &mut dyn FnMut(Progress),
) -> Result<Report, CopyError> {
    let from = source.identity().map_err(CopyError::Source)?;
    let was_finished = admit(&from, target)?;
    let counts = TABLES.iter().map(|table| source.count(table));
    let of = counts.sum::<Result<u64, StoreError>>().map_err(CopyError::Source)?;
    let mut run = Run { source, target, settings, watch, of };

    run.say(Step::CheckSource);
    let checked = books::check(run.source.books(), settings.approved).map_err(CopyError::Source)?;
    refuse_wrong_books(&checked)?;
    let mut written = 0;
    if !was_finished {
        // The check took its time.
        admit(&from, run.target)?;
        run.target.begin(from.id).map_err(CopyError::Target)?;
        written = run.bring_over()?;
        run.say(Step::Complete);
        run.target.complete().map_err(CopyError::Target)?;
    }
    let mut differences = run.compare()?;
    run.say(Step::CheckTarget);
    let target_checked = check_target(run.target, settings.approved).map_err(CopyError::Target)?;
    compare_totals(&checked, &target_checked, &mut differences);
    let moved_on = run.source.moved_on().map_err(CopyError::Source)?;
    let report = Report {
        rows: of,
        written,
        source: checked,
        target: target_checked,
        differences,
        moved_on,
        was_finished,
    };
    if report.is_finished() && !was_finished {
        run.target.finish().map_err(CopyError::Target)?;
    }
    Ok(report)
}

/// Whether the target is a finished copy of this source already.
fn admit(from: &Identity, target: &mut dyn Target) -> Result<bool, CopyError> {
    from.refuse_unfinished().map_err(|error| CopyError::Refused(format!("the source: {error}")))?;
    let to = target.identity().map_err(CopyError::Target)?;
    let refused = |why: &str| Err(CopyError::Refused(format!("the target {why}; nothing was written")));
    if to.id == from.id {
        return refused("is the source itself, or was restored from a backup of it");
    }
    match (to.copy_of, to.copied_at) {
        (Some(of), copied_at) if of == from.id => Ok(copied_at.is_some()),
        (Some(_), None) => refused(
            "is an unfinished copy of another ledger: finish that one with its source, or name an empty target",
        ),
        _ => {
            for table in TABLES {
                if !target.rows(table, None, 1).map_err(CopyError::Target)?.is_empty() {
                    return refused(
                        "is not empty: it has a ledger of its own; name an empty database or folder",
                    );
                }
            }
            Ok(false)
        }
    }
}

/// A ledger whose books are wrong is not moved: afterwards nobody could tell what went wrong where.
fn refuse_wrong_books(report: &books::Report) -> Result<(), CopyError> {
    if report.is_clean() {
        return Ok(());
    }
    let mut why = format!("the source's books are not right ({} findings", report.findings.len());
    for finding in report.findings.iter().take(3) {
        let _ = write!(why, "; {finding}");
    }
    Err(CopyError::Refused(why + "); bursar check names all of them; nothing was written"))
}

/// A target that cannot be read is a finding too: which rows differ is known by then, and is told.
fn check_target(target: &mut dyn Target, approved: ReadApproved<'_>) -> Result<books::Report, StoreError> {
    match target.books().and_then(|mut books| books::check(books.as_mut(), approved)) {
        Err(StoreError::Corrupt(problem)) => {
            let finding = Finding { rule: "damage", subject: "the target".to_owned(), problem };
            Ok(books::Report { findings: vec![finding], ..books::Report::default() })
        }
        checked => checked,
    }
}

fn compare_totals(source: &books::Report, target: &books::Report, differences: &mut Differences) {
    let totals = |of: &books::Report| {
        [of.owners, of.accounts, of.entries, of.messages, of.events, of.events_forgotten]
    };
    let words = ["owners", "accounts", "entries", "messages", "events", "forgotten events"];
    for (what, (one, other)) in words.into_iter().zip(totals(source).into_iter().zip(totals(target))) {
        if one != other {
            differences
                .note(|| format!("the check counted {one} {what} in the source and {other} in the target"));
        }
    }
}

struct Run<'a> {
    source: &'a mut dyn Source,
    target: &'a mut dyn Target,
    settings: &'a Settings<'a>,
    watch: &'a mut dyn FnMut(Progress),
    of: u64,
}

impl Run<'_> {
    fn say(&mut self, step: Step) {
        (self.watch)(Progress { step, table: None, rows: 0, of: self.of });
    }

    /// Writes what the target lacks, and how many rows that were. A row that it should not have, or has
    /// otherwise and may not change, stays as it is: the comparison names it. But what the source forgot since an
    /// earlier run goes from the target, too.
    fn bring_over(&mut self) -> Result<u64, CopyError> {
        let (mut passed, mut written) = (0, 0);
        let batch = self.settings.batch;
        for table in TABLES {
            let (mut rows, mut gone) = (Vec::new(), Vec::new());
            // First what is gone: what came instead may have something of it that is there only once.
            let mut write = |target: &mut dyn Target, rows: &mut Vec<Row>, gone: &mut Vec<Row>| {
                written += rows.len() as u64;
                if !gone.is_empty() {
                    target.remove(table, std::mem::take(gone)).map_err(CopyError::Target)?;
                }
                if !rows.is_empty() {
                    target.write(table, std::mem::take(rows)).map_err(CopyError::Target)?;
                }
                Ok(())
            };
            self.walk(Step::Copy, table, &mut passed, |target, place| {
                match place {
                    Place::Missing(row) => rows.push(row),
                    Place::Other(row, _) if table.changes => rows.push(row),
                    Place::Extra(mut row) if table.forgets => {
                        row.truncate(table.key);
                        gone.push(row);
                    }
                    Place::Same | Place::Other(..) | Place::Extra(_) => {}
                }
                if rows.len().max(gone.len()) < batch { Ok(()) } else { write(target, &mut rows, &mut gone) }
            })?;
            write(self.target, &mut rows, &mut gone)?;
        }
        Ok(written)
    }

    /// Names every place where the two differ.
    fn compare(&mut self) -> Result<Differences, CopyError> {
        let (mut passed, mut differences) = (0, Differences::default());
        for table in TABLES {
            let at = |row: &Row| {
                let key = table.key_columns().iter().zip(row);
                let key: Vec<String> = key.map(|(column, of)| format!("{} {of}", column.name)).collect();
                format!("{} {}", table.name, key.join(" "))
            };
            self.walk(Step::Compare, table, &mut passed, |_, place| {
                match place {
                    Place::Same => {}
                    Place::Missing(row) => differences.note(|| format!("{}: not in the target", at(&row))),
                    Place::Extra(row) => differences.note(|| format!("{}: only in the target", at(&row))),
                    // The values may be what no log should hold.
                    Place::Other(row, columns) => {
                        differences.note(|| format!("{}: other {}", at(&row), columns.join(", ")));
                    }
                }
                Ok(())
            })?;
        }
        Ok(differences)
    }

    /// Shows every place of a table, and says how far it is.
    fn walk(
        &mut self,
        step: Step,
        table: &'static Table,
        passed: &mut u64,
        mut visit: impl FnMut(&mut dyn Target, Place) -> Result<(), CopyError>,
    ) -> Result<(), CopyError> {
        let mut merge = Merge::new(table, self.settings.batch);
        (self.watch)(Progress { step, table: Some(table.name), rows: *passed, of: self.of });
        while let Some(place) = merge.next(self.source, self.target)? {
            if !matches!(place, Place::Extra(_)) {
                *passed += 1;
                if passed.is_multiple_of(self.settings.batch as u64) {
                    (self.watch)(Progress { step, table: Some(table.name), rows: *passed, of: self.of });
                }
            }
            visit(self.target, place)?;
        }
        (self.watch)(Progress { step, table: Some(table.name), rows: *passed, of: self.of });
        Ok(())
    }
}
