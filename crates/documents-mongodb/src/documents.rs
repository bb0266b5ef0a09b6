//! The store, and what it is told at its start.

use std::collections::BTreeMap;

use async_trait::async_trait;
use bursar_core::{CardId, OwnerId, ProgramId};
use bursar_documents::{
    CardState, ContactIndex, Documents, DocumentsError, Figures, Keep, KeyId, Measure, Sealed, SealedCard,
    SealedHistoryEntry, SealedKyc, SealedPerson, Wallet, WrappedKey,
};
use jiff::Timestamp;
use jiff::civil::Date;
use mongodb::bson::doc;

use crate::link::{Link, name};
use crate::options::Options;
use crate::read_models::{card, history, wallet};

/// Personal documents on MongoDB, for any number of instances.
pub struct MongoDocuments {
    link: Link,
}

impl MongoDocuments {
    /// Connects, and makes validators and indexes. A MongoDB that is away is no error: what is asked meanwhile is
    /// unavailable, and the rest is made up for when it is there.
    ///
    /// # Errors
    /// [`DocumentsError::Misfit`]: the URL is wrong, its user is refused, or something is there that is not as it
    /// should be.
    pub async fn start(options: Options) -> Result<Self, DocumentsError> {
        let documents = Self { link: Link::new(options)? };
        match documents.ready().await {
            Ok(()) => Ok(documents),
            // The link has said so in the log.
            Err(DocumentsError::Unavailable(_)) => Ok(documents),
            Err(error) => Err(error),
        }
    }

    async fn count(&self, collection: &str) -> Result<u64, DocumentsError> {
        let time = self.link.options.operation_timeout;
        self.link
            .of(
                collection,
                |collection| async move { collection.estimated_document_count().max_time(time).await },
            )
            .await
    }
}

#[async_trait]
impl Documents for MongoDocuments {
    async fn note_key(&self, key: KeyId) -> Result<KeyId, DocumentsError> {
        self.link.note_key(key).await
    }

    async fn insert_person(&self, person: SealedPerson) -> Result<(), DocumentsError> {
        self.link.insert_person(&person).await
    }

    async fn find_person(&self, id: OwnerId) -> Result<Option<SealedPerson>, DocumentsError> {
        self.link.find_person(id).await
    }

    async fn find_keys(&self, ids: &[OwnerId]) -> Result<BTreeMap<OwnerId, WrappedKey>, DocumentsError> {
        self.link.find_keys(ids).await
    }

    async fn update_person(&self, person: SealedPerson) -> Result<(), DocumentsError> {
        self.link.update_person(&person).await
    }

    async fn list_persons(
        &self,
        program: Option<ProgramId>,
        after: Option<OwnerId>,
        limit: usize,
    ) -> Result<Vec<SealedPerson>, DocumentsError> {
        self.link.list_persons(None, program, after, limit).await
    }

    async fn list_by_index(
        &self,
        index: ContactIndex,
        program: Option<ProgramId>,
        after: Option<OwnerId>,
        limit: usize,
    ) -> Result<Vec<SealedPerson>, DocumentsError> {
        self.link.list_persons(Some(index), program, after, limit).await
    }

    async fn find_kyc(&self, person: OwnerId) -> Result<Option<SealedKyc>, DocumentsError> {
        self.link.find_kyc(person).await
    }

    async fn put_kyc(&self, kyc: SealedKyc) -> Result<(), DocumentsError> {
        self.link.put_kyc(&kyc).await
    }

    async fn keep_cards(
        &self,
        cards: Vec<CardState>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError> {
        let states = cards.iter().map(card::state).collect();
        self.link.keep_read_models(name::CARDS, states, keep, at).await
    }

    async fn keep_wallets(
        &self,
        wallets: Vec<Wallet>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError> {
        let states = wallets.iter().map(wallet::state).collect();
        self.link.keep_read_models(name::WALLETS, states, keep, at).await
    }

    async fn keep_history(
        &self,
        entries: Vec<SealedHistoryEntry>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError> {
        let states = entries.iter().map(history::state).collect();
        self.link.keep_read_models(name::HISTORY, states, keep, at).await
    }

    async fn label_card(
        &self,
        person: OwnerId,
        card: CardId,
        label: Option<Sealed>,
    ) -> Result<bool, DocumentsError> {
        self.link.label_card(person, card, label).await
    }

    async fn list_cards(&self, person: OwnerId) -> Result<Vec<SealedCard>, DocumentsError> {
        self.link.list_cards(person).await
    }

    async fn list_wallets(&self, person: OwnerId) -> Result<Vec<Wallet>, DocumentsError> {
        self.link.list_wallets(person).await
    }

    async fn list_history(
        &self,
        person: OwnerId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<SealedHistoryEntry>, DocumentsError> {
        self.link.list_history(person, before, limit).await
    }

    async fn forget_read_models(
        &self,
        person: Option<OwnerId>,
        kept_before: Timestamp,
    ) -> Result<u64, DocumentsError> {
        self.link.forget_read_models(person, kept_before).await
    }

    async fn lock_person(&self, id: OwnerId, erase_on: Date) -> Result<(), DocumentsError> {
        self.link.lock_person(id, erase_on).await
    }

    async fn list_due_for_erasure(&self, today: Date, limit: usize) -> Result<Vec<OwnerId>, DocumentsError> {
        self.link.list_due_for_erasure(today, limit).await
    }

    async fn erase_person(&self, id: OwnerId, at: Timestamp) -> Result<(), DocumentsError> {
        self.link.erase_person(id, at).await
    }

    async fn ready(&self) -> Result<(), DocumentsError> {
        self.link.ask(|database| database.run_command(doc! { "ping": 1 }).into_future()).await.map(drop)
    }

    async fn figures(&self) -> Result<Figures, DocumentsError> {
        Ok(Figures {
            persons: self.count(name::PERSONS).await?,
            cards: self.count(name::CARDS).await?,
            wallets: self.count(name::WALLETS).await?,
            history: self.count(name::HISTORY).await?,
            connections: self.link.connections(),
        })
    }

    fn measure(&self, measure: Measure) {
        self.link.measure(measure);
    }
}
