//! A client for the commands that ask a server.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::time::timeout;

use crate::tls::tls_of;
use crate::{BodyError, read_body, tls, with_causes};

/// Longer than the longest page of any list.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Sends requests over HTTP/1.1, with TLS where the URL says so, and keeps its connections. Cheap to clone.
#[derive(Debug, Clone)]
pub struct HttpClient(Client<HttpsConnector<HttpConnector>, Full<Bytes>>);

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// All of the body.
    pub body: Bytes,
}

impl HttpClient {
    /// For this address and others like it. With `https` it trusts whom the system trusts, or the certificates of the
    /// file that `SSL_CERT_FILE` names.
    ///
    /// # Errors
    /// The address wants TLS, and this system trusts nobody.
    pub fn to(address: &str) -> Result<Self, String> {
        Ok(Self::over(tls(address.starts_with("https:"))?, HttpConnector::new()))
    }

    /// For addresses whose certificates are signed by one of this file, or are in it; from this address of the machine.
    ///
    /// # Errors
    /// It has none.
    pub fn trusting(file: &Path, from: Option<IpAddr>) -> Result<Self, String> {
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_file_iter(file).map_err(|error| failed(&error))? {
            let added = certificate.map_err(|error| failed(&error)).map(|certificate| roots.add(certificate));
            added?.map_err(|error| failed(&error))?;
        }
        let mut tcp = HttpConnector::new();
        tcp.set_local_address(from);
        Ok(Self::over(tls_of(roots)?, tcp))
    }

    fn over(tls: ClientConfig, mut tcp: HttpConnector) -> Self {
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        let connector = HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1();
        Self(Client::builder(TokioExecutor::new()).build(connector.wrap_connector(tcp)))
    }

    /// Sends it once. Redirects are not followed.
    ///
    /// # Errors
    /// There was no whole answer in this time, whose, and why: it may have been taken all the same.
    pub async fn send(&self, request: Request<Bytes>, within: Duration) -> Result<Answer, String> {
        let uri = request.uri();
        let (host, port) = (uri.host().unwrap_or_default(), uri.port_u16());
        let whom = port.map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        let answer = async {
            let response =
                self.0.request(request.map(Full::new)).await.map_err(|error| with_causes(&error))?;
            let (head, body) = response.into_parts();
            let body = read_body(body, ANSWER_BYTES_MAX).await.map_err(|error| match error {
                BodyError::TooLong => format!("the answer has more than {ANSWER_BYTES_MAX} bytes"),
                BodyError::Broken(why) => why,
            })?;
            Ok(Answer { status: head.status, headers: head.headers, body })
        };
        let answer =
            timeout(within, answer).await.unwrap_or_else(|_| Err(format!("no answer in {within:?}")));
        answer.map_err(|why| format!("{whom}: {why}"))
    }
}
