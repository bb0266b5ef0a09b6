//! What the clients over HTTP share: whom they trust, how much they read, how they name an error, and the client of the
//! commands that ask a server.
//!
//! They stand on `hyper-util` and not on an easier client, because those want a TLS provider for the whole process or
//! bring one of their own; here it is an argument.

mod client;
mod tls;

use std::error::Error;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};

pub use client::{Answer, HttpClient};
pub use tls::tls;

/// Why there is no whole body.
#[derive(Debug)]
pub enum BodyError {
    /// It is longer than it may be.
    TooLong,
    /// The connection ended before it did, and why.
    Broken(String),
}

/// The whole of a body that has at most so many bytes. It holds no more than those in memory, and stops reading at
/// the first that is too many. A body may take its time: bound that outside.
///
/// # Errors
/// Another byte came, or the connection broke.
pub async fn read_body<E>(body: impl BodyExt<Error = E>, bytes_max: usize) -> Result<Bytes, BodyError>
where
    E: Into<Box<dyn Error + Send + Sync>>,
{
    match Limited::new(body, bytes_max).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLong),
        Err(error) => Err(BodyError::Broken(with_causes(error.as_ref()))),
    }
}

/// An error and what caused it, in one line: hyper's own words stop at "client error (Connect)". A cause that the
/// words before quote already is left out.
#[must_use]
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !text.contains(&message) {
            text = format!("{text}: {message}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use futures_util::stream::{self, StreamExt};

    use super::*;

    const CHUNK: &[u8] = b"0123456789";

    /// A body of so many chunks, and how many of them have been taken.
    fn body(chunks: usize) -> (Body, Arc<AtomicUsize>) {
        let taken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&taken);
        let chunk = move || {
            count.fetch_add(1, Ordering::Relaxed);
            Ok::<_, io::Error>(Bytes::from_static(CHUNK))
        };
        (Body::from_stream(stream::repeat_with(chunk).take(chunks)), taken)
    }

    #[tokio::test]
    async fn a_body_of_the_greatest_length_is_read() {
        let read = read_body(body(3).0, 30).await;
        assert!(matches!(&read, Ok(bytes) if **bytes == *CHUNK.repeat(3)), "{read:?}");
    }

    #[tokio::test]
    async fn a_longer_body_is_not_read_on() {
        let (endless, taken) = body(1_000);
        let read = read_body(endless, 29).await;
        assert!(matches!(read, Err(BodyError::TooLong)), "{read:?}");
        assert_eq!(taken.load(Ordering::Relaxed), 3);
    }

    #[tokio::test]
    async fn a_body_that_breaks_is_told_with_the_cause() {
        let chunks = [Ok(Bytes::from_static(CHUNK)), Err(io::Error::other("the line is dead"))];
        let read = read_body(Body::from_stream(stream::iter(chunks)), 100).await;
        assert!(matches!(&read, Err(BodyError::Broken(why)) if why.contains("the line is dead")), "{read:?}");
    }

    #[test]
    fn every_cause_is_named_from_the_outside_in() {
        #[derive(Debug, thiserror::Error)]
        #[error("no answer")]
        struct Outer(#[source] io::Error);

        assert_eq!(with_causes(&Outer(io::Error::other("no route"))), "no answer: no route");
    }

    #[test]
    fn a_cause_that_is_quoted_is_not_told_twice() {
        #[derive(Debug, thiserror::Error)]
        #[error("no answer, {0}")]
        struct Quoting(#[source] io::Error);

        assert_eq!(with_causes(&Quoting(io::Error::other("no route"))), "no answer, no route");
    }
}
