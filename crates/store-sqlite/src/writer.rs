//! The one writer: a thread that runs one transaction at a time.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bursar_core::{Outcome, State, decide_batch};
use bursar_store::{Batch, Clock, Settled, StoreError, Sweep, Transacted, later};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::change::{CHANGES_MAX, Change, make_all};
use crate::checkpoint::Checkpoints;
use crate::connection::{Tuning, keep_log_on_close, open_writer};
use crate::error::before_commit;
use crate::folder::{DataFolder, FileIdentity};
use crate::keys::{Ages, KeyLimits};
use crate::outbox::Leases;
use crate::save::Heads;
use crate::{load, save};

/// Rows of one kind that are kept between batches, at most.
const ROWS_MAX: usize = 20_000;

/// What the writer is asked for.
pub(crate) enum Job {
    Transact(Batch, oneshot::Sender<Result<Transacted, StoreError>>),
    KeepSweep(Sweep, oneshot::Sender<Result<(), StoreError>>),
    Probe(oneshot::Sender<Result<(), StoreError>>),
    Change(Box<dyn Change>),
}

pub(crate) struct Writer {
    pub(crate) file: PathBuf,
    pub(crate) tuning: Tuning,
    pub(crate) clock: Clock,
    pub(crate) checkpoints: Checkpoints,
    pub(crate) key_limits: KeyLimits,
    /// Those of the outbox.
    pub(crate) leases: Arc<Leases>,
    /// The file that was opened at the start, and its log.
    pub(crate) identities: Vec<FileIdentity>,
    /// `None` after an error: the next job begins on a fresh connection.
    pub(crate) session: Option<Session>,
    /// Held as long as something can be written: the last field is the last to go.
    pub(crate) _folder: Arc<DataFolder>,
}

/// The writing connection, and the rows as its last commit left them.
pub(crate) struct Session {
    connection: Connection,
    rows: State,
    ages: Ages,
    heads: Heads,
    /// Changes when anybody else commits; the rows are then read again.
    data_version: Option<i64>,
}

impl Session {
    pub(crate) fn new(connection: Connection) -> Result<Self, StoreError> {
        let ages = Ages::count(&connection).map_err(|error| before_commit(&error))?;
        Ok(Self { connection, rows: State::default(), ages, heads: Heads::new(), data_version: None })
    }
}

impl Writer {
    pub(crate) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        let mut next = None;
        while let Some(job) = next.take().or_else(|| jobs.blocking_recv()) {
            match job {
                Job::Transact(batch, reply) => {
                    let _ = reply.send(self.on_session(|session, writer| writer.transact(session, &batch)));
                }
                Job::KeepSweep(sweep, reply) => {
                    let _ = reply.send(self.on_session(|session, _| keep_sweep(session, sweep)));
                }
                Job::Probe(reply) => {
                    let _ = reply.send(self.on_session(|session, writer| writer.probe(session)));
                }
                Job::Change(first) => {
                    let mut changes = vec![first];
                    next = gather(&mut jobs, &mut changes);
                    let made = self.on_session(|session, writer| writer.change(session, &mut changes));
                    changes.into_iter().for_each(|change| change.tell(made.clone()));
                }
            }
            // After the answer, which need not wait for it.
            if let Some(session) = &self.session {
                self.checkpoints.after_commit(&session.connection);
            }
        }
        if let Some(session) = &self.session
            && let Err(error) = keep_log_on_close(&session.connection, false)
        {
            tracing::warn!("the log stays beside the file: {error}");
        }
    }

    /// Runs the job, on a fresh connection if the one before ended in an error. A panic is the
    /// doing of some member's data; it must not end the writer.
    fn on_session<T>(
        &mut self,
        job: impl FnOnce(&mut Session, &Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.identities.iter().try_for_each(FileIdentity::verify)?;
        let mut session = match self.session.take() {
            Some(session) => session,
            None => {
                let connection = open_writer(&self.file, self.tuning, false)?;
                let connection = self.checkpoints.watched(connection)?;
                beat(&connection, &self.clock)?;
                Session::new(connection)?
            }
        };
        let run = AssertUnwindSafe(|| job(&mut session, self));
        let panicked = |_| Err(StoreError::BadData("a panic while deciding; the log has its place".into()));
        let result = catch_unwind(run).unwrap_or_else(panicked);
        if result.is_ok() {
            self.session = Some(session);
        }
        result
    }

    fn transact(&self, session: &mut Session, batch: &Batch) -> Result<Transacted, StoreError> {
        let began = Instant::now();
        let failed = |error: rusqlite::Error| before_commit(&error);
        let transaction =
            session.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let locked = Instant::now();
        let data_version = Some(data_version(&transaction).map_err(failed)?);
        let rows = std::mem::take(&mut session.rows);
        let is_as_left = session.data_version == data_version;
        if !is_as_left || session.heads.len() > ROWS_MAX {
            session.heads.clear();
        }
        let mut state = if is_as_left { rows } else { State::default() };
        load::answers(&transaction, &mut state, batch.past(locked)).map_err(failed)?;
        let late = batch.late(&state, locked);
        let now = self.clock.now();
        load::state(&transaction, &mut state, batch.in_time(&late), now).map_err(failed)?;
        let loaded = Instant::now();
        // A history may have taken longer than others of the batch can wait.
        let late = batch.late(&state, loaded);
        let mut outcomes = decide_batch(&mut state, batch.in_time(&late), now).into_iter();
        let settle = |(_, late): (_, &bool)| match late {
            true => Settled::Late,
            false => outcomes.next().map_or(Settled::Late, Settled::Done),
        };
        let settled: Vec<Settled> = batch.members.iter().zip(&late).map(settle).collect();
        let decided = Instant::now();
        let events = save::batch(&transaction, &state, &settled, &mut session.heads).map_err(failed)?;
        let is_new = |settled: &&Settled| matches!(settled, Settled::Done(Outcome::Decided(..)));
        let added = u32::try_from(settled.iter().filter(is_new).count()).unwrap_or(u32::MAX);
        session.ages.grow(&transaction, added, self.key_limits).map_err(failed)?;
        save::stage_times(&transaction, &batch.stage_times).map_err(failed)?;
        self.identities.iter().try_for_each(FileIdentity::verify)?;
        let leased = match batch.lease {
            Some(lease) => {
                self.leases.begin(&events, later(self.clock.now(), lease));
                events
            }
            None => Vec::new(),
        };
        if let Err(error) = transaction.commit() {
            self.leases.end(leased.iter().map(|event| event.event));
            return Err(StoreError::Unknown(error.to_string()));
        }
        session.data_version = data_version;
        session.rows = state.keep_rows(ROWS_MAX);
        Ok(Transacted { settled, leased, began, loaded, decided })
    }

    /// Makes changes, in one transaction.
    fn change(&self, session: &mut Session, changes: &mut [Box<dyn Change>]) -> Result<(), StoreError> {
        let failed = |error: rusqlite::Error| before_commit(&error);
        let mut transaction =
            session.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        make_all(&mut transaction, changes, self.clock.now())?;
        self.identities.iter().try_for_each(FileIdentity::verify)?;
        transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))
    }

    fn probe(&self, session: &mut Session) -> Result<(), StoreError> {
        beat(&session.connection, &self.clock)
    }
}

/// By the writer's own connection, so that it need not read its rows again.
fn keep_sweep(session: &Session, sweep: Sweep) -> Result<(), StoreError> {
    let insert = "insert into sweeps (days, position) values (?1, ?2)
                  on conflict (days) do update set position = max(position, excluded.position)";
    let kept = session.connection.execute(insert, (sweep.days, sweep.position));
    kept.map(|_| ()).map_err(|error| before_commit(&error))
}

/// Adds the changes that wait already; the first other job is handed back.
fn gather(jobs: &mut mpsc::Receiver<Job>, changes: &mut Vec<Box<dyn Change>>) -> Option<Job> {
    while changes.len() < CHANGES_MAX {
        match jobs.try_recv().ok()? {
            Job::Change(change) => changes.push(change),
            other => return Some(other),
        }
    }
    None
}

/// Commits, and so flushes, something. A fresh connection begins with it: what an earlier process
/// wrote and never flushed is in the log, and a repeat of it would be answered without a commit.
pub(crate) fn beat(connection: &Connection, clock: &Clock) -> Result<(), StoreError> {
    let beat =
        "insert into heartbeat (id, at) values (1, ?1) on conflict (id) do update set at = excluded.at";
    connection.execute(beat, [clock.now().as_microsecond()]).map_err(|error| {
        match before_commit(&error) {
            StoreError::BadData(why) => StoreError::Unavailable(why),
            error => error,
        }
    })?;
    Ok(())
}

/// Read inside the transaction: nobody else can commit before it ends.
fn data_version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.prepare_cached("pragma data_version")?.query_row([], |row| row.get(0))
}
