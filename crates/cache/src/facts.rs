//! What never changes: kept in memory and on the second level, and never wrong. "Not found" is never kept.

use std::hash::Hash;
use std::time::Duration;

use moka::sync::Cache;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::figures::{Level, LevelFigures};
use crate::second::Second;

/// Facts of a kind, by what they are about.
pub struct Facts<K, V> {
    kind: &'static str,
    kept: Duration,
    memory: Cache<K, V>,
    second: Option<Second>,
    in_memory: Level,
    on_second: Level,
}

impl<K, V> Facts<K, V>
where
    K: AsRef<[u8]> + Clone + Eq + Hash + Send + Sync + 'static,
    V: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    pub(crate) fn new(kind: &'static str, kept: Duration, most: u64, second: Option<Second>) -> Self {
        let memory = Cache::builder().max_capacity(most).time_to_live(kept).build();
        Self { kind, kept, memory, second, in_memory: Level::default(), on_second: Level::default() }
    }

    /// The fact about this: from memory, from the second level, or loaded, and then kept on both.
    ///
    /// # Errors
    /// Those of the loading.
    pub async fn find<E>(
        &self,
        about: &K,
        loading: impl Future<Output = Result<Option<V>, E>>,
    ) -> Result<Option<V>, E> {
        let remembered = self.memory.get(about);
        self.in_memory.note(remembered.is_some());
        if remembered.is_some() {
            return Ok(remembered);
        }
        if let Some(found) = self.find_on_second(about).await {
            self.memory.insert(about.clone(), found.clone());
            return Ok(Some(found));
        }
        let loaded = loading.await?;
        if let Some(fact) = &loaded {
            self.learn(about, fact);
        }
        Ok(loaded)
    }

    /// Keeps a fact on both levels: of what was just made.
    pub fn learn(&self, about: &K, fact: &V) {
        self.memory.insert(about.clone(), fact.clone());
        if let (Some(second), Ok(value)) = (&self.second, serde_json::to_vec(fact)) {
            second.keep(second.seal.key(self.kind, about.as_ref()), value, self.kept);
        }
    }

    async fn find_on_second(&self, about: &K) -> Option<V> {
        let second = self.second.as_ref()?;
        let key = second.seal.key(self.kind, about.as_ref());
        let value = second.find(&key, &self.on_second).await?;
        serde_json::from_slice(&value).ok()
    }

    /// Look-ups in memory and on the second level.
    #[must_use]
    pub fn figures(&self) -> [LevelFigures; 2] {
        [self.in_memory.figures(), self.on_second.figures()]
    }
}
