//! Where a purchase was made, as far as the message tells.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::text::{FreeText, Token};

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
    fn a_country_has_letters_or_digits_and_no_mixture() {
        for text in ["US", "USA", "840"] {
            assert_eq!(Country::parse(text).map(|code| code.as_str().to_owned()), Ok(text.to_owned()));
        }
        for text in ["", "U", "84", "U4A", "USAX", "é", "4111111111111111"] {
            assert_eq!(Country::parse(text), Err(CodeError::Country), "{text:?}");
        }
    }
}
