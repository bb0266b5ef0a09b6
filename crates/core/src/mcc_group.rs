//! Groups of merchant categories that controls can name, as data: ISO 18245 codes by what
//! operators mean when they say "no gambling". The processor's own groups come with its messages.

use crate::merchant::Mcc;

/// A name, and the ranges of codes that it stands for, both ends included.
pub type MccGroup = (&'static str, &'static [(u16, u16)]);

/// Every group, in the order of their names.
pub const MCC_GROUPS: &[MccGroup] = &[
    ("airlines", &[(3000, 3350), (4511, 4511)]),
    ("alcohol", &[(5813, 5813), (5921, 5921)]),
    ("car_rental", &[(3351, 3500), (7512, 7513)]),
    ("cash", &[(6010, 6011)]),
    ("dating_and_escort", &[(7273, 7273), (7297, 7297)]),
    ("digital_goods", &[(5815, 5818)]),
    ("fuel", &[(5541, 5542), (5552, 5552), (5983, 5983)]),
    ("gambling", &[(7800, 7802), (7995, 7995), (9406, 9406)]),
    ("groceries", &[(5411, 5411), (5422, 5422), (5441, 5441), (5451, 5451), (5462, 5462), (5499, 5499)]),
    ("lodging", &[(3501, 3999), (7011, 7012)]),
    ("money_transfer", &[(4829, 4829), (6529, 6540)]),
    ("quasi_cash", &[(6050, 6051), (6211, 6211)]),
    ("restaurants", &[(5811, 5814)]),
    ("software", &[(5734, 5734), (7372, 7372)]),
    ("tobacco", &[(5993, 5993)]),
    (
        "travel",
        &[(3000, 3999), (4112, 4112), (4411, 4411), (4511, 4511), (4722, 4722), (7011, 7012), (7512, 7513)],
    ),
];

/// The ranges of the group with this name.
#[must_use]
pub fn find_group(name: &str) -> Option<&'static MccGroup> {
    MCC_GROUPS.iter().find(|(group, _)| *group == name)
}

/// Whether the category is one of the group's.
#[must_use]
pub fn contains((_, ranges): &MccGroup, mcc: Mcc) -> bool {
    let code = mcc.number();
    ranges.iter().any(|(first, last)| (*first..=*last).contains(&code))
}

/// What merchants sell, by the parts into which ISO 18245 divides its codes; each begins at its code and ends before
/// the next.
const CATEGORIES: &[(u16, &str)] = &[
    (0, "other"),
    (700, "agriculture"),
    (1500, "contractors"),
    (3000, "airlines"),
    (3351, "car_rental"),
    (3501, "lodging"),
    (4000, "transport"),
    (4800, "telecommunication"),
    (4829, "money_transfer"),
    (4830, "telecommunication"),
    (4900, "utilities"),
    (5000, "wholesale"),
    (5200, "home_and_garden"),
    (5300, "general_stores"),
    (5411, "groceries"),
    (5500, "vehicles_and_fuel"),
    (5600, "clothing"),
    (5700, "furniture_and_electronics"),
    (5811, "restaurants"),
    (5815, "digital_goods"),
    (5819, "shops"),
    (6010, "financial_services"),
    (6300, "insurance"),
    (6400, "financial_services"),
    (7011, "lodging"),
    (7200, "personal_services"),
    (7300, "business_services"),
    (7511, "vehicle_services"),
    (7600, "repairs"),
    (7800, "entertainment"),
    (8000, "health"),
    (8111, "professional_services"),
    (8200, "education"),
    (8300, "charity_and_membership"),
    (8700, "professional_services"),
    (9000, "government"),
];

/// What merchants of this code sell, in a word.
#[must_use]
pub fn category(mcc: Mcc) -> &'static str {
    let end = CATEGORIES.partition_point(|(first, _)| *first <= mcc.number());
    CATEGORIES[end.saturating_sub(1)].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_in_order_and_each_range_is_one() {
        assert!(MCC_GROUPS.is_sorted_by(|one, other| one.0 < other.0));
        for (name, ranges) in MCC_GROUPS {
            assert!(ranges.iter().all(|(first, last)| first <= last && *last <= 9999), "{name}");
            assert!(ranges.is_sorted_by(|one, other| one.1 < other.0), "{name}");
        }
    }

    #[test]
    fn a_group_is_found_by_its_name_and_has_its_codes() {
        let gambling = find_group("gambling").expect("a group");
        for (code, is_in) in [("7995", true), ("7801", true), ("5411", false)] {
            assert_eq!(contains(gambling, Mcc::parse(code).expect("a code")), is_in, "{code}");
        }
        assert_eq!(find_group("Gambling"), None);
    }

    #[test]
    fn every_code_has_a_category() {
        assert!(CATEGORIES.is_sorted_by(|one, other| one.0 < other.0));
        for (code, expected) in [
            ("0000", "other"),
            ("3000", "airlines"),
            ("3350", "airlines"),
            ("3351", "car_rental"),
            ("5411", "groceries"),
            ("5499", "groceries"),
            ("5812", "restaurants"),
            ("5999", "shops"),
            ("7995", "entertainment"),
            ("9999", "government"),
        ] {
            assert_eq!(category(Mcc::parse(code).expect("a code")), expected, "{code}");
        }
    }
}
