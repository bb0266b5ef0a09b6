//! The one thread that changes the file, several changes a commit.

use std::fs::File;
use std::sync::Arc;

use bursar_broker::{BrokerError, Queue, Retries};
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use crate::broker::Signals;
use crate::desk::{Desk, Memory};

/// Changes that share a commit, at most.
const CHANGES_MAX: usize = 256;

/// What the writer is told. Whoever asks for a change waits for it, so there are no more than callers.
pub(crate) enum Order {
    Change(Box<dyn Change>),
    /// Nobody settles this message any more: it is given back, whatever becomes of the file.
    GiveBack(Queue, i64),
    /// Begin no other transaction.
    Stop,
}

/// A change, and who waits for it.
pub(crate) trait Change: Send {
    fn make(&mut self, desk: &mut Desk<'_>) -> rusqlite::Result<()>;

    /// Tells what became of it.
    fn tell(self: Box<Self>, committed: Result<(), BrokerError>);
}

/// A change, and what it found once it is made.
pub(crate) struct Pending<T, F> {
    change: Option<F>,
    made: Option<T>,
    reply: oneshot::Sender<Result<T, BrokerError>>,
}

impl<T, F> Pending<T, F> {
    pub(crate) const fn new(change: F, reply: oneshot::Sender<Result<T, BrokerError>>) -> Self {
        Self { change: Some(change), made: None, reply }
    }
}

impl<T: Send, F> Change for Pending<T, F>
where
    F: FnOnce(&mut Desk<'_>) -> rusqlite::Result<T> + Send,
{
    fn make(&mut self, desk: &mut Desk<'_>) -> rusqlite::Result<()> {
        if let Some(change) = self.change.take() {
            self.made = Some(change(desk)?);
        }
        Ok(())
    }

    fn tell(self: Box<Self>, committed: Result<(), BrokerError>) {
        let unmade = || BrokerError::Away("the change was not made".into());
        let Self { made, reply, .. } = *self;
        let _ = reply.send(committed.and_then(|()| made.ok_or_else(unmade)));
    }
}

pub(crate) struct Writer {
    connection: Connection,
    retries: Retries,
    signals: Arc<Signals>,
    memory: Memory,
    /// Held as long as something can be written.
    _lock: File,
}

impl Writer {
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn new(
        (connection, lock): (Connection, File),
        retries: Retries,
        signals: Arc<Signals>,
    ) -> rusqlite::Result<Self> {
        let memory = Memory::of(&connection)?;
        Ok(Self { connection, retries, signals, memory, _lock: lock })
    }

    pub(crate) fn run(&mut self, orders: &mut mpsc::UnboundedReceiver<Order>) {
        let mut is_last = false;
        while !is_last && let Some(first) = orders.blocking_recv() {
            let mut changes = Vec::new();
            let mut next = Some(first);
            while let Some(order) = next.take() {
                match order {
                    Order::Change(change) => changes.push(change),
                    Order::GiveBack(queue, position) => self.memory.give_back(queue, position),
                    Order::Stop => is_last = true,
                }
                if changes.len() < CHANGES_MAX && !is_last {
                    next = orders.try_recv().ok();
                }
            }
            self.commit(changes);
        }
    }

    /// Makes the changes in one transaction: all of them that can be made, or none.
    fn commit(&mut self, mut changes: Vec<Box<dyn Change>>) {
        let made = if changes.is_empty() { Ok(Vec::new()) } else { self.transact(&mut changes) };
        let made = made.unwrap_or_else(|error| {
            self.memory.undo();
            vec![Err(away(error)); changes.len()]
        });
        changes.into_iter().zip(made).for_each(|(change, made)| change.tell(made));
        self.memory.touched().for_each(|queue| self.signals.tell(queue));
    }

    /// What became of each change.
    fn transact(
        &mut self,
        changes: &mut [Box<dyn Change>],
    ) -> rusqlite::Result<Vec<Result<(), BrokerError>>> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut desk = Desk {
            connection: &transaction,
            memory: &mut self.memory,
            retries: self.retries,
            now: Timestamp::now(),
        };
        let mut made = Vec::with_capacity(changes.len());
        for change in changes {
            made.push(match desk.whole(|desk| change.make(desk)) {
                // With some errors (a full disk) the whole transaction is gone.
                Err(error) if transaction.is_autocommit() => return Err(error),
                done => done.map_err(away),
            });
        }
        transaction.commit().map(|()| made)
    }
}

fn away(error: rusqlite::Error) -> BrokerError {
    tracing::warn!("the embedded broker cannot write: {error}");
    BrokerError::Away(error.to_string())
}

#[cfg(test)]
mod tests {
    use bursar_broker::{Content, Exchange, Outgoing};
    use bursar_testkit::BrokerFolder;
    use uuid::Uuid;

    use super::*;
    use crate::folder;

    type Told<T> = oneshot::Receiver<Result<T, BrokerError>>;

    fn change<T: Send + 'static>(
        change: impl FnOnce(&mut Desk<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> (Order, Told<T>) {
        let (reply, told) = oneshot::channel();
        (Order::Change(Box::new(Pending::new(change, reply))), told)
    }

    /// Publishes a message to the unrouted queue, and does what follows.
    fn publishing(
        number: u128,
        then: impl FnOnce() -> rusqlite::Result<()> + Send + 'static,
    ) -> (Order, Told<()>) {
        change(move |desk| {
            desk.publish(&[message(number)])?;
            then()
        })
    }

    fn message(number: u128) -> Outgoing {
        Content::new(Uuid::from_u128(number), "test", Vec::new()).to(Exchange::Transactions, "no.such.key")
    }

    /// Has a writer do all of this in one commit.
    fn write(place: &BrokerFolder, orders: Vec<Order>) {
        let file = folder::open(place.path()).expect("it opens");
        let mut writer = Writer::new(file, Retries::default(), Arc::default()).expect("it can be read");
        let (give, mut ordered) = mpsc::unbounded_channel();
        orders.into_iter().chain([Order::Stop]).for_each(|order| drop(give.send(order)));
        writer.run(&mut ordered);
    }

    #[test]
    fn a_change_that_fails_or_panics_harms_no_other_of_its_commit() {
        let (first, first_told) = publishing(1, || Ok(()));
        let (failing, failing_told) = publishing(2, || Err(rusqlite::Error::InvalidQuery));
        let (panicking, panicking_told) = publishing(3, || panic!("on purpose"));
        let (last, last_told) = change(|desk| desk.take(Queue::Unrouted, 10));
        write(&BrokerFolder::new(), vec![first, failing, panicking, last]);
        let told = |told: Told<()>| told.blocking_recv().expect("it is told");
        assert_eq!(told(first_told), Ok(()));
        assert!(matches!(told(failing_told), Err(BrokerError::Away(_))));
        assert!(matches!(told(panicking_told), Err(BrokerError::Away(why)) if why.contains("panicked")));
        let taken = last_told.blocking_recv().expect("it is told").expect("it can be read");
        let ids = taken.messages.iter().map(|(message, _)| message.content.id.as_u128());
        assert_eq!(ids.collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn what_a_failed_change_took_is_there_for_others() {
        let (first, _told) = publishing(1, || Ok(()));
        let (failing, _told) = change(|desk| {
            desk.take(Queue::Unrouted, 10)?;
            Err::<(), _>(rusqlite::Error::InvalidQuery)
        });
        let (last, told) = change(|desk| desk.take(Queue::Unrouted, 10));
        write(&BrokerFolder::new(), vec![first, failing, last]);
        assert_eq!(told.blocking_recv().expect("it is told").expect("it can be read").messages.len(), 1);
    }
}
