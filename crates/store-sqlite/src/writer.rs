//! The one writer: a thread that runs one transaction at a time.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use bursar_core::decide_batch;
use bursar_store::{Batch, Member, Settled, StoreError, Transacted};
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::checkpoint::Checkpoints;
use crate::clock::Clock;
use crate::connection::{Tuning, keep_log_on_close, open_writer};
use crate::error::before_commit;
use crate::folder::{DataFolder, FileIdentity};
use crate::{load, save};

/// What the writer is asked for.
pub(crate) enum Job {
    Transact(Batch, oneshot::Sender<Result<Transacted, StoreError>>),
    Probe(oneshot::Sender<Result<(), StoreError>>),
}

pub(crate) struct Writer {
    /// Held as long as something can be written.
    pub(crate) _folder: Arc<DataFolder>,
    pub(crate) file: PathBuf,
    pub(crate) tuning: Tuning,
    pub(crate) clock: Clock,
    pub(crate) checkpoints: Checkpoints,
    /// The file that was opened at the start, and its log.
    pub(crate) identities: Vec<FileIdentity>,
    /// `None` after an error: the next job begins on a fresh connection.
    pub(crate) connection: Option<Connection>,
}

impl Writer {
    pub(crate) fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            match job {
                Job::Transact(batch, reply) => {
                    let _ = reply
                        .send(self.on_connection(|connection, writer| writer.transact(connection, &batch)));
                }
                Job::Probe(reply) => {
                    let _ = reply.send(self.on_connection(|connection, writer| writer.probe(connection)));
                }
            }
        }
        if let Some(connection) = &self.connection
            && let Err(error) = keep_log_on_close(connection, false)
        {
            tracing::warn!(%error, "the log stays beside the file: {error}");
        }
    }

    /// Runs the job, on a fresh connection if the one before ended in doubt. Only a member's bad
    /// data leaves the connection as good as before: it was rolled back.
    fn on_connection<T>(
        &mut self,
        job: impl FnOnce(&mut Connection, &Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.identities.iter().try_for_each(FileIdentity::verify)?;
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.checkpoints.watched(open_writer(&self.file, self.tuning, false)?)?,
        };
        let result = job(&mut connection, self);
        if matches!(result, Ok(_) | Err(StoreError::BadData(_))) {
            self.checkpoints.after_commit(&connection);
            self.connection = Some(connection);
        }
        result
    }

    fn transact(&self, connection: &mut Connection, batch: &Batch) -> Result<Transacted, StoreError> {
        let began = Instant::now();
        let failed = |error: rusqlite::Error| before_commit(&error);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        let locked = Instant::now();
        let is_late = |member: &Member| member.deadline.is_some_and(|deadline| deadline <= locked);
        let in_time = || batch.members.iter().filter(|member| !is_late(member)).map(|member| &member.work);
        let mut state = load::state(&transaction, in_time()).map_err(failed)?;
        let loaded = Instant::now();
        let mut outcomes = decide_batch(&mut state, in_time(), self.clock.now()).into_iter();
        let settle = |member: &Arc<Member>| match is_late(member) {
            true => Settled::Late,
            false => outcomes.next().map_or(Settled::Late, Settled::Done),
        };
        let settled: Vec<Settled> = batch.members.iter().map(settle).collect();
        let decided = Instant::now();
        save::batch(&transaction, &state, &settled).map_err(failed)?;
        save::stage_times(&transaction, &batch.stage_times).map_err(failed)?;
        self.identities.iter().try_for_each(FileIdentity::verify)?;
        transaction.commit().map_err(|error| StoreError::Unknown(error.to_string()))?;
        Ok(Transacted { settled, began, loaded, decided })
    }

    fn probe(&self, connection: &mut Connection) -> Result<(), StoreError> {
        let beat =
            "insert into heartbeat (id, at) values (1, ?1) on conflict (id) do update set at = excluded.at";
        let now = self.clock.now().as_microsecond();
        connection.execute(beat, [now]).map_err(|error| match before_commit(&error) {
            StoreError::BadData(why) => StoreError::Unavailable(why),
            error => error,
        })?;
        Ok(())
    }
}
