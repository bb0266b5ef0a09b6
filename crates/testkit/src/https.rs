//! A client that trusts one CA, from an address of this machine.

use std::net::IpAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Method};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Speaks HTTP/1.1 with TLS, and keeps its connections. Cheap to clone.
#[derive(Clone)]
pub struct HttpsClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What it was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

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
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        Self(Client::builder(TokioExecutor::new()).build(connector.wrap_connector(tcp)))
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
        let mut request = http::Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = self.0.request(request.body(Full::new(body.into()))?).await?;
        let (head, body) = answer.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status.as_u16(), headers: head.headers, body })
    }

    /// Gets what is there.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn get(&self, url: &str) -> Result<Answer, Error> {
        self.send(Method::GET, url, &[], Bytes::new()).await
    }
}
