//! What was taken from the windows of a scope's controls, in one short text: every approval writes
//! it, and pages cost.
//!
//! `01kasg…=1795478400,60500,3;1795564800,100,1|01kb…=`: a control's id, and a bucket's start in
//! seconds, amount in minor units and count. A bucket begins at a whole second.

use std::fmt::Write;

use bursar_core::ControlId;
use bursar_core::control::Scope;
use bursar_core::window::{Bucket, Counter, Counters, Used};
use jiff::Timestamp;
use uuid::Uuid;

/// The text of a scope's windows.
#[must_use]
pub fn write(counters: &Counters) -> String {
    let mut text = String::with_capacity(counters.by_control.len() * 64);
    for (control, counter) in &counters.by_control {
        if !text.is_empty() {
            text.push('|');
        }
        // Writing to a string cannot fail.
        let _ = write!(text, "{:x}=", control.uuid().as_u128());
        for (index, Bucket { start, used }) in counter.buckets.iter().enumerate() {
            let separator = if index > 0 { ";" } else { "" };
            let _ = write!(text, "{separator}{},{},{}", start.as_second(), used.amount_minor, used.count);
        }
    }
    text
}

/// What the text says; `None` if it is damaged.
#[must_use]
pub fn read(scope: Scope, text: &str) -> Option<Counters> {
    let parts = text.split('|').filter(|part| !part.is_empty());
    let by_control = parts.map(|part| {
        let (control, buckets) = part.split_once('=')?;
        let control = ControlId::new(Uuid::from_u128(u128::from_str_radix(control, 16).ok()?));
        let buckets = buckets.split(';').filter(|bucket| !bucket.is_empty()).map(parse_bucket);
        Some((control, Counter { buckets: buckets.collect::<Option<_>>()? }))
    });
    Some(Counters { scope, by_control: by_control.collect::<Option<_>>()? })
}

fn parse_bucket(text: &str) -> Option<Bucket> {
    let mut numbers = text.split(',').map(|number| number.parse::<i64>().ok());
    let (start, amount_minor, count) = (numbers.next()??, numbers.next()??, numbers.next()??);
    let start = Timestamp::from_second(start).ok()?;
    numbers.next().is_none().then_some(Bucket { start, used: Used { amount_minor, count } })
}

#[cfg(test)]
mod tests {
    use bursar_core::OwnerId;

    use super::*;

    #[test]
    fn windows_survive_their_text() {
        let scope = Scope::Owner(OwnerId::new(Uuid::from_u128(7)));
        let bucket = |second, amount_minor, count| Bucket {
            start: Timestamp::from_second(second).expect("a time"),
            used: Used { amount_minor, count },
        };
        let by_control = vec![
            (ControlId::new(Uuid::from_u128(u128::MAX)), Counter { buckets: vec![bucket(0, i64::MAX, 1)] }),
            (ControlId::new(Uuid::from_u128(1)), Counter::default()),
            (
                ControlId::new(Uuid::from_u128(2)),
                Counter { buckets: vec![bucket(60, 5, 0), bucket(120, -5, -1)] },
            ),
        ];
        for by_control in [by_control, Vec::new()] {
            let counters = Counters { scope, by_control };
            assert_eq!(read(scope, &write(&counters)), Some(counters));
        }
    }

    #[test]
    fn a_damaged_text_is_found() {
        let scope = Scope::Owner(OwnerId::new(Uuid::from_u128(7)));
        for text in ["x", "1", "g=", "1=5", "1=5,6", "1=5,6,7,8", "1=a,6,7", "1=5,6,7;;x"] {
            assert_eq!(read(scope, text), None, "{text}");
        }
    }
}
