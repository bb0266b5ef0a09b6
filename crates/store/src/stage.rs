//! The stages of an authorization, and how long each took.

use std::time::Duration;

macro_rules! stages {
    ($($(#[$doc:meta])* $name:ident = $word:literal,)+) => {
        /// Where an authorization spends its time. One enum names log fields, metric labels, report
        /// rows and columns.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Stage { $($(#[$doc])* $name,)+ }

        /// Every stage, in order.
        pub const STAGES: &[Stage] = &[$(Stage::$name,)+];

        impl Stage {
            /// The word for it.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)+ }
            }
        }
    };
}

stages! {
    /// Authenticate the processor, decode its message, normalise it to a command.
    Parse = "parse",
    /// Find the cardholder.
    UserLookup = "user_lookup",
    /// Find the card, and through it the owner.
    CardLookup = "card_lookup",
    /// Find the owner's spending controls.
    LimitsLookup = "limits_lookup",
    /// Wait for the next batch of the lane.
    QueueWait = "queue_wait",
    /// Lock and read.
    Load = "load",
    /// Every check, and the answer's bytes.
    Decision = "decision",
    /// Write and commit.
    Commit = "commit",
    /// Hand the bytes to the connection.
    Answer = "answer",
}

/// How long each stage took, in microseconds. The sum is the total: no time is between stages.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct StageTimes([u32; STAGES.len()]);

impl std::fmt::Debug for StageTimes {
    /// Each stage by its word, as slow authorizations are logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(STAGES.iter().map(|&stage| (stage.as_str(), self.us(stage)))).finish()
    }
}

impl StageTimes {
    /// Takes the microseconds of every stage, in order.
    #[must_use]
    pub const fn from_us(us: [u32; STAGES.len()]) -> Self {
        Self(us)
    }

    /// Adds time to a stage; beyond 71 minutes it stays at the limit.
    pub fn add(&mut self, stage: Stage, time: Duration) {
        let us = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let cell = &mut self.0[stage as usize];
        *cell = cell.saturating_add(us);
    }

    /// The microseconds of one stage.
    #[must_use]
    pub const fn us(&self, stage: Stage) -> u32 {
        self.0[stage as usize]
    }

    /// The microseconds of all stages together.
    #[must_use]
    pub fn total_us(&self) -> u64 {
        self.0.iter().map(|&us| u64::from(us)).sum()
    }
}
