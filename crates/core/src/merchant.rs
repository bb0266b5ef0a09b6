//! Where a purchase was made, as far as the message tells.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{FreeText, Token};
use crate::word::words;

/// Where a purchase was made, as far as the message tells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Merchant {
    /// The acquirer's id of the merchant: an identifier, kept as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Token>,
    /// What kind of business it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mcc: Option<Mcc>,
    /// Name on the statement.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<FreeText>,
    /// City, or a phone number for card-not-present merchants.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub city: Option<FreeText>,
    /// Where it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// The groups of merchant categories that the processor counts it to, by the processor's names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Token>,
    /// How the card was used there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub channels: Vec<Channel>,
}

words! {
    /// How a card is used. A message may tell several, or none.
    pub enum Channel {
        /// The card was there.
        CardPresent = "card_present",
        /// The card was not there.
        CardNotPresent = "card_not_present",
        /// On the internet.
        Ecommerce = "ecommerce",
        /// By mail or telephone.
        MailOrTelephone = "mail_or_telephone",
        /// At a cash machine.
        Atm = "atm",
        /// One of a series that the cardholder agreed to.
        Recurring = "recurring",
        /// Held to the terminal.
        Contactless = "contactless",
    }
}

/// A merchant category code, ISO 18245: four digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mcc([u8; 4]);

/// A country by its ISO 3166-1 code as the processor sends it: two or three letters, or three
/// digits. Short enough that no card number fits.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Country(Box<str>);

/// The text is no code of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// No merchant category code.
    #[error("a merchant category code has four digits")]
    Mcc,
    /// No country code.
    #[error("a country code has two or three letters, or three digits (ISO 3166-1)")]
    Country,
}

impl Mcc {
    /// Reads four digits.
    ///
    /// # Errors
    /// The text is anything else.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        match <[u8; 4]>::try_from(text.as_bytes()) {
            Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(Self(digits)),
            _ => Err(CodeError::Mcc),
        }
    }

    /// The four digits as a number.
    #[must_use]
    pub fn number(&self) -> u16 {
        self.0.iter().fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'))
    }

    /// The four digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Country {
    /// Reads a code. Whether a country has it is not asked: the lists of processors differ.
    ///
    /// # Errors
    /// The text has another form.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let all = |is: fn(&u8) -> bool| text.as_bytes().iter().all(is);
        match text.len() {
            2 | 3 if all(u8::is_ascii_alphabetic) => Ok(Self(text.into())),
            3 if all(u8::is_ascii_digit) => Ok(Self(text.into())),
            _ => Err(CodeError::Country),
        }
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether both mean one country, in whichever of the three forms each is written.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        match (self.entry(), other.entry()) {
            (Some(one), Some(other)) => one == other,
            _ => self.0.eq_ignore_ascii_case(&other.0),
        }
    }

    /// Whether ISO 3166-1 lists the code.
    #[must_use]
    pub fn is_listed(&self) -> bool {
        self.entry().is_some()
    }

    fn entry(&self) -> Option<&'static str> {
        let code = self.0.to_ascii_uppercase();
        let found = match code.len() {
            2 => rust_iso3166::from_alpha2(&code),
            _ if code.as_bytes()[0].is_ascii_digit() => rust_iso3166::from_numeric_str(&code),
            _ => rust_iso3166::from_alpha3(&code),
        };
        found.map(|country| country.alpha3)
    }
}

macro_rules! code {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

code!(Mcc);
code!(Country);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_merchant_category_code_has_four_digits() {
        assert_eq!(Mcc::parse("0742").map(|mcc| mcc.as_str().to_owned()), Ok("0742".to_owned()));
        for text in ["", "742", "07422", "58x2", "٥٤١١", "4111111111111111"] {
            assert_eq!(Mcc::parse(text), Err(CodeError::Mcc), "{text:?}");
        }
    }

    #[test]
    fn a_country_is_the_same_in_each_of_its_forms() {
        let country = |text| Country::parse(text).expect("a code");
        for (one, other) in [("US", "USA"), ("usa", "840"), ("DEU", "de"), ("xkx", "XKX")] {
            assert!(country(one).is_same(&country(other)), "{one} {other}");
        }
        assert!(!country("US").is_same(&country("CAN")));
        assert!(country("IND").is_listed() && !country("QQQ").is_listed());
    }

    #[test]
    fn a_country_has_letters_or_digits_and_no_mixture() {
        for text in ["US", "USA", "840"] {
            assert_eq!(Country::parse(text).map(|code| code.as_str().to_owned()), Ok(text.to_owned()));
        }
        for text in ["", "U", "84", "U4A", "USAX", "é", "4111111111111111"] {
            assert_eq!(Country::parse(text), Err(CodeError::Country), "{text:?}");
        }
    }
}
