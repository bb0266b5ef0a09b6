//! Where cards are used: real merchant category codes, and what people spend there and when.

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
}

/// What a kind is like: median amount and the largest, in minor units of a currency with cents,
/// and how often it is visited at night, in the morning, at midday, in the afternoon, in the evening.
struct Habit {
    median_minor: i64,
    max_minor: i64,
    visits: [u32; 5],
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
        let Habit {
            median_minor,
            max_minor,
            ..
        } = self.habit();
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
        };
        Habit {
            median_minor,
            max_minor,
            visits,
        }
    }
}

/// A log-normal distribution (sigma 0.7) in thousandths of its median, at every twentieth part.
const SHAPE: [i64; 21] = [
    165, 316, 408, 484, 555, 624, 693, 764, 838, 916, 1_000, 1_092, 1_194, 1_310, 1_443, 1_603, 1_802, 2_066,
    2_453, 3_163, 6_070,
];

/// All merchants.
pub const MERCHANTS: &[Merchant] = &[
    shop(
        Kind::Grocery,
        "5411",
        "445200118992",
        "WHOLE FOODS MKT 10241",
        ["399 4TH ST", "SAN FRANCISCO", "CA", "94103", "USA"],
    ),
    shop(
        Kind::Grocery,
        "5411",
        "445200731140",
        "TRADER JOE'S #546",
        ["130 COURT ST", "BROOKLYN", "NY", "11201", "USA"],
    ),
    shop(
        Kind::Grocery,
        "5411",
        "520114409331",
        "REWE MARKT 4410",
        ["ALEXANDERSTR 7", "BERLIN", "BE", "10179", "DEU"],
    ),
    shop(
        Kind::Grocery,
        "5499",
        "445209927714",
        "7-ELEVEN 35512",
        ["1500 COMMERCE ST", "DALLAS", "TX", "75201", "USA"],
    ),
    shop(
        Kind::Grocery,
        "5411",
        "000000000208447",
        "PENNY PRAZSKA 366",
        ["PRAZSKA 366", "PRAHA", "PRG", "13000", "CZE"],
    ),
    shop(
        Kind::Grocery,
        "5411",
        "392010044871",
        "LAWSON SHIBUYA",
        ["SHIBUYA 2-21", "TOKYO", "13", "1500002", "JPN"],
    ),
    shop(
        Kind::Restaurant,
        "5812",
        "435511820093",
        "NOPA RESTAURANT",
        ["560 DIVISADERO ST", "SAN FRANCISCO", "CA", "94117", "USA"],
    ),
    shop(
        Kind::Restaurant,
        "5812",
        "435511820377",
        "SQ *TAQUERIA EL BUEN",
        ["2101 E CESAR CHAVEZ", "AUSTIN", "TX", "78702", "USA"],
    ),
    shop(
        Kind::Restaurant,
        "5812",
        "527730019928",
        "BRASSERIE DU CANAL",
        ["12 QUAI DE VALMY", "PARIS", "IDF", "75010", "FRA"],
    ),
    shop(
        Kind::Restaurant,
        "5814",
        "435588100442",
        "CHIPOTLE 1187",
        ["316 N MICHIGAN AVE", "CHICAGO", "IL", "60601", "USA"],
    ),
    shop(
        Kind::Restaurant,
        "5814",
        "435588110029",
        "MCDONALD'S F10733",
        ["1531 STOUT ST", "DENVER", "CO", "80202", "USA"],
    ),
    shop(
        Kind::Restaurant,
        "5813",
        "435520037710",
        "THE DEAD RABBIT",
        ["30 WATER ST", "NEW YORK", "NY", "10004", "USA"],
    ),
    shop(
        Kind::Coffee,
        "5814",
        "435591001234",
        "STARBUCKS STORE 00221",
        ["1912 PIKE PL", "SEATTLE", "WA", "98101", "USA"],
    ),
    shop(
        Kind::Coffee,
        "5814",
        "435591008821",
        "BLUE BOTTLE COFFEE",
        ["300 WEBSTER ST", "OAKLAND", "CA", "94607", "USA"],
    ),
    shop(
        Kind::Coffee,
        "5462",
        "520177430091",
        "BACKEREI JUNGE",
        ["SPITALERSTR 3", "HAMBURG", "HH", "20095", "DEU"],
    ),
    shop(
        Kind::Coffee,
        "5814",
        "528817700012",
        "PRET A MANGER 0214",
        ["1 POULTRY", "LONDON", "LND", "EC2V 6AA", "GBR"],
    ),
    shop(
        Kind::Fuel,
        "5541",
        "440021987744",
        "SHELL OIL 57444212",
        ["1530 16TH ST", "SACRAMENTO", "CA", "95814", "USA"],
    ),
    shop(
        Kind::Fuel,
        "5542",
        "440021990012",
        "CHEVRON 0093104",
        ["402 W VAN BUREN ST", "PHOENIX", "AZ", "85004", "USA"],
    ),
    shop(
        Kind::Fuel,
        "5541",
        "520140077123",
        "ARAL STATION 2210",
        ["SONNENSTR 20", "MUENCHEN", "BY", "80331", "DEU"],
    ),
    shop(
        Kind::Transit,
        "4111",
        "447700120087",
        "MTA*NYCT PAYGO",
        ["2 BROADWAY", "NEW YORK", "NY", "10004", "USA"],
    ),
    shop(
        Kind::Transit,
        "4121",
        "447711903321",
        "UBER *TRIP",
        ["1515 3RD ST", "800-592-8996", "CA", "94158", "USA"],
    ),
    shop(
        Kind::Transit,
        "4111",
        "528800010020",
        "TFL TRAVEL CH",
        ["PALESTRA", "LONDON", "LND", "SE1 8NJ", "GBR"],
    ),
    shop(
        Kind::Transit,
        "4112",
        "520166200210",
        "DB VERTRIEB GMBH",
        ["EUROPA-ALLEE 78", "FRANKFURT", "HE", "60326", "DEU"],
    ),
    shop(
        Kind::Retail,
        "5311",
        "450010077120",
        "TARGET 00018168",
        ["900 NICOLLET MALL", "MINNEAPOLIS", "MN", "55403", "USA"],
    ),
    shop(
        Kind::Retail,
        "5651",
        "450017700912",
        "UNIQLO UNION SQ",
        ["111 POWELL ST", "SAN FRANCISCO", "CA", "94108", "USA"],
    ),
    shop(
        Kind::Retail,
        "5732",
        "450044120093",
        "BEST BUY 00004879",
        ["5133 RICHMOND AVE", "HOUSTON", "TX", "77027", "USA"],
    ),
    shop(
        Kind::Retail,
        "5200",
        "450031100781",
        "THE HOME DEPOT #0652",
        ["650 PONCE DE LEON", "ATLANTA", "GA", "30308", "USA"],
    ),
    shop(
        Kind::Retail,
        "5942",
        "450090012213",
        "POWELL'S BOOKS",
        ["1005 W BURNSIDE", "PORTLAND", "OR", "97209", "USA"],
    ),
    shop(
        Kind::Online,
        "5999",
        "235251000762203",
        "AMZN MKTP US*2K4",
        ["410 TERRY AVE N", "AMZN.COM/BILL", "WA", "98109", "USA"],
    ),
    shop(
        Kind::Online,
        "5816",
        "009772089",
        "STEAMGAMES.COM",
        ["10400 NE 4TH ST", "425-952-2985", "WA", "98004", "USA"],
    ),
    shop(
        Kind::Online,
        "5815",
        "235290013310",
        "SPOTIFY USA",
        ["4 WORLD TRADE CENTER", "877-778-1161", "NY", "10007", "USA"],
    ),
    shop(
        Kind::Online,
        "4899",
        "235244019927",
        "NETFLIX.COM",
        ["100 WINCHESTER CIR", "866-579-7172", "CA", "95032", "USA"],
    ),
    shop(
        Kind::Online,
        "5964",
        "520199931027",
        "ZALANDO SE",
        ["VALESKA-GERT-STR 5", "BERLIN", "BE", "10243", "DEU"],
    ),
    shop(
        Kind::Software,
        "5734",
        "235277100938",
        "GITHUB, INC.",
        ["88 COLIN P KELLY JR", "877-448-4820", "CA", "94107", "USA"],
    ),
    shop(
        Kind::Software,
        "7372",
        "235277441002",
        "FIGMA",
        ["760 MARKET ST", "415-890-5404", "CA", "94103", "USA"],
    ),
    shop(
        Kind::Software,
        "4816",
        "235277909912",
        "GOOGLE*WORKSPACE",
        ["1600 AMPHITHEATRE", "650-253-0000", "CA", "94043", "USA"],
    ),
    shop(
        Kind::Software,
        "7311",
        "235201120044",
        "GOOGLE*ADS7712098",
        ["1600 AMPHITHEATRE", "650-253-0000", "CA", "94043", "USA"],
    ),
    shop(
        Kind::Travel,
        "3000",
        "441100239917",
        "UNITED 0162341882710",
        ["609 MAIN ST", "800-932-2732", "TX", "77002", "USA"],
    ),
    shop(
        Kind::Travel,
        "4511",
        "520110093321",
        "LUFTHANSA AG",
        ["VENLOER STR 151", "KOELN", "NW", "50679", "DEU"],
    ),
    shop(
        Kind::Travel,
        "7512",
        "441177200381",
        "HERTZ RENT-A-CAR",
        ["7135 GILESPIE ST", "LAS VEGAS", "NV", "89119", "USA"],
    ),
    shop(
        Kind::Hotel,
        "3501",
        "441155103310",
        "HOLIDAY INN EXPRESS",
        ["920 BROADWAY", "NASHVILLE", "TN", "37203", "USA"],
    ),
    shop(
        Kind::Hotel,
        "7011",
        "527788100931",
        "HOTEL LE MARAIS",
        ["2 BIS RUE DE COMMINES", "PARIS", "IDF", "75004", "FRA"],
    ),
    shop(
        Kind::Pharmacy,
        "5912",
        "450066719903",
        "CVS/PHARMACY #04675",
        ["55 COURT ST", "BOSTON", "MA", "02108", "USA"],
    ),
    shop(
        Kind::Pharmacy,
        "5912",
        "450066810077",
        "WALGREENS #3383",
        ["200 SE 1ST AVE", "MIAMI", "FL", "33131", "USA"],
    ),
    shop(
        Kind::Leisure,
        "7832",
        "447790012204",
        "AMC 9640 ONLINE",
        ["11500 ASH ST", "LEAWOOD", "KS", "66211", "USA"],
    ),
    shop(
        Kind::Leisure,
        "7997",
        "447791102830",
        "PLANET FITNESS 0412",
        ["777 S HARBOUR ISL", "TAMPA", "FL", "33602", "USA"],
    ),
    shop(
        Kind::Utilities,
        "4900",
        "446600120077",
        "PG&E WEBRECURRING",
        ["77 BEALE ST", "800-743-5000", "CA", "94105", "USA"],
    ),
    shop(
        Kind::Utilities,
        "4814",
        "446610239910",
        "VERIZON WRLS MYACCT",
        ["ONE VERIZON WAY", "800-922-0204", "GA", "30004", "USA"],
    ),
];

const fn shop(
    kind: Kind,
    mcc: &'static str,
    id: &'static str,
    name: &'static str,
    place: [&'static str; 5],
) -> Merchant {
    let [street, city, state, postal_code, country] = place;
    Merchant {
        kind,
        mcc,
        id,
        name,
        street,
        city,
        state,
        postal_code,
        country,
    }
}

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
