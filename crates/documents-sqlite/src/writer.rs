//! The one thread that has the file, several changes a commit.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use bursar_documents::DocumentsError;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::failure::Failure;

/// Changes that share a commit, at most.
const CHANGES_MAX: usize = 256;

/// What the thread is told. Whoever asks waits for it, so there are no more than callers.
pub(crate) enum Order {
    /// In a transaction, with others.
    Change(Box<dyn Work>),
    /// In none, after the changes that were asked for before.
    Look(Box<dyn Work>),
    /// Begin nothing else.
    Stop,
}

/// Something to do, and who waits for it.
pub(crate) trait Work: Send {
    fn run(&mut self, connection: &Connection) -> Result<(), Failure>;

    /// Tells what became of it.
    fn tell(self: Box<Self>, done: Result<(), DocumentsError>);
}

/// Something to do, and what it found once it is done.
pub(crate) struct Pending<T, F> {
    work: Option<F>,
    found: Option<T>,
    reply: oneshot::Sender<Result<T, DocumentsError>>,
}

impl<T, F> Pending<T, F> {
    pub(crate) const fn new(work: F, reply: oneshot::Sender<Result<T, DocumentsError>>) -> Self {
        Self { work: Some(work), found: None, reply }
    }
}

impl<T: Send, F> Work for Pending<T, F>
where
    F: FnOnce(&Connection) -> Result<T, Failure> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), Failure> {
        if let Some(work) = self.work.take() {
            self.found = Some(work(connection)?);
        }
        Ok(())
    }

    fn tell(self: Box<Self>, done: Result<(), DocumentsError>) {
        let undone = || DocumentsError::Unavailable("it was not done".into());
        let Self { found, reply, .. } = *self;
        let _ = reply.send(done.and_then(|()| found.ok_or_else(undone)));
    }
}

pub(crate) struct Writer {
    pub(crate) connection: Connection,
    /// Held as long as something can be written.
    pub(crate) _lock: File,
}

impl Writer {
    pub(crate) fn run(&mut self, orders: &mut mpsc::UnboundedReceiver<Order>) {
        let mut is_last = false;
        while !is_last && let Some(first) = orders.blocking_recv() {
            let (mut changes, mut looks) = (Vec::new(), Vec::new());
            let mut next = Some(first);
            while let Some(order) = next.take() {
                match order {
                    Order::Change(change) => changes.push(change),
                    Order::Look(look) => looks.push(look),
                    Order::Stop => is_last = true,
                }
                if changes.len() + looks.len() < CHANGES_MAX && !is_last {
                    next = orders.try_recv().ok();
                }
            }
            self.commit(changes);
            looks.into_iter().for_each(|look| self.look(look));
        }
    }

    fn look(&self, mut look: Box<dyn Work>) {
        let done = shielded(|| look.run(&self.connection));
        look.tell(done.map_err(DocumentsError::from));
    }

    /// Makes the changes in one transaction: all of them that can be made, or none.
    fn commit(&mut self, mut changes: Vec<Box<dyn Work>>) {
        if changes.is_empty() {
            return;
        }
        let made = self.transact(&mut changes).unwrap_or_else(|error| {
            let error = DocumentsError::from(Failure::File(error));
            vec![Err(error); changes.len()]
        });
        changes.into_iter().zip(made).for_each(|(change, made)| change.tell(made));
    }

    /// What became of each change.
    fn transact(
        &mut self,
        changes: &mut [Box<dyn Work>],
    ) -> rusqlite::Result<Vec<Result<(), DocumentsError>>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut made = Vec::with_capacity(changes.len());
        for change in changes {
            match whole(&transaction, change.as_mut()) {
                // With some errors (a full disk) the whole transaction is gone.
                Err(Failure::File(error)) if transaction.is_autocommit() => return Err(error),
                done => made.push(done.map_err(DocumentsError::from)),
            }
        }
        transaction.commit().map(|()| made)
    }
}

/// Makes a change of which nothing is left if it fails, or panics: the transaction goes on without it.
fn whole(connection: &Connection, change: &mut dyn Work) -> Result<(), Failure> {
    let run = |statement: &str| connection.prepare_cached(statement)?.execute([]).map(drop);
    run("savepoint change")?;
    let made = shielded(|| change.run(connection));
    let made = made.and_then(|()| Ok(run("release change")?));
    if made.is_err() {
        // The transaction may be gone already.
        let _ = run("rollback to change").and_then(|()| run("release change"));
    }
    made
}

fn shielded(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let panicked = || DocumentsError::Unavailable("it panicked; the log has its place".into());
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(panicked().into()))
}

#[cfg(test)]
mod tests {
    use bursar_testkit::DocumentsFolder;

    use super::*;
    use crate::folder;

    type Told<T> = oneshot::Receiver<Result<T, DocumentsError>>;

    fn pending<T: Send + 'static>(
        work: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> (Box<dyn Work>, Told<T>) {
        let (reply, told) = oneshot::channel();
        (Box::new(Pending::new(work, reply)), told)
    }

    /// Keeps an identity, and does what follows.
    fn keeping(number: u8, then: impl FnOnce() -> Result<(), Failure> + Send + 'static) -> (Order, Told<()>) {
        let (work, told) = pending(move |connection| {
            let insert = "insert into kyc (person, status, version) values (?1, 'pending', 1)";
            connection.execute(insert, [[number; 16]])?;
            then()
        });
        (Order::Change(work), told)
    }

    #[test]
    fn a_change_that_fails_or_panics_harms_no_other_of_its_commit() {
        let place = DocumentsFolder::new();
        let (connection, lock) = folder::open(place.path()).expect("it opens");
        let mut writer = Writer { connection, _lock: lock };
        let (give, mut ordered) = mpsc::unbounded_channel();
        let (first, first_told) = keeping(1, || Ok(()));
        let (failing, failing_told) = keeping(2, || Err(rusqlite::Error::InvalidQuery.into()));
        let (panicking, panicking_told) = keeping(3, || panic!("on purpose"));
        let (last, last_told) = keeping(4, || Ok(()));
        let (look, look_told) = pending(|connection| {
            let mut list = connection.prepare("select person from kyc order by person")?;
            let found: rusqlite::Result<Vec<[u8; 16]>> = list.query_map([], |row| row.get(0))?.collect();
            Ok(found?)
        });
        let orders = [first, failing, panicking, Order::Look(look), last, Order::Stop];
        orders.into_iter().for_each(|order| drop(give.send(order)));
        writer.run(&mut ordered);
        let told = |told: Told<()>| told.blocking_recv().expect("it is told");
        assert_eq!((told(first_told), told(last_told)), (Ok(()), Ok(())));
        assert!(told(failing_told).is_err());
        let panicked = told(panicking_told);
        assert!(matches!(&panicked, Err(DocumentsError::Unavailable(why)) if why.contains("panicked")));
        let kept = look_told.blocking_recv().expect("it is told");
        assert_eq!(kept, Ok(vec![[1; 16], [4; 16]]));
    }
}
