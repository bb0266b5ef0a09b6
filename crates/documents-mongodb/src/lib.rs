//! Personal documents on MongoDB, 6 or newer.
//!
//! Everything that has to be one is in one document: a profile, its identity and what hides it are a document of
//! `persons`, so that one atomic update decides and no transaction is needed. Cards, wallets and purchases are documents
//! of their own, which whoever writes them looks after: what was written beside an erasure is deleted again.

mod away;
mod documents;
mod documents_key;
mod erasure;
mod failure;
mod kyc;
mod link;
mod options;
mod person;
mod read;
mod read_models;
mod schema;
mod url;

pub use documents::MongoDocuments;
pub use options::Options;
pub use url::{URL_FORM, describe, url_problem};
