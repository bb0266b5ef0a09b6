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

    pub(crate) fn run(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
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

    /// Makes the changes in one transaction: all of them, or none.
    fn commit(&mut self, mut changes: Vec<Box<dyn Change>>) {
        let committed = if changes.is_empty() { Ok(()) } else { self.transact(&mut changes) };
        if let Err(error) = &committed {
            tracing::warn!("the embedded broker cannot write: {error}");
            self.memory.undo();
        }
        let committed = committed.map_err(|error| BrokerError::Away(error.to_string()));
        changes.into_iter().for_each(|change| change.tell(committed.clone()));
        self.memory.touched().for_each(|queue| self.signals.tell(queue));
    }

    fn transact(&mut self, changes: &mut [Box<dyn Change>]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut desk = Desk {
            connection: &transaction,
            memory: &mut self.memory,
            retries: self.retries,
            now: Timestamp::now(),
        };
        changes.iter_mut().try_for_each(|change| change.make(&mut desk))?;
        transaction.commit()
    }
}
