//! What may change and is seldom asked for anew: answers of the API, until somebody says that they changed.
//!
//! A view that was loaded before a change is not kept after it: not on the second level, whose mark the change takes
//! away, and not in memory, which counts changes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use moka::sync::Cache;
use tokio::sync::watch;

use crate::figures::{Level, LevelFigures};
use crate::forgetting::Forgetter;
use crate::key_value::Key;
use crate::seal::Seal;
use crate::second::{Looked, Second};

/// Changes are counted apart for so many parts of the keys.
const PARTS: usize = 256;

/// Views of a kind, by what they are about.
pub struct Views {
    kind: &'static str,
    kept: Duration,
    seal: Seal,
    /// Each with the count of changes when it was loaded: after another one it does not count.
    memory: Cache<Key, (u64, Bytes)>,
    changes: [AtomicU64; PARTS],
    second: Option<Second>,
    /// Whether it is heard what others change: else nothing is taken from memory.
    hearing: watch::Receiver<bool>,
    /// What the others have still to hear.
    forgetter: Forgetter,
    in_memory: Level,
    on_second: Level,
}

/// What was loaded.
pub struct View {
    /// The answer.
    pub bytes: Bytes,
    /// Whether it may be kept: money that may still move, and statuses, may not.
    pub may_be_kept: bool,
}

impl Views {
    pub(crate) fn new(
        kind: &'static str,
        (kept, most): (Duration, u64),
        (seal, second, hearing, forgetter): (Seal, Option<Second>, watch::Receiver<bool>, Forgetter),
    ) -> Self {
        let memory = Cache::builder().max_capacity(most).time_to_live(kept).build();
        let changes = [const { AtomicU64::new(0) }; PARTS];
        let [in_memory, on_second] = [Level::default(), Level::default()];
        Self { kind, kept, seal, memory, changes, second, hearing, forgetter, in_memory, on_second }
    }

    /// The view of this: from memory, from the second level, or loaded.
    ///
    /// # Errors
    /// Those of the loading.
    pub async fn read<E>(
        &self,
        about: &[u8],
        loading: impl Future<Output = Result<View, E>>,
    ) -> Result<Bytes, E> {
        let key = self.key(about);
        let changes = self.changes_of(&key).load(Ordering::Acquire);
        let remembered = self.recall(&key, changes);
        self.in_memory.note(remembered.is_some());
        if let Some(view) = remembered {
            return Ok(view);
        }
        let looked = match &self.second {
            Some(second) if !self.forgetter.is_unsaid(&key) => second.look(&key, &self.on_second).await,
            _ => Looked::Unusable,
        };
        let mark = match looked {
            Looked::Value(value) => {
                let bytes = Bytes::from(value);
                self.remember(&key, &bytes, changes);
                return Ok(bytes);
            }
            Looked::Absent(mark) => Some(mark),
            Looked::Unusable => None,
        };
        let loaded = loading.await;
        let kept = loaded.as_ref().ok().filter(|view| view.may_be_kept);
        if let Some(view) = kept {
            self.remember(&key, &view.bytes, changes);
        }
        if let (Some(second), Some(mark)) = (&self.second, mark) {
            match kept {
                Some(view) => second.fill(key, mark, view.bytes.to_vec(), self.kept),
                None => second.let_go(key, mark),
            }
        }
        loaded.map(|view| view.bytes)
    }

    pub(crate) fn key(&self, about: &[u8]) -> Key {
        self.seal.key(self.kind, about)
    }

    /// Forgets it here.
    pub(crate) fn forget(&self, key: &Key) {
        self.changes_of(key).fetch_add(1, Ordering::AcqRel);
        self.memory.invalidate(key);
    }

    /// Forgets all here: something may have been missed.
    pub(crate) fn forget_all(&self) {
        for changes in &self.changes {
            changes.fetch_add(1, Ordering::AcqRel);
        }
        self.memory.invalidate_all();
    }

    fn recall(&self, key: &Key, changes: u64) -> Option<Bytes> {
        let (counted, view) = self.memory.get(key).filter(|_| self.hears())?;
        (counted == changes).then_some(view)
    }

    fn remember(&self, key: &Key, view: &Bytes, changes: u64) {
        if self.hears() {
            self.memory.insert(key.clone(), (changes, view.clone()));
        }
    }

    pub(crate) fn hears(&self) -> bool {
        *self.hearing.borrow()
    }

    fn changes_of(&self, key: &Key) -> &AtomicU64 {
        let sum =
            key.as_str().bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        &self.changes[sum % PARTS]
    }

    /// Look-ups in memory and on the second level.
    #[must_use]
    pub fn figures(&self) -> [LevelFigures; 2] {
        [self.in_memory.figures(), self.on_second.figures()]
    }
}
