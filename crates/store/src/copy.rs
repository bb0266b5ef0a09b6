//! `bursar copy`: a whole ledger moved from one store to another.
//!
//! Both sides hand over the same neutral rows in the order of their keys, so one walk of the two serves
//! for everything: what the target lacks is written, and at the end there must be nothing. The target's
//! own rows are the mark of how far a copy came: one that was killed goes on where they end, and one
//! whose source went on brings over the rest. Until the end the target says of itself that it is
//! unfinished, and no server starts on it.

mod merge;
mod run;
mod tables;

use uuid::Uuid;

pub use run::copy;
pub use tables::{Column, Kind, Row, TABLES, Table, Value};

use crate::books::{self, Books, ReadApproved};
use crate::error::StoreError;
use crate::identity::Identity;

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

    /// Why the snapshot may not be all there is by now, if so: something was committed after it, somebody
    /// runs who can, or the inbox is not empty. Ends the snapshot.
    ///
    /// # Errors
    /// As above.
    fn moved_on(&mut self) -> Result<Option<String>, StoreError>;
}

/// Why so many notices in the source's inbox keep a copy from its end: they were acknowledged, and are in no
/// ledger yet.
#[must_use]
pub fn left_behind(notices: i64) -> Option<String> {
    (notices > 0).then(|| {
        format!(
            "the source's inbox has {notices} notices, which no copy brings over: let a server work them off, and replay \
             or dismiss what is dead or quarantined (GET /v1/inbox)"
        )
    })
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

    /// Removes the rows with these keys, in one transaction: those of a table that forgets.
    ///
    /// # Errors
    /// As above.
    fn remove(&mut self, table: &'static Table, keys: Vec<Row>) -> Result<(), StoreError>;

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
