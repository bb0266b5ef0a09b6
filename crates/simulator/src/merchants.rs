//! Where cards are used: real merchant category codes, and what people spend there and when.

mod table;
mod usage;

use serde_json::{Value, json};

pub use table::{CASH_MACHINES, MERCHANTS};
pub use usage::Usage;

/// One shop, as its acquirer names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merchant {
    /// What it sells.
    pub kind: Kind,
    /// Merchant category code, four digits.
    pub mcc: &'static str,
    /// The acquirer's id of it.
    pub id: &'static str,
    /// Name on the statement.
    pub name: &'static str,
    /// Street.
    pub street: &'static str,
    /// City, or a phone number where the card is not present.
    pub city: &'static str,
    /// State or region.
    pub state: &'static str,
    /// Postal code.
    pub postal_code: &'static str,
    /// ISO 3166 alpha-3.
    pub country: &'static str,
}

/// What a merchant sells: it decides what is spent there, and at what hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Food to take home.
    Grocery,
    /// Meals and bars.
    Restaurant,
    /// Coffee and bread.
    Coffee,
    /// Petrol stations.
    Fuel,
    /// Trains, buses, taxis.
    Transit,
    /// Shops.
    Retail,
    /// Shops and media without a shop floor.
    Online,
    /// Software, hosting, advertising.
    Software,
    /// Flights and rented cars.
    Travel,
    /// Hotels.
    Hotel,
    /// Pharmacies.
    Pharmacy,
    /// Cinemas and clubs.
    Leisure,
    /// Power, water, telephone.
    Utilities,
    /// Cash machines: of no one's day, they are for withdrawals only.
    Cash,
}

/// What a kind is like: median amount and the largest, in minor units of a currency with cents,
/// and how often it is visited at night, in the morning, at midday, in the afternoon, in the evening.
struct Habit {
    median_minor: i64,
    max_minor: i64,
    visits: [u32; 5],
}

impl Merchant {
    /// As the processor's bodies have it in Transaction Model v2.
    pub(crate) fn card_acceptor(&self) -> Value {
        json!({
            "mid": self.id,
            "mcc": self.mcc,
            "mcc_groups": ["NONE"],
            "name": self.name,
            "street_address": self.street,
            "city": self.city,
            "state": self.state,
            "postal_code": self.postal_code,
            "country_code": self.country,
        })
    }
}

impl Kind {
    /// How often the kind is visited at the hour (0 to 23), against the others.
    #[must_use]
    pub fn visits(self, hour: u64) -> u32 {
        let part = match hour {
            6..=10 => 1,
            11..=13 => 2,
            14..=17 => 3,
            18..=22 => 4,
            _ => 0,
        };
        self.habit().visits[part]
    }

    /// An amount in minor units, at least 1: `chance` from 0 to 9,999 walks along a distribution
    /// with many small amounts and a few large ones.
    #[must_use]
    pub fn amount_minor(self, chance: u32) -> i64 {
        let Habit { median_minor, max_minor, .. } = self.habit();
        let step = (chance / 500).min(19) as usize;
        let part = i64::from(chance % 500);
        let (low, high) = (SHAPE[step], SHAPE[step + 1]);
        let thousandths = low + (high - low) * part / 500;
        (median_minor * thousandths / 1000).clamp(1, max_minor)
    }

    const fn habit(self) -> Habit {
        let (median_minor, max_minor, visits) = match self {
            Self::Grocery => (3_400, 30_000, [2, 10, 16, 22, 24]),
            Self::Restaurant => (2_400, 40_000, [6, 4, 30, 10, 34]),
            Self::Coffee => (540, 4_000, [1, 34, 16, 12, 4]),
            Self::Fuel => (4_200, 15_000, [5, 12, 8, 12, 8]),
            Self::Transit => (480, 9_000, [4, 24, 10, 20, 14]),
            Self::Retail => (4_600, 120_000, [1, 6, 16, 22, 12]),
            Self::Online => (2_700, 90_000, [24, 8, 12, 14, 30]),
            Self::Software => (2_000, 150_000, [14, 6, 6, 8, 4]),
            Self::Travel => (21_000, 300_000, [2, 2, 2, 3, 2]),
            Self::Hotel => (16_500, 250_000, [2, 2, 2, 4, 4]),
            Self::Pharmacy => (1_700, 20_000, [2, 5, 6, 8, 6]),
            Self::Leisure => (1_900, 15_000, [2, 3, 4, 6, 14]),
            Self::Utilities => (8_800, 60_000, [3, 3, 3, 3, 2]),
            Self::Cash => (8_000, 40_000, [0; 5]),
        };
        Habit { median_minor, max_minor, visits }
    }
}

/// A log-normal distribution (sigma 0.7) in thousandths of its median, at every twentieth part.
const SHAPE: [i64; 21] = [
    165, 316, 408, 484, 555, 624, 693, 764, 838, 916, 1_000, 1_092, 1_194, 1_310, 1_443, 1_603, 1_802, 2_066,
    2_453, 3_163, 6_070,
];

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::*;

    #[test]
    fn merchants_are_many_and_well_formed() {
        assert!(MERCHANTS.len() >= 40);
        let ids: HashSet<&str> = MERCHANTS.iter().map(|merchant| merchant.id).collect();
        assert_eq!(ids.len(), MERCHANTS.len());
        for merchant in MERCHANTS {
            let is_code = merchant.mcc.len() == 4 && merchant.mcc.bytes().all(|byte| byte.is_ascii_digit());
            assert!(is_code, "{merchant:?}");
            assert_eq!(merchant.country.len(), 3, "{merchant:?}");
        }
    }

    #[test]
    fn amounts_rise_with_chance_around_the_median() {
        let kinds: BTreeSet<Kind> = MERCHANTS.iter().map(|merchant| merchant.kind).collect();
        assert_eq!(kinds.len(), 13);
        for kind in kinds {
            let amounts: Vec<i64> = (0..10_000).map(|chance| kind.amount_minor(chance)).collect();
            assert!(amounts.is_sorted(), "{kind:?}");
            assert!(amounts[0] > 0);
            assert_eq!(amounts[5_000], kind.habit().median_minor);
            assert!(amounts[9_999] > 3 * amounts[5_000], "{kind:?}");
        }
    }

    #[test]
    fn coffee_is_drunk_in_the_morning() {
        assert!(Kind::Coffee.visits(8) > 5 * Kind::Coffee.visits(20));
        assert!(Kind::Restaurant.visits(20) > 5 * Kind::Restaurant.visits(8));
    }
}
