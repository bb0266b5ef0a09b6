//! Changes beside decisions: of the inbox and the outbox, and of what consumers keep. Several share one commit.

use bursar_store::StoreError;
use jiff::Timestamp;
use rusqlite::{Connection, Transaction};
use tokio::sync::oneshot;

use crate::error::before_commit;
use crate::ledger::SqliteLedger;
use crate::writer::Job;

/// Changes that share one commit, at most.
pub(crate) const CHANGES_MAX: usize = 64;

/// Rows that one change forgets, at most, whatever it is asked for: swipes wait for the writer meanwhile.
pub(crate) const FORGOTTEN_MAX: u32 = 250;

/// A change, and who waits for it.
pub(crate) trait Change: Send {
    /// Makes it, at this moment.
    fn make(&mut self, connection: &Connection, now: Timestamp) -> rusqlite::Result<()>;

    /// Notes why it alone was not made.
    fn fail(&mut self, why: StoreError);

    /// Tells what became of it.
    fn tell(self: Box<Self>, committed: Result<(), StoreError>);
}

impl SqliteLedger {
    /// Has the writer make a change beside the ledger's, and waits until it is durable.
    pub(crate) async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(|reply| Job::Change(Box::new(Pending { change: Some(change), made: None, reply }))).await
    }
}

/// Makes them one after another. What one fails with by its own doing is undone and concerns no other.
///
/// # Errors
/// Nothing can be written: none of them was made.
pub(crate) fn make_all(
    transaction: &mut Transaction<'_>,
    changes: &mut [Box<dyn Change>],
    now: Timestamp,
) -> Result<(), StoreError> {
    let failed = |error: rusqlite::Error| before_commit(&error);
    for change in changes {
        let savepoint = transaction.savepoint().map_err(failed)?;
        match change.make(&savepoint, now).map_err(failed) {
            Ok(()) => savepoint.commit().map_err(failed)?,
            Err(why @ (StoreError::BadData(_) | StoreError::Corrupt(_))) => {
                savepoint.finish().map_err(failed)?;
                change.fail(why);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A change, and what it found once it is made.
struct Pending<T, F> {
    change: Option<F>,
    made: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T: Send, F> Change for Pending<T, F>
where
    F: FnOnce(&Connection, Timestamp) -> rusqlite::Result<T> + Send,
{
    fn make(&mut self, connection: &Connection, now: Timestamp) -> rusqlite::Result<()> {
        if let Some(change) = self.change.take() {
            self.made = Some(Ok(change(connection, now)?));
        }
        Ok(())
    }

    fn fail(&mut self, why: StoreError) {
        self.made = Some(Err(why));
    }

    fn tell(self: Box<Self>, committed: Result<(), StoreError>) {
        let unmade = || Err(StoreError::Unavailable("the change was not made".into()));
        let Self { made, reply, .. } = *self;
        let _ = reply.send(committed.and_then(|()| made.unwrap_or_else(unmade)));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::ledger::Options;

    fn ledger(folder: &tempfile::TempDir) -> SqliteLedger {
        SqliteLedger::open(folder.path(), Options::default()).expect("a new ledger")
    }

    /// Keeps so many days' sweep at a position, and then fails if it is asked to.
    async fn keep(ledger: &SqliteLedger, days: i64, fails: bool) -> Result<usize, StoreError> {
        let keep = move |connection: &Connection, _| {
            let kept = connection.execute("insert into sweeps (days, position) values (?1, 1)", [days])?;
            // Its own key once more.
            if fails {
                connection.execute("insert into sweeps (days, position) values (?1, 1)", [days])
            } else {
                Ok(kept)
            }
        };
        ledger.change(keep).await
    }

    #[tokio::test]
    async fn a_change_that_fails_is_undone_and_concerns_none_that_shares_its_commit() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = ledger(&folder);
        let (go_on, waits) = mpsc::channel::<()>();
        let first = ledger.change(move |_, _| Ok(waits.recv().is_ok()));
        // Asked last: the others have come by then, and are made together.
        let meanwhile = async { go_on.send(()).expect("the first still runs") };
        let together =
            async { tokio::join!(keep(&ledger, 1, false), keep(&ledger, 2, true), keep(&ledger, 3, false)) };
        let (first, (one, failed, other), ()) = tokio::join!(first, together, meanwhile);
        assert_eq!(first, Ok(true));
        assert_eq!((one, other), (Ok(1), Ok(1)));
        assert!(matches!(failed, Err(StoreError::BadData(_))), "{failed:?}");
        let kept = |connection: &Connection| {
            let mut select = connection.prepare("select days from sweeps order by days")?;
            select.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()
        };
        assert_eq!(ledger.readers.read(kept).await, Ok(vec![1, 3]));
    }

    #[tokio::test]
    async fn the_writer_s_connection_outlives_a_change_that_fails() {
        let folder = tempfile::tempdir().expect("a folder");
        let ledger = ledger(&folder);
        let of_connection = |connection: &Connection, _: Timestamp| {
            connection.execute_batch("create temp table seen (it integer)")
        };
        assert_eq!(ledger.change(of_connection).await, Ok(()));
        assert!(keep(&ledger, 1, true).await.is_err());
        let is_seen = |connection: &Connection, _: Timestamp| connection.execute_batch("select it from seen");
        assert_eq!(ledger.change(is_seen).await, Ok(()));
    }
}
