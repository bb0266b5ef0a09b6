//! Money by its text.

use bursar_core::{Currency, Money};

/// Dollars: `usd("30.00")`.
#[must_use]
pub fn usd(text: &str) -> Money {
    money(text, "USD")
}

/// Yen: `jpy("3000")`.
#[must_use]
pub fn jpy(text: &str) -> Money {
    money(text, "JPY")
}

/// Kuwaiti dinars, which have three decimal places: `kwd("1.250")`.
#[must_use]
pub fn kwd(text: &str) -> Money {
    money(text, "KWD")
}

/// An amount of the currency with this code.
///
/// # Panics
/// The text is no amount, or the code no currency.
#[must_use]
pub fn money(text: &str, code: &str) -> Money {
    Money::parse(text, currency(code)).expect("an amount")
}

/// The currency with this code.
///
/// # Panics
/// There is none.
#[must_use]
pub fn currency(code: &str) -> Currency {
    Currency::parse(code).expect("a currency")
}
