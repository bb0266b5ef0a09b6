//! What the cache makes of what is committed, here and by others.

use std::sync::Weak;

use bursar_core::command::Route;
use bursar_core::{CardholderId, Change, ControlId, Decided};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};

use crate::cache::Cache;
use crate::forgetting::Heard;
use crate::key_value::Key;
use crate::views::Views;

impl Cache {
    /// Learns from a decision that is committed. What it changed is forgotten here at once; the others hear of it soon,
    /// and who changed an object waits until they have.
    pub fn committed(&self, decided: &Decided) -> Option<Heard> {
        self.decisions.note(decided);
        let mut gone = Vec::new();
        let mut is_of_object = false;
        for change in &decided.changes {
            match change {
                Change::Card(card) if decided.object.is_some() => self.routes.learn(
                    &card.token,
                    &Route {
                        card: card.id,
                        owner: card.owner,
                        cardholder: card.cardholder,
                        account: card.account,
                    },
                ),
                Change::Cardholder(cardholder) if decided.object.is_some() => {
                    self.users.learn(&cardholder.token, &cardholder.id);
                    gone.push(self.gone(&self.cardholders, cardholder.id.uuid().as_bytes()));
                    is_of_object = true;
                }
                Change::Controls(scope) => {
                    for control in scope.controls.iter() {
                        gone.push(self.gone(&self.controls, control.id.uuid().as_bytes()));
                    }
                    is_of_object = true;
                }
                _ => {}
            }
        }
        // A lane has no time for the keys of what nobody keeps.
        let root =
            decided.message.group.as_ref().filter(|_| self.transactions.hears()).map(|group| group.root);
        let grown = root.filter(|root| *root != decided.message.id);
        let merged = decided.merged.iter().copied().filter(|_| self.transactions.hears());
        for root in grown.into_iter().chain(merged) {
            // Others keep none.
            let _ = self.gone(&self.transactions, root.uuid().as_bytes());
        }
        // One that is left alone is told later, or too late to wait for.
        let can_hear = self.second.as_ref().is_some_and(|second| second.values.problem().is_none());
        self.tell(gone).filter(|_| is_of_object && can_hear)
    }

    /// Learns from an event that something happened to this cardholder: whoever committed it may have died before it could say
    /// so.
    pub fn reported_cardholder(&self, id: CardholderId) {
        let _heard = self.tell(vec![self.gone(&self.cardholders, id.uuid().as_bytes())]);
    }

    /// The same of a control.
    pub fn reported_control(&self, id: ControlId) {
        let _heard = self.tell(vec![self.gone(&self.controls, id.uuid().as_bytes())]);
    }

    /// A command may have taken effect before, and nobody knows what it changed: nothing here counts any more.
    pub fn doubt(&self) {
        self.views().iter().for_each(|views| views.forget_all());
    }

    fn gone(&self, views: &Views, about: &[u8]) -> Key {
        let key = views.key(about);
        views.forget(&key);
        key
    }

    fn tell(&self, gone: Vec<Key>) -> Option<Heard> {
        (self.second.is_some() && !gone.is_empty()).then(|| self.forgetter.say(gone))
    }
}

/// Forgets what others say is gone, and everything where something may have been missed.
pub(crate) async fn listen(
    cache: Weak<Cache>,
    mut forgotten: broadcast::Receiver<Vec<Key>>,
    mut hearing: watch::Receiver<bool>,
) {
    loop {
        let heard = tokio::select! {
            heard = forgotten.recv() => heard,
            changed = hearing.changed() => match changed {
                Ok(()) => Err(RecvError::Lagged(0)),
                Err(_) => return,
            },
        };
        let Some(cache) = cache.upgrade() else { return };
        match heard {
            Ok(keys) => {
                for (views, key) in
                    cache.views().iter().flat_map(|views| keys.iter().map(move |key| (views, key)))
                {
                    views.forget(key);
                }
            }
            Err(RecvError::Lagged(_)) => cache.views().iter().for_each(|views| views.forget_all()),
            Err(RecvError::Closed) => return,
        }
    }
}
