//! Windows: the period that a velocity control counts over, and what was taken from it.
//!
//! A window is counted in buckets. A calendar period is one bucket; a rolling window has many, so
//! that its row stays small however much is spent: a take leaves it with the whole bucket, up to a
//! sixtieth of the window late, and never early.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Weekday;
use jiff::{Timestamp, ToSpan, Zoned};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::control::Scope;
use crate::id::ControlId;
use crate::time::Zone;

/// How many buckets a rolling window is cut into.
const STEPS: i64 = 60;

/// The period that a velocity control counts over. Calendar periods follow the program's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Window {
    /// One hold group: a purchase with all its increments.
    Transaction,
    /// From midnight.
    Day,
    /// From midnight before Sunday, as the processor counts.
    Week,
    /// From midnight before the first.
    Month,
    /// From the first take.
    Lifetime,
    /// The last so many hours.
    RollingHours(u16),
    /// The last so many times 24 hours.
    RollingDays(u16),
}

/// The text names no window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected transaction, day, week, month, lifetime, rolling_N_hours (1 to 168) or rolling_N_days (1 to 366)"
)]
pub struct WindowError;

impl Window {
    /// The longest rolling window in hours; longer ones are counted in days.
    pub const HOURS_MAX: u16 = 168;
    /// The longest rolling window in days.
    pub const DAYS_MAX: u16 = 366;

    /// Where the bucket of this time begins; `None` for a window that is no period, or a time
    /// beyond every calendar.
    #[must_use]
    pub fn bucket(self, at: Timestamp, zone: &Zone) -> Option<Timestamp> {
        match self {
            Self::Transaction => None,
            Self::Lifetime => Some(Timestamp::UNIX_EPOCH),
            Self::RollingHours(_) | Self::RollingDays(_) => {
                let step = self.step_seconds();
                Timestamp::from_second(at.as_second().div_euclid(step) * step).ok()
            }
            Self::Day | Self::Week | Self::Month => Some(self.calendar_start(&zone.local(at))?.timestamp()),
        }
    }

    /// The oldest bucket that counts at this time.
    #[must_use]
    pub fn begins(self, at: Timestamp, zone: &Zone) -> Option<Timestamp> {
        match self {
            Self::RollingHours(_) | Self::RollingDays(_) => {
                self.bucket(Timestamp::from_second(at.as_second() - self.span_seconds()).ok()?, zone)
            }
            _ => self.bucket(at, zone),
        }
    }

    /// When a calendar period ends; `None` for a window that never ends at once.
    #[must_use]
    pub fn ends(self, at: Timestamp, zone: &Zone) -> Option<Timestamp> {
        let span = match self {
            Self::Day => 1.day(),
            Self::Week => 1.week(),
            Self::Month => 1.month(),
            _ => return None,
        };
        // Midnight may not exist on the next day, so it is looked for again.
        let next = self.calendar_start(&zone.local(at))?.date().checked_add(span).ok()?;
        let noon = next.at(12, 0, 0, 0).to_zoned(zone.local(at).time_zone().clone()).ok()?;
        Some(noon.start_of_day().ok()?.timestamp())
    }

    /// Whether it has many buckets.
    #[must_use]
    pub const fn is_rolling(self) -> bool {
        matches!(self, Self::RollingHours(_) | Self::RollingDays(_))
    }

    fn calendar_start(self, local: &Zoned) -> Option<Zoned> {
        let date = match self {
            Self::Week => local.date().checked_sub(since_sunday(local.weekday()).days()).ok()?,
            Self::Month => local.date().first_of_month(),
            _ => local.date(),
        };
        let noon = date.at(12, 0, 0, 0).to_zoned(local.time_zone().clone()).ok()?;
        noon.start_of_day().ok()
    }

    fn span_seconds(self) -> i64 {
        match self {
            Self::RollingHours(hours) => i64::from(hours) * 3_600,
            Self::RollingDays(days) => i64::from(days) * 86_400,
            _ => 0,
        }
    }

    fn step_seconds(self) -> i64 {
        self.span_seconds() / STEPS
    }
}

fn since_sunday(weekday: Weekday) -> i64 {
    i64::from(weekday.to_sunday_zero_offset())
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transaction => f.write_str("transaction"),
            Self::Day => f.write_str("day"),
            Self::Week => f.write_str("week"),
            Self::Month => f.write_str("month"),
            Self::Lifetime => f.write_str("lifetime"),
            Self::RollingHours(hours) => write!(f, "rolling_{hours}_hours"),
            Self::RollingDays(days) => write!(f, "rolling_{days}_days"),
        }
    }
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, WindowError> {
        let rolling = || {
            let (number, unit) = text.strip_prefix("rolling_")?.split_once('_')?;
            let number: u16 = number.parse().ok().filter(|_| !number.starts_with(['+', '0']))?;
            match unit {
                "hours" if number <= Self::HOURS_MAX => Some(Self::RollingHours(number)),
                "days" if number <= Self::DAYS_MAX => Some(Self::RollingDays(number)),
                _ => None,
            }
        };
        match text {
            "transaction" => Ok(Self::Transaction),
            "day" => Ok(Self::Day),
            "week" => Ok(Self::Week),
            "month" => Ok(Self::Month),
            "lifetime" => Ok(Self::Lifetime),
            _ => rolling().ok_or(WindowError),
        }
    }
}

impl Serialize for Window {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Window {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// What was taken, in minor units and times.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// Minor units.
    pub amount_minor: i64,
    /// Times.
    pub count: i64,
}

/// What was taken in one bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bucket {
    /// Where it begins.
    pub start: Timestamp,
    /// What was taken in it.
    pub used: Used,
}

/// The buckets of one control's window, oldest first. One without takes is not there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counter {
    /// The buckets.
    pub buckets: Vec<Bucket>,
}

/// A sum of takes is beyond 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CounterOverflow;

impl Counter {
    /// What was taken in all buckets from `begins` on.
    ///
    /// # Errors
    /// The sum overflows.
    pub fn used(&self, begins: Timestamp) -> Result<Used, CounterOverflow> {
        let counts = self.buckets.iter().filter(|bucket| bucket.start >= begins);
        counts.map(|bucket| bucket.used).try_fold(Used::default(), Used::plus)
    }

    /// Adds to a bucket what was taken, or given back if negative, and forgets the buckets before
    /// `begins`. What belongs to one of those changes nothing any more.
    ///
    /// # Errors
    /// The sum overflows.
    pub fn add(&mut self, start: Timestamp, more: Used, begins: Timestamp) -> Result<(), CounterOverflow> {
        self.buckets.retain(|bucket| bucket.start >= begins);
        if start < begins {
            return Ok(());
        }
        match self.buckets.binary_search_by_key(&start, |bucket| bucket.start) {
            Err(place) => self.buckets.insert(place, Bucket { start, used: more }),
            Ok(place) => self.buckets[place].used = self.buckets[place].used.plus(more)?,
        }
        self.buckets.retain(|bucket| bucket.used != Used::default());
        Ok(())
    }
}

impl Used {
    fn plus(self, more: Self) -> Result<Self, CounterOverflow> {
        Ok(Self {
            amount_minor: self.amount_minor.checked_add(more.amount_minor).ok_or(CounterOverflow)?,
            count: self.count.checked_add(more.count).ok_or(CounterOverflow)?,
        })
    }
}

/// The counters of all controls of one scope: one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counters {
    /// Whose they are.
    pub scope: Scope,
    /// By control; one without takes may be missing.
    pub by_control: Vec<(ControlId, Counter)>,
}

impl Counters {
    /// Of a scope from which nothing was taken.
    #[must_use]
    pub const fn new(scope: Scope) -> Self {
        Self { scope, by_control: Vec::new() }
    }

    /// The counter of a control, if anything was taken.
    #[must_use]
    pub fn find(&self, control: ControlId) -> Option<&Counter> {
        self.by_control.iter().find(|(id, _)| *id == control).map(|(_, counter)| counter)
    }

    /// The counter of a control, to change it.
    pub fn of(&mut self, control: ControlId) -> &mut Counter {
        let place = self.by_control.iter().position(|(id, _)| *id == control).unwrap_or_else(|| {
            self.by_control.push((control, Counter::default()));
            self.by_control.len() - 1
        });
        &mut self.by_control[place].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::parse(name).expect("a zone")
    }

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn a_day_in_kolkata_begins_half_an_hour_off_the_hours_of_utc() {
        let kolkata = zone("Asia/Kolkata");
        for (at, start) in [
            ("2026-11-23T18:29:59.999999Z", "2026-11-22T18:30:00Z"),
            ("2026-11-23T18:30:00Z", "2026-11-23T18:30:00Z"),
        ] {
            assert_eq!(Window::Day.bucket(time(at), &kolkata), Some(time(start)), "{at}");
        }
        let ends = Window::Day.ends(time("2026-11-23T18:30:00Z"), &kolkata);
        assert_eq!(ends, Some(time("2026-11-24T18:30:00Z")));
    }

    #[test]
    fn days_in_new_york_have_23_and_25_hours_when_the_clocks_change() {
        let new_york = zone("America/New_York");
        for (at, start, end) in [
            ("2026-03-08T20:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"),
            ("2026-11-01T20:00:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
        ] {
            assert_eq!(Window::Day.bucket(time(at), &new_york), Some(time(start)));
            assert_eq!(Window::Day.ends(time(at), &new_york), Some(time(end)));
        }
        // Both of the two hours that read 01:30 are of the same day, and so is the hour that is missing.
        for at in ["2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z"] {
            assert_eq!(Window::Day.bucket(time(at), &new_york), Some(time("2026-11-01T04:00:00Z")));
        }
    }

    #[test]
    fn a_day_whose_midnight_does_not_exist_begins_when_it_does() {
        let havana = zone("America/Havana");
        let start = Window::Day.bucket(time("2026-03-08T12:00:00Z"), &havana);
        assert_eq!(start, Some(time("2026-03-08T05:00:00Z")), "the clock goes from 0:00 to 1:00");
        let ends = Window::Day.ends(time("2026-03-07T12:00:00Z"), &havana);
        assert_eq!(ends, Some(time("2026-03-08T05:00:00Z")));
    }

    #[test]
    fn weeks_begin_on_sunday_and_months_on_the_first() {
        let utc = zone("UTC");
        for (window, at, start, end) in [
            (Window::Week, "2026-11-24T10:00:00Z", "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"),
            (Window::Week, "2026-11-22T00:00:00Z", "2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"),
            (Window::Month, "2026-12-31T23:59:59Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(window.bucket(time(at), &utc), Some(time(start)), "{window} {at}");
            assert_eq!(window.ends(time(at), &utc), Some(time(end)), "{window} {at}");
        }
    }

    #[test]
    fn a_take_leaves_a_rolling_window_never_early_and_at_most_a_step_late() {
        let utc = zone("UTC");
        for window in [Window::RollingHours(1), Window::RollingHours(7), Window::RollingDays(30)] {
            let taken = time("2026-11-24T10:00:59Z");
            let bucket = window.bucket(taken, &utc).expect("a bucket");
            let after = |seconds| Timestamp::from_second(taken.as_second() + seconds).expect("a time");
            let counts = |at| window.begins(at, &utc).expect("a time") <= bucket;
            assert!(counts(taken) && counts(after(window.span_seconds() - 1)), "{window}");
            assert!(!counts(after(window.span_seconds() + window.step_seconds())), "{window}");
        }
    }

    #[test]
    fn every_window_is_read_back_from_its_text() {
        for text in [
            "transaction",
            "day",
            "week",
            "month",
            "lifetime",
            "rolling_1_hours",
            "rolling_168_hours",
            "rolling_1_days",
            "rolling_366_days",
        ] {
            assert_eq!(text.parse::<Window>().map(|window| window.to_string()), Ok(text.to_owned()));
        }
        for text in [
            "",
            "Day",
            "rolling_0_hours",
            "rolling_169_hours",
            "rolling_367_days",
            "rolling_+1_days",
            "rolling_01_days",
            "rolling_1_weeks",
            "rolling_1",
        ] {
            assert_eq!(text.parse::<Window>(), Err(WindowError), "{text}");
        }
    }

    #[test]
    fn a_counter_keeps_only_what_counts() {
        let mut counter = Counter::default();
        let used = |amount_minor, count| Used { amount_minor, count };
        let [first, second] = ["2026-11-23T00:00:00Z", "2026-11-24T00:00:00Z"].map(time);
        counter.add(first, used(10, 1), first).expect("small");
        counter.add(first, used(5, 0), first).expect("small");
        assert_eq!(counter.used(first), Ok(used(15, 1)));
        counter.add(second, used(7, 1), second).expect("small");
        assert_eq!(counter.buckets.len(), 1, "the first day is over");
        counter.add(first, used(-15, -1), second).expect("small");
        assert_eq!(counter.used(second), Ok(used(7, 1)), "what was of a day that is over");
        counter.add(second, used(-7, -1), second).expect("small");
        assert_eq!(counter, Counter::default());
    }
}
