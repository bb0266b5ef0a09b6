//! Checkpoints beside the writer: most pages are copied while it goes on, and the writer itself
//! only finishes the rest between two batches. A checkpoint of the whole log inside a commit
//! would make that commit wait for all of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use bursar_store::StoreError;
use rusqlite::Connection;
use rusqlite::hooks::Wal;

use crate::connection::{Synchronous, Tuning, open_writer};
use crate::error::before_commit;

/// Asks for checkpoints when the log is long enough.
pub(crate) struct Checkpoints {
    pages: u32,
    /// How long the log was after the writer's last commit, in pages.
    log_pages: Arc<AtomicU32>,
    wanted: Option<SyncSender<()>>,
    copied: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    pub(crate) fn start(file: PathBuf, pages: u32) -> std::io::Result<Self> {
        let (wanted, wishes) = sync_channel(1);
        let copied = Arc::new(AtomicBool::new(false));
        let done = copied.clone();
        let copy = move || copy_when_asked(&file, &wishes, &done);
        let thread = std::thread::Builder::new().name("checkpoint".into()).spawn(copy)?;
        Ok(Self { pages, log_pages: Arc::default(), wanted: Some(wanted), copied, thread: Some(thread) })
    }

    /// Has the writer's connection tell how long the log is after each commit.
    pub(crate) fn watched(&self, mut connection: Connection) -> Result<Connection, StoreError> {
        let log_pages = self.log_pages.clone();
        let note = move |_: &mut Wal, pages: std::ffi::c_int| {
            log_pages.store(u32::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        };
        connection.wal_hook(Some(note)).map_err(|error| before_commit(&error))?;
        Ok(connection)
    }

    /// After a commit: asks for a copy when the log is long, and once the bulk is copied, has the
    /// writer copy the rest and begin the log anew. Failures only make the log longer.
    pub(crate) fn after_commit(&self, writer: &Connection) {
        if self.copied.swap(false, Ordering::AcqRel) {
            checkpoint(writer);
        } else if self.log_pages.load(Ordering::Relaxed) >= self.pages
            && let Some(wanted) = &self.wanted
            && let Err(TrySendError::Disconnected(())) = wanted.try_send(())
        {
            checkpoint(writer);
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wanted = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn copy_when_asked(file: &std::path::Path, wishes: &Receiver<()>, copied: &AtomicBool) {
    let tuning = Tuning { synchronous: Synchronous::Full, cache_kib: 2048 };
    while let Ok(()) = wishes.recv() {
        match open_writer(file, tuning, false) {
            Ok(connection) => {
                checkpoint(&connection);
                copied.store(true, Ordering::Release);
            }
            Err(error) => tracing::warn!("no checkpoint: {error}"),
        }
    }
}

/// Copies what no reader still needs from the log, without waiting for anybody. When all is
/// copied the next commit begins the log anew.
fn checkpoint(connection: &Connection) {
    let done = connection.query_row("pragma wal_checkpoint(passive)", [], |row| row.get::<_, i64>(0));
    if let Err(error) = done {
        tracing::warn!("a checkpoint failed: {error}");
    }
}
