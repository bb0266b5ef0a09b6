//! How often what was looked for was there.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// Look-ups of a level.
#[derive(Debug, Default)]
pub(crate) struct Level {
    hits: AtomicU64,
    misses: AtomicU64,
}

impl Level {
    pub(crate) fn note(&self, is_hit: bool) {
        let count = if is_hit { &self.hits } else { &self.misses };
        count.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn figures(&self) -> LevelFigures {
        let [hits, misses] = [&self.hits, &self.misses].map(|count| count.load(Ordering::Relaxed));
        LevelFigures { hits, misses, hit_rate: rate(hits, misses) }
    }
}

/// Look-ups of a level since the start of this instance.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct LevelFigures {
    /// Those that found what they looked for.
    pub hits: u64,
    /// Those that did not.
    pub misses: u64,
    /// Hits of all, 0 to 1; null before the first look-up.
    pub hit_rate: Option<f64>,
}

impl LevelFigures {
    /// Both together.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let (hits, misses) = (self.hits + other.hits, self.misses + other.misses);
        Self { hits, misses, hit_rate: rate(hits, misses) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate is read by people")]
fn rate(hits: u64, misses: u64) -> Option<f64> {
    let all = hits + misses;
    (all > 0).then(|| hits as f64 / all as f64)
}
