//! Where one request spends its time.

use std::time::Instant;

use bursar_store::{Stage, StageTimes};

/// The stages of one request. Each mark ends a stage where the one before ended, so the stages
/// always sum to the total.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    began: Instant,
    last: Instant,
    times: StageTimes,
}

impl Timeline {
    /// Begins now.
    #[must_use]
    pub fn begin() -> Self {
        let now = Instant::now();
        Self { began: now, last: now, times: StageTimes::default() }
    }

    /// When it began.
    #[must_use]
    pub const fn began(&self) -> Instant {
        self.began
    }

    /// Ends a stage now.
    pub fn mark(&mut self, stage: Stage) {
        self.mark_at(stage, Instant::now());
    }

    /// Ends a stage at an instant; one before the last mark takes no time.
    pub fn mark_at(&mut self, stage: Stage, at: Instant) {
        self.times.add(stage, at.saturating_duration_since(self.last));
        self.last = self.last.max(at);
    }

    /// How long each stage took so far.
    #[must_use]
    pub const fn times(&self) -> StageTimes {
        self.times
    }
}
