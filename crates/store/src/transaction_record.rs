//! Transaction records: purchases as people look for them, with a clean merchant name and the labels of owner and card.
//!
//! A read model, made of what the ledger says by whoever consumes its events, and no truth of money.

use async_trait::async_trait;
use bursar_core::{AccountId, CardId, CardholderId, Currency, Mcc, MessageId, OwnerId};
use jiff::Timestamp;

use crate::error::StoreError;
use crate::reader::Page;

/// Keeps transaction records.
#[async_trait]
pub trait TransactionRecords: Send + Sync + 'static {
    /// Keeps each record, unless one of the same purchase is kept that is as new or newer by
    /// [`TransactionRecord::sequence`]. All of them or none, in one transaction; the records have different roots, and
    /// a root has one position for ever.
    ///
    /// # Errors
    /// The store cannot be written.
    async fn keep_records(&self, records: Vec<TransactionRecord>) -> Result<(), StoreError>;

    /// The record of the purchase that began with this message.
    ///
    /// # Errors
    /// The store cannot be read. So for the one that follows.
    async fn find_record(&self, root: MessageId) -> Result<Option<TransactionRecord>, StoreError>;

    /// Records of purchases that are no part of another one; those that began last first, by their positions.
    ///
    /// # Errors
    /// As above.
    async fn search_records(
        &self,
        filter: &RecordFilter,
        page: Page<i64>,
    ) -> Result<Vec<TransactionRecord>, StoreError>;
}

/// A purchase, as people look for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TransactionRecord {
    /// The message that began it.
    pub root: MessageId,
    /// Its place in the list: where that message was committed.
    pub position: i64,
    /// The owner's number of the newest message that it knows; 0 if it is about no owner.
    pub sequence: i64,
    /// The purchase that it is a part of by now, if it is: then only that one is looked for.
    pub merged_into: Option<MessageId>,
    /// Whose money it is about.
    pub owner: Option<OwnerId>,
    /// The company's name, or the operator's reference of the person.
    pub owner_label: Option<String>,
    /// Who used the card.
    pub cardholder: Option<CardholderId>,
    /// The card that was used.
    pub card: Option<CardId>,
    /// How people call the card.
    pub card_label: Option<String>,
    /// The account.
    pub account: Option<AccountId>,
    /// The merchant's name without what terminals add to it.
    pub merchant: Option<String>,
    /// The merchant's name as it came.
    pub merchant_raw: Option<String>,
    /// The merchant's city.
    pub city: Option<String>,
    /// The merchant category code.
    pub mcc: Option<Mcc>,
    /// What such merchants sell, in a word.
    pub category: Option<String>,
    /// Where the purchase stands, in a word.
    pub status: String,
    /// What it is about, in minor units.
    pub amount_minor: Option<i64>,
    /// Of the amount.
    pub currency: Option<Currency>,
    /// When it began.
    pub began_at: Timestamp,
    /// What it is found by: words of `a`–`z` and `0`–`9`, each once. One of more than 255
    /// bytes is not kept.
    pub words: Vec<String>,
}

/// How long a word may be, in bytes.
const WORD_MAX: usize = 255;

/// Whether a word can find anything: engines cannot keep others.
fn can_be_found(word: &str) -> bool {
    !word.is_empty() && word.len() <= WORD_MAX && !word.contains('\0')
}

/// Which records are wanted: those for which all is so that is asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RecordFilter {
    /// Each begins one of the record's words. Of `a`–`z` and `0`–`9`. Nothing is found by others, nor by
    /// longer ones than are kept.
    pub words: Vec<String>,
    /// Of this company or person.
    pub owner: Option<OwnerId>,
    /// With this card.
    pub card: Option<CardId>,
    /// Of this category.
    pub category: Option<String>,
    /// Begun then or later.
    pub from: Option<Timestamp>,
    /// Begun before.
    pub to: Option<Timestamp>,
}

impl TransactionRecord {
    /// Its words that are kept.
    #[must_use]
    pub fn words_to_keep(&self) -> Vec<String> {
        self.words.iter().filter(|word| can_be_found(word)).cloned().collect()
    }
}

impl RecordFilter {
    /// Whether there can be no record for which all is so.
    #[must_use]
    pub fn is_in_vain(&self) -> bool {
        !self.words.iter().all(|word| can_be_found(word))
            || self.category.as_ref().is_some_and(|category| category.contains('\0'))
    }
}
