//! Asking a processor: the port. Its answers are read into what its webhooks are read into.

use async_trait::async_trait;
use bursar_core::text::Token;
use jiff::Timestamp;

use crate::marqeta::Delivered;

/// The processor, as somebody to ask.
#[async_trait]
pub trait Inquire: Send + Sync + 'static {
    /// What it has of a transaction that was made at this time, and of all that are related to it; nothing if it
    /// knows none with this token. A call over the network, or a few: seconds, not milliseconds.
    ///
    /// # Errors
    /// See [`InquiryError`].
    async fn inquire(&self, transaction: &Token, made: Timestamp) -> Result<Vec<Delivered>, InquiryError>;

    /// Whether it would be asked now: not where it has not answered for a while.
    fn is_asked(&self) -> bool;
}

/// Why nothing is known of what the processor has. Both say what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InquiryError {
    /// It cannot be asked about anything now.
    #[error("{0}")]
    Away(String),
    /// What it says of this transaction cannot be used.
    #[error("{0}")]
    Unusable(String),
}
