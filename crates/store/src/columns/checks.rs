//! The checks of an authorization in one short text: every decision writes one, and pages cost.
//!
//! `K+|S-suspended|L+day@1f…:60,500|B+:60,500000`: a letter a check, its result (`+` passed, `-`
//! failed, `~` not needed, `?` not made), the state that it found, the control that it is about (`@`,
//! or `%` where that is only tried out), and the amounts that it compared.

use std::borrow::Cow;
use std::fmt::Write;

use bursar_core::check::CheckResult;
use bursar_core::{Check, CheckName, ControlId};
use uuid::Uuid;

/// A letter never changes its meaning: it is in stored rows.
const fn letter(check: CheckName) -> char {
    match check {
        CheckName::MethodPermitted => 'M',
        CheckName::CardKnown => 'K',
        CheckName::CardStatus => 'S',
        CheckName::CardOfCardholder => 'H',
        CheckName::CardholderStatus => 'U',
        CheckName::PayerStatus => 'Y',
        CheckName::OwnerStatus => 'O',
        CheckName::Currency => 'C',
        CheckName::AmountValid => 'A',
        CheckName::HoldGroupOpen => 'G',
        CheckName::MerchantAllowed => 'P',
        CheckName::CountryAllowed => 'N',
        CheckName::ChannelAllowed => 'E',
        CheckName::ScheduleAllowed => 'T',
        CheckName::AmountLimit => 'L',
        CheckName::CountLimit => 'X',
        CheckName::AvailableBalance => 'B',
    }
}

const fn sign(result: CheckResult) -> char {
    match result {
        CheckResult::Passed => '+',
        CheckResult::Failed => '-',
        CheckResult::NotNeeded => '~',
        CheckResult::NotMade => '?',
    }
}

/// The text of the checks.
#[must_use]
pub fn write(checks: &[Check]) -> String {
    let mut text = String::with_capacity(checks.len() * 8);
    for (index, check) in checks.iter().enumerate() {
        if index > 0 {
            text.push('|');
        }
        text.push(letter(check.check));
        text.push(sign(check.result));
        if let Some(found) = &check.found {
            text.extend(found.chars().map(|c| if matches!(c, '|' | ':' | '@' | '%') { ' ' } else { c }));
        }
        if let Some(control) = check.control {
            let mark = if check.is_shadow { '%' } else { '@' };
            // Writing to a string cannot fail.
            let _ = write!(text, "{mark}{:x}", control.uuid().as_u128());
        }
        if let (Some(wanted), Some(available)) = (check.wanted_minor, check.available_minor) {
            let _ = write!(text, ":{wanted},{available}");
        }
    }
    text
}

/// What the text says; `None` if it is damaged.
#[must_use]
pub fn read(text: &str) -> Option<Vec<Check>> {
    text.split('|').filter(|part| !part.is_empty()).map(read_one).collect()
}

fn read_one(text: &str) -> Option<Check> {
    let mut chars = text.chars();
    let (first, second) = (chars.next()?, chars.next()?);
    let check = *CheckName::ALL.iter().find(|&&check| letter(check) == first)?;
    let result = *CheckResult::ALL.iter().find(|&&result| sign(result) == second)?;
    let (found, amounts) = match chars.as_str().split_once(':') {
        Some((found, amounts)) => (found, Some(amounts.split_once(',')?)),
        None => (chars.as_str(), None),
    };
    let minor = |text: &str| text.parse::<i64>().ok();
    let (wanted_minor, available_minor) = match amounts {
        Some((wanted, available)) => (Some(minor(wanted)?), Some(minor(available)?)),
        None => (None, None),
    };
    let (found, control, is_shadow) = match found.split_once(['@', '%']) {
        Some((text, control)) => (text, Some(read_control(control)?), found.contains('%')),
        None => (found, None, false),
    };
    let found = (!found.is_empty()).then(|| Cow::Owned(found.to_owned()));
    Some(Check { check, result, found, wanted_minor, available_minor, control, is_shadow })
}

fn read_control(text: &str) -> Option<ControlId> {
    Some(ControlId::new(Uuid::from_u128(u128::from_str_radix(text, 16).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_check_and_result_survives_its_text() {
        let mut checks: Vec<Check> = CheckName::ALL.iter().map(|&check| Check::of(check, true)).collect();
        checks.push(Check::of(CheckName::CardStatus, false).found("suspended"));
        checks.push(Check::not_made(CheckName::Currency));
        checks.push(Check::of(CheckName::AvailableBalance, false).comparing(i64::MAX, i64::MIN));
        let control = Some(ControlId::new(Uuid::from_u128(u128::MAX)));
        let limit = Check::of(CheckName::AmountLimit, false).found("day").comparing(1, -1);
        checks.push(Check { control, ..limit.clone() });
        checks.push(Check { control, is_shadow: true, ..limit });
        checks.push(Check { control, ..Check::of(CheckName::ScheduleAllowed, true) });
        assert_eq!(read(&write(&checks)), Some(checks));
        assert_eq!(read(""), Some(Vec::new()));
    }

    #[test]
    fn each_letter_means_one_check() {
        let mut letters: Vec<char> = CheckName::ALL.iter().map(|&check| letter(check)).collect();
        letters.sort_unstable();
        letters.dedup();
        assert_eq!(letters.len(), CheckName::ALL.len());
    }

    #[test]
    fn a_damaged_text_is_found() {
        for text in ["Z+", "K", "K*", "B+:1", "B+:1,x", "L+day@g", "K+|"] {
            assert_eq!(read(text).is_none(), text != "K+|", "{text}");
        }
    }
}
