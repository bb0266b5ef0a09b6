//! `bursar copy`: a whole ledger moved from one store to another.
//!
//! Both sides hand over the same neutral rows in the order of their keys, so one walk of the two serves
//! for everything: what the target lacks is written, and at the end there must be nothing. The target's
//! own rows are the mark of how far a copy came: one that was killed goes on where they end, and one
//! whose source went on brings over the rest. Until the end the target says of itself that it is
//! unfinished, and no server starts on it.

mod merge;
mod tables;

use std::fmt::Write;

use uuid::Uuid;

pub use tables::{Column, Kind, Row, TABLES, Table, Value};

use crate::books::{self, Books, Finding, ReadApproved};
use crate::error::StoreError;
use crate::identity::Identity;
use merge::{Merge, Place};

/// One of the two ledgers.
pub trait Side {
    /// Who it is.
    ///
    /// # Errors
    /// The store cannot be read. So for every method here.
    fn identity(&mut self) -> Result<Identity, StoreError>;

    /// Rows of a table behind a key, in the order of the table's key, at most so many.
    ///
    /// # Errors
    /// As above.
    fn rows(
        &mut self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;
}

/// Where a ledger is read: one snapshot, nothing is ever written.
pub trait Source: Side {
    /// The snapshot, for the check.
    fn books(&mut self) -> &mut dyn Books;

    /// How many rows a table has.
    ///
    /// # Errors
    /// As above.
    fn count(&mut self, table: &'static Table) -> Result<u64, StoreError>;

    /// Why the snapshot may not be all there is by now, if so: something was committed after it, or
    /// somebody runs who can. Ends the snapshot.
    ///
    /// # Errors
    /// As above.
    fn moved_on(&mut self) -> Result<Option<String>, StoreError>;
}

/// Where a ledger is written, by this process alone.
pub trait Target: Side {
    /// Marks the target as an unfinished copy of this source. From here on no server opens it.
    ///
    /// # Errors
    /// One opened it already, or the store cannot be written. The latter for every method here.
    fn begin(&mut self, source: Uuid) -> Result<(), StoreError>;

    /// Writes rows in one transaction. Those of a table that changes take the place of what was there.
    ///
    /// # Errors
    /// As above; a row that cannot be stored, or is there already.
    fn write(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), StoreError>;

    /// Makes what the store derives from its rows. May come again.
    ///
    /// # Errors
    /// As above.
    fn complete(&mut self) -> Result<(), StoreError>;

    /// A snapshot for the check.
    ///
    /// # Errors
    /// The store cannot be read.
    fn books(&mut self) -> Result<Box<dyn Books>, StoreError>;

    /// Marks the copy as whole and verified: from here on it is a ledger like others.
    ///
    /// # Errors
    /// The store cannot be written.
    fn finish(&mut self) -> Result<(), StoreError>;
}

/// What a copy does at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The check of the source, before anything is written.
    CheckSource,
    /// Rows are brought over.
    Copy,
    /// The target derives what it needs.
    Complete,
    /// Every row of both sides is compared.
    Compare,
    /// The check of the target.
    CheckTarget,
}

impl Step {
    /// The words for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CheckSource => "checking the source",
            Self::Copy => "copying",
            Self::Complete => "completing the target",
            Self::Compare => "comparing",
            Self::CheckTarget => "checking the target",
        }
    }
}

/// How far a copy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What it does.
    pub step: Step,
    /// With which table, where it is with one.
    pub table: Option<&'static str>,
    /// How many rows of the source this step has passed.
    pub rows: u64,
    /// How many the source has.
    pub of: u64,
}

/// How to copy.
pub struct Settings<'a> {
    /// Reads stored answers, for the check.
    pub approved: ReadApproved<'a>,
    /// How many rows are read, and written in one transaction, at most.
    pub batch: usize,
}

/// How many rows a batch has unless somebody says otherwise: some megabytes of messages.
pub const BATCH: usize = 5_000;

/// How a copy ended.
#[derive(Debug)]
pub struct Report {
    /// How many rows the source has.
    pub rows: u64,
    /// How many of them this run wrote.
    pub written: u64,
    /// The check of the source.
    pub source: books::Report,
    /// The check of the target.
    pub target: books::Report,
    /// What the two do not have in common.
    pub differences: Differences,
    /// Why the source may have more by now.
    pub moved_on: Option<String>,
    /// Whether an earlier run had finished this copy.
    pub was_finished: bool,
}

impl Report {
    /// Whether the target is the source's ledger, whole and right.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.is_equal() && self.moved_on.is_none()
    }

    /// Whether the target has the same rows, and both sides are right.
    #[must_use]
    pub fn is_equal(&self) -> bool {
        self.differences.count == 0 && self.source.is_clean() && self.target.is_clean()
    }
}

/// Places where source and target differ.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Differences {
    /// How many there are.
    pub count: u64,
    /// The first of them, in words.
    pub named: Vec<String>,
}

impl Differences {
    const NAMED_MAX: usize = 20;

    fn note(&mut self, difference: impl FnOnce() -> String) {
        self.count += 1;
        if self.named.len() < Self::NAMED_MAX {
            self.named.push(difference());
        }
    }
}

/// Why nothing was copied, or not all.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// This source may not go to this target. Nothing was written.
    #[error("{0}")]
    Refused(String),
    /// The source cannot be read. What is in the target stays, and the same copy goes on.
    #[error("the source: {0}")]
    Source(StoreError),
    /// The target cannot be written or read. What is in it stays, and the same copy goes on.
    #[error("the target: {0}")]
    Target(StoreError),
}

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
    for Finding { rule, subject, problem } in report.findings.iter().take(3) {
        let _ = write!(why, "; {rule} {subject}: {problem}");
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
    let totals = |of: &books::Report| [of.owners, of.accounts, of.entries, of.messages, of.events];
    let words = ["owners", "accounts", "entries", "messages", "events"];
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
    /// otherwise and may not change, stays as it is: the comparison names it.
    fn bring_over(&mut self) -> Result<u64, CopyError> {
        let (mut passed, mut written) = (0, 0);
        let batch = self.settings.batch;
        for table in TABLES {
            let mut rows = Vec::new();
            let mut write = |target: &mut dyn Target, rows: &mut Vec<Row>| {
                written += rows.len() as u64;
                target.write(table, std::mem::take(rows)).map_err(CopyError::Target)
            };
            self.walk(Step::Copy, table, &mut passed, |target, place| {
                match place {
                    Place::Missing(row) => rows.push(row),
                    Place::Other(row, _) if table.changes => rows.push(row),
                    Place::Same | Place::Other(..) | Place::Extra(_) => {}
                }
                if rows.len() < batch { Ok(()) } else { write(target, &mut rows) }
            })?;
            if !rows.is_empty() {
                write(self.target, &mut rows)?;
            }
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
