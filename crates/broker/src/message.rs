//! A message, and where it goes.

use jiff::Timestamp;
use uuid::Uuid;

use crate::topology::{Exchange, Queue};

/// A message to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// Where it goes.
    pub to: Address,
    /// What it is.
    pub content: Content,
}

/// Where a message goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// To the queues that are bound to the exchange for this routing key.
    Exchange(Exchange, String),
    /// To the queue with this name: somebody asked for an answer there.
    Queue(String),
}

/// What a message is, whoever carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Fixed for ever: whoever consumes takes effect once per id.
    pub id: Uuid,
    /// What it is about, in a word.
    pub kind: String,
    /// JSON.
    pub body: Vec<u8>,
    /// The queue that waits for an answer.
    pub reply_to: Option<String>,
    /// What an answer has to repeat.
    pub correlation_id: Option<String>,
    /// When it was published for the first time; set by who carries it.
    pub published_at: Option<Timestamp>,
    /// What became of it so far, if it failed.
    pub death: Option<Death>,
}

impl Content {
    /// A message without an answer.
    #[must_use]
    pub fn new(id: Uuid, kind: &str, body: Vec<u8>) -> Self {
        Self {
            id,
            kind: kind.to_owned(),
            body,
            reply_to: None,
            correlation_id: None,
            published_at: None,
            death: None,
        }
    }

    /// Addressed to who consumes what this routing key of the exchange is bound to.
    #[must_use]
    pub fn to(self, exchange: Exchange, key: &str) -> Outgoing {
        Outgoing { to: Address::Exchange(exchange, key.to_owned()), content: self }
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exchange(exchange, key) => write!(f, "the key {key} of the exchange {exchange}"),
            Self::Queue(name) => write!(f, "the name {name}"),
        }
    }
}

/// How often a message failed, and what of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Death {
    /// Which death it is: made when the message dies, so a copy of it that is delivered twice has the same. Nil while it
    /// is still tried, and for a message that died before deaths had ids.
    pub id: Uuid,
    /// Whose consumer it failed in.
    pub queue: Queue,
    /// Runs that failed.
    pub attempts: u32,
    /// Why the first did.
    pub error_first: String,
    /// Why the last did.
    pub error_last: String,
    /// Why it is dead; `None` while it is still tried.
    pub reason: Option<Reason>,
}

/// Why a message is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// All its runs failed.
    Exhausted,
    /// Its consumer saw that no run can succeed.
    Rejected,
}

impl Reason {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exhausted => "exhausted",
            Self::Rejected => "rejected",
        }
    }

    /// The reason with this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Exhausted, Self::Rejected].into_iter().find(|reason| reason.as_str() == word)
    }
}
