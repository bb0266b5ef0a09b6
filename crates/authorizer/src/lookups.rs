//! What a message's tokens mean: from the cache where it is known, else from the ledger.
//!
//! Only what never changes is kept: which card, cardholder, account and owner belong together.
//! "Not found" is never kept, and nothing from here decides: states and balances are read under
//! the owner's lock.

use std::sync::Arc;

use bursar_cache::Cache;
use bursar_core::CardholderId;
use bursar_core::command::{Found, Route};
use bursar_core::text::Token;
use bursar_store::{Ledger, Stage, StoreError};

use crate::timeline::Timeline;

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
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) cache: Arc<Cache>,
}

impl Lookups {
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
        self.cache.routes.find(token, self.ledger.find_route(token)).await
    }

    async fn user(&self, token: &Token) -> Result<Option<CardholderId>, StoreError> {
        let loading = async {
            let cardholder = self.ledger.find_cardholder_by_token(token).await?;
            Ok(cardholder.map(|cardholder| cardholder.id))
        };
        self.cache.users.find(token, loading).await
    }
}
