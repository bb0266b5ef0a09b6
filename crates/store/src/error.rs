//! What can go wrong with a store, by what the caller may do next.

/// Why a store did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store cannot be reached or cannot write. Nothing of the call took effect.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// An error on COMMIT: the call took effect, or did not. Send the same batch again: a message
    /// that was answered changes nothing and gives that answer.
    #[error("it is unknown whether the transaction was committed: {0}")]
    Unknown(String),
    /// Some member's data made the transaction fail. Nothing took effect; the others are good.
    #[error("a member of the batch cannot be stored: {0}")]
    BadData(String),
    /// A stored row cannot be read.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// The data was written by a newer Bursar.
    #[error(
        "the data has schema version {found}, and this Bursar knows versions up to {known}; run a newer Bursar"
    )]
    NewerSchema {
        /// The version of the data.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The data's schema did not come about by the migrations of this Bursar.
    #[error(
        "the schema of the data is not this Bursar's: {0}; another build of Bursar migrated the data: go on with that \
         one, or give this one a folder or database of its own; nothing was changed"
    )]
    OtherSchema(String),
    /// Another process has the data open. How another place is named is the command's to add.
    #[error("{0} is in use by another running Bursar; stop that one, or choose another")]
    InUse(String),
}
