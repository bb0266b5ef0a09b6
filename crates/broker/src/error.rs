//! What a broker cannot do.

/// Why a message is not known to be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// No queue is there for its address. It is not published.
    #[error("no queue takes {0}")]
    Unroutable(String),
    /// The broker does not take it: a queue is full, or the message is not as its protocol has them. It is not published
    /// everywhere.
    #[error("the broker refused it: {0}")]
    Refused(String),
    /// The broker is away, or did not say in time what became of it.
    #[error("the broker is away: {0}")]
    Away(String),
}

impl From<BrokerError> for PublishError {
    fn from(error: BrokerError) -> Self {
        match error {
            BrokerError::Away(why) => Self::Away(why),
            other => Self::Away(other.to_string()),
        }
    }
}

impl From<PublishError> for BrokerError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Away(why) => Self::Away(why),
            other => Self::Away(other.to_string()),
        }
    }
}

/// What a broker cannot do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// It is away, for now. What was not settled is delivered again.
    #[error("the broker is away: {0}")]
    Away(String),
    /// Something in it is not as this Bursar needs it, and cannot be changed by it.
    #[error("{what} is there with other arguments: {difference}; {remedy}")]
    Misfit {
        /// The exchange or queue.
        what: String,
        /// What is different, in the broker's words.
        difference: String,
        /// What an operator can do.
        remedy: &'static str,
    },
    /// Another process has it.
    #[error("{0} is in use by another process")]
    InUse(String),
}
