//! A card. Its number is never known here: the processor's token and the last four digits stand for it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, CardId, CardholderId, OwnerId};
use crate::text::Token;
use crate::word::words;

/// A card: it never changes owner, cardholder or account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Card {
    /// Its id.
    pub id: CardId,
    /// Whose money it draws on.
    pub owner: OwnerId,
    /// Who may use it.
    pub cardholder: CardholderId,
    /// The account it draws on.
    pub account: AccountId,
    /// The processor's card token; the id where the caller gave none.
    pub token: Token,
    /// The last four digits of the number, as printed on statements.
    pub last_four: Option<LastFour>,
    /// Whether it may be used.
    pub status: CardStatus,
    /// When it came to that status, by the clock of whoever changed it; `None` as long as nobody did.
    pub status_at: Option<Timestamp>,
}

/// Exactly four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LastFour([u8; 4]);

/// The text is not four digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("last four must be exactly four digits")]
pub struct LastFourError;

impl LastFour {
    /// Reads exactly four digits.
    ///
    /// # Errors
    /// Anything else.
    pub fn new(text: &str) -> Result<Self, LastFourError> {
        match <[u8; 4]>::try_from(text.as_bytes()) {
            Ok(digits) if digits.iter().all(u8::is_ascii_digit) => Ok(Self(digits)),
            _ => Err(LastFourError),
        }
    }

    /// The four digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl Serialize for LastFour {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for LastFour {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

words! {
    /// Whether a card may be used.
    pub enum CardStatus {
        /// Issued, not yet in use.
        Unactivated = "unactivated",
        /// In use.
        Active = "active",
        /// Not in use for now.
        Suspended = "suspended",
        /// Never in use again.
        Terminated = "terminated",
    }
}

impl CardStatus {
    /// Whether it never changes again.
    #[must_use]
    pub fn is_final(self) -> bool {
        self == Self::Terminated
    }

    /// Whether a card may go from this status to the other (processor reference 8.3).
    #[must_use]
    pub fn may_become(self, to: Self) -> bool {
        match (self, to) {
            (Self::Terminated, _) => false,
            (_, Self::Terminated) => true,
            (Self::Unactivated | Self::Suspended, to) => to == Self::Active,
            (Self::Active, to) => to == Self::Suspended,
        }
    }
}
