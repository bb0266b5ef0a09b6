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
        if roots.is_empty() {
            return Err(failed(&"it has no certificate"));
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::Router;
    use axum::response::Redirect;
    use axum::routing::{get, post};
    use tokio::net::TcpListener;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    /// Answers until the test ends.
    async fn served() -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let routes = Router::new()
            .route(
                "/echo",
                post(|headers: HeaderMap, body: Bytes| async { (StatusCode::ACCEPTED, headers, body) }),
            )
            .route("/elsewhere", get(|| async { Redirect::to("/echo") }))
            .route("/never", get(std::future::pending::<()>))
            .route("/long", get(|| async { vec![0; ANSWER_BYTES_MAX + 1] }));
        tokio::spawn(axum::serve(listener, routes).into_future());
        Ok(address)
    }

    fn asked(address: SocketAddr, path: &str) -> Request<Bytes> {
        Request::get(format!("http://{address}{path}")).body(Bytes::new()).expect("a request")
    }

    #[tokio::test]
    async fn status_headers_and_all_of_the_body_are_answered() -> Result<(), Box<dyn std::error::Error>> {
        let address = served().await?;
        let request = Request::post(format!("http://{address}/echo")).header("x-mark", "seen");
        let answer = HttpClient::to("http:")?.send(request.body(Bytes::from_static(b"body"))?, LONG).await?;
        assert_eq!((answer.status, &*answer.body), (StatusCode::ACCEPTED, &b"body"[..]));
        assert_eq!(answer.headers["x-mark"], "seen");
        Ok(())
    }

    #[tokio::test]
    async fn a_redirect_is_an_answer_like_another() -> Result<(), Box<dyn std::error::Error>> {
        let answer = HttpClient::to("http:")?.send(asked(served().await?, "/elsewhere"), LONG).await?;
        assert_eq!((answer.status, &answer.headers["location"]), (StatusCode::SEE_OTHER, &"/echo".parse()?));
        Ok(())
    }

    #[tokio::test]
    async fn who_gives_no_whole_answer_is_named() -> Result<(), Box<dyn std::error::Error>> {
        let (address, http) = (served().await?, HttpClient::to("http:")?);
        let nobody = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
        for (address, path, within, words) in [
            (address, "/never", Duration::from_millis(1), "no answer in 1ms"),
            (address, "/long", LONG, "more than 67108864 bytes"),
            (nobody, "/echo", LONG, "Connection refused"),
        ] {
            let why = http.send(asked(address, path), within).await.expect_err(path);
            assert!(why.starts_with(&format!("{address}: ")) && why.contains(words), "{why}");
        }
        Ok(())
    }

    #[test]
    fn a_file_that_has_nobody_to_trust_is_named() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        for file in [file, "/nowhere.pem"] {
            assert!(HttpClient::trusting(Path::new(file), None).expect_err(file).contains(file));
        }
    }
}
