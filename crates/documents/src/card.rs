//! A card, as its person sees it.

use std::fmt;

use bursar_core::card::LastFour;
use bursar_core::text::FreeText;
use bursar_core::{AccountId, CardId, CardStatus, OwnerId};

/// What the ledger says of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardState {
    /// Its id.
    pub id: CardId,
    /// Whose it is.
    pub person: OwnerId,
    /// The wallet that it draws on.
    pub account: AccountId,
    /// As printed on statements.
    pub last_four: Option<LastFour>,
    /// Whether it may be used.
    pub status: CardStatus,
    /// The owner's number of the change that made it so.
    pub sequence: i64,
}

/// A card, and how its person calls it. `Debug` does not show that.
#[derive(Clone, PartialEq, Eq)]
pub struct PersonalCard {
    /// What the ledger says.
    pub state: CardState,
    /// Known here only: what the ledger says later leaves it as it is.
    pub label: Option<FreeText>,
}

impl fmt::Debug for PersonalCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PersonalCard").field("state", &self.state).finish_non_exhaustive()
    }
}
