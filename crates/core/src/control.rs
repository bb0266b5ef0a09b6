//! Spending controls: what a card, a cardholder or an owner may spend, where, when and how much.
//! Data, judged by `decide`; every control that is in force has to pass.

mod places;

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Weekday;
use serde::{Deserialize, Serialize};

use crate::id::{CardId, CardholderId, ControlId, OwnerId};
use crate::message::TransactionKind;
use crate::money::Money;
use crate::text::FreeText;
use crate::time::Zone;
use crate::window::{Counter, Used, Window};
use crate::word::words;

pub use places::{List, MccSet, MccSetError, MerchantRule, Places};

/// How many controls one scope may have, those that are off included: each is looked at under the
/// owner's lock.
pub const CONTROLS_MAX: usize = 50;

/// A spending control. It never changes owner or scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Its id.
    pub id: ControlId,
    /// Whose spending it restricts.
    pub owner: OwnerId,
    /// Which part of it.
    pub scope: Scope,
    /// What operators call it: one of its scope has it.
    pub name: FreeText,
    /// What it says.
    pub rule: Rule,
    /// Whether it is in force.
    pub status: ControlStatus,
}

/// Which swipes a control is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Those of a card.
    Card(CardId),
    /// Those of all cards of a cardholder.
    Cardholder(CardholderId),
    /// Those of all cards of a company or person.
    Owner(OwnerId),
}

words! {
    /// Whether a control is in force.
    pub enum ControlStatus {
        /// What it refuses is declined.
        Active = "active",
        /// It is judged and the result recorded, without effect.
        Shadow = "shadow",
        /// It is not judged. Its windows are counted on.
        Off = "off",
    }
}

/// What a control says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// How much, or how often.
    Velocity(Velocity),
    /// Where, and how.
    Merchant(MerchantRule),
    /// When.
    Schedule(Vec<Hours>),
}

/// A limit of amount, count or both over a window.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Velocity {
    /// What is counted together.
    pub window: Window,
    /// The most that may be spent. Only what is spent in its currency counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// How often at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// What counts.
    pub counts: Vec<Counted>,
}

words! {
    /// What a velocity control counts (reference, 6.1).
    pub enum Counted {
        /// Goods, services and quasi-cash; of a purchase with cash back the part that is none.
        Purchases = "purchases",
        /// Cash from a machine or a teller.
        Withdrawals = "withdrawals",
        /// The cash part of a purchase with cash back.
        CashBack = "cash_back",
        /// Payments pushed to the card and loads by the network.
        Credits = "credits",
    }
}

/// Hours of some days, in the program's time zone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hours {
    /// On which days they begin.
    pub days: Vec<Day>,
    /// The first minute of the day: 0 to 1439.
    pub from_minute: u16,
    /// The minute after the last: 1 to 1440. Not after the first: on the next day.
    pub to_minute: u16,
}

words! {
    /// A day of the week.
    pub enum Day {
        /// Monday.
        Monday = "monday",
        /// Tuesday.
        Tuesday = "tuesday",
        /// Wednesday.
        Wednesday = "wednesday",
        /// Thursday.
        Thursday = "thursday",
        /// Friday.
        Friday = "friday",
        /// Saturday.
        Saturday = "saturday",
        /// Sunday.
        Sunday = "sunday",
    }
}

impl Scope {
    /// The word for the kind of it.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Card(_) => "card",
            Self::Cardholder(_) => "cardholder",
            Self::Owner(_) => "owner",
        }
    }

    /// The bare id of what it is about.
    #[must_use]
    pub const fn uuid(self) -> uuid::Uuid {
        match self {
            Self::Card(id) => id.uuid(),
            Self::Cardholder(id) => id.uuid(),
            Self::Owner(id) => id.uuid(),
        }
    }

    /// Reads kind and id back; `None` if there is no such kind.
    #[must_use]
    pub fn from_parts(kind: &str, id: uuid::Uuid) -> Option<Self> {
        match kind {
            "card" => Some(Self::Card(CardId::new(id))),
            "cardholder" => Some(Self::Cardholder(CardholderId::new(id))),
            "owner" => Some(Self::Owner(OwnerId::new(id))),
            _ => None,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(id) => id.fmt(f),
            Self::Cardholder(id) => id.fmt(f),
            Self::Owner(id) => id.fmt(f),
        }
    }
}

impl Rule {
    /// The limit, if the rule is one.
    #[must_use]
    pub const fn velocity(&self) -> Option<&Velocity> {
        match self {
            Self::Velocity(velocity) => Some(velocity),
            Self::Merchant(_) | Self::Schedule(_) => None,
        }
    }

    /// The limit, if what is taken from its window has to be kept.
    #[must_use]
    pub fn counted(&self) -> Option<&Velocity> {
        self.velocity().filter(|velocity| velocity.window != Window::Transaction)
    }

    /// Whether both count the same: a counter of one is then right for the other.
    #[must_use]
    pub fn counts_like(&self, other: &Self) -> bool {
        match (self.counted(), other.counted()) {
            (Some(one), Some(other)) => {
                let currency = |of: &Velocity| of.amount.map(|amount| amount.currency);
                one.window == other.window && one.counts == other.counts && currency(one) == currency(other)
            }
            (None, None) => true,
            _ => false,
        }
    }
}

impl Velocity {
    /// How much of a message counts, of what it spends and what of that is cash; `None` if nothing
    /// does.
    #[must_use]
    pub fn part(&self, kind: TransactionKind, spent_minor: i64, cash_minor: i64) -> Option<i64> {
        let counts = |counted| self.counts.contains(&counted);
        // The cash was handed out: what was given back is goods, as long as there are any.
        let cash_minor = cash_minor.clamp(0, spent_minor);
        let part_minor = match kind {
            TransactionKind::Purchase | TransactionKind::QuasiCash => {
                counts(Counted::Purchases).then_some(spent_minor)
            }
            TransactionKind::CashBack => match (counts(Counted::Purchases), counts(Counted::CashBack)) {
                (true, true) => Some(spent_minor),
                (true, false) => Some(spent_minor - cash_minor),
                (false, true) => Some(cash_minor),
                (false, false) => None,
            },
            TransactionKind::Withdrawal => counts(Counted::Withdrawals).then_some(spent_minor),
            TransactionKind::OriginalCredit | TransactionKind::NetworkLoad => {
                counts(Counted::Credits).then_some(spent_minor)
            }
            TransactionKind::Refund | TransactionKind::Verification | TransactionKind::BalanceInquiry => None,
        };
        part_minor.filter(|minor| *minor > 0)
    }

    /// The word for the part of a purchase with cash back that counts, where only one does.
    #[must_use]
    pub fn share(&self, kind: TransactionKind) -> Option<&'static str> {
        let counts = |counted| self.counts.contains(&counted);
        match (kind, counts(Counted::Purchases), counts(Counted::CashBack)) {
            (TransactionKind::CashBack, true, false) => Some("purchase"),
            (TransactionKind::CashBack, false, true) => Some("cash"),
            _ => None,
        }
    }

    /// What is left after so much was used; `None` if that is beyond 64 bits.
    #[must_use]
    pub fn less(&self, used: Used) -> Option<Remaining> {
        let amount_minor = match self.amount {
            Some(amount) => Some(amount.minor.checked_sub(used.amount_minor)?),
            None => None,
        };
        let count = match self.count {
            Some(count) => Some(i64::from(count).checked_sub(used.count)?),
            None => None,
        };
        Some(Remaining { amount_minor, count })
    }
}

/// Whether any of the hours are now.
#[must_use]
pub fn is_within(hours: &[Hours], at: Timestamp, zone: &Zone) -> bool {
    let local = zone.local(at);
    let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
    let today = Day::of(local.weekday());
    let yesterday = Day::of(local.weekday().previous());
    hours.iter().any(|hours| {
        let begins = |day| hours.days.contains(&day);
        match hours.from_minute < hours.to_minute {
            true => begins(today) && (hours.from_minute..hours.to_minute).contains(&minute),
            false => {
                (begins(today) && minute >= hours.from_minute)
                    || (begins(yesterday) && minute < hours.to_minute)
            }
        }
    })
}

impl Day {
    fn of(weekday: Weekday) -> Self {
        match weekday {
            Weekday::Monday => Self::Monday,
            Weekday::Tuesday => Self::Tuesday,
            Weekday::Wednesday => Self::Wednesday,
            Weekday::Thursday => Self::Thursday,
            Weekday::Friday => Self::Friday,
            Weekday::Saturday => Self::Saturday,
            Weekday::Sunday => Self::Sunday,
        }
    }
}

/// What is left of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Remaining {
    /// Minor units, below zero if the limit was cut; `None` if the amount has no limit.
    pub amount_minor: Option<i64>,
    /// Uses; `None` if the count has no limit.
    pub count: Option<i64>,
}

/// What is left of a limit now, after what its window's counter says was taken; `None` if that is
/// beyond 64 bits.
#[must_use]
pub fn remaining(velocity: &Velocity, counter: &Counter, at: Timestamp, zone: &Zone) -> Option<Remaining> {
    let used = match velocity.window.begins(at, zone) {
        Some(begins) => counter.used(begins).ok()?,
        None => Used::default(),
    };
    velocity.less(used)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_follow_the_program_s_clocks_and_may_go_past_midnight() {
        let zone = Zone::parse("America/New_York").expect("a zone");
        let office = Hours { days: vec![Day::Monday], from_minute: 540, to_minute: 1_020 };
        let night = Hours { days: vec![Day::Monday], from_minute: 1_320, to_minute: 120 };
        let always = Hours { days: Day::ALL.to_vec(), from_minute: 0, to_minute: 1_440 };
        for (at, in_office, in_night) in [
            ("2026-11-23T13:59:59Z", false, false),
            ("2026-11-23T14:00:00Z", true, false),
            ("2026-11-23T21:59:59Z", true, false),
            ("2026-11-23T22:00:00Z", false, false),
            ("2026-11-24T03:00:00Z", false, true),
            ("2026-11-24T06:59:59Z", false, true),
            ("2026-11-24T07:00:00Z", false, false),
            ("2026-11-24T15:00:00Z", false, false),
        ] {
            let is =
                |hours: &Hours| is_within(std::slice::from_ref(hours), at.parse().expect("a time"), &zone);
            assert_eq!((is(&office), is(&night), is(&always)), (in_office, in_night, true), "{at}");
        }
    }

    #[test]
    fn the_parts_of_a_purchase_with_cash_back_count_apart() {
        let counting = |counts: &[Counted]| Velocity {
            window: Window::Day,
            amount: None,
            count: Some(1),
            counts: counts.to_vec(),
        };
        let (purchases, cash) = (counting(&[Counted::Purchases]), counting(&[Counted::CashBack]));
        let both = counting(&[Counted::Purchases, Counted::CashBack]);
        let part = |of: &Velocity, cash_minor| of.part(TransactionKind::CashBack, 5_000, cash_minor);
        assert_eq!(
            (part(&purchases, 2_000), part(&cash, 2_000), part(&both, 2_000)),
            (Some(3_000), Some(2_000), Some(5_000))
        );
        assert_eq!((part(&purchases, i64::MAX), part(&cash, 0)), (None, None));
        assert_eq!(cash.part(TransactionKind::Withdrawal, 5_000, 0), None);
        assert_eq!(both.part(TransactionKind::Refund, 5_000, 0), None);
    }
}
