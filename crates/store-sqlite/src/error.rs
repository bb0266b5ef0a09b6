//! What an SQLite error lets the caller do next.

use bursar_store::StoreError;
use rusqlite::ErrorCode;

/// Sorts an error that came before COMMIT: nothing took effect.
pub(crate) fn before_commit(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        // Without a code it is a value that cannot be read or written: one member's trouble.
        None | Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::TooBig) => {
            StoreError::BadData(error.to_string())
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// An error of a read.
pub(crate) fn of_read(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(_) => before_commit(error),
        None => StoreError::Corrupt(error.to_string()),
    }
}
