//! A message in the hands of a consumer.

use tokio::sync::oneshot;

use crate::error::BrokerError;
use crate::message::Content;
use crate::topology::Queue;

/// A message that was delivered. Dropped without a word, it is given back and delivered again, to whomever: that a
/// consumer dies is not the message's fault.
pub struct Delivery {
    /// Where it was taken from.
    pub queue: Queue,
    /// What it is.
    pub content: Content,
    /// Whether somebody had it before and did not settle it.
    pub is_redelivered: bool,
    settling: oneshot::Sender<Settlement>,
}

/// What a consumer says of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It has taken effect.
    Done,
    /// This run failed, and that counts.
    Failed(String),
    /// No run can succeed.
    Dead(String),
}

/// A verdict, and who waits for it to be kept.
pub struct Settlement {
    /// What the consumer says.
    pub verdict: Verdict,
    /// Told once the broker was told.
    pub reply: oneshot::Sender<Result<(), BrokerError>>,
}

/// Of an error this much is kept: it travels with the message.
const ERROR_CHARS_MAX: usize = 500;

impl Delivery {
    /// A message for a consumer, and what will be said of it; nothing, if it is given back.
    #[must_use]
    pub fn new(
        queue: Queue,
        content: Content,
        is_redelivered: bool,
    ) -> (Self, oneshot::Receiver<Settlement>) {
        let (settling, said) = oneshot::channel();
        (Self { queue, content, is_redelivered, settling }, said)
    }

    /// It has taken effect, and is forgotten; a broker that dies right then may deliver it again all the same.
    ///
    /// # Errors
    /// The broker did not take that: it is delivered again. So for the others.
    pub async fn done(self) -> Result<(), BrokerError> {
        self.settle(Verdict::Done).await
    }

    /// This run failed: it comes again after a pause, or is dead if this was the last.
    ///
    /// # Errors
    /// As above.
    pub async fn failed(self, why: &str) -> Result<(), BrokerError> {
        self.settle(Verdict::Failed(bounded(why))).await
    }

    /// No run of it can succeed: it goes to the dead letters at once.
    ///
    /// # Errors
    /// As above.
    pub async fn dead(self, why: &str) -> Result<(), BrokerError> {
        self.settle(Verdict::Dead(bounded(why))).await
    }

    async fn settle(self, verdict: Verdict) -> Result<(), BrokerError> {
        let gone = || BrokerError::Away("it went away before it took what was said of a message".into());
        let (reply, kept) = oneshot::channel();
        self.settling.send(Settlement { verdict, reply }).map_err(|_| gone())?;
        kept.await.unwrap_or_else(|_| Err(gone()))
    }
}

fn bounded(why: &str) -> String {
    why.chars().take(ERROR_CHARS_MAX).collect()
}
