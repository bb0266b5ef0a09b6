//! A client that trusts one CA, from an address of this machine.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use bursar_http_client::{Answer, HttpClient};
use bytes::Bytes;
use http::{Method, Request};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Longer than nginx waits for an instance.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Speaks HTTP/1.1 with TLS, and keeps its connections. Cheap to clone.
#[derive(Clone)]
pub struct HttpsClient(HttpClient);

impl HttpsClient {
    /// One that trusts the CA of this file.
    ///
    /// # Panics
    /// There is no certificate in it.
    #[must_use]
    pub fn trusting(file: &Path, from: IpAddr) -> Self {
        Self(HttpClient::trusting(file, Some(from)).unwrap_or_else(|error| panic!("{error}")))
    }

    /// Sends a request, once.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer, Error> {
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        Ok(self.0.send(request.body(body.into())?, ANSWER_MAX).await?)
    }

    /// Gets what is there.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn get(&self, url: &str) -> Result<Answer, Error> {
        self.send(Method::GET, url, &[], Bytes::new()).await
    }
}
