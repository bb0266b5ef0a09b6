//! The embedded broker.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use async_trait::async_trait;
use bursar_broker::{
    Broker, BrokerError, Outgoing, PerQueue, PublishError, Queue, QueueFigures, Retries, Subscription,
};
use tokio::sync::{mpsc, oneshot, watch};

use crate::desk::Desk;
use crate::folder;
use crate::subscriber::Subscriber;
use crate::writer::{Order, Pending, Writer};

/// Durable queues in a folder, for this process alone.
pub struct SqliteBroker {
    door: Door,
    signals: Arc<Signals>,
    writer: Option<JoinHandle<()>>,
}

/// Asks the writer. Once it has stopped, nobody is answered.
#[derive(Clone)]
pub(crate) struct Door {
    orders: mpsc::UnboundedSender<Order>,
}

/// What the parts tell each other of a queue.
#[derive(Default)]
pub(crate) struct Signals(PerQueue<Signal>);

struct Signal {
    /// Something may be due.
    due: watch::Sender<()>,
    consumers: AtomicU64,
}

impl Default for Signal {
    fn default() -> Self {
        Self { due: watch::Sender::new(()), consumers: AtomicU64::new(0) }
    }
}

impl SqliteBroker {
    /// Opens the queues in the folder, which are made if there are none.
    ///
    /// # Errors
    /// [`BrokerError::InUse`] if another process has them; [`BrokerError::Away`] if the file cannot be used.
    pub fn open(folder: &Path, retries: Retries) -> Result<Self, BrokerError> {
        let signals = Arc::<Signals>::default();
        let failed = |error: &dyn std::fmt::Display| BrokerError::Away(error.to_string());
        let writer = Writer::new(folder::open(folder)?, retries, signals.clone());
        let mut writer = writer.map_err(|error| failed(&error))?;
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new().name("broker".to_owned());
        let thread = thread.spawn(move || writer.run(&mut ordered));
        let thread = thread.map_err(|error| failed(&error))?;
        Ok(Self { door: Door { orders }, signals, writer: Some(thread) })
    }
}

#[async_trait]
impl Broker for SqliteBroker {
    async fn publish(&self, messages: Vec<Outgoing>) -> Vec<Result<(), PublishError>> {
        let count = messages.len();
        match self.door.ask(move |desk| desk.publish(&messages)).await {
            Ok(results) => results,
            Err(error) => vec![Err(PublishError::from(error)); count],
        }
    }

    fn subscribe(&self, queue: Queue, unsettled_max: u16) -> Subscription {
        let (subscription, subscriber) =
            Subscriber::new(queue, unsettled_max, self.door.clone(), self.signals.clone());
        tokio::spawn(subscriber.run());
        subscription
    }

    async fn figures(&self) -> Result<Vec<QueueFigures>, BrokerError> {
        let mut figures = self.door.ask(|desk| desk.figures()).await?;
        for of in &mut figures {
            of.consumers = self.signals.0[of.queue].consumers.load(Ordering::Relaxed);
        }
        Ok(figures)
    }
}

/// Whoever opens the folder next finds it free.
impl Drop for SqliteBroker {
    fn drop(&mut self) {
        let _ = self.door.orders.send(Order::Stop);
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the embedded broker ended by a panic; the log has its place");
        }
    }
}

impl Door {
    /// Has this done in a transaction, and waits until it is durable.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Desk<'_>) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, BrokerError> {
        let stopped = || BrokerError::Away("it has stopped".into());
        let (reply, told) = oneshot::channel();
        let order = Order::Change(Box::new(Pending::new(change, reply)));
        self.orders.send(order).map_err(|_| stopped())?;
        told.await.unwrap_or_else(|_| Err(stopped()))
    }

    /// Has a message given back that nobody settles any more.
    pub(crate) fn give_back(&self, queue: Queue, position: i64) {
        // Who has stopped gives back all.
        let _ = self.orders.send(Order::GiveBack(queue, position));
    }

    /// Done when the writer has stopped.
    pub(crate) async fn closed(&self) {
        self.orders.closed().await;
    }
}

impl Signals {
    /// Something may be due in the queue.
    pub(crate) fn tell(&self, queue: Queue) {
        self.0[queue].due.send_replace(());
    }

    /// Told when something may be due in the queue.
    pub(crate) fn listen(&self, queue: Queue) -> watch::Receiver<()> {
        self.0[queue].due.subscribe()
    }

    /// One consumer more, or one less.
    pub(crate) fn consumes(&self, queue: Queue, is_here: bool) {
        let consumers = &self.0[queue].consumers;
        match is_here {
            true => consumers.fetch_add(1, Ordering::Relaxed),
            false => consumers.fetch_sub(1, Ordering::Relaxed),
        };
    }
}
