//! The second level: what instances share. Behind it is the ledger.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::figures::Level;
use crate::guarded::Guarded;
use crate::key_value::{Key, KeyValue, KeyValueError};
use crate::seal::Seal;

/// Values that wait to be kept. One that finds no place is not kept, which costs somebody a look into the ledger.
const WRITES_MAX: usize = 4096;

/// Nobody who loads takes longer: afterwards somebody else may.
const LOADS_WITHIN: Duration = Duration::from_secs(10);

/// What is there while somebody loads. No sealed value is as short.
const MARK: usize = 16;

/// The second level of one ledger's instances.
#[derive(Clone)]
pub(crate) struct Second {
    pub(crate) values: Arc<Guarded>,
    pub(crate) seal: Seal,
    writes: mpsc::Sender<Write>,
}

/// A value that is to be kept.
pub(crate) struct Write {
    key: Key,
    value: Vec<u8>,
    kept: Duration,
}

/// What a look for a value that may change found.
pub(crate) enum Looked {
    /// It.
    Value(Vec<u8>),
    /// Nothing: who looked loads it, and may keep it under this mark.
    Absent([u8; MARK]),
    /// Nothing that can be used now.
    Unusable,
}

impl Second {
    pub(crate) fn new(values: Arc<dyn KeyValue>, seal: Seal) -> (Self, mpsc::Receiver<Write>) {
        let (writes, waiting) = mpsc::channel(WRITES_MAX);
        (Self { values: Guarded::new(values), seal, writes }, waiting)
    }

    /// The value of what never changes. What is not ours, or not whole, is not there.
    pub(crate) async fn find(&self, key: &Key, level: &Level) -> Option<Vec<u8>> {
        let found = self.values.get(key).await.ok()?;
        let value = found.and_then(|sealed| self.seal.open(key, &sealed));
        level.note(value.is_some());
        value
    }

    /// Keeps what never changes, soon.
    pub(crate) fn keep(&self, key: Key, value: Vec<u8>, kept: Duration) {
        // Full: see there.
        let _ = self.writes.try_send(Write { key, value, kept });
    }

    /// The value of what may change; where there is none, nobody else loads it meanwhile.
    pub(crate) async fn look(&self, key: &Key, level: &Level) -> Looked {
        let mark: [u8; MARK] = rand::random();
        let looked = match self.values.set_absent(key, &mark, LOADS_WITHIN).await {
            Ok(None) => Looked::Absent(mark),
            Ok(Some(there)) if there.len() == MARK => Looked::Unusable,
            Ok(Some(there)) => match self.seal.open(key, &there) {
                Some(value) => Looked::Value(value),
                // Who looks next finds nothing, and loads.
                None => self.remove(key).await,
            },
            Err(_) => return Looked::Unusable,
        };
        level.note(matches!(looked, Looked::Value(_)));
        looked
    }

    async fn remove(&self, key: &Key) -> Looked {
        let _ = self.values.forget(std::slice::from_ref(key)).await;
        Looked::Unusable
    }

    /// Keeps what was loaded, unless somebody said meanwhile that it changed: then the mark is gone.
    pub(crate) async fn fill(&self, key: &Key, mark: [u8; MARK], value: &[u8], kept: Duration) {
        if let Some(sealed) = self.seal.seal(key, value) {
            let _ = self.values.swap(key, &mark, &sealed, kept).await;
        }
    }

    /// Takes back that something is loaded: it is not to be kept.
    pub(crate) async fn let_go(&self, key: &Key, mark: [u8; MARK]) {
        let _ = self.values.swap(key, &mark, &mark, Duration::from_millis(1)).await;
    }

    /// Removes values, and has every instance hear it.
    pub(crate) async fn forget(&self, keys: &[Key]) -> Result<(), KeyValueError> {
        self.values.forget(keys).await
    }

    /// Writes what waits, for as long as there is somebody who may keep something.
    pub(crate) async fn write(self, mut waiting: mpsc::Receiver<Write>) {
        // Only those who keep something hold the other end.
        let Self { values, seal, writes } = self;
        drop(writes);
        while let Some(Write { key, value, kept }) = waiting.recv().await {
            if let Some(sealed) = seal.seal(&key, &value) {
                let _ = values.set(&key, &sealed, kept).await;
            }
        }
    }
}
