//! What a control may say of a swipe, and whether a decision and its listed checks agree with that.

use bursar_core::Currency;

use super::invariant::Kind;
use super::replay::{read, show};
use super::windows::Used;
use crate::control::Limit;
use crate::history::Control;
use crate::listing::Check;

/// Each check of a control, in the order in which the first failed one names the reason, and that
/// reason.
const REASONS: [(&str, &str); 6] = [
    ("merchant_allowed", "merchant_not_allowed"),
    ("country_allowed", "country_not_allowed"),
    ("channel_allowed", "channel_not_allowed"),
    ("schedule_allowed", "outside_schedule"),
    ("amount_limit", "amount_limit_exceeded"),
    ("count_limit", "count_limit_exceeded"),
];

/// Everything that a control may say of a swipe.
pub(super) struct Opinion<'a> {
    pub(super) control: &'a Control,
    /// The checks that it makes, by each of the versions that may be in force.
    pub(super) accepted: Vec<Vec<Made>>,
    /// What it made of it before a change that was acknowledged when the swipe was sent.
    pub(super) before: Option<Vec<Made>>,
}

/// A check as it should be made.
#[derive(Debug, Clone)]
pub(super) struct Made {
    check: &'static str,
    is_shadow: bool,
    may_pass: bool,
    may_fail: bool,
    /// What is asked, and the least and the most that may be left; of amounts and of uses.
    wanted: Used,
    pub(super) left: (Option<Left>, Option<Left>),
}

/// The least and the most that may be left.
pub(super) type Left = (i128, i128);

impl Made {
    /// Of a list or a schedule.
    pub(super) const fn list(check: &'static str, is_shadow: bool, passes: bool) -> Self {
        let wanted = Used { minor: 0, count: 0 };
        Self { check, is_shadow, may_pass: passes, may_fail: !passes, wanted, left: (None, None) }
    }

    /// Of a limit, of which the least and the most that may count is used already.
    pub(super) fn limit(
        check: &'static str,
        is_shadow: bool,
        limit: &Limit,
        wanted: Used,
        (least, most): (Used, Used),
    ) -> Self {
        let amount = limit.amount_minor.map(i128::from).map(|of| (of - most.minor, of - least.minor));
        let uses = limit.count.map(i128::from).map(|of| (of - most.count, of - least.count));
        let wanted = Used { minor: wanted.minor, count: 1 };
        let ((low, high), wanted_here) = match check {
            "count_limit" => (uses.unwrap_or_default(), 1),
            _ => (amount.unwrap_or_default(), wanted.minor),
        };
        let (may_pass, may_fail) = (wanted_here <= high, wanted_here > low);
        Self { check, is_shadow, may_pass, may_fail, wanted, left: (amount, uses) }
    }

    fn is_count(&self) -> bool {
        self.check == "count_limit"
    }

    fn left_here(&self) -> Option<Left> {
        if self.is_count() { self.left.1 } else { self.left.0 }
    }

    fn fits(&self, listed: &Check, currency: Currency) -> bool {
        let is_result = match listed.result.as_str() {
            "passed" => self.may_pass,
            "failed" => self.may_fail,
            _ => false,
        };
        let number = |text: &Option<String>| {
            let text = text.as_deref()?;
            if self.is_count() { text.parse().ok() } else { read(text, currency) }
        };
        let wanted = if self.is_count() { self.wanted.count } else { self.wanted.minor };
        let are_numbers = match (self.left_here(), number(&listed.wanted), number(&listed.available)) {
            (None, wanted, left) => wanted.is_none() && left.is_none(),
            (Some((low, high)), Some(found), Some(left)) => found == wanted && (low..=high).contains(&left),
            _ => false,
        };
        self.check == listed.check && self.is_shadow == listed.shadow && is_result && are_numbers
    }
}

impl Opinion<'_> {
    fn may_decline(&self, check: &str) -> bool {
        self.accepted.iter().flatten().any(|made| made.check == check && !made.is_shadow && made.may_fail)
    }

    fn has_to_decline(&self, check: &str) -> bool {
        self.accepted.iter().all(|made| declines(made, check))
    }

    /// How an approval breaks the control; `None` if it does not.
    pub(super) fn broken(&self, currency: Currency) -> Option<(Kind, String)> {
        let (check, reason) = REASONS.iter().find(|(check, _)| self.has_to_decline(check))?;
        let made = self.accepted.first()?.iter().find(|made| made.check == *check)?;
        let was_allowed = self.before.as_ref().is_some_and(|before| !declines(before, check));
        let kind = if was_allowed { Kind::Outdated } else { Kind::Despite(reason) };
        let numbers = match made.left_here() {
            None => String::new(),
            Some((_, left)) if made.is_count() => format!(": {left} uses left"),
            Some((_, left)) => {
                format!(": {} wanted of {}", show(made.wanted.minor, currency), show(left, currency))
            }
        };
        let (id, name) = (self.control.id, self.control.name);
        let before = if was_allowed { ", changed before" } else { "" };
        Some((kind, format!("approved against the {check} of {id} ({name}{before}){numbers}")))
    }

    /// Whether the listed checks of this control are what one of its versions makes.
    pub(super) fn fits(&self, listed: &[&Check], currency: Currency) -> bool {
        let fits = |made: &Vec<Made>| {
            let mut pairs = made.iter().zip(listed);
            made.len() == listed.len() && pairs.all(|(made, listed)| made.fits(listed, currency))
        };
        self.accepted.iter().any(fits)
    }

    /// What was expected, in short.
    pub(super) fn expected(&self) -> String {
        let word = |made: &Made| {
            let result = match (made.may_pass, made.may_fail) {
                (true, true) => "either",
                (true, false) => "passed",
                (false, _) => "failed",
            };
            let shadow = if made.is_shadow { " (shadow)" } else { "" };
            let numbers = match made.left_here() {
                None => String::new(),
                Some((low, high)) => {
                    let wanted = if made.is_count() { made.wanted.count } else { made.wanted.minor };
                    let left = if low == high { low.to_string() } else { format!("{low} to {high}") };
                    format!(", {wanted} of {left} in smallest units")
                }
            };
            format!("{} {result}{shadow}{numbers}", made.check)
        };
        let checks = |made: &Vec<Made>| made.iter().map(word).collect::<Vec<_>>().join(", ");
        let accepted: Vec<String> = self.accepted.iter().map(checks).collect();
        if accepted.iter().all(String::is_empty) { "none".to_owned() } else { accepted.join(" or ") }
    }
}

fn declines(made: &[Made], check: &str) -> bool {
    made.iter().any(|made| made.check == check && !made.is_shadow && !made.may_pass)
}

/// Every reason for which controls may decline, and whether they may let it pass.
pub(super) fn reasons(opinions: &[Opinion<'_>]) -> (Vec<&'static str>, bool) {
    let mut reasons = Vec::new();
    for (check, reason) in REASONS {
        if opinions.iter().any(|opinion| opinion.may_decline(check)) {
            reasons.push(reason);
        }
        if opinions.iter().any(|opinion| opinion.has_to_decline(check)) {
            return (reasons, false);
        }
    }
    (reasons, true)
}
