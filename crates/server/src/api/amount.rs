//! Amounts in requests: decimals, read as text and never as a float.

use bursar_core::money::AmountError;
use bursar_core::{Currency, Money, command};
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::value::RawValue;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{PartialSchema, ToSchema};

use super::schema;
use crate::problem::{Code, Problem};

/// The text of a decimal: a JSON string, or a JSON number exactly as it stands in the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AmountText(String);

impl AmountText {
    /// The amount, or what is wrong with it.
    pub(super) fn parse(&self, currency: Currency) -> Result<Money, AmountError> {
        Money::parse(&self.0, currency)
    }

    /// The amount; zero is one.
    pub(super) fn read(&self, currency: Currency) -> Result<command::Amount, Problem> {
        let money = self.parse(currency).map_err(invalid)?;
        Ok(command::Amount { currency: Some(currency), minor: Ok(money.minor) })
    }

    /// The amount, which has to be above zero.
    pub(super) fn read_above_zero(&self, currency: Currency) -> Result<command::Amount, Problem> {
        match self.read(currency)? {
            command::Amount { minor: Ok(0), .. } => Err(invalid(AmountError::Zero)),
            amount => Ok(amount),
        }
    }
}

/// An amount that may be left out, with its currency: both or neither.
pub(super) fn with_currency(
    amount: Option<&AmountText>,
    currency: Option<Currency>,
) -> Result<Option<(&AmountText, Currency)>, Problem> {
    let missing = |field, why| Err(Problem::of_field(Code::InvalidField, field, why));
    match (amount, currency) {
        (None, None) => Ok(None),
        (Some(amount), Some(currency)) => Ok(Some((amount, currency))),
        (Some(_), None) => missing("currency", "is missing beside the amount"),
        (None, Some(_)) => missing("amount", "is missing beside the currency"),
    }
}

fn invalid(error: AmountError) -> Problem {
    Problem::of_field(Code::InvalidAmount, "amount", error)
}

impl<'de> Deserialize<'de> for AmountText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = match raw.get().as_bytes() {
            [b'"', ..] => serde_json::from_str(raw.get()).map_err(D::Error::custom)?,
            [b'-' | b'0'..=b'9', ..] => raw.get().to_owned(),
            _ => return Err(D::Error::custom("expected a decimal, such as \"12.34\"")),
        };
        Ok(Self(text))
    }
}

impl PartialSchema for AmountText {
    fn schema() -> RefOr<Schema> {
        schema::AmountIn::schema()
    }
}

impl ToSchema for AmountText {}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<i64, String> {
        let text: AmountText = serde_json::from_str(json).map_err(|error| error.to_string())?;
        let usd = Currency::parse("USD").expect("USD is a currency");
        match text.read(usd) {
            Ok(amount) => amount.minor.map_err(|error| error.to_string()),
            Err(problem) => Err(String::from_utf8_lossy(&problem.answer().body).into_owned()),
        }
    }

    #[test]
    fn strings_and_numbers_are_read_exactly() {
        for (json, minor) in [
            (r#""12.34""#, 1234),
            ("12.34", 1234),
            ("0.1", 10),
            (r#""0""#, 0),
            ("92233720368547758.07", i64::MAX),
            (r#""\u0031""#, 100),
        ] {
            assert_eq!(read(json), Ok(minor), "{json}");
        }
    }

    #[test]
    fn what_is_no_amount_is_refused_by_the_name_of_its_field() {
        for json in
            ["-1", r#""-0.01""#, "1.999", "92233720368547758.08", "1e400", r#""NaN""#, r#""""#, r#"" 1""#]
        {
            let problem = read(json).expect_err(json);
            assert!(
                problem.contains("invalid_amount") && problem.contains(r#""field":"amount""#),
                "{problem}"
            );
        }
        for json in ["null", "true", "{}", "[]"] {
            assert!(read(json).expect_err(json).contains("decimal"), "{json}");
        }
    }

    #[test]
    fn a_wrong_amount_within_a_body_is_named() {
        #[derive(Debug, serde::Deserialize)]
        struct Body {
            amount: AmountText,
        }
        let read = |json: &str| {
            let reader = &mut serde_json::Deserializer::from_slice(json.as_bytes());
            serde_path_to_error::deserialize::<_, Body>(reader)
        };
        assert_eq!(read(r#"{"amount": 1.10}"#).map(|body| body.amount.0).ok().as_deref(), Some("1.10"));
        assert_eq!(
            read(r#"{"amount": []}"#).map_err(|error| error.path().to_string()).err().as_deref(),
            Some("amount")
        );
    }
}
