//! A client that trusts one CA, from an address of this machine.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bursar_http_client::{Answer, HttpClient};
use bytes::Bytes;
use http::{Method, Request};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Longer than nginx waits for an instance.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Speaks HTTP/1.1 with TLS, and keeps its connections. Cheap to clone.
#[derive(Clone)]
pub struct HttpsClient(HttpClient);

impl HttpsClient {
    /// One that trusts the CA with this certificate.
    ///
    /// # Panics
    /// It is no certificate.
    #[must_use]
    pub fn trusting(certificate: &[u8], from: IpAddr) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(certificate.to_owned())).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_local_address(Some(from));
        Self(HttpClient::over(tls, tcp))
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
