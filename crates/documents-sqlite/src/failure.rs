//! Why a change or a read failed, by what the caller may do next.

use std::fmt::Display;

use bursar_documents::DocumentsError;
use rusqlite::ErrorCode;

/// What went wrong inside a change.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It is not to be.
    Refused(DocumentsError),
    /// The file.
    File(rusqlite::Error),
}

impl From<DocumentsError> for Failure {
    fn from(error: DocumentsError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::File(error)
    }
}

impl From<Failure> for DocumentsError {
    fn from(failure: Failure) -> Self {
        let error = match failure {
            Failure::Refused(error) => return error,
            Failure::File(error) => error,
        };
        match error.sqlite_error_code() {
            Some(ErrorCode::TooBig | ErrorCode::ConstraintViolation) => Self::BadData(error.to_string()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(error.to_string()),
            Some(_) => {
                tracing::warn!("the embedded documents cannot be used: {error}");
                Self::Unavailable(error.to_string())
            }
            // Of rows, not of the file.
            None => Self::Corrupt(error.to_string()),
        }
    }
}

/// Names the row that cannot be read.
pub(crate) fn of_row<T>(what: &str, id: impl Display, read: rusqlite::Result<T>) -> Result<T, Failure> {
    read.map_err(|error| match error.sqlite_error_code() {
        Some(_) => Failure::File(error),
        None => Failure::Refused(DocumentsError::Corrupt(format!("{what} {id}: {error}"))),
    })
}
