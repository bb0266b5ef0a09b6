//! What persons see: kept as the ledger says, and shown.

use std::collections::{BTreeMap, BTreeSet};

use bursar_core::text::FreeText;
use bursar_core::{CardId, OwnerId};
use jiff::Timestamp;

use super::{People, of, sealing};
use crate::card::{CardState, PersonalCard};
use crate::documents::Keep;
use crate::error::{DocumentsError, PeopleError};
use crate::history::HistoryEntry;
use crate::vault::DataKey;
use crate::wallet::Wallet;

impl People {
    /// [`Documents::keep_cards`](crate::Documents::keep_cards).
    ///
    /// # Errors
    /// As for every method. So for the two that follow.
    pub async fn keep_cards(
        &self,
        cards: Vec<CardState>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, PeopleError> {
        Ok(self.ours().await?.keep_cards(cards, keep, at).await?)
    }

    /// [`Documents::keep_wallets`](crate::Documents::keep_wallets).
    ///
    /// # Errors
    /// As above.
    pub async fn keep_wallets(
        &self,
        wallets: Vec<Wallet>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, PeopleError> {
        Ok(self.ours().await?.keep_wallets(wallets, keep, at).await?)
    }

    /// [`Documents::keep_history`](crate::Documents::keep_history), by the keys of those persons that are known.
    ///
    /// # Errors
    /// As above.
    pub async fn keep_history(
        &self,
        entries: Vec<HistoryEntry>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, PeopleError> {
        let persons: BTreeSet<OwnerId> = entries.iter().map(|entry| entry.person).collect();
        let persons: Vec<OwnerId> = persons.into_iter().collect();
        let mut keys = BTreeMap::new();
        for (id, wrapped) in self.ours().await?.find_keys(&persons).await? {
            keys.insert(id, self.vault.unwrap(id, &wrapped).map_err(of(id))?);
        }
        for person in persons.iter().filter(|person| !keys.contains_key(person)) {
            self.erase_again(*person, at).await?;
        }
        let known = entries.into_iter().filter_map(|entry| keys.get(&entry.person).map(|key| (key, entry)));
        let seal = |(key, entry): (&DataKey, HistoryEntry)| {
            let person = entry.person;
            sealing::seal_entry(key, entry).map_err(of(person))
        };
        let sealed = known.map(seal).collect::<Result<Vec<_>, _>>()?;
        if sealed.is_empty() {
            return Ok(0);
        }
        Ok(self.ours().await?.keep_history(sealed, keep, at).await?)
    }

    /// Where a person was erased: who wrote beside that and was killed may have left something, and is told again of what
    /// it was about.
    async fn erase_again(&self, person: OwnerId, at: Timestamp) -> Result<(), PeopleError> {
        let documents = self.ours().await?;
        match documents.find_person(person).await {
            Err(DocumentsError::Erased { .. }) => Ok(documents.erase_person(person, at).await?),
            Ok(_) | Err(DocumentsError::Locked { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Labels a card, or takes its label. Whether there is such a card of this person.
    ///
    /// # Errors
    /// [`DocumentsError::Unknown`], or the person is locked or erased.
    pub async fn label_card(
        &self,
        person: OwnerId,
        card: CardId,
        label: Option<FreeText>,
    ) -> Result<bool, PeopleError> {
        let key = self.key(person).await?;
        let sealed = label.map(|label| sealing::seal_label(&key, card, &label)).transpose();
        Ok(self.ours().await?.label_card(person, card, sealed.map_err(of(person))?).await?)
    }

    /// A person's cards.
    ///
    /// # Errors
    /// [`DocumentsError::Unknown`], or it is locked or erased. So for the two that follow.
    pub async fn list_cards(&self, person: OwnerId) -> Result<Vec<PersonalCard>, PeopleError> {
        let key = self.key(person).await?;
        let sealed = self.ours().await?.list_cards(person).await?;
        sealed.into_iter().map(|card| sealing::open_card(&key, card).map_err(of(person))).collect()
    }

    /// A person's wallets.
    ///
    /// # Errors
    /// As above.
    pub async fn list_wallets(&self, person: OwnerId) -> Result<Vec<Wallet>, PeopleError> {
        self.key(person).await?;
        Ok(self.ours().await?.list_wallets(person).await?)
    }

    /// A person's purchases that are no part of another one, those that began last first: those before a position, so
    /// many at most.
    ///
    /// # Errors
    /// As above.
    pub async fn list_history(
        &self,
        person: OwnerId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<HistoryEntry>, PeopleError> {
        let key = self.key(person).await?;
        let sealed = self.ours().await?.list_history(person, before, limit).await?;
        sealed.into_iter().map(|entry| sealing::open_entry(&key, entry).map_err(of(person))).collect()
    }

    /// [`crate::Documents::forget_read_models`], of all persons.
    ///
    /// # Errors
    /// As above.
    pub async fn forget_read_models(&self, kept_before: Timestamp) -> Result<u64, PeopleError> {
        Ok(self.ours().await?.forget_read_models(None, kept_before).await?)
    }
}
