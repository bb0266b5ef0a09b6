//! Why a client gave nothing.

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("{0:?} is not the address of a server, such as http://127.0.0.1:3000")]
    Address(String),
    /// A credential cannot be sent.
    #[error("{0} has characters that cannot be sent")]
    Credential(&'static str),
    /// Nobody is trusted.
    #[error("{0}")]
    Tls(String),
}

/// Why a call of `/v1` gave nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The server said no.
    #[error("{what}: refused with {status} {code}: {detail}")]
    Refused {
        /// Method and path.
        what: String,
        /// The status of the answer.
        status: u16,
        /// The code of the problem; empty if the answer was no problem document.
        code: String,
        /// What the problem says.
        detail: String,
    },
    /// No answer came, or 429 or 503: it may have been done.
    #[error("{what}: no answer: {why}")]
    Unknown {
        /// Method and path.
        what: String,
        /// What was seen.
        why: String,
    },
    /// The answer is not what the API promises.
    #[error("{what}: the answer cannot be read: {why}")]
    Unreadable {
        /// Method and path.
        what: String,
        /// What is wrong with it.
        why: String,
    },
}
