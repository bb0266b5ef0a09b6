//! What is there while RabbitMQ is: connections and channels, dropped together.

use std::sync::atomic::AtomicUsize;

use lapin::{Channel, Connection};
use tokio::sync::{Mutex, watch};

/// Two connections, the topology declared.
pub(crate) struct Session {
    /// Kept for the channels of it.
    pub(crate) publishing: Connection,
    pub(crate) consuming: Connection,
    /// To exchanges. With the alternate exchange nothing is ever returned here. Locked while messages are sent, for the
    /// client numbers them and writes them in two steps: else two senders could take each other's confirmations.
    pub(crate) exchanges: Mutex<Channel>,
    /// To queues by name, one message at a time each: a return names no delivery, so it is the last one's.
    pub(crate) answers: Vec<Mutex<Channel>>,
    pub(crate) next_answers: AtomicUsize,
    /// Why it takes no messages for now, in RabbitMQ's words.
    blocked: std::sync::Mutex<Option<String>>,
    /// Why it does not work any more, as somebody saw.
    broken: watch::Sender<Option<&'static str>>,
}

impl Session {
    pub(crate) fn new(
        (publishing, consuming): (Connection, Connection),
        (exchanges, answers): (Channel, Vec<Channel>),
    ) -> Self {
        let answers = answers.into_iter().map(Mutex::new).collect();
        Self {
            publishing,
            consuming,
            exchanges: Mutex::new(exchanges),
            answers,
            next_answers: AtomicUsize::new(0),
            blocked: std::sync::Mutex::default(),
            broken: watch::Sender::new(None),
        }
    }

    /// Says that it does not work any more: all of it is dropped, and made anew.
    pub(crate) fn give_up(&self, why: &'static str) {
        self.broken.send_replace(Some(why));
    }

    /// Whether both connections are there: what happened before somebody listened is not told.
    pub(crate) fn is_connected(&self) -> bool {
        self.publishing.status().connected() && self.consuming.status().connected()
    }

    /// Why it was given up, once it is.
    pub(crate) async fn given_up(&self) -> &'static str {
        let mut broken = self.broken.subscribe();
        // Its sender is here.
        let why = broken.wait_for(Option::is_some).await;
        why.ok().and_then(|why| *why).unwrap_or("nobody says why")
    }

    /// Why it takes no messages for now.
    pub(crate) fn blocked(&self) -> Option<String> {
        self.blocked.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(crate) fn block(&self, why: Option<String>) {
        *self.blocked.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = why;
    }
}
