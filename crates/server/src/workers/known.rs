//! What never changes of owners and cards, from memory where it is known. "Not found" is never kept.
//!
//! It is all of the ledger: of a person its reference, of a card four digits. Names and labels are documents, and never
//! come here, so who is erased leaves nothing that other instances would have to forget.

use std::sync::Arc;
use std::time::Duration;

use bursar_core::{Card, CardId, OwnerId, OwnerKind, ProgramId};
use bursar_store::{Ledger, StoreError};
use moka::sync::Cache;

/// So many owners and so many cards are kept, at most.
const ENTRIES_MAX: u64 = 100_000;

/// For so long: what somebody changed in the tables by hand is seen then.
const KEPT: Duration = Duration::from_secs(15 * 60);

/// What is known.
pub(crate) struct Known {
    owners: Cache<OwnerId, KnownOwner>,
    card_labels: Cache<CardId, Arc<str>>,
}

/// What never changes of an owner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownOwner {
    pub(crate) program: ProgramId,
    pub(crate) name: Arc<str>,
    kind: OwnerKind,
}

impl KnownOwner {
    pub(crate) fn is_person(&self) -> bool {
        self.kind == OwnerKind::Person
    }
}

impl Default for Known {
    fn default() -> Self {
        Self {
            owners: Cache::builder().max_capacity(ENTRIES_MAX).time_to_live(KEPT).build(),
            card_labels: Cache::builder().max_capacity(ENTRIES_MAX).time_to_live(KEPT).build(),
        }
    }
}

impl Known {
    /// The owner; a read of the ledger the first time.
    pub(crate) async fn owner(
        &self,
        ledger: &dyn Ledger,
        id: OwnerId,
    ) -> Result<Option<KnownOwner>, StoreError> {
        if let Some(known) = self.owners.get(&id) {
            return Ok(Some(known));
        }
        let Some(owner) = ledger.find_owner(id).await? else { return Ok(None) };
        let known = KnownOwner { program: owner.program, name: owner.name.as_str().into(), kind: owner.kind };
        self.owners.insert(id, known.clone());
        Ok(Some(known))
    }

    /// What people call the card; a read of the ledger the first time.
    pub(crate) async fn card_label(
        &self,
        ledger: &dyn Ledger,
        id: CardId,
    ) -> Result<Option<Arc<str>>, StoreError> {
        if let Some(known) = self.card_labels.get(&id) {
            return Ok(Some(known));
        }
        let Some(card) = ledger.find_card(id).await? else { return Ok(None) };
        let label: Arc<str> = label(&card).into();
        self.card_labels.insert(id, label.clone());
        Ok(Some(label))
    }
}

/// `Card •1234`, as it is printed on statements.
fn label(card: &Card) -> String {
    match card.last_four {
        Some(last_four) => format!("Card •{}", last_four.as_str()),
        None => format!("Card {}", card.token),
    }
}

#[cfg(test)]
mod tests {
    use bursar_testkit::given::{self, usd};
    use bursar_testkit::{FaultyLedger, Place, ReadFault, SqlitePlace};

    use super::*;

    #[tokio::test]
    async fn what_is_known_is_not_read_again_and_what_is_not_there_is_not_known() {
        let place = SqlitePlace::new();
        let (known, ledger) = (Known::default(), FaultyLedger::new(place.open()));
        let account = given::account(ledger.as_ref(), usd("1.00")).await;
        let owner = known.owner(ledger.as_ref(), account.owner).await.expect("it is read");
        let label = known.card_label(ledger.as_ref(), account.card).await.expect("it is read");
        assert!(
            owner.is_some() && label.as_ref().is_some_and(|label| label.starts_with("Card ")),
            "{label:?}"
        );
        let nobody = OwnerId::new(uuid::Uuid::nil());
        assert_eq!(known.owner(ledger.as_ref(), nobody).await, Ok(None));
        let away = StoreError::Unavailable("a test".into());
        ledger.set_read_fault(Some(ReadFault::Fails(away.clone())));
        assert_eq!(known.owner(ledger.as_ref(), account.owner).await, Ok(owner));
        assert_eq!(known.card_label(ledger.as_ref(), account.card).await, Ok(label));
        assert_eq!(known.owner(ledger.as_ref(), nobody).await, Err(away));
    }
}
