//! Personal documents: profiles, what is known of an identity, and what a person sees of cards, wallets and purchases.
//!
//! Whoever keeps them, what identifies a person leaves this process only sealed, by a key of that person's own: a store
//! ([`Documents`]) sees ciphertext, ids, statuses, amounts and times. [`People`] seals and opens. To erase a person is to
//! destroy that key first, and then what it sealed.
//!
//! No truth of money: cards, wallets and purchases are read models of the ledger, fed by its events, and can be made anew.

mod contact;
mod person;

mod kyc;

mod card;
mod history;
mod wallet;

mod field;
mod sealed;
mod vault;

mod documents;
mod error;
mod people;

#[cfg(feature = "contract")]
pub mod contract;

pub use card::{CardState, PersonalCard};
pub use contact::{Contact, ContactError, Email, Phone};
pub use documents::{Connections, Documents, Figures, Keep, Measure};
pub use error::{DocumentsError, PeopleError};
pub use field::{Collection, Field};
pub use history::HistoryEntry;
pub use kyc::{
    IdentityDocument, IdentityKind, Kyc, KycRefusal, KycStatus, KycStep, KycTransition, TRANSITIONS,
    TRANSITIONS_MAX,
};
pub use people::{Erasure, People};
pub use person::{Address, Person, Profile};
pub use sealed::{
    BlindIndex, ContactIndex, KeyId, Sealed, SealedCard, SealedHistoryEntry, SealedKyc, SealedPerson,
    SealedTransition, WrappedKey,
};
pub use vault::{DataKey, DocumentsKey, SealError, Vault};
pub use wallet::Wallet;
