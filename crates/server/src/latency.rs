//! How long something takes, over the last minutes.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;
use utoipa::ToSchema;

/// What is older than two of these is forgotten.
const SPAN: Duration = Duration::from_secs(300);

/// Durations of this span and the one before.
pub struct Latency(Mutex<Spans>);

struct Spans {
    began: Instant,
    now: Histogram<u64>,
    before: Histogram<u64>,
}

/// How long it took, over the last five to ten minutes. In microseconds, right to two digits.
#[derive(Debug, Clone, Copy, Serialize, ToSchema)]
pub struct LatencyView {
    /// How many times it was measured.
    pub count: u64,
    /// Median.
    pub p50_us: u64,
    /// 95 of 100 were at most this slow.
    pub p95_us: u64,
    /// 99 of 100 were at most this slow.
    pub p99_us: u64,
    /// Slowest.
    pub max_us: u64,
}

/// In microseconds.
pub(crate) fn us(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Default for Latency {
    fn default() -> Self {
        Self(Mutex::new(Spans { began: Instant::now(), now: histogram(), before: histogram() }))
    }
}

/// Two significant digits, growing as needed: an empty one costs next to nothing.
fn histogram() -> Histogram<u64> {
    Histogram::new(2).expect("two significant digits are within the library's range")
}

impl Latency {
    /// Notes that it took so long, so many times.
    pub fn record(&self, took: Duration, times: u64) {
        let us = us(took);
        // The histogram grows as needed, so there is no value that it has no place for.
        let _ = self.with(|spans| spans.now.record_n(us, times));
    }

    /// The figures now.
    #[must_use]
    pub fn view(&self) -> LatencyView {
        self.with(|spans| {
            let mut sum = spans.now.clone();
            let _ = sum.add(&spans.before);
            LatencyView {
                count: sum.len(),
                p50_us: sum.value_at_quantile(0.50),
                p95_us: sum.value_at_quantile(0.95),
                p99_us: sum.value_at_quantile(0.99),
                max_us: sum.max(),
            }
        })
    }

    fn with<T>(&self, of: impl FnOnce(&mut Spans) -> T) -> T {
        let mut spans = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        spans.turn(Instant::now());
        of(&mut spans)
    }
}

impl Spans {
    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.began);
        if passed < SPAN {
            return;
        }
        let last = std::mem::replace(&mut self.now, histogram());
        self.before = if passed < SPAN * 2 { last } else { histogram() };
        self.began = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_old_is_forgotten() {
        let began = Instant::now();
        let mut spans = Spans { began, now: histogram(), before: histogram() };
        spans.now.record(7).expect("a place");
        spans.turn(began + SPAN / 2);
        assert_eq!((spans.now.len(), spans.before.len()), (1, 0));
        spans.turn(began + SPAN);
        assert_eq!((spans.now.len(), spans.before.len()), (0, 1));
        spans.turn(began + SPAN * 3);
        assert_eq!((spans.now.len(), spans.before.len()), (0, 0));
    }

    #[test]
    fn figures_are_of_all_that_was_noted() {
        let latency = Latency::default();
        latency.record(Duration::from_micros(10), 99);
        latency.record(Duration::from_micros(1_000), 1);
        let LatencyView { count, p50_us, p99_us, max_us, .. } = latency.view();
        assert_eq!((count, p50_us, p99_us), (100, 10, 10));
        assert!((1_000..=1_010).contains(&max_us), "{max_us}");
    }
}
