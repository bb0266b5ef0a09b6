//! The embedded store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::time::Instant;

use async_trait::async_trait;
use bursar_core::{CardId, OwnerId, ProgramId};
use bursar_documents::{
    CardState, ContactIndex, Documents, DocumentsError, Figures, Keep, KeyId, Measure, Sealed, SealedCard,
    SealedHistoryEntry, SealedKyc, SealedPerson, Wallet, WrappedKey,
};
use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::failure::Failure;
use crate::folder;
use crate::rows::{card, documents_key, erasure, figures, history, kyc, person, wallet};
use crate::writer::{Order, Pending, Writer};

/// Personal documents in a folder, for this process alone.
pub struct SqliteDocuments {
    orders: mpsc::UnboundedSender<Order>,
    writer: Option<JoinHandle<()>>,
    measure: OnceLock<Measure>,
}

impl SqliteDocuments {
    /// Opens the documents in the folder, which are made if there are none.
    ///
    /// # Errors
    /// [`DocumentsError::InUse`] if another process has them; [`DocumentsError::Unavailable`] if the file cannot be used.
    pub fn open(folder: &Path) -> Result<Self, DocumentsError> {
        let (connection, lock) = folder::open(folder)?;
        let mut writer = Writer { connection, _lock: lock };
        let (orders, mut ordered) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new().name("documents".to_owned());
        let thread = thread.spawn(move || writer.run(&mut ordered));
        let thread = thread.map_err(|error| DocumentsError::Unavailable(error.to_string()))?;
        Ok(Self { orders, writer: Some(thread), measure: OnceLock::new() })
    }

    /// Has this done in a transaction, and waits until it is durable.
    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, DocumentsError> {
        self.ask(|reply| Order::Change(Box::new(Pending::new(change, reply)))).await
    }

    /// Has this looked up.
    async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, DocumentsError> {
        self.ask(|reply| Order::Look(Box::new(Pending::new(look, reply)))).await
    }

    async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, DocumentsError>>) -> Order,
    ) -> Result<T, DocumentsError> {
        let stopped = || DocumentsError::Unavailable("the embedded documents have stopped".into());
        let (reply, told) = oneshot::channel();
        let began = Instant::now();
        self.orders.send(order(reply)).map_err(|_| stopped())?;
        let told = told.await.unwrap_or_else(|_| Err(stopped()));
        if let Some(measure) = self.measure.get() {
            measure(began.elapsed());
        }
        told
    }
}

#[async_trait]
impl Documents for SqliteDocuments {
    async fn note_key(&self, key: KeyId) -> Result<KeyId, DocumentsError> {
        self.change(move |connection| documents_key::note(connection, key)).await
    }

    async fn insert_person(&self, person: SealedPerson) -> Result<(), DocumentsError> {
        self.change(move |connection| person::insert(connection, &person)).await
    }

    async fn find_person(&self, id: OwnerId) -> Result<Option<SealedPerson>, DocumentsError> {
        self.look(move |connection| person::find(connection, id)).await
    }

    async fn find_keys(&self, ids: &[OwnerId]) -> Result<BTreeMap<OwnerId, WrappedKey>, DocumentsError> {
        let ids = ids.to_vec();
        self.look(move |connection| person::find_keys(connection, &ids)).await
    }

    async fn update_person(&self, person: SealedPerson) -> Result<(), DocumentsError> {
        self.change(move |connection| person::update(connection, &person)).await
    }

    async fn list_persons(
        &self,
        program: Option<ProgramId>,
        after: Option<OwnerId>,
        limit: usize,
    ) -> Result<Vec<SealedPerson>, DocumentsError> {
        self.look(move |connection| person::list(connection, None, program, after, limit)).await
    }

    async fn list_by_index(
        &self,
        index: ContactIndex,
        program: Option<ProgramId>,
        after: Option<OwnerId>,
        limit: usize,
    ) -> Result<Vec<SealedPerson>, DocumentsError> {
        self.look(move |connection| person::list(connection, Some(index), program, after, limit)).await
    }

    async fn find_kyc(&self, person: OwnerId) -> Result<Option<SealedKyc>, DocumentsError> {
        self.look(move |connection| kyc::find(connection, person)).await
    }

    async fn put_kyc(&self, kyc: SealedKyc) -> Result<(), DocumentsError> {
        self.change(move |connection| kyc::put(connection, &kyc)).await
    }

    async fn keep_cards(
        &self,
        cards: Vec<CardState>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError> {
        self.change(move |connection| sum(&cards, |of| card::keep(connection, of, keep, at))).await
    }

    async fn keep_wallets(
        &self,
        wallets: Vec<Wallet>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError> {
        self.change(move |connection| sum(&wallets, |of| wallet::keep(connection, of, keep, at))).await
    }

    async fn keep_history(
        &self,
        entries: Vec<SealedHistoryEntry>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError> {
        self.change(move |connection| sum(&entries, |of| history::keep(connection, of, keep, at))).await
    }

    async fn label_card(
        &self,
        person: OwnerId,
        card: CardId,
        label: Option<Sealed>,
    ) -> Result<bool, DocumentsError> {
        self.change(move |connection| card::label(connection, person, card, label.as_ref())).await
    }

    async fn list_cards(&self, person: OwnerId) -> Result<Vec<SealedCard>, DocumentsError> {
        self.look(move |connection| card::list(connection, person)).await
    }

    async fn list_wallets(&self, person: OwnerId) -> Result<Vec<Wallet>, DocumentsError> {
        self.look(move |connection| wallet::list(connection, person)).await
    }

    async fn list_history(
        &self,
        person: OwnerId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<SealedHistoryEntry>, DocumentsError> {
        self.look(move |connection| history::list(connection, person, before, limit)).await
    }

    async fn forget_read_models(
        &self,
        person: Option<OwnerId>,
        kept_before: Timestamp,
    ) -> Result<u64, DocumentsError> {
        self.change(move |connection| erasure::forget_read_models(connection, person, kept_before)).await
    }

    async fn lock_person(&self, id: OwnerId, erase_on: Date) -> Result<(), DocumentsError> {
        self.change(move |connection| erasure::lock(connection, id, erase_on)).await
    }

    async fn list_due_for_erasure(&self, today: Date, limit: usize) -> Result<Vec<OwnerId>, DocumentsError> {
        self.look(move |connection| erasure::list_due(connection, today, limit)).await
    }

    /// All of it in one transaction; but the log still has what was there, until it is emptied. Who is killed before
    /// that finds the person among those that are due.
    async fn erase_person(&self, id: OwnerId, at: Timestamp) -> Result<(), DocumentsError> {
        if self.change(move |connection| erasure::erase(connection, id, at)).await? {
            self.look(erasure::empty_log).await?;
            self.change(move |connection| erasure::finish(connection, id)).await?;
        }
        Ok(())
    }

    async fn ready(&self) -> Result<(), DocumentsError> {
        // Takes the lock of the file, and writes nothing.
        self.change(|_| Ok(())).await
    }

    async fn figures(&self) -> Result<Figures, DocumentsError> {
        self.look(figures::count).await
    }

    fn measure(&self, measure: Measure) {
        let _ = self.measure.set(measure);
    }
}

/// How many of these took effect.
fn sum<T>(states: &[T], keep: impl Fn(&T) -> Result<usize, Failure>) -> Result<u64, Failure> {
    states.iter().try_fold(0, |sum, state| Ok(sum + keep(state)? as u64))
}

/// Whoever opens the folder next finds it free.
impl Drop for SqliteDocuments {
    fn drop(&mut self) {
        let _ = self.orders.send(Order::Stop);
        if let Some(writer) = self.writer.take()
            && writer.join().is_err()
        {
            tracing::error!("the embedded documents ended by a panic; the log has its place");
        }
    }
}
