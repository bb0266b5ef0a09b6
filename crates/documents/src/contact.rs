//! How a person is reached: an e-mail address or a telephone number, and the one form that each is found by.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

/// An e-mail address, as it was given. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Email(Box<str>);

/// A telephone number: `+` and 7 to 15 digits (E.164). `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Phone(Box<str>);

/// What persons are found by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contact {
    /// Their e-mail address.
    Email(Email),
    /// Their telephone number.
    Phone(Phone),
}

/// The text is none. What it was is not told: it is personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ContactError {
    /// The e-mail address.
    #[error("email is no address of the form name@domain, of at most 254 bytes and without spaces")]
    Email,
    /// The telephone number.
    #[error("phone is no international number: + and the country's code, 7 to 15 digits in all (E.164)")]
    Phone,
}

impl Email {
    /// As many bytes as an address may have on its way (RFC 5321).
    const BYTES_MAX: usize = 254;

    /// Reads an address. That somebody reads it is not asked.
    ///
    /// # Errors
    /// It has not the form of one.
    pub fn parse(text: &str) -> Result<Self, ContactError> {
        let text = text.trim();
        let (name, domain) = text.rsplit_once('@').ok_or(ContactError::Email)?;
        let is_odd = |c: char| c.is_whitespace() || c.is_control() || c == '@';
        let is_address = !name.is_empty()
            && domain.split('.').all(|label| !label.is_empty())
            && text.len() <= Self::BYTES_MAX
            && !name.contains(is_odd)
            && !domain.contains(is_odd);
        if is_address { Ok(Self(text.into())) } else { Err(ContactError::Email) }
    }

    /// As it was given, without spaces around it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that it is found by: in lower case. Two that differ in case only are one at every provider that matters.
    #[must_use]
    pub fn normalised(&self) -> String {
        self.0.to_lowercase()
    }
}

impl Phone {
    /// Reads a number with its country's code. Digits may be parted by spaces, hyphens, dots, slashes and parentheses;
    /// a zero in parentheses, which is left out when one calls from abroad, is refused rather than guessed at.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Self, ContactError> {
        let rest = text.trim().strip_prefix('+').ok_or(ContactError::Phone)?;
        let is_mark = |c: char| matches!(c, ' ' | '\u{a0}' | '-' | '.' | '/' | '(' | ')');
        let digits: String = rest.chars().filter(|c| !is_mark(*c)).collect();
        let is_number = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0')
            && !rest.contains("(0)");
        if is_number { Ok(Self(format!("+{digits}").into())) } else { Err(ContactError::Phone) }
    }

    /// `+` and the digits, which is also the form that it is found by.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! contact {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

contact!(Email);
contact!(Phone);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_kept_as_it_was_given_and_found_in_lower_case() {
        let email = Email::parse("  Ada.Lovelace+cards@Example.ORG ").expect("an address");
        assert_eq!(email.as_str(), "Ada.Lovelace+cards@Example.ORG");
        assert_eq!(email.normalised(), "ada.lovelace+cards@example.org");
    }

    #[test]
    fn what_is_no_address_is_refused_by_the_field_s_name_and_not_shown() {
        let long = format!("{}@example.org", "a".repeat(250));
        for bad in [
            "",
            "ada",
            "@example.org",
            "ada@",
            "ada@.org",
            "ada@example..org",
            "a da@example.org",
            "a@b@c",
            &long,
        ] {
            let error = Email::parse(bad).expect_err(bad).to_string();
            assert!(error.starts_with("email ") && (bad.is_empty() || !error.contains("ada")), "{error}");
        }
    }

    #[test]
    fn a_number_is_its_digits_however_it_is_written() {
        for spelling in
            ["+4915112345678", " +49 151 123-456.78", "+49 (151) 12345/678", "+49\u{a0}151 12345678"]
        {
            assert_eq!(Phone::parse(spelling).expect(spelling).as_str(), "+4915112345678");
        }
    }

    #[test]
    fn what_is_no_number_is_refused_by_the_field_s_name() {
        for bad in [
            "",
            "+",
            "0151 12345678",
            "4915112345678",
            "+49",
            "+0049151123456",
            "+49 (0)151 12345678",
            "+1234567890123456",
            "+49 151 call me",
            "+49151٣٤٥٦٧٨",
        ] {
            let error = Phone::parse(bad).expect_err(bad);
            assert!(error.to_string().starts_with("phone "), "{bad}");
        }
    }

    #[test]
    fn debug_shows_neither() {
        let email = Email::parse("ada@example.org").expect("an address");
        let phone = Phone::parse("+4915112345678").expect("a number");
        assert_eq!(format!("{email:?} {phone:?}"), "Email Phone");
    }
}
