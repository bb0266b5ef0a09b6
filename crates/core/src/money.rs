//! Money: whole minor units of an ISO 4217 currency, read from and printed as exact decimals.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A current ISO 4217 currency with 0, 2 or 3 decimal places.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency {
    iso: iso_currency::Currency,
    exponent: u8,
}

/// The code names no currency that money can be kept in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a current ISO 4217 currency with 0, 2 or 3 decimal places")]
pub struct CurrencyError(String);

impl Currency {
    /// Reads an alphabetic (`USD`) or a numeric (`840`) code: processors send both.
    ///
    /// # Errors
    /// The code is unknown, superseded, a fund or a metal, or has other decimal places.
    pub fn parse(code: &str) -> Result<Self, CurrencyError> {
        let unknown = || CurrencyError(code.chars().take(8).collect());
        // `parse` alone would read "+84" too.
        let is_numeric = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
        let numeric = is_numeric.then(|| code.parse::<u16>().ok()).flatten();
        let iso = match numeric {
            Some(number) => iso_currency::Currency::from_numeric(number),
            None => iso_currency::Currency::from_code(code),
        };
        let iso = iso.filter(|iso| !iso.is_fund() && !iso.is_special() && iso.is_superseded().is_none());
        let iso = iso.ok_or_else(unknown)?;
        match iso.exponent() {
            Some(exponent @ (0 | 2 | 3)) => Ok(Self { iso, exponent: exponent as u8 }),
            _ => Err(unknown()),
        }
    }

    /// The alphabetic code.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.iso.code()
    }

    /// Decimal places: 0, 2 or 3.
    #[must_use]
    pub fn exponent(self) -> u8 {
        self.exponent
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(code: &str) -> Result<Self, CurrencyError> {
        Self::parse(code)
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::parse(&code).map_err(serde::de::Error::custom)
    }
}

/// An amount of one currency, in minor units (cents for USD).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Whole minor units.
    pub minor: i64,
    /// The currency they are units of.
    pub currency: Currency,
}

/// Why a text is not an amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum AmountError {
    /// Not a decimal number.
    #[error("the amount is not a decimal number")]
    NotANumber,
    /// Below zero.
    #[error("the amount is negative")]
    Negative,
    /// A digit below the minor unit of the currency.
    #[error("the amount has more decimal places than its currency")]
    TooPrecise,
    /// Does not fit 64 bits of minor units.
    #[error("the amount is too large")]
    TooLarge,
    /// Zero where money has to move.
    #[error("the amount is zero")]
    Zero,
}

impl Money {
    /// Reads a decimal text (`10`, `15.3`, `200.00`, `1.5e2`) exactly; no float is involved.
    /// Zeros beyond the currency's decimal places are no precision.
    ///
    /// # Errors
    /// See [`AmountError`]; a zero is an amount here.
    pub fn parse(text: &str, currency: Currency) -> Result<Self, AmountError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let decimal = Decimal::parse(digits)?;
        let minor = decimal.scaled(i64::from(currency.exponent()))?;
        if negative && minor != 0 {
            return Err(AmountError::Negative);
        }
        Ok(Self { minor, currency })
    }
}

impl fmt::Display for Money {
    /// The decimal alone, with all places of the currency: `15.30`, `1000`, `-0.05`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let places = usize::from(self.currency.exponent());
        let sign = if self.minor < 0 { "-" } else { "" };
        let units = self.minor.unsigned_abs();
        if places == 0 {
            return write!(f, "{sign}{units}");
        }
        let one = 10_u64.pow(places as u32);
        write!(f, "{sign}{}.{:0places$}", units / one, units % one)
    }
}

impl fmt::Debug for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self} {}", self.currency)
    }
}

/// The digits of an unsigned JSON number and where its point stands.
pub(crate) struct Decimal<'a> {
    pub(crate) whole: &'a str,
    pub(crate) fraction: &'a str,
    pub(crate) exponent: i64,
}

impl<'a> Decimal<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, AmountError> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = match mantissa.split_once('.') {
            Some((_, "")) => return Err(AmountError::NotANumber),
            Some(parts) => parts,
            None => (mantissa, ""),
        };
        let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) {
            return Err(AmountError::NotANumber);
        }
        Ok(Self { whole, fraction, exponent })
    }

    /// The value times ten to the `places`, if that is whole.
    fn scaled(&self, places: i64) -> Result<i64, AmountError> {
        let shift = self.exponent.checked_add(places).ok_or(AmountError::TooLarge)?;
        let mut minor: i64 = 0;
        for (index, digit) in self.whole.bytes().chain(self.fraction.bytes()).enumerate() {
            // How many places left of the new point this digit stands; below one it is a fraction.
            let place = (self.whole.len() as i64 - index as i64).saturating_add(shift);
            match (digit, place) {
                (b'0', ..=0) => {}
                (_, ..=0) => return Err(AmountError::TooPrecise),
                (digit, _) => minor = push_digit(minor, i64::from(digit - b'0'))?,
            }
        }
        let digits = (self.whole.len() + self.fraction.len()) as i64;
        let zeros = (self.whole.len() as i64).saturating_add(shift).saturating_sub(digits);
        for _ in 0..zeros.max(0) {
            if minor == 0 {
                break;
            }
            minor = push_digit(minor, 0)?;
        }
        Ok(minor)
    }
}

fn push_digit(minor: i64, digit: i64) -> Result<i64, AmountError> {
    minor.checked_mul(10).and_then(|tens| tens.checked_add(digit)).ok_or(AmountError::TooLarge)
}

/// An exponent beyond 64 bits is as good as its limit: the digits then overflow or vanish.
fn parse_exponent(text: &str) -> Result<i64, AmountError> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(AmountError::NotANumber);
    }
    let size = digits.parse::<i64>().unwrap_or(i64::MAX / 4).min(i64::MAX / 4);
    Ok(if text.starts_with('-') { -size } else { size })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str, code: &str) -> Result<i64, AmountError> {
        Money::parse(text, Currency::parse(code).expect("a currency")).map(|money| money.minor)
    }

    #[test]
    fn decimals_are_read_exactly() {
        for (text, code, minor) in [
            ("10", "USD", 1000),
            ("15.3", "USD", 1530),
            ("200.00", "USD", 20_000),
            ("0.05", "USD", 5),
            ("1.50000", "USD", 150),
            ("1.5e2", "USD", 15_000),
            ("150e-2", "USD", 150),
            ("0e400", "USD", 0),
            ("-0.00", "USD", 0),
            ("1000", "JPY", 1000),
            ("1000.0", "JPY", 1000),
            ("1.234", "KWD", 1234),
            ("92233720368547758.07", "USD", i64::MAX),
        ] {
            assert_eq!(parse(text, code), Ok(minor), "{text} {code}");
        }
    }

    #[test]
    fn what_is_no_amount_is_told_apart() {
        for (text, code, error) in [
            ("-1", "USD", AmountError::Negative),
            ("1.999", "USD", AmountError::TooPrecise),
            ("1e-3", "USD", AmountError::TooPrecise),
            ("1e-99999999999999999999", "USD", AmountError::TooPrecise),
            ("0.5", "JPY", AmountError::TooPrecise),
            ("92233720368547758.08", "USD", AmountError::TooLarge),
            ("1e400", "USD", AmountError::TooLarge),
            ("1e99999999999999999999", "USD", AmountError::TooLarge),
            ("NaN", "USD", AmountError::NotANumber),
            ("", "USD", AmountError::NotANumber),
            ("1.", "USD", AmountError::NotANumber),
            (".5", "USD", AmountError::NotANumber),
            ("1 0", "USD", AmountError::NotANumber),
            ("0x10", "USD", AmountError::NotANumber),
            ("--1", "USD", AmountError::NotANumber),
            ("1e", "USD", AmountError::NotANumber),
        ] {
            assert_eq!(parse(text, code), Err(error), "{text} {code}");
        }
    }

    #[test]
    fn only_currencies_that_money_is_kept_in_are_read() {
        for code in ["USD", "840", "JPY", "392", "KWD", "EUR", "008"] {
            assert!(Currency::parse(code).is_ok(), "{code}");
        }
        for code in ["usd", "XAU", "XXX", "DEM", "CLF", "CHE", "US", "", "999", "+84", "USDT"] {
            assert!(Currency::parse(code).is_err(), "{code}");
        }
    }

    proptest! {
        #[test]
        fn every_amount_survives_its_text(minor in 0..=i64::MAX, code in prop::sample::select(vec!["JPY", "USD", "KWD"])) {
            let currency = Currency::parse(code).expect("a currency");
            let money = Money { minor, currency };
            prop_assert_eq!(Money::parse(&money.to_string(), currency), Ok(money));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in "\\PC{0,40}|[-+]?[0-9]{0,30}(\\.[0-9]{0,30})?([eE][-+]?[0-9]{0,25})?") {
            let _ = Money::parse(&text, Currency::parse("KWD").expect("dinars"));
        }
    }
}
