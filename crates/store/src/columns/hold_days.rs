//! For how many days the holds of certain merchants are kept, in one short text: `7012=3,lodging=30`.

use bursar_core::hold_days::{Days, DaysByMerchant, HoldDays, HoldDaysError};

/// The text of what is said of merchants.
#[must_use]
pub fn write(by_merchant: &DaysByMerchant) -> String {
    by_merchant.iter().map(|(name, days)| format!("{name}={days}")).collect::<Vec<_>>().join(",")
}

/// What the usual number and the text say.
///
/// # Errors
/// They are damaged.
pub fn read(usual: i64, text: &str) -> Result<HoldDays, HoldDaysError> {
    let parts = text.split(',').filter(|part| !part.is_empty());
    let by_merchant = parts.map(|part| {
        let (name, days) = part.split_once('=').unwrap_or((part, ""));
        (name.to_owned(), days.parse().unwrap_or(0))
    });
    Ok(HoldDays { usual: Days::new(usual)?, by_merchant: DaysByMerchant::new(by_merchant)? })
}

/// The same, and the longest days where they cannot be read: no decision needs them, and a hold that is kept too
/// long does less harm than one that is ended too soon.
#[must_use]
pub fn read_or_longest(usual: i64, text: &str) -> HoldDays {
    read(usual, text).unwrap_or(HoldDays { usual: Days::LONGEST, by_merchant: DaysByMerchant::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        for text in ["", "lodging=30", "7012=3,car_rental=30,lodging=21"] {
            let read = read(7, text).expect("good text");
            assert_eq!((read.usual.number(), write(&read.by_merchant).as_str()), (7, text));
        }
        for (usual, text) in [(0, ""), (7, "lodging"), (7, "lodging=x"), (7, "hotels=3"), (7, "lodging=366")]
        {
            assert!(read(usual, text).is_err(), "{usual} {text}");
            assert_eq!(read_or_longest(usual, text).usual.number(), 365);
        }
    }
}
