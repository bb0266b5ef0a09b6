//! Typed ids: a prefix that tells the kind and 26 characters of base 32, 36 characters at most,
//! so that each also fits where a processor asks for a token.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;
use uuid::Uuid;

/// The text is not an id of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id of the form {prefix}_ and 26 letters and digits")]
pub struct IdError {
    prefix: &'static str,
    text: String,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident, $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// What every id of this kind begins with, before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Wraps an id made elsewhere: ids are version 7, so later ones sort after earlier ones.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare id, as stores keep it.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut digits = [0; ulid::ULID_LEN];
                let digits = Ulid(self.0.as_u128()).array_to_str(&mut digits);
                digits.make_ascii_lowercase();
                write!(f, "{}_{digits}", Self::PREFIX)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                text.strip_prefix(Self::PREFIX)
                    .and_then(|rest| rest.strip_prefix('_'))
                    .and_then(|digits| Ulid::from_string(digits).ok())
                    .map(|ulid| Self(Uuid::from_u128(ulid.0)))
                    .ok_or_else(|| IdError { prefix: Self::PREFIX, text: text.chars().take(48).collect() })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

ids! {
    /// A card program.
    ProgramId, "prog";
    /// A company or a person: the unit of lane, lock and event sequence.
    OwnerId, "own";
    /// A spending control.
    ControlId, "ctrl";
    /// The money that cards draw on.
    AccountId, "acct";
    /// Who uses a card: a business user of a company, or a person.
    CardholderId, "chld";
    /// A card.
    CardId, "card";
    /// One message and its decision: an authorization, a load, a created card.
    MessageId, "msg";
    /// One balanced set of entries.
    JournalId, "jrnl";
    /// One row of the outbox.
    EventId, "evt";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_text_and_fits_a_processor_token() {
        let id = CardholderId::new(Uuid::from_u128(0x0192_f3a4_b5c6_7d8e_9fa0_b1c2_d3e4_f506));
        let text = id.to_string();
        assert!(text.starts_with("chld_") && text.len() <= 36, "{text}");
        assert_eq!(text.parse::<CardholderId>(), Ok(id));
    }

    #[test]
    fn an_id_of_another_kind_is_refused_by_name() {
        let card = CardId::new(Uuid::from_u128(1)).to_string();
        let error = card.parse::<AccountId>().expect_err("another kind");
        assert!(error.to_string().contains("acct_"), "{error}");
    }
}
