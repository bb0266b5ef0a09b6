//! The port.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bursar_core::{CardId, OwnerId, ProgramId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::card::CardState;
use crate::error::DocumentsError;
use crate::sealed::{
    ContactIndex, KeyId, Sealed, SealedCard, SealedHistoryEntry, SealedKyc, SealedPerson, WrappedKey,
};
use crate::wallet::Wallet;

/// Keeps documents of persons. One that is away comes back by itself; each method ends in bounded time.
///
/// A person is *known*, *locked* (the law has it kept for a while, and nobody sees or changes it) or *erased* (what is
/// left is the id and the time, so that nothing late brings it back). Whatever is asked of one person fails with
/// [`DocumentsError::Locked`] or [`DocumentsError::Erased`] where that is so; lists leave them out. Every write is of
/// one person, or of documents that do not depend on each other.
#[async_trait]
pub trait Documents: Send + Sync + 'static {
    /// Notes which key seals what is kept here, unless one is noted, for ever. The one that is noted: of many who come
    /// first at once, everybody gets the same.
    ///
    /// # Errors
    /// As for every method.
    async fn note_key(&self, key: KeyId) -> Result<KeyId, DocumentsError>;

    /// Makes a person.
    ///
    /// # Errors
    /// [`DocumentsError::Exists`], and as for every method, [`DocumentsError::Unavailable`] or
    /// [`DocumentsError::Corrupt`].
    async fn insert_person(&self, person: SealedPerson) -> Result<(), DocumentsError>;

    /// A person.
    ///
    /// # Errors
    /// It is locked or erased.
    async fn find_person(&self, id: OwnerId) -> Result<Option<SealedPerson>, DocumentsError>;

    /// The keys of those of these persons that are known.
    ///
    /// # Errors
    /// As for every method.
    async fn find_keys(&self, ids: &[OwnerId]) -> Result<BTreeMap<OwnerId, WrappedKey>, DocumentsError>;

    /// Replaces what is known of a person, if the version before the given one is kept. Its key, its program and when it
    /// was made stay.
    ///
    /// # Errors
    /// [`DocumentsError::Conflict`] for any other version, [`DocumentsError::Unknown`], or it is locked or erased.
    async fn update_person(&self, person: SealedPerson) -> Result<(), DocumentsError>;

    /// Persons by their ids, those after the given one, so many at most: of a program, or of all.
    ///
    /// # Errors
    /// As for every method.
    async fn list_persons(
        &self,
        program: Option<ProgramId>,
        after: Option<OwnerId>,
        limit: usize,
    ) -> Result<Vec<SealedPerson>, DocumentsError>;

    /// The same of those with this e-mail address or telephone number.
    ///
    /// # Errors
    /// As for every method.
    async fn list_by_index(
        &self,
        index: ContactIndex,
        program: Option<ProgramId>,
        after: Option<OwnerId>,
        limit: usize,
    ) -> Result<Vec<SealedPerson>, DocumentsError>;

    /// What is known of a person's identity; nothing before the first step.
    ///
    /// # Errors
    /// [`DocumentsError::Unknown`], or it is locked or erased.
    async fn find_kyc(&self, person: OwnerId) -> Result<Option<SealedKyc>, DocumentsError>;

    /// Replaces it, if the version before the given one is kept; nothing is version 0.
    ///
    /// # Errors
    /// [`DocumentsError::Conflict`] for any other version, [`DocumentsError::Unknown`], or the person is locked or
    /// erased.
    async fn put_kyc(&self, kyc: SealedKyc) -> Result<(), DocumentsError>;

    /// Keeps what the ledger says of cards, by the rule; labels stay. Of persons that are not known nothing is kept: who
    /// is told of one too early or too late can forget it. Kept at this time. How many took effect.
    ///
    /// # Errors
    /// As for every method: then some may be kept. So for the two that follow.
    async fn keep_cards(
        &self,
        cards: Vec<CardState>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError>;

    /// The same of wallets.
    ///
    /// # Errors
    /// As above.
    async fn keep_wallets(
        &self,
        wallets: Vec<Wallet>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError>;

    /// The same of purchases.
    ///
    /// # Errors
    /// As above.
    async fn keep_history(
        &self,
        entries: Vec<SealedHistoryEntry>,
        keep: Keep,
        at: Timestamp,
    ) -> Result<u64, DocumentsError>;

    /// Labels a card, or takes its label. Whether there is such a card of this person.
    ///
    /// # Errors
    /// As for every method. The person is known: nobody else could seal the label.
    async fn label_card(
        &self,
        person: OwnerId,
        card: CardId,
        label: Option<Sealed>,
    ) -> Result<bool, DocumentsError>;

    /// A person's cards by their ids. Whether the person is locked is not asked, since who would open the labels has to
    /// find it first. So for the two that follow.
    ///
    /// # Errors
    /// As for every method.
    async fn list_cards(&self, person: OwnerId) -> Result<Vec<SealedCard>, DocumentsError>;

    /// A person's wallets by their ids.
    ///
    /// # Errors
    /// As for every method.
    async fn list_wallets(&self, person: OwnerId) -> Result<Vec<Wallet>, DocumentsError>;

    /// A person's purchases that are no part of another one, those that began last first: those before a position, so
    /// many at most.
    ///
    /// # Errors
    /// As for every method.
    async fn list_history(
        &self,
        person: OwnerId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<SealedHistoryEntry>, DocumentsError>;

    /// Forgets cards, wallets and purchases that were kept before this time: of a person, or of all. How many. What a
    /// rebuild ends with, see [`Keep::Repair`].
    ///
    /// # Errors
    /// As for every method: then some may be forgotten.
    async fn forget_read_models(
        &self,
        person: Option<OwnerId>,
        kept_before: Timestamp,
    ) -> Result<u64, DocumentsError>;

    /// Locks a person until that day, or until another one if it is locked.
    ///
    /// # Errors
    /// [`DocumentsError::Unknown`] or [`DocumentsError::Erased`].
    async fn lock_person(&self, id: OwnerId, erase_on: Date) -> Result<(), DocumentsError>;

    /// Persons that are locked until this day or one before, and those whose erasure was begun and not finished; so many
    /// at most.
    ///
    /// # Errors
    /// As for every method.
    async fn list_due_for_erasure(&self, today: Date, limit: usize) -> Result<Vec<OwnerId>, DocumentsError>;

    /// Erases a person, known or locked: destroys the data key first, then everything that is kept of it. Done again, it
    /// finishes what was begun and takes what came to be there since; the time stays.
    ///
    /// # Errors
    /// [`DocumentsError::Unknown`]. After any other, do it again.
    async fn erase_person(&self, id: OwnerId, at: Timestamp) -> Result<(), DocumentsError>;

    /// That documents can be read and written.
    ///
    /// # Errors
    /// Why not.
    async fn ready(&self) -> Result<(), DocumentsError>;

    /// How much there is. May be off by what is being written.
    ///
    /// # Errors
    /// As for every method.
    async fn figures(&self) -> Result<Figures, DocumentsError>;

    /// From now on tells how long each operation takes, also one that fails. The first who asks for that is told.
    fn measure(&self, measure: Measure);
}

/// Who is told how long something took.
pub type Measure = Arc<dyn Fn(Duration) + Send + Sync>;

/// Which of two states of a read model is kept.
///
/// A rebuild walks the ledger and keeps everything anew with `Repair`, in place, so that nobody sees an empty wallet.
/// Since what is kept may be wrong, it replaces what has the same sequence; and what was kept before the rebuild began
/// it replaces whatever its sequence: documents may be ahead of a ledger that was restored. What the ledger told
/// meanwhile stays, as long as its sequence is newer. In the end [`Documents::forget_read_models`] removes what the
/// rebuild did not touch, because the ledger has it no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The one with the newer sequence; an event of before never takes effect, nor does one twice.
    Newer,
    /// Also one with the same sequence; and any over what was kept before this time: when the rebuild began, less what
    /// clocks of instances may differ by.
    Repair {
        /// When that was.
        began_at: Timestamp,
    },
}

impl Keep {
    /// Whether a state with the sequence replaces one that is kept.
    #[must_use]
    pub fn replaces(self, sequence: i64, kept_sequence: i64, kept_at: Timestamp) -> bool {
        match self {
            Self::Newer => sequence > kept_sequence,
            Self::Repair { began_at } => sequence >= kept_sequence || kept_at < began_at,
        }
    }
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Persons, also locked ones, and what is left of erased ones.
    pub persons: u64,
    /// Cards.
    pub cards: u64,
    /// Wallets.
    pub wallets: u64,
    /// Purchases.
    pub history: u64,
    /// Connections of this instance, where there are such.
    pub connections: Option<Connections>,
}

/// Connections of this instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connections {
    /// Somebody uses them.
    pub in_use: u64,
    /// They wait.
    pub idle: u64,
    /// Who waits for one.
    pub waiting: u64,
    /// Connections, at most.
    pub max: u64,
}
