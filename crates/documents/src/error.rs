//! What a store of documents cannot do, and what cannot be done with a person.

use bursar_core::OwnerId;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::sealed::KeyId;
use crate::vault::SealError;

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DocumentsError {
    /// The store cannot be reached, or did not say in time what became of it. What was to be written may have been; to
    /// ask for the same again is safe, but a change of a version may then meet itself as [`DocumentsError::Conflict`].
    #[error("the documents are unavailable: {0}")]
    Unavailable(String),
    /// Nobody is known by this id.
    #[error("{0} is unknown")]
    Unknown(OwnerId),
    /// Somebody is known by this id already.
    #[error("{0} exists")]
    Exists(OwnerId),
    /// Somebody else changed it meanwhile: read it again.
    #[error("{0} was changed by somebody else")]
    Conflict(OwnerId),
    /// The law has it kept until that day, when it is erased. Until then nobody sees or changes it.
    #[error("{id} is locked, and is erased on {erase_on}")]
    Locked {
        /// Who.
        id: OwnerId,
        /// When.
        erase_on: Date,
    },
    /// It was erased, for good.
    #[error("{id} was erased at {erased_at}")]
    Erased {
        /// Who.
        id: OwnerId,
        /// When.
        erased_at: Timestamp,
    },
    /// A stored document cannot be read.
    #[error("stored documents are damaged: {0}")]
    Corrupt(String),
    /// The store does not take what it was given.
    #[error("the store does not take it: {0}")]
    BadData(String),
    /// The store is not as this Bursar needs it, and cannot be changed by it.
    #[error("the store of the documents cannot be used: {0}")]
    Misfit(String),
    /// Another process has it.
    #[error("{0} is in use by another process")]
    InUse(String),
}

/// Why something could not be done with a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PeopleError {
    /// The store did not do it.
    #[error(transparent)]
    Documents(#[from] DocumentsError),
    /// All of it was sealed by another documents key. Nothing was read, and nothing changed.
    #[error("the documents are of the documents_key with the mark {sealed}, and ours has the mark {ours}")]
    OtherKey {
        /// Which key that is.
        sealed: KeyId,
        /// Which is ours.
        ours: KeyId,
    },
    /// What is stored does not open.
    #[error("what is kept of {person} does not open: {error}")]
    Sealed {
        /// Of whom.
        person: OwnerId,
        /// Why.
        error: SealError,
    },
}
