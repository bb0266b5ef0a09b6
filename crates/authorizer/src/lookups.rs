//! What a message's tokens mean, from memory where it is known.
//!
//! Only what never changes is kept: which card, cardholder, account and owner belong together.
//! "Not found" is never kept, and nothing from here decides: states and balances are read under
//! the owner's lock.

use std::sync::Arc;
use std::time::Duration;

use bursar_core::CardholderId;
use bursar_core::command::{Found, Route};
use bursar_core::text::Token;
use bursar_store::{Ledger, Stage, StoreError};
use moka::future::Cache;

use crate::timeline::Timeline;

/// How long and how much is kept in memory.
#[derive(Debug, Clone, Copy)]
pub struct CacheSettings {
    /// How long a cardholder's token is kept.
    pub user_ttl: Duration,
    /// How long a card's token is kept.
    pub card_ttl: Duration,
    /// How many tokens of each kind are kept at most.
    pub entries_max: u64,
}

/// The tokens of a swipe, as far as it names them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Who used the card.
    pub acting: Option<&'a Token>,
    /// Who pays, where that is somebody else.
    pub paying: Option<&'a Token>,
    /// The card.
    pub card: Option<&'a Token>,
}

/// Cards and cardholders by the processor's tokens.
pub(crate) struct Lookups {
    ledger: Arc<dyn Ledger>,
    cards: Cache<Token, Route>,
    users: Cache<Token, CardholderId>,
}

impl Lookups {
    pub(crate) fn new(ledger: Arc<dyn Ledger>, settings: CacheSettings) -> Self {
        let cards =
            Cache::builder().max_capacity(settings.entries_max).time_to_live(settings.card_ttl).build();
        let users =
            Cache::builder().max_capacity(settings.entries_max).time_to_live(settings.user_ttl).build();
        Self { ledger, cards, users }
    }

    /// What the tokens mean. The time of each kind goes to a stage of its own.
    pub(crate) async fn find(
        &self,
        wanted: Wanted<'_>,
        timeline: &mut Timeline,
    ) -> Result<Found, StoreError> {
        let mut found = Found::default();
        if let Some(token) = wanted.acting {
            found.acting = self.user(token).await?;
        }
        if let Some(token) = wanted.paying {
            found.paying = self.user(token).await?;
        }
        timeline.mark(Stage::UserLookup);
        if let Some(token) = wanted.card {
            found.route = self.card(token).await?;
        }
        timeline.mark(Stage::CardLookup);
        timeline.mark(Stage::LimitsLookup);
        Ok(found)
    }

    async fn card(&self, token: &Token) -> Result<Option<Route>, StoreError> {
        if let Some(route) = self.cards.get(token).await {
            return Ok(Some(route));
        }
        let route = self.ledger.find_route(token).await?;
        if let Some(route) = route {
            self.cards.insert(token.clone(), route).await;
        }
        Ok(route)
    }

    async fn user(&self, token: &Token) -> Result<Option<CardholderId>, StoreError> {
        if let Some(id) = self.users.get(token).await {
            return Ok(Some(id));
        }
        let cardholder = self.ledger.find_cardholder_by_token(token).await?;
        if let Some(cardholder) = &cardholder {
            self.users.insert(token.clone(), cardholder.id).await;
        }
        Ok(cardholder.map(|cardholder| cardholder.id))
    }
}
