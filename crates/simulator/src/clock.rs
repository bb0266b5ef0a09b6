//! The processor's clock. Hours and days pass on it while the run lasts seconds: every step of the plan
//! is some minutes after the one before.

use jiff::{SignedDuration, Timestamp};

/// How far a step moves the clock, in minutes.
pub const STEP_MINUTES: u64 = 6;

/// When each step happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock(Timestamp);

impl Clock {
    /// A clock that begins at this time, in whole seconds as the processor writes them.
    #[must_use]
    pub fn starting(at: Timestamp) -> Self {
        Self(Timestamp::from_second(at.as_second()).unwrap_or(at))
    }

    /// The time of the step.
    #[must_use]
    pub fn at(self, step: u64) -> Timestamp {
        let minutes = i64::try_from(step.saturating_mul(STEP_MINUTES)).unwrap_or(i64::MAX);
        self.0.saturating_add(SignedDuration::from_secs(minutes.saturating_mul(60))).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_240_steps() {
        let clock = Clock::starting("2026-11-27T10:00:00.7Z".parse().expect("a time"));
        assert_eq!(clock.at(0).to_string(), "2026-11-27T10:00:00Z");
        assert_eq!(clock.at(240).to_string(), "2026-11-28T10:00:00Z");
        assert_eq!(clock.at(u64::MAX), Timestamp::MAX);
    }
}
