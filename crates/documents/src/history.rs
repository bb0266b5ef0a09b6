//! A purchase, as its person sees it.

use std::fmt;

use bursar_core::text::FreeText;
use bursar_core::{CardId, Currency, MessageId, OwnerId};
use jiff::Timestamp;

/// A purchase in a person's history. `Debug` does not show where it was.
#[derive(Clone, PartialEq, Eq)]
pub struct HistoryEntry {
    /// The message that began it.
    pub root: MessageId,
    /// Whose it is.
    pub person: OwnerId,
    /// Its place in the history: where that message was committed.
    pub position: i64,
    /// The owner's number of the newest message that it knows.
    pub sequence: i64,
    /// The purchase that it is a part of by now, if it is: then only that one is listed.
    pub merged_into: Option<MessageId>,
    /// The card that was used.
    pub card: Option<CardId>,
    /// The merchant's name.
    pub merchant: Option<FreeText>,
    /// What such merchants sell, in a word.
    pub category: Option<FreeText>,
    /// Where the purchase stands, in a word.
    pub status: String,
    /// What it is about, in minor units.
    pub amount_minor: Option<i64>,
    /// Of the amount.
    pub currency: Option<Currency>,
    /// When it began.
    pub began_at: Timestamp,
}

impl fmt::Debug for HistoryEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { root, person, position, sequence, status, .. } = self;
        f.debug_struct("HistoryEntry")
            .field("root", root)
            .field("person", person)
            .field("position", position)
            .field("sequence", sequence)
            .field("status", status)
            .finish_non_exhaustive()
    }
}
