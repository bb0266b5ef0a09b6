//! The figures of a span of time, kept in slices so that old ones fall out.

use std::collections::BTreeMap;
use std::time::Duration;

use bursar_core::DeclineReason;
use bursar_store::{STAGES, StageTimes};
use hdrhistogram::Histogram;

use super::{StageProfile, Verdict, WindowProfile};

/// A span of time in equal slices: the current one, and those before it that still count.
pub(super) struct Window {
    name: &'static str,
    slice: Duration,
    slices: Vec<(u64, Figures)>,
}

impl Window {
    pub(super) fn new(name: &'static str, slice: Duration, slices: usize) -> Self {
        Self { name, slice, slices: (0..slices).map(|_| (0, Figures::default())).collect() }
    }

    /// The figures of the slice that is current at this age.
    pub(super) fn at(&mut self, age: Duration) -> &mut Figures {
        let number = self.number(age);
        let place = (number % self.slices.len() as u64) as usize;
        let (held, figures) = &mut self.slices[place];
        if *held != number {
            *held = number;
            figures.clear();
        }
        figures
    }

    pub(super) fn profile(&mut self, age: Duration) -> WindowProfile {
        let newest = self.number(age);
        let oldest = newest.saturating_sub(self.slices.len() as u64 - 1);
        let mut sum = Figures::default();
        for (number, figures) in &self.slices {
            if (oldest..=newest).contains(number) {
                sum.add(figures);
            }
        }
        let since = self.slice * u32::try_from(oldest).unwrap_or(u32::MAX);
        sum.profile(self.name, age.saturating_sub(since))
    }

    fn number(&self, age: Duration) -> u64 {
        (age.as_millis() / self.slice.as_millis()) as u64
    }
}

/// Counts and histograms: one histogram a stage, the last for the total.
pub(super) struct Figures {
    approved: u64,
    repeated: u64,
    conflicts: u64,
    unavailable: u64,
    declines: BTreeMap<DeclineReason, u64>,
    over_warning: u64,
    over_critical: u64,
    stages: Vec<StageFigures>,
}

struct StageFigures {
    us: Histogram<u64>,
    sum_us: u64,
}

impl Default for Figures {
    fn default() -> Self {
        let stages = (0..=STAGES.len()).map(|_| StageFigures { us: histogram(), sum_us: 0 }).collect();
        Self {
            approved: 0,
            repeated: 0,
            conflicts: 0,
            unavailable: 0,
            declines: BTreeMap::new(),
            over_warning: 0,
            over_critical: 0,
            stages,
        }
    }
}

/// Two significant digits, growing as needed: an empty one costs next to nothing.
fn histogram() -> Histogram<u64> {
    Histogram::new(2).expect("two significant digits are within the library's range")
}

impl Figures {
    pub(super) fn record(&mut self, times: &StageTimes, verdict: Verdict, (warning, critical): (bool, bool)) {
        match verdict {
            Verdict::Approved => self.approved += 1,
            Verdict::Declined(reason) => *self.declines.entry(reason).or_default() += 1,
            Verdict::Repeated => self.repeated += 1,
            Verdict::Conflict => self.conflicts += 1,
            Verdict::Unavailable => self.unavailable += 1,
        }
        self.over_warning += u64::from(warning);
        self.over_critical += u64::from(critical);
        let each = STAGES.iter().map(|&stage| u64::from(times.us(stage)));
        for (figures, us) in self.stages.iter_mut().zip(each.chain([times.total_us()])) {
            // The histogram grows as needed, so there is no value that it has no place for; the
            // saturating kind would cut at its present size instead.
            let _ = figures.us.record(us);
            figures.sum_us += us;
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn add(&mut self, other: &Self) {
        self.approved += other.approved;
        self.repeated += other.repeated;
        self.conflicts += other.conflicts;
        self.unavailable += other.unavailable;
        self.over_warning += other.over_warning;
        self.over_critical += other.over_critical;
        for (reason, count) in &other.declines {
            *self.declines.entry(*reason).or_default() += count;
        }
        for (sum, figures) in self.stages.iter_mut().zip(&other.stages) {
            // Both grow as needed, so there is no value that the sum has no place for.
            let _ = sum.us.add(&figures.us);
            sum.sum_us += figures.sum_us;
        }
    }

    pub(super) fn profile(&self, window: &'static str, span: Duration) -> WindowProfile {
        let declined: u64 = self.declines.values().sum();
        let decided = self.approved + declined;
        let count = decided + self.repeated + self.conflicts + self.unavailable;
        let names = STAGES.iter().map(|stage| stage.as_str()).chain(["total"]);
        WindowProfile {
            window,
            count,
            approved: self.approved,
            declined,
            repeated: self.repeated,
            conflicts: self.conflicts,
            unavailable: self.unavailable,
            approval_rate: (decided > 0).then(|| self.approved as f64 / decided as f64),
            per_second: count as f64 / span.as_secs_f64().max(1.0),
            decline_reasons: self.declines.iter().map(|(reason, &count)| (reason.as_str(), count)).collect(),
            over_warning: self.over_warning,
            over_critical: self.over_critical,
            stages: names.zip(&self.stages).map(|(name, figures)| figures.profile(name)).collect(),
        }
    }
}

impl StageFigures {
    fn profile(&self, stage: &'static str) -> StageProfile {
        let count = self.us.len();
        StageProfile {
            stage,
            count,
            average_us: self.sum_us.checked_div(count).unwrap_or(0),
            min_us: self.us.min(),
            max_us: self.us.max(),
            p50_us: self.us.value_at_quantile(0.50),
            p95_us: self.us.value_at_quantile(0.95),
            p99_us: self.us.value_at_quantile(0.99),
        }
    }
}
