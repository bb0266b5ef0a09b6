//! For how many days holds are kept of which nothing more is heard.

use std::collections::BTreeMap;
use std::fmt;

use jiff::SignedDuration;
use serde::Serialize;

use crate::mcc_group::{contains, find_group};
use crate::merchant::Mcc;

/// A number of days: 1 to 365.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Days(u16);

/// Why a text or number says nothing about days.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldDaysError {
    /// No number of days.
    #[error("{0} is no number of days: give 1 to 365")]
    Days(i64),
    /// Neither a group nor a category.
    #[error("{0:?} is neither a group of GET /v1/mcc-groups nor a category of four digits")]
    Merchants(String),
}

/// For how many days a program's holds are kept when nothing more is heard of them. No decision reads it:
/// only who looks for holds that are due does, and each time anew.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct HoldDays {
    /// Unless something else is said of the merchant.
    pub usual: Days,
    /// Where something else is said of the merchant.
    pub by_merchant: DaysByMerchant,
}

/// Days by the name of a group of merchant categories, or by a category.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct DaysByMerchant(BTreeMap<String, Days>);

impl Days {
    /// More are not kept.
    pub const LONGEST: Self = Self(365);

    /// A number of days.
    ///
    /// # Errors
    /// It is not 1 to 365.
    pub fn new(days: i64) -> Result<Self, HoldDaysError> {
        match u16::try_from(days) {
            Ok(number @ 1..=365) => Ok(Self(number)),
            _ => Err(HoldDaysError::Days(days)),
        }
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u16 {
        self.0
    }

    /// So many times 24 hours.
    #[must_use]
    pub fn duration(self) -> SignedDuration {
        SignedDuration::from_hours(24 * i64::from(self.0))
    }
}

/// What networks mostly grant a merchant to clear a purchase.
impl Default for Days {
    fn default() -> Self {
        Self(7)
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl DaysByMerchant {
    /// Days by group or category.
    ///
    /// # Errors
    /// A name or a number is none.
    pub fn new(days: impl IntoIterator<Item = (String, i64)>) -> Result<Self, HoldDaysError> {
        let read = |(merchants, days): (String, i64)| {
            let is_known = find_group(&merchants).is_some() || Mcc::parse(&merchants).is_ok();
            match is_known {
                true => Ok((merchants, Days::new(days)?)),
                false => Err(HoldDaysError::Merchants(merchants)),
            }
        };
        days.into_iter().map(read).collect::<Result<_, _>>().map(Self)
    }

    /// Each name with its days, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Days)> {
        self.0.iter().map(|(merchants, days)| (merchants.as_str(), *days))
    }

    /// What is said of the category itself, or else the longest that is said of a group with it.
    fn find(&self, mcc: Mcc) -> Option<Days> {
        let of_groups = || {
            let has = |name: &str| find_group(name).is_some_and(|group| contains(group, mcc));
            self.iter().filter(|(name, _)| has(name)).map(|(_, days)| days).max()
        };
        self.0.get(mcc.as_str()).copied().or_else(of_groups)
    }
}

impl HoldDays {
    /// For how long a purchase at a merchant of this category is held.
    #[must_use]
    pub fn of(&self, mcc: Option<Mcc>) -> Days {
        mcc.and_then(|mcc| self.by_merchant.find(mcc)).unwrap_or(self.usual)
    }

    /// Every number of days in it.
    pub fn numbers(&self) -> impl Iterator<Item = Days> {
        std::iter::once(self.usual).chain(self.by_merchant.iter().map(|(_, days)| days))
    }

    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_merchant(days: &[(&str, i64)]) -> Result<DaysByMerchant, HoldDaysError> {
        DaysByMerchant::new(days.iter().map(|(name, days)| ((*name).to_owned(), *days)))
    }

    #[test]
    fn a_category_outranks_its_groups_and_of_those_the_longest_counts() {
        let by_merchant = by_merchant(&[("7012", 3), ("lodging", 30), ("travel", 20)]).expect("days");
        let hold_days = HoldDays { usual: Days::new(5).expect("days"), by_merchant };
        for (mcc, days) in [("7012", 3), ("7011", 30), ("4511", 20), ("5411", 5)] {
            assert_eq!(hold_days.of(Mcc::parse(mcc).ok()).number(), days, "{mcc}");
        }
        assert_eq!(hold_days.of(None).number(), 5);
        let numbers: Vec<u16> = hold_days.numbers().map(Days::number).collect();
        assert_eq!(numbers, [5, 3, 30, 20]);
    }

    #[test]
    fn what_is_no_group_no_category_and_no_number_of_days_is_refused() {
        for days in [i64::MIN, -1, 0, 366, i64::MAX] {
            assert_eq!(Days::new(days), Err(HoldDaysError::Days(days)));
        }
        assert!([1, 365].iter().all(|days| Days::new(*days).is_ok()));
        assert_eq!(by_merchant(&[("hotels", 3)]), Err(HoldDaysError::Merchants("hotels".to_owned())));
        assert_eq!(by_merchant(&[("lodging", 0)]), Err(HoldDaysError::Days(0)));
        assert!(by_merchant(&[("701", 3)]).is_err());
    }
}
