//! The ledger over the writer and the readers.

mod reads;

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use async_trait::async_trait;
use bursar_store::{Batch, Clock, Ledger, StoreError, Sweep, Transacted};
use tokio::sync::{mpsc, oneshot};

use crate::checkpoint::Checkpoints;
use crate::connection::{Synchronous, Tuning, open_writer};
use crate::folder::{DataFolder, FileIdentity};
use crate::keys::KeyLimits;
use crate::outbox::Leases;
use crate::readers::Readers;
use crate::writer::{Job, Session, Writer, beat};
use crate::{identity, inbox, schema};

/// Connections that look up the tokens of swipes: each lookup is one step down one index.
const LOOKUPS: usize = 2;

/// How the embedded ledger works.
#[derive(Clone)]
pub struct Options {
    /// When commits reach the disk.
    pub synchronous: Synchronous,
    /// Checkpoint when the log has so many pages of 4 KiB.
    pub checkpoint_pages: u32,
    /// Reading connections, at most.
    pub readers: usize,
    /// The writer's page cache.
    pub cache_kib: u32,
    /// How the keys of messages are kept.
    pub key_limits: KeyLimits,
    /// Tells the time of decisions.
    pub clock: Clock,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::Full,
            checkpoint_pages: 20_000,
            readers: 4,
            cache_kib: 32_768,
            key_limits: KeyLimits::default(),
            clock: Clock::system(),
        }
    }
}

/// A ledger in one SQLite file.
pub struct SqliteLedger {
    pub(crate) readers: Readers,
    /// Apart from the others, so that no swipe waits behind long lists.
    lookups: Readers,
    synchronous: Synchronous,
    pub(crate) clock: Clock,
    pub(crate) leases: Arc<Leases>,
    jobs: Option<mpsc::Sender<Job>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteLedger {
    /// Opens the ledger of a data folder, making what is missing.
    ///
    /// # Errors
    /// [`StoreError::InUse`], [`StoreError::NewerSchema`], or why the file cannot be used.
    pub fn open(folder: &Path, options: Options) -> Result<Self, StoreError> {
        let folder = Arc::new(DataFolder::take(folder)?);
        let file = DataFolder::ledger_file(folder.path());
        Self::open_file(folder, &file, options).map_err(|error| match error {
            StoreError::Corrupt(why) => StoreError::Corrupt(format!(
                "{}: {why}; keep the folder as it is and restore a backup (docs/operations.md)",
                file.display()
            )),
            error => error,
        })
    }

    fn open_file(folder: Arc<DataFolder>, file: &Path, options: Options) -> Result<Self, StoreError> {
        let tuning = Tuning { synchronous: options.synchronous, cache_kib: options.cache_kib };
        let mut connection = open_writer(file, tuning, true)?;
        schema::bring_up_to_date(&mut connection)?;
        identity::read(&connection)?.refuse_unfinished()?;
        inbox::end_leases(&connection, &options.clock)?;
        let log = file.with_extension("db-wal");
        let failed =
            |error: std::io::Error| StoreError::Unavailable(format!("cannot start a thread: {error}"));
        let checkpoints = Checkpoints::start(file.to_owned(), options.checkpoint_pages).map_err(failed)?;
        let connection = checkpoints.watched(connection)?;
        beat(&connection, &options.clock)?;
        let leases = Arc::<Leases>::default();
        let writer = Writer {
            _folder: folder,
            identities: vec![FileIdentity::of(file)?, FileIdentity::of(&log)?],
            checkpoints,
            key_limits: options.key_limits,
            leases: leases.clone(),
            file: file.to_owned(),
            tuning,
            clock: options.clock.clone(),
            session: Some(Session::new(connection)?),
        };
        let (jobs, queue) = mpsc::channel(64);
        let thread = std::thread::Builder::new().name("ledger-writer".into());
        let writer = thread.spawn(move || writer.run(queue)).map_err(failed)?;
        Ok(Self {
            lookups: Readers::new(file.to_owned(), LOOKUPS),
            readers: Readers::new(file.to_owned(), options.readers),
            synchronous: options.synchronous,
            clock: options.clock,
            leases,
            jobs: Some(jobs),
            writer: Mutex::new(Some(writer)),
        })
    }

    pub(crate) async fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Job,
    ) -> Result<T, StoreError> {
        let stopped =
            || StoreError::Unavailable("the writer has stopped; see the log for why, and restart".into());
        let jobs = self.jobs.as_ref().ok_or_else(stopped)?;
        let (reply, result) = oneshot::channel();
        jobs.send(job(reply)).await.map_err(|_| stopped())?;
        // The writer took the job and is gone without a word: it may have committed.
        result
            .await
            .unwrap_or_else(|_| Err(StoreError::Unknown("the writer stopped in mid-transaction".into())))
    }
}

/// Waits for the writer: after this the folder is free.
impl Drop for SqliteLedger {
    fn drop(&mut self) {
        self.readers.close();
        self.lookups.close();
        self.jobs = None;
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer {
            let _ = writer.join();
        }
    }
}

#[async_trait]
impl Ledger for SqliteLedger {
    fn lanes(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    async fn transact(&self, batch: Batch) -> Result<Transacted, StoreError> {
        self.ask(|reply| Job::Transact(batch, reply)).await
    }

    async fn keep_sweep(&self, sweep: Sweep) -> Result<(), StoreError> {
        self.ask(|reply| Job::KeepSweep(sweep, reply)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.ask(Job::Probe).await?;
        match self.synchronous {
            Synchronous::Full => Ok(()),
            Synchronous::Normal => Err(StoreError::Unavailable(
                "sqlite.synchronous is \"normal\": answered decisions could be lost; set it to \"full\""
                    .into(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use bursar_core::text::Token;
    use bursar_store::Reader;

    use super::*;

    #[tokio::test]
    async fn a_swipe_s_lookups_do_not_wait_for_readers_that_are_busy_and_no_read_waits_for_ever() {
        let folder = tempfile::tempdir().expect("a folder");
        let options = Options { readers: 1, ..Options::default() };
        let ledger = SqliteLedger::open(folder.path(), options).expect("a new ledger");
        let (go_on, waits) = std::sync::mpsc::channel::<()>();
        let (began, has_begun) = oneshot::channel();
        let readers = ledger.readers.clone();
        let long_list = move |_: &rusqlite::Connection| {
            let _ = began.send(());
            Ok(waits.recv())
        };
        let listing = tokio::spawn(async move { readers.read(long_list).await });
        has_begun.await.expect("the list has the only reader");
        let token = Token::new("unknown").expect("a token");
        assert_eq!(ledger.find_route(&token).await, Ok(None));
        assert_eq!(ledger.find_cardholder_by_token(&token).await, Ok(None));
        tokio::time::pause();
        let program = bursar_core::ProgramId::new(uuid::Uuid::nil());
        let a_day = tokio::time::advance(std::time::Duration::from_secs(86_400));
        let (waiting, ()) = tokio::join!(ledger.find_program(program), a_day);
        assert!(
            matches!(waiting, Err(StoreError::Unavailable(_))),
            "nobody waits without bound: {waiting:?}"
        );
        go_on.send(()).expect("the list still runs");
        let _ = listing.await.expect("no panic");
    }
}
