//! What a request is answered with.

use bursar_core::{Answer, DeclineReason, MessageId};

use crate::timeline::Timeline;

/// What became of a request.
#[derive(Debug)]
pub struct Settlement {
    /// What to answer.
    pub reply: Reply,
    /// Where its time went, up to the commit.
    pub timeline: Timeline,
}

/// What to answer.
#[derive(Debug, Clone)]
pub enum Reply {
    /// Decided and durable.
    Decided {
        /// The bytes to send.
        answer: Answer,
        /// The decided message.
        message: MessageId,
        /// Why it was declined, if it was.
        declined: Option<DeclineReason>,
    },
    /// The same message was answered before: these bytes again.
    Repeated(Answer),
    /// The key was used for other content.
    Conflict,
    /// No decision to answer with. After [`Unavailable::Hung`], and after a commit that stayed
    /// unknown, there may be one all the same: the same message asked again gets it.
    Unavailable(Unavailable),
}

impl Reply {
    /// The message, if it was decided now.
    #[must_use]
    pub const fn message(&self) -> Option<MessageId> {
        match self {
            Self::Decided { message, .. } => Some(*message),
            Self::Repeated(_) | Self::Conflict | Self::Unavailable(_) => None,
        }
    }
}

/// Why there is no decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// The lane is full.
    #[error("too many requests are waiting")]
    Busy,
    /// Somebody else, another instance mostly, held the owner for longer than a batch waits.
    #[error("another decision about the same owner takes long")]
    Held,
    /// There was no time left to start.
    #[error("the deadline passed before the decision could be started")]
    Late,
    /// The store does not answer in time; whether it decided is unknown.
    #[error("the store did not answer in time")]
    Hung,
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopping,
    /// The store cannot decide.
    #[error("{0}")]
    Store(String),
    /// The store works, and this cannot be decided or stored: to send it again does not help by itself.
    #[error("{0}")]
    Undecidable(String),
}
