//! What the driver's errors mean to who asked.

use bursar_documents::DocumentsError;
use mongodb::error::{Error, ErrorKind, WriteFailure};

/// Codes of MongoDB's errors.
pub(crate) mod code {
    pub(crate) const DUPLICATE_KEY: i32 = 11_000;
    pub(crate) const NAMESPACE_EXISTS: i32 = 48;
    pub(super) const UNAUTHORIZED: i32 = 13;
    pub(super) const AUTHENTICATION_FAILED: i32 = 18;
    pub(super) const INDEX_OPTIONS_CONFLICT: i32 = 85;
    pub(super) const INDEX_KEY_SPECS_CONFLICT: i32 = 86;
    pub(super) const VALIDATION: i32 = 121;
    pub(super) const TOO_LARGE: i32 = 10_334;
}

/// Why an operation failed. Of a document that was not taken the server's words may hold parts: ids and ciphertext.
pub(crate) fn of(error: &Error) -> DocumentsError {
    match error.kind.as_ref() {
        ErrorKind::Command(error) => of_command(error.code, &error.message),
        ErrorKind::Write(WriteFailure::WriteError(error)) => of_write(error.code, &error.message),
        ErrorKind::Authentication { message, .. } => refused(message),
        ErrorKind::Bson(error) => DocumentsError::Corrupt(error.to_string()),
        // What most servers have not confirmed may be written all the same.
        ErrorKind::Write(WriteFailure::WriteConcernError(error)) => {
            DocumentsError::Unavailable(error.message.clone())
        }
        kind => DocumentsError::Unavailable(kind.to_string()),
    }
}

/// Why there is no client. Only DNS can be away; everything else is said in the URL.
pub(crate) fn of_connecting(error: &Error) -> DocumentsError {
    match error.kind.as_ref() {
        ErrorKind::DnsResolve { message, .. } => DocumentsError::Unavailable(message.clone()),
        ErrorKind::Io(error) => DocumentsError::Unavailable(error.to_string()),
        ErrorKind::InvalidTlsConfig { message, .. } => DocumentsError::Misfit(message.clone()),
        // Its words may hold the password.
        _ => DocumentsError::Misfit("MongoDB cannot be connected to by this URL".to_owned()),
    }
}

/// Why a whole command failed.
fn of_command(code: i32, message: &str) -> DocumentsError {
    match code {
        code::UNAUTHORIZED | code::AUTHENTICATION_FAILED => refused(message),
        code::INDEX_OPTIONS_CONFLICT | code::INDEX_KEY_SPECS_CONFLICT => {
            DocumentsError::Misfit(format!("an index is there with other settings: {message}; drop it"))
        }
        // Elections, shutdowns, time-outs: whatever it is, nothing of the document.
        _ => DocumentsError::Unavailable(message.to_owned()),
    }
}

/// Why a document was not written.
pub(crate) fn of_write(code: i32, message: &str) -> DocumentsError {
    match code {
        code::VALIDATION | code::TOO_LARGE | code::DUPLICATE_KEY => {
            DocumentsError::BadData(message.to_owned())
        }
        _ => of_command(code, message),
    }
}

fn refused(message: &str) -> DocumentsError {
    DocumentsError::Misfit(format!("MongoDB refuses the user of its URL: {message}"))
}

/// Whether it is the command's error with this code.
pub(crate) fn is_command(error: &Error, code: i32) -> bool {
    matches!(error.kind.as_ref(), ErrorKind::Command(error) if error.code == code)
}

/// Whether another document has the key.
pub(crate) fn is_duplicate(error: &Error) -> bool {
    matches!(
        error.kind.as_ref(),
        ErrorKind::Write(WriteFailure::WriteError(error)) if error.code == code::DUPLICATE_KEY
    )
}
