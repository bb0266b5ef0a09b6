//! In process: what there is without a server, for one instance.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;

use crate::key_value::{Condition, Key, KeyValue, KeyValueError};

/// Values, at most: a session takes some hundred bytes.
const VALUES_MAX: usize = 1_000_000;

/// Words that wait for a listener.
const WORDS_MAX: usize = 1024;

/// Values in the memory of this process.
pub struct MemoryKeyValue {
    values: Mutex<Values>,
    forgotten: broadcast::Sender<Vec<Key>>,
    hearing: watch::Sender<bool>,
}

#[derive(Default)]
struct Values {
    by_key: HashMap<Key, Value>,
    /// From so many on it is looked for those whose time is over.
    look_at: usize,
}

struct Value {
    bytes: Vec<u8>,
    until: Instant,
}

impl Default for MemoryKeyValue {
    fn default() -> Self {
        let (forgotten, hearing) = (broadcast::Sender::new(WORDS_MAX), watch::Sender::new(true));
        Self { values: Mutex::default(), forgotten, hearing }
    }
}

impl MemoryKeyValue {
    fn values(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Values {
    fn get(&self, key: &Key) -> Option<&Value> {
        self.by_key.get(key).filter(|value| value.until > Instant::now())
    }

    fn set(&mut self, key: &Key, bytes: Vec<u8>, until: Instant) -> Result<(), KeyValueError> {
        if self.by_key.len() >= self.look_at {
            let now = Instant::now();
            self.by_key.retain(|_, value| value.until > now);
            self.look_at = (self.by_key.len() * 2).clamp(1024, VALUES_MAX);
        }
        if self.by_key.len() >= VALUES_MAX && !self.by_key.contains_key(key) {
            return Err(KeyValueError::refused(format!(
                "{VALUES_MAX} values are kept in memory, and no more"
            )));
        }
        self.by_key.insert(key.clone(), Value { bytes, until });
        Ok(())
    }
}

#[async_trait]
impl KeyValue for MemoryKeyValue {
    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, KeyValueError> {
        Ok(self.values().get(key).map(|value| value.bytes.clone()))
    }

    async fn set(&self, key: &Key, value: &[u8], kept: Duration) -> Result<(), KeyValueError> {
        self.values().set(key, value.to_owned(), Instant::now() + kept)
    }

    async fn set_absent(
        &self,
        key: &Key,
        value: &[u8],
        kept: Duration,
    ) -> Result<Option<Vec<u8>>, KeyValueError> {
        let mut values = self.values();
        if let Some(there) = values.get(key) {
            return Ok(Some(there.bytes.clone()));
        }
        values.set(key, value.to_owned(), Instant::now() + kept).map(|()| None)
    }

    async fn swap(&self, key: &Key, old: &[u8], new: &[u8], kept: Duration) -> Result<bool, KeyValueError> {
        let mut values = self.values();
        if values.get(key).is_none_or(|there| there.bytes != old) {
            return Ok(false);
        }
        values.set(key, new.to_owned(), Instant::now() + kept).map(|()| true)
    }

    async fn forget(&self, keys: &[Key]) -> Result<(), KeyValueError> {
        let mut values = self.values();
        for key in keys {
            values.by_key.remove(key);
        }
        drop(values);
        // That nobody listens is as good.
        let _ = self.forgotten.send(keys.to_owned());
        Ok(())
    }

    async fn tell(&self, by: &str, counts: &[(Key, u64, Duration)]) -> Result<Vec<u64>, KeyValueError> {
        let mut values = self.values();
        let tell = |(key, count, kept): &(Key, u64, Duration)| {
            let (mut told, until) = match values.get(key) {
                None => (BTreeMap::new(), Instant::now() + *kept),
                Some(there) => (read(&there.bytes)?, there.until),
            };
            told.insert(by.to_owned(), *count);
            let text: Vec<String> = told.iter().map(|(by, count)| format!("{by} {count}")).collect();
            values.set(key, text.join("\n").into_bytes(), until)?;
            Ok(told.values().copied().fold(0, u64::saturating_add))
        };
        counts.iter().map(tell).collect()
    }

    fn forgotten(&self) -> broadcast::Receiver<Vec<Key>> {
        self.forgotten.subscribe()
    }

    fn hearing(&self) -> watch::Receiver<bool> {
        self.hearing.subscribe()
    }

    async fn probe(&self) -> Result<Condition, KeyValueError> {
        let keys = u64::try_from(self.values().by_key.len()).ok();
        Ok(Condition { keys, ..Condition::default() })
    }
}

/// What each has told.
fn read(bytes: &[u8]) -> Result<BTreeMap<String, u64>, KeyValueError> {
    let told = |line: &str| {
        let (by, count) = line.rsplit_once(' ')?;
        Some((by.to_owned(), count.parse().ok()?))
    };
    let text = std::str::from_utf8(bytes).ok();
    let told = text.and_then(|text| text.lines().map(told).collect());
    told.ok_or_else(|| KeyValueError::refused("what is there is no count"))
}
