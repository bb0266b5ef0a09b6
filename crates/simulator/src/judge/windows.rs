//! What was taken from the window of one control, kept by the judge's own calendar.

use std::collections::{HashMap, VecDeque};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::control::{Counted, Limit, Window};
use crate::jit::Ask;

/// What was taken: minor units, and uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Used {
    pub(super) minor: i128,
    pub(super) count: i128,
}

impl Used {
    pub(super) fn add(&mut self, other: Self, sign: i128) {
        self.minor += sign * other.minor;
        self.count += sign * other.count;
    }
}

/// What one approved swipe took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) at: Timestamp,
    pub(super) ask: Ask,
    pub(super) spent_minor: i128,
    pub(super) cash_minor: i128,
    /// 1 for a purchase, 0 for what is added to it.
    pub(super) count: i128,
    /// How much of it is still held.
    pub(super) open_minor: i128,
}

impl Taken {
    /// The part of it that counts for the limit, if any does.
    pub(super) fn share(&self, limit: &Limit) -> Option<Used> {
        let counts = |counted| limit.counts.contains(&counted);
        let cash_minor = self.cash_minor.clamp(0, self.spent_minor);
        let part = |counted, minor: i128| if counts(counted) { minor } else { 0 };
        let minor = match self.ask {
            Ask::Purchase => part(Counted::Purchases, self.spent_minor),
            Ask::Withdrawal => part(Counted::Withdrawals, self.spent_minor),
            Ask::CashBack => {
                part(Counted::Purchases, self.spent_minor - cash_minor) + part(Counted::CashBack, cash_minor)
            }
            Ask::BalanceInquiry | Ask::Refund => 0,
        };
        (minor > 0).then_some(Used { minor, count: self.count })
    }
}

/// What was taken from a window. A calendar's periods are told apart by the day they begin with.
#[derive(Debug, Clone, Default)]
pub(super) struct Counter {
    periods: HashMap<Date, Used>,
    recent: VecDeque<(Timestamp, Used)>,
}

impl Counter {
    /// Adds what was taken at a time, or gives it back to the period of that time.
    pub(super) fn add(&mut self, window: Window, zone: &TimeZone, at: Timestamp, used: Used, sign: i128) {
        match (window, period(window, at, zone)) {
            (Window::Transaction, _) => {}
            (Window::RollingHours(_), _) if sign > 0 => {
                let place = self.recent.partition_point(|(other, _)| *other <= at);
                self.recent.insert(place, (at, used));
            }
            (Window::RollingHours(_), _) => {
                let place = self.recent.iter().position(|other| *other == (at, used));
                place.and_then(|place| self.recent.remove(place));
            }
            (_, day) => self.periods.entry(day).or_default().add(used, sign),
        }
    }

    /// The least and the most that counts now. They differ for a rolling window only: a take may
    /// leave it up to a sixtieth of the window late, and never early.
    pub(super) fn used(&self, window: Window, zone: &TimeZone, at: Timestamp) -> (Used, Used) {
        let Window::RollingHours(hours) = window else {
            let used = self.periods.get(&period(window, at, zone)).copied().unwrap_or_default();
            return (used, used);
        };
        let span_seconds = i64::from(hours) * 3_600;
        let (mut least, mut most) = (Used::default(), Used::default());
        for (taken_at, used) in self.recent.iter().rev() {
            let age_ms = at.as_millisecond() - taken_at.as_millisecond();
            if age_ms <= span_seconds * 1_000 {
                least.add(*used, 1);
            }
            // The edges are whole seconds.
            if age_ms > (span_seconds + span_seconds / 60 + 1) * 1_000 {
                break;
            }
            most.add(*used, 1);
        }
        (least, most)
    }
}

/// The day that the window's period began with.
fn period(window: Window, at: Timestamp, zone: &TimeZone) -> Date {
    let today = at.to_zoned(zone.clone()).date();
    match window {
        Window::Day => today,
        Window::Week => {
            let since_sunday = today.weekday().since(jiff::civil::Weekday::Sunday);
            today.saturating_sub(i64::from(since_sunday).days())
        }
        Window::Month => today.first_of_month(),
        Window::Lifetime | Window::Transaction | Window::RollingHours(_) => Date::ZERO,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn used(counter: &Counter, window: Window, at: &str) -> (i128, i128) {
        let zone = TimeZone::get("America/New_York").expect("a zone");
        let (least, most) = counter.used(window, &zone, time(at));
        (least.minor, most.minor)
    }

    #[test]
    fn a_take_counts_in_its_own_period_only() {
        let zone = TimeZone::get("America/New_York").expect("a zone");
        for (window, within, after) in [
            (Window::Day, "2026-11-25T04:59:59Z", "2026-11-25T05:00:00Z"),
            (Window::Week, "2026-11-29T04:59:59Z", "2026-11-29T05:00:00Z"),
            (Window::Month, "2026-12-01T04:59:59Z", "2026-12-01T05:00:00Z"),
        ] {
            let mut counter = Counter::default();
            let taken = Used { minor: 7, count: 1 };
            counter.add(window, &zone, time("2026-11-24T12:00:00Z"), taken, 1);
            assert_eq!(used(&counter, window, within), (7, 7), "{window}");
            assert_eq!(used(&counter, window, after), (0, 0), "{window}");
            counter.add(window, &zone, time("2026-11-24T12:00:00Z"), taken, -1);
            assert_eq!(used(&counter, window, within), (0, 0), "{window}");
        }
    }

    #[test]
    fn a_take_leaves_a_rolling_window_an_hour_later_or_a_minute_after_that() {
        let zone = TimeZone::UTC;
        let window = Window::RollingHours(1);
        let mut counter = Counter::default();
        counter.add(window, &zone, time("2026-11-24T12:00:30Z"), Used { minor: 7, count: 1 }, 1);
        assert_eq!(used(&counter, window, "2026-11-24T13:00:30Z"), (7, 7));
        assert_eq!(used(&counter, window, "2026-11-24T13:00:59Z"), (0, 7));
        assert_eq!(used(&counter, window, "2026-11-24T13:01:32Z"), (0, 0));
    }
}
