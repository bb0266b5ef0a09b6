//! Live figures of a run: cheap to read while it goes on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::history::Delivery;

/// Counts and latencies so far. One run writes, anybody reads.
#[derive(Debug, Default)]
pub struct Progress(Mutex<Counts>);

#[derive(Debug)]
struct Counts {
    began: Option<Instant>,
    ended: Option<Instant>,
    figures: Figures,
    latency_us: Histogram<u64>,
}

/// The figures at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Seconds of swiping.
    pub seconds: f64,
    /// Funding requests sent, repeats included.
    pub sent: u64,
    /// First answers to a token: approvals and declines.
    pub decisions: u64,
    /// Approvals among the decisions.
    pub approved: u64,
    /// Declines among the decisions.
    pub declined: u64,
    /// Declines by the processor's word for the reason.
    pub decline_reasons: BTreeMap<String, u64>,
    /// What was reported by webhooks, by what it says, with the repeats and the two ways of coming late.
    pub notices: BTreeMap<&'static str, u64>,
    /// Requests without a decision: 503, no answer, or one that cannot be used.
    pub unavailable: u64,
    /// Steps of the schedule that were left out, since too many requests were unanswered.
    pub skipped: u64,
    /// From the time a request was due to its answer.
    pub latency: Latency,
}

/// Latency of answers in microseconds, counted from the time that each request was due.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Latency {
    /// Half are faster.
    pub p50_us: u64,
    /// 95 of 100 are faster.
    pub p95_us: u64,
    /// 99 of 100 are faster.
    pub p99_us: u64,
    /// 999 of 1000 are faster.
    pub p999_us: u64,
    /// The slowest.
    pub max_us: u64,
}

/// The word for a funding request.
pub(crate) const SWIPES: &str = "swipes";

/// The word for a notice that was sent before.
pub(crate) const REPEATS: &str = "repeats";

/// The word for what the server was told because it asked.
pub(crate) const ASKED: &str = "asked for";

/// Slower answers count as this slow; the processor gives up long before.
const LATENCY_MAX_US: u64 = 60_000_000;

impl Default for Counts {
    fn default() -> Self {
        let latency_us = Histogram::new_with_bounds(1, LATENCY_MAX_US, 3);
        Self {
            began: None,
            ended: None,
            figures: Figures::default(),
            latency_us: latency_us.expect("the bounds are constants and in order"),
        }
    }
}

impl Progress {
    /// The figures now.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let counts = self.counts();
        let spent = |began: Instant| counts.ended.map_or_else(|| began.elapsed(), |ended| ended - began);
        let quantile = |quantile| counts.latency_us.value_at_quantile(quantile);
        Figures {
            seconds: counts.began.map_or(Duration::ZERO, spent).as_secs_f64(),
            latency: Latency {
                p50_us: quantile(0.50),
                p95_us: quantile(0.95),
                p99_us: quantile(0.99),
                p999_us: quantile(0.999),
                max_us: counts.latency_us.max(),
            },
            ..counts.figures.clone()
        }
    }

    pub(crate) fn begin(&self) {
        self.counts().began = Some(Instant::now());
    }

    pub(crate) fn end(&self) {
        self.counts().ended = Some(Instant::now());
    }

    /// Counts what is sent, by the words for it: [`SWIPES`], or what notices say.
    pub(crate) fn sent(&self, words: &[&'static str]) {
        let mut counts = self.counts();
        for word in words {
            match *word {
                SWIPES => counts.figures.sent += 1,
                word => *counts.figures.notices.entry(word).or_default() += 1,
            }
        }
    }

    pub(crate) fn skipped(&self) {
        self.counts().figures.skipped += 1;
    }

    /// Counts what became of one request; only first answers are decisions.
    pub(crate) fn delivered(&self, delivery: &Delivery, is_first: bool, latency: Duration) {
        let mut counts = self.counts();
        let Delivery::Answered(answer) = delivery else {
            counts.figures.unavailable += 1;
            return;
        };
        let latency_us = u64::try_from(latency.as_micros()).unwrap_or(LATENCY_MAX_US);
        counts.latency_us.saturating_record(latency_us.max(1));
        if !is_first {
            return;
        }
        counts.figures.decisions += 1;
        if answer.status == 200 {
            counts.figures.approved += 1;
            return;
        }
        counts.figures.declined += 1;
        let reason = answer.decline_reason.as_deref().unwrap_or("none").to_owned();
        *counts.figures.decline_reasons.entry(reason).or_default() += 1;
    }

    /// Counts are whole after each change, so a panic elsewhere leaves nothing half done.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::Answer;

    fn answer(status: u16, reason: Option<&str>) -> Delivery {
        Delivery::Answered(Answer {
            status,
            decision: None,
            amount: "1.00".into(),
            decline_reason: reason.map(Into::into),
            digest: 0,
        })
    }

    #[test]
    fn first_answers_are_decisions_and_repeats_are_not() {
        let progress = Progress::default();
        progress.sent(&[SWIPES, SWIPES, SWIPES, SWIPES, "clearings"]);
        progress.delivered(&answer(200, None), true, Duration::from_micros(800));
        progress.delivered(&answer(200, None), false, Duration::from_micros(900));
        progress.delivered(&answer(402, Some("INVALID_CARD")), true, Duration::from_millis(2));
        progress.delivered(&Delivery::Unknown, true, Duration::from_secs(3));
        let figures = progress.figures();
        assert_eq!((figures.sent, figures.decisions), (4, 2));
        assert_eq!(figures.notices, BTreeMap::from([("clearings", 1)]));
        assert_eq!((figures.approved, figures.declined, figures.unavailable), (1, 1, 1));
        assert_eq!(figures.decline_reasons["INVALID_CARD"], 1);
        assert!((2_000..2_010).contains(&figures.latency.max_us), "{figures:?}");
    }
}
