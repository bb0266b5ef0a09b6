//! What a PostgreSQL error lets the caller do next.

use bursar_store::StoreError;
use deadpool_postgres::{HookError, PoolError, TimeoutType};
use tokio_postgres::error::{Severity, SqlState};

use crate::rows::Damage;

/// What is wrong with a link on which nothing comes within its time.
pub(crate) const SILENT: &str = "the server does not answer";

/// Sorts an error that came before COMMIT was sent, or with which the server refused a statement:
/// nothing took effect.
pub(crate) fn before_commit(error: &tokio_postgres::Error) -> StoreError {
    match error.code().map(SqlState::code) {
        // What the data made impossible: classes 22 (data) and 23 (integrity).
        Some(code) if code.starts_with("22") || code.starts_with("23") => StoreError::BadData(words(error)),
        // Damaged pages, indexes.
        Some(code) if code.starts_with("XX") => StoreError::Corrupt(words(error)),
        // Without a code it is the connection, or a value that could not be sent.
        _ => StoreError::Unavailable(words(error)),
    }
}

/// Whether another transaction was in the way of a write, and this one was rolled back for it: it had a
/// key or token first, or the two waited for each other's.
pub(crate) fn is_crossed(error: &tokio_postgres::Error) -> bool {
    let codes = [SqlState::UNIQUE_VIOLATION, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE];
    error.code().is_some_and(|code| codes.contains(code))
}

/// Whether it could not have a lock in its time, because somebody else holds it.
pub(crate) fn is_held(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
}

/// Whether the server refused a statement, and so rolled back. A connection that it ends is another thing:
/// who stands between may have lost it after the commit.
pub(crate) fn is_refused(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().is_some_and(|server| server.parsed_severity() == Some(Severity::Error))
}

/// The error with the words of the server, which its own text leaves out.
pub(crate) fn words(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(server) => format!("{}: {}", server.code().code(), server.message()),
        None => match std::error::Error::source(error) {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        },
    }
}

pub(crate) fn no_connection(error: PoolError) -> StoreError {
    match &error {
        PoolError::Backend(error) => StoreError::Unavailable(words(error)),
        // What a new connection of a lane is refused for.
        PoolError::PostCreateHook(HookError::Message(why)) => StoreError::Unavailable(why.to_string()),
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Unavailable(
            "all connections to PostgreSQL are busy (postgres.connections_max)".into(),
        ),
        PoolError::Timeout(_) => StoreError::Unavailable(
            "PostgreSQL made no connection in its time (postgres.connect_timeout_ms)".into(),
        ),
        other => StoreError::Unavailable(other.to_string()),
    }
}

impl From<Damage> for StoreError {
    fn from(damage: Damage) -> Self {
        Self::Corrupt(damage.0)
    }
}
