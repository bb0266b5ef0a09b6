//! How often what was looked for was there.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::cache::Cache;

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

/// How often what was looked for was there.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Figures {
    /// In memory.
    pub memory: LevelFigures,
    /// On the server that instances share, of what was not in memory; null if there is none.
    pub shared: Option<LevelFigures>,
    /// By what was looked for.
    pub kinds: Vec<KindFigures>,
}

/// Look-ups of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct KindFigures {
    /// `card` and `user` are tokens; `cardholder`, `limits` and `transaction` are answers of the API.
    pub kind: &'static str,
    /// In memory.
    pub memory: LevelFigures,
    /// On the server that instances share.
    pub shared: LevelFigures,
}

impl Cache {
    /// The figures.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let named = [
            ("card", self.routes.figures()),
            ("user", self.users.figures()),
            ("cardholder", self.cardholders.figures()),
            ("limits", self.controls.figures()),
            ("transaction", self.transactions.figures()),
        ];
        let all = |level: usize| {
            let levels = named.iter().map(|(_, levels)| levels[level]);
            levels.reduce(LevelFigures::and).unwrap_or(named[0].1[level])
        };
        Figures {
            memory: all(0),
            shared: self.second.is_some().then(|| all(1)),
            kinds: named.map(|(kind, [memory, shared])| KindFigures { kind, memory, shared }).to_vec(),
        }
    }
}
