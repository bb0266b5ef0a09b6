//! Standing data: what people set up and swipes leave as it is, programs, cardholders, cards and controls.
//! Good for as long as their owner's `controls_version` is the same, whichever instance changed something.

use std::sync::Arc;

use bursar_core::control::Scope;
use bursar_core::{Card, CardId, Cardholder, CardholderId, Control, OwnerId, Program};
use foldhash::HashMap;
use uuid::Uuid;

use super::{Version, Versions};
use crate::load::Wanted;

/// What is remembered of it for a batch. [`drop_stale`](Self::drop_stale) tells what is good once the owners
/// are locked.
#[derive(Default)]
pub(crate) struct Standing {
    pub(super) versions: HashMap<OwnerId, Version>,
    pub(crate) programs: HashMap<OwnerId, Program>,
    pub(crate) cardholders: HashMap<CardholderId, Cardholder>,
    pub(crate) cards: HashMap<CardId, Card>,
    pub(crate) controls: KnownControls,
}

/// Whose they are, and all of a scope; none is known, too.
pub(crate) type KnownControls = HashMap<Scope, (OwnerId, Arc<Vec<Control>>)>;

/// What of it has to be read.
pub(crate) struct Unknown {
    /// Whose programs.
    pub(crate) owners: Vec<Uuid>,
    pub(crate) cardholders: Vec<Uuid>,
    pub(crate) cards: Vec<Uuid>,
    pub(crate) scopes: Vec<Uuid>,
}

impl Standing {
    /// What is wanted and not remembered.
    pub(crate) fn unknown(&self, wanted: &Wanted<'_>) -> Unknown {
        let others = |ids: &[Uuid], is_known: &dyn Fn(Uuid) -> bool| {
            ids.iter().copied().filter(|id| !is_known(*id)).collect()
        };
        let scopes = wanted.scopes.iter().map(|(scope, _)| scope);
        let unknown = scopes.filter(|scope| !self.controls.contains_key(scope)).map(|scope| scope.uuid());
        Unknown {
            owners: others(&wanted.owners, &|id| self.programs.contains_key(&OwnerId::new(id))),
            cardholders: others(&wanted.cardholders, &|id| {
                self.cardholders.contains_key(&CardholderId::new(id))
            }),
            cards: others(&wanted.cards, &|id| self.cards.contains_key(&CardId::new(id))),
            scopes: unknown.collect(),
        }
    }

    /// Takes out what is older than the standing data of its owner, which is at these versions, and names it.
    pub(crate) fn drop_stale(&mut self, now: &Versions) -> Unknown {
        let Self { versions, programs, cardholders, cards, controls } = self;
        let is_stale = |owner: OwnerId| match (versions.get(&owner), now.get(&owner)) {
            (Some(known), Some(now)) => !now.is_same_or_later(known),
            _ => true,
        };
        Unknown {
            owners: programs.extract_if(|owner, _| is_stale(*owner)).map(|(owner, _)| owner.uuid()).collect(),
            cardholders: cardholders
                .extract_if(|_, row| is_stale(row.owner))
                .map(|(id, _)| id.uuid())
                .collect(),
            cards: cards.extract_if(|_, row| is_stale(row.owner)).map(|(id, _)| id.uuid()).collect(),
            scopes: controls
                .extract_if(|_, (owner, _)| is_stale(*owner))
                .map(|(scope, _)| scope.uuid())
                .collect(),
        }
    }
}
