//! Documents as stores see them: what identifies a person is ciphertext.

use std::collections::BTreeMap;
use std::fmt;

use bursar_core::{CardId, Currency, MessageId, OwnerId, ProgramId};
use jiff::Timestamp;
use jiff::civil::Date;

use crate::card::CardState;
use crate::field::Field;
use crate::kyc::KycStatus;

/// A field, sealed under its person's data key: nonce and ciphertext.
#[derive(Clone, PartialEq, Eq)]
pub struct Sealed(pub Vec<u8>);

/// A person's data key, wrapped by the documents key. Once it is destroyed, nothing of that person opens.
#[derive(Clone, PartialEq, Eq)]
pub struct WrappedKey(pub Vec<u8>);

/// Which documents key it is: derived from it, and tells nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId(pub [u8; 8]);

/// What an e-mail address or a telephone number is found by, which tells nothing of it to whoever has no key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BlindIndex(pub [u8; 32]);

/// Which of the two, and by what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContactIndex {
    /// Who has this e-mail address.
    Email(BlindIndex),
    /// Who has this telephone number.
    Phone(BlindIndex),
}

/// A [`crate::Person`], sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedPerson {
    /// Who it is in the ledger.
    pub id: OwnerId,
    /// Whose customer it is.
    pub program: ProgramId,
    /// What opens all of this person's fields, in every collection.
    pub key: WrappedKey,
    /// The fields that there are.
    pub fields: BTreeMap<Field, Sealed>,
    /// What the e-mail address is found by, if there is one.
    pub email_index: Option<BlindIndex>,
    /// What the telephone number is found by, if there is one.
    pub phone_index: Option<BlindIndex>,
    /// 1 at first.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

/// A [`crate::Kyc`], sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedKyc {
    /// Whose.
    pub person: OwnerId,
    /// How far the verification came.
    pub status: KycStatus,
    /// The fields that there are.
    pub fields: BTreeMap<Field, Sealed>,
    /// Every step, the first one first.
    pub transitions: Vec<SealedTransition>,
    /// The law has it kept for so long.
    pub retain_until: Option<Date>,
    /// 1 at first.
    pub version: i64,
}

/// A [`crate::KycTransition`], sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedTransition {
    /// When.
    pub at: Timestamp,
    /// What it was.
    pub from: KycStatus,
    /// What it is.
    pub to: KycStatus,
    /// Why.
    pub reason: Option<Sealed>,
}

/// A [`crate::PersonalCard`], sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedCard {
    /// What the ledger says.
    pub state: CardState,
    /// How its person calls it.
    pub label: Option<Sealed>,
}

/// A [`crate::HistoryEntry`], sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedHistoryEntry {
    /// The message that began it.
    pub root: MessageId,
    /// Whose it is.
    pub person: OwnerId,
    /// Its place in the history.
    pub position: i64,
    /// The owner's number of the newest message that it knows.
    pub sequence: i64,
    /// The purchase that it is a part of by now, if it is.
    pub merged_into: Option<MessageId>,
    /// The card that was used.
    pub card: Option<CardId>,
    /// The merchant's name.
    pub merchant: Option<Sealed>,
    /// What such merchants sell.
    pub category: Option<Sealed>,
    /// Where the purchase stands, in a word.
    pub status: String,
    /// What it is about, in minor units.
    pub amount_minor: Option<i64>,
    /// Of the amount.
    pub currency: Option<Currency>,
    /// When it began.
    pub began_at: Timestamp,
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Shows how long it is, as logs of a process should have no ciphertext either.
macro_rules! opaque {
    ($($name:ident)*) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({} bytes)", stringify!($name), self.0.len())
            }
        }
    )*};
}

opaque! { Sealed WrappedKey BlindIndex }
