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
pub(crate) const LOADS_WITHIN: Duration = Duration::from_secs(10);

/// What is there while somebody loads, sealed: somebody else's bytes are no mark. No value of ours is as short.
const LOADING: &[u8] = b"";

/// The second level of one ledger's instances.
#[derive(Clone)]
pub(crate) struct Second {
    pub(crate) values: Arc<Guarded>,
    pub(crate) seal: Seal,
    writes: mpsc::Sender<Write>,
}

/// A value that is to be kept; of what may change, only where the mark is of who loaded it.
pub(crate) struct Write {
    key: Key,
    value: Option<Vec<u8>>,
    kept: Duration,
    mark: Option<Vec<u8>>,
}

/// What a look for a value that may change found.
pub(crate) enum Looked {
    /// It.
    Value(Vec<u8>),
    /// Nothing: who looked loads it, and may keep it under this mark.
    Absent(Vec<u8>),
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
        self.write_soon(Write { key, value: Some(value), kept, mark: None });
    }

    /// The value of what may change; where there is none, nobody else loads it meanwhile.
    pub(crate) async fn look(&self, key: &Key, level: &Level) -> Looked {
        let Some(mark) = self.seal.seal(key, LOADING) else { return Looked::Unusable };
        let looked = match self.values.set_absent(key, &mark, LOADS_WITHIN).await {
            Ok(None) => Looked::Absent(mark),
            Ok(Some(there)) => match self.seal.open(key, &there) {
                Some(value) if value == LOADING => Looked::Unusable,
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

    /// Keeps what was loaded, soon, unless somebody says before that it changed: then the mark is gone.
    pub(crate) fn fill(&self, key: Key, mark: Vec<u8>, value: Vec<u8>, kept: Duration) {
        self.write_soon(Write { key, value: Some(value), kept, mark: Some(mark) });
    }

    /// Takes back that something is loaded: it is not to be kept. Who is cut off before leaves that to time.
    pub(crate) fn let_go(&self, key: Key, mark: Vec<u8>) {
        self.write_soon(Write { key, value: None, kept: Duration::from_millis(1), mark: Some(mark) });
    }

    fn write_soon(&self, write: Write) {
        // Full: see there.
        let _ = self.writes.try_send(write);
    }

    /// Removes values, and has every instance hear it.
    pub(crate) async fn forget(&self, keys: &[Key]) -> Result<(), KeyValueError> {
        self.values.say_gone(keys).await
    }

    /// Writes what waits, for as long as there is somebody who may keep something.
    pub(crate) async fn write(self, mut waiting: mpsc::Receiver<Write>) {
        // Only those who keep something hold the other end.
        let Self { values, seal, writes } = self;
        drop(writes);
        while let Some(Write { key, value, kept, mark }) = waiting.recv().await {
            let value = match value {
                Some(value) => seal.seal(&key, &value),
                None => mark.clone(),
            };
            let _ = match (value, mark) {
                (Some(value), Some(mark)) => values.swap(&key, &mark, &value, kept).await.map(drop),
                (Some(value), None) => values.set(&key, &value, kept).await,
                (None, _) => Ok(()),
            };
        }
    }
}
