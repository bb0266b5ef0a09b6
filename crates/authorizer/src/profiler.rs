//! The profiler: how long authorizations take, stage by stage, and how they end.

mod window;

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bursar_core::{DeclineReason, MessageId};
use bursar_store::StageTimes;
use serde::Serialize;

use crate::reply::Reply;
use window::{Figures, Window};

/// Above these totals an authorization is slow.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Thresholds {
    pub(crate) warning: Duration,
    pub(crate) critical: Duration,
}

/// How an authorization ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Funded.
    Approved,
    /// Declined.
    Declined(DeclineReason),
    /// Answered again as before.
    Repeated,
    /// The token was used for other content.
    Conflict,
    /// No decision.
    Unavailable,
}

impl Verdict {
    /// The verdict that a reply means.
    #[must_use]
    pub const fn of(reply: &Reply) -> Self {
        match reply {
            Reply::Decided { declined: None, .. } => Self::Approved,
            Reply::Decided { declined: Some(reason), .. } => Self::Declined(*reason),
            Reply::Repeated(_) => Self::Repeated,
            Reply::Conflict => Self::Conflict,
            Reply::Unavailable(_) => Self::Unavailable,
        }
    }
}

/// Figures over the last minute, five minutes, hour, and since the start.
pub struct Profiler {
    thresholds: Thresholds,
    began: Instant,
    windows: Mutex<Windows>,
}

struct Windows {
    recent: [Window; 3],
    all: Figures,
}

/// What the profiler has counted.
#[derive(Debug, Clone, Serialize)]
pub struct Profile {
    /// One a window: `1m`, `5m`, `1h`, `all`.
    pub windows: Vec<WindowProfile>,
}

/// The figures of one window.
#[derive(Debug, Clone, Serialize)]
pub struct WindowProfile {
    /// `1m`, `5m`, `1h` or `all`.
    pub window: &'static str,
    /// Authorizations, however they ended.
    pub count: u64,
    /// Funded.
    pub approved: u64,
    /// Declined.
    pub declined: u64,
    /// Answered again as before.
    pub repeated: u64,
    /// Refused since the token was used for other content.
    pub conflicts: u64,
    /// Answered without a decision.
    pub unavailable: u64,
    /// Approved of all decided, 0 to 1; `None` before the first decision.
    pub approval_rate: Option<f64>,
    /// Authorizations a second, over the part of the window that has passed.
    pub per_second: f64,
    /// Declines by reason.
    pub decline_reasons: BTreeMap<&'static str, u64>,
    /// Slower than the warning threshold, the critical ones included.
    pub over_warning: u64,
    /// Slower than the critical threshold.
    pub over_critical: u64,
    /// One row a stage, and `total`.
    pub stages: Vec<StageProfile>,
}

/// How long one stage took, in microseconds. Percentiles are right to two digits.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct StageProfile {
    /// The stage's word, or `total`.
    pub stage: &'static str,
    /// How many times it was measured.
    pub count: u64,
    /// Mean.
    pub average_us: u64,
    /// Fastest.
    pub min_us: u64,
    /// Slowest.
    pub max_us: u64,
    /// Median.
    pub p50_us: u64,
    /// 95 of 100 were at most this slow.
    pub p95_us: u64,
    /// 99 of 100 were at most this slow.
    pub p99_us: u64,
}

impl Profiler {
    pub(crate) fn new(thresholds: Thresholds) -> Self {
        let began = Instant::now();
        let recent = [
            Window::new("1m", Duration::from_secs(5), 12),
            Window::new("5m", Duration::from_secs(30), 10),
            Window::new("1h", Duration::from_secs(300), 12),
        ];
        Self { thresholds, began, windows: Mutex::new(Windows { recent, all: Figures::default() }) }
    }

    /// Counts one authorization. A slow one is logged, with its id if it was decided now.
    pub fn record(&self, times: &StageTimes, verdict: Verdict, message: Option<MessageId>) {
        let total = Duration::from_micros(times.total_us());
        let slow = (total > self.thresholds.warning, total > self.thresholds.critical);
        let id = message.filter(|_| slow.0).map(|id| id.to_string());
        match slow {
            (_, true) => {
                tracing::error!(id, total_us = times.total_us(), ?times, "critically slow authorization")
            }
            (true, _) => tracing::warn!(id, total_us = times.total_us(), ?times, "slow authorization"),
            _ => {}
        }
        let age = self.began.elapsed();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        for window in &mut windows.recent {
            window.at(age).record(times, verdict, slow);
        }
        windows.all.record(times, verdict, slow);
    }

    /// The figures now.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let age = self.began.elapsed();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut profiles: Vec<WindowProfile> =
            windows.recent.iter_mut().map(|window| window.profile(age)).collect();
        profiles.push(windows.all.profile("all", age));
        Profile { windows: profiles }
    }
}

#[cfg(test)]
mod tests;
