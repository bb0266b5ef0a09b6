//! What a PostgreSQL error lets the caller do next.

use bursar_store::StoreError;
use deadpool_postgres::{HookError, PoolError, TimeoutType};
use tokio_postgres::error::{Severity, SqlState};

use crate::pools::Purpose;
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

/// The error with the words of the server, which its own text leaves out, and what to do about it.
pub(crate) fn words(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error);
    match (error.as_db_error(), cause) {
        (Some(server), _) => {
            let code = server.code().code();
            format!("{code}: {}{}", server.message(), remedy(code))
        }
        (None, Some(cause)) if is_distrust(cause) => format!(
            "the server is not who it says it is: {cause}; postgres.ca_file names the CA that signs its certificate \
             (without it: the system's), and the host in the URL is a name in it; without TLS: sslmode=disable"
        ),
        (None, Some(cause)) if cause.to_string() == "server does not support TLS" => {
            "the server speaks no TLS, which sslmode=require and postgres.ca_file ask for; without TLS: sslmode=disable"
                .to_owned()
        }
        (None, Some(cause)) if error.to_string() == "error connecting to server" => {
            format!("{error}: {cause}; start PostgreSQL there, or correct host and port in its URL")
        }
        (None, Some(cause)) => format!("{error}: {cause}"),
        (None, None) => error.to_string(),
    }
}

/// What to do where a server lets nobody in, or lets him do nothing.
fn remedy(code: &str) -> &'static str {
    match code {
        "28P01" => "; correct user and password in its URL",
        "28000" => "; correct user and database in its URL, or let them in by its pg_hba.conf",
        "3D000" => "; make that database, or correct it in the URL",
        "42501" => "; the user has to own the database",
        "53300" => "; raise its max_connections, or lower postgres.connections_max",
        "57P03" => "; try again when it has started",
        _ => "",
    }
}

/// Whether it is a certificate that ended a connection.
fn is_distrust(cause: &(dyn std::error::Error + 'static)) -> bool {
    let cause = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
    let cause = cause.and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

/// Why the pool gave none.
pub(crate) fn no_connection(error: PoolError, of: Purpose) -> StoreError {
    let busy = match of {
        Purpose::Reads => "all connections for reads are busy (postgres.connections_max)",
        Purpose::Lookups => {
            "all connections that look up the tokens of swipes are busy for longer than postgres.lane_timeout_ms"
        }
        Purpose::Lanes => "all connections of the lanes are busy (postgres.lanes)",
    };
    let slow = match of {
        Purpose::Reads => "PostgreSQL made no connection in its time (postgres.connect_timeout_ms)",
        Purpose::Lookups | Purpose::Lanes => {
            "PostgreSQL made no connection in the time of a swipe (postgres.lane_timeout_ms and lock_timeout_ms)"
        }
    };
    match &error {
        PoolError::Backend(error) => StoreError::Unavailable(words(error)),
        // What a new connection of a lane is refused for.
        PoolError::PostCreateHook(HookError::Message(why)) => StoreError::Unavailable(why.to_string()),
        PoolError::Timeout(TimeoutType::Wait) => StoreError::Unavailable(busy.into()),
        PoolError::Timeout(_) => StoreError::Unavailable(slow.into()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

impl From<Damage> for StoreError {
    fn from(damage: Damage) -> Self {
        Self::Corrupt(damage.0)
    }
}
