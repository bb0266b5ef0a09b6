//! The port: small values by key, for a time, that all instances see.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde::Serialize;
use tokio::sync::{broadcast, watch};

/// Keeps values for a time. Any of them may be gone before that, and then it is as if it had never been there: nothing
/// that has to stay is kept here.
#[async_trait]
pub trait KeyValue: Send + Sync + 'static {
    /// The value, if it is there.
    ///
    /// # Errors
    /// Whether it took effect is unknown, as of all that follow.
    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, KeyValueError>;

    /// Keeps the value, whatever was there.
    async fn set(&self, key: &Key, value: &[u8], kept: Duration) -> Result<(), KeyValueError>;

    /// Keeps the value unless there is one, and gives the one that was there. One step: of many who do this at once,
    /// one is given `None`.
    async fn set_absent(
        &self,
        key: &Key,
        value: &[u8],
        kept: Duration,
    ) -> Result<Option<Vec<u8>>, KeyValueError>;

    /// Keeps the new value if the old one is there; whether it was. One step.
    async fn swap(&self, key: &Key, old: &[u8], new: &[u8], kept: Duration) -> Result<bool, KeyValueError>;

    /// Removes the values, then has every instance hear that they are gone.
    async fn forget(&self, keys: &[Key]) -> Result<(), KeyValueError>;

    /// Keeps how much this one counted so far, whatever it told before; what all of them come to. Each count ends after its time
    /// from when it was first told.
    async fn tell(&self, by: &str, counts: &[(Key, u64, Duration)]) -> Result<Vec<u64>, KeyValueError>;

    /// The keys of which anybody, this instance too, said that they are gone, while they are [heard](Self::hearing).
    fn forgotten(&self) -> broadcast::Receiver<Vec<Key>>;

    /// Whether it is heard what others forget. From the moment that it is not, and until it has turned true again, it
    /// may be missed.
    fn hearing(&self) -> watch::Receiver<bool>;

    /// Whether it answers, and how it is.
    async fn probe(&self) -> Result<Condition, KeyValueError>;
}

/// Where a value is kept. Made by [`Seal::key`](crate::Seal::key), so it tells nothing of what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key(Arc<str>);

impl Key {
    /// The key with this text. It has no space in it.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why there is no answer, without secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyValueError {
    /// It does not answer, or not in time.
    #[error("{0}")]
    Away(Arc<str>),
    /// It answers, and does not do this.
    #[error("it refuses: {0}")]
    Refused(Arc<str>),
}

impl KeyValueError {
    /// It does not answer, for this reason.
    #[must_use]
    pub fn away(why: impl Into<Arc<str>>) -> Self {
        Self::Away(why.into())
    }

    /// It refuses, for this reason.
    #[must_use]
    pub fn refused(why: impl Into<Arc<str>>) -> Self {
        Self::Refused(why.into())
    }
}

/// How a store of values is, in its own figures; null where it has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Condition {
    /// Bytes of memory that it uses.
    pub memory_bytes: Option<u64>,
    /// Bytes that it may use; null if there is no limit.
    pub memory_max_bytes: Option<u64>,
    /// Values that it keeps.
    pub keys: Option<u64>,
    /// Values that it let go because its memory was full.
    pub evicted: Option<u64>,
    /// Clients that are connected to it.
    pub clients: Option<u64>,
    /// Look-ups that found a value, of all its clients, since it started.
    pub hits: Option<u64>,
    /// Those that found none.
    pub misses: Option<u64>,
}
