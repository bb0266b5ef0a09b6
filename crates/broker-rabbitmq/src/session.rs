//! What is there while RabbitMQ is: connections and channels, dropped together.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use lapin::{Channel, Connection};
use tokio::sync::{Mutex, MutexGuard, watch};

/// The session, or why there is none.
pub(crate) type Said = Result<Arc<Session>, Arc<str>>;

/// Two connections, the topology declared.
pub(crate) struct Session {
    /// Kept for the channels of it.
    pub(crate) publishing: Connection,
    pub(crate) consuming: Connection,
    /// To exchanges. With the alternate exchange nothing is ever returned here.
    pub(crate) exchanges: Pool,
    /// To queues by name, one message at a time each.
    pub(crate) answers: Pool,
    /// Why it takes no messages for now, in RabbitMQ's words.
    blocked: watch::Sender<Option<Arc<str>>>,
    /// Why it does not work any more, as somebody saw.
    broken: watch::Sender<Option<Arc<str>>>,
}

/// Channels to publish on, each lent to one batch until all of it is confirmed. Shared, one batch could take what is
/// another's: the client numbers messages and writes them in two steps, and hands a message that is returned to whichever
/// confirmation comes next.
pub(crate) struct Pool {
    channels: Vec<Mutex<Channel>>,
    next: AtomicUsize,
}

impl Pool {
    pub(crate) fn new(channels: Vec<Channel>) -> Self {
        Self { channels: channels.into_iter().map(Mutex::new).collect(), next: AtomicUsize::new(0) }
    }

    /// One that is free, or will be.
    pub(crate) async fn lend(&self) -> MutexGuard<'_, Channel> {
        let first = self.next.fetch_add(1, Ordering::Relaxed) % self.channels.len();
        let (later, sooner) = self.channels.split_at(first);
        match sooner.iter().chain(later).find_map(|channel| channel.try_lock().ok()) {
            Some(channel) => channel,
            None => self.channels[first].lock().await,
        }
    }
}

impl Session {
    pub(crate) fn new(
        (publishing, consuming): (Connection, Connection),
        [exchanges, answers]: [Pool; 2],
    ) -> Self {
        Self {
            publishing,
            consuming,
            exchanges,
            answers,
            blocked: watch::Sender::new(None),
            broken: watch::Sender::new(None),
        }
    }

    /// Says that it does not work any more: all of it is dropped, and made anew.
    pub(crate) fn give_up(&self, why: &str) {
        // What comes after the first is often its doing.
        self.broken.send_if_modified(|broken| broken.is_none() && broken.replace(why.into()).is_none());
    }

    /// Whether both connections are there: what happened before somebody listened is not told.
    pub(crate) fn is_connected(&self) -> bool {
        self.publishing.status().connected() && self.consuming.status().connected()
    }

    /// Why it was given up, once it is.
    pub(crate) async fn given_up(&self) -> Arc<str> {
        let mut broken = self.broken.subscribe();
        // Its sender is here.
        let why = broken.wait_for(Option::is_some).await;
        why.ok().and_then(|why| why.clone()).unwrap_or_else(|| "nobody says why".into())
    }

    /// Waits until it takes messages.
    pub(crate) async fn unblocked(&self) {
        // Its sender is here.
        let _ = self.blocked.subscribe().wait_for(Option::is_none).await;
    }

    /// Why it takes no messages for now.
    pub(crate) fn blocked(&self) -> Option<Arc<str>> {
        self.blocked.borrow().clone()
    }

    pub(crate) fn block(&self, why: Option<String>) {
        self.blocked.send_replace(why.map(Into::into));
    }
}
