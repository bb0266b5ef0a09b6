//! All HTTP of the simulator: `/v1` with a key, and the processor's request with a password.

mod error;

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bursar_http_client::HttpClient;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::request::Builder;
use http::{HeaderValue, Request};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;
use tokio::task::JoinSet;
use url::Url;

use crate::history::Told;
use crate::settings::Settings;

pub use error::{CallError, ClientError};

/// As long as the processor waits by default; later answers are no answers.
const JIT_TIMEOUT: Duration = Duration::from_secs(3);
const API_TIMEOUT: Duration = Duration::from_secs(10);
/// Reading has no effect, so it may be tried often.
const READ_TRIES: u32 = 10;
const JSON: &str = "application/json";
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// Keep-alive connections to one server, and the credentials for it.
#[derive(Debug, Clone)]
pub struct Client {
    http: HttpClient,
    base: Url,
    /// The value of the header for `/v1`.
    operator: HeaderValue,
    /// The same for what a processor sends.
    processor: HeaderValue,
    webhook_secret: Option<SecretString>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Problem {
    code: String,
    detail: String,
}

#[derive(Deserialize)]
struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

impl Client {
    /// Sets up the connections; nothing is sent yet.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        let address = || ClientError::Address(settings.base_url.clone());
        let base = Url::parse(&settings.base_url).map_err(|_| address())?;
        if base.cannot_be_a_base() || !base.has_host() {
            return Err(address());
        }
        let key = settings.api_key.expose_secret();
        let both = format!("{}:{}", settings.jit_username, settings.jit_password.expose_secret());
        Ok(Self {
            http: HttpClient::to(&settings.base_url).map_err(ClientError::Tls)?,
            base,
            operator: credential(&format!("Bearer {key}")).ok_or(ClientError::Credential("the API key"))?,
            processor: credential(&format!("Basic {}", BASE64_STANDARD.encode(both)))
                .ok_or(ClientError::Credential("the processor's password"))?,
            webhook_secret: settings.webhook_secret.clone(),
        })
    }

    /// Makes so many connections, and keeps them. Who does not answer now is seen by the first swipe.
    pub async fn connect(&self, connections: usize) {
        let mut asking = JoinSet::new();
        for _ in 0..connections {
            let (http, url) = (self.http.clone(), self.url("/live"));
            asking.spawn(async move {
                let request =
                    Request::get(url.as_str()).body(Bytes::new()).map_err(|error| error.to_string())?;
                http.send(request, API_TIMEOUT).await
            });
        }
        asking.join_all().await;
    }

    /// Sends a just-in-time funding request once, as the processor does: status and body.
    ///
    /// # Errors
    /// Nobody answered in time, or the connection broke: it may have been decided.
    pub async fn swipe(&self, body: Bytes) -> Result<(u16, Bytes), String> {
        let request = self.report("/jit/marqeta").body(body).map_err(|error| error.to_string())?;
        let answer = self.http.send(request, JIT_TIMEOUT).await?;
        Ok((answer.status.as_u16(), answer.body))
    }

    /// Sends a webhook once, as the processor does, and says what was answered. Only 200 counts.
    pub async fn webhook(&self, body: Bytes) -> Told {
        let mut request = self.report("/webhooks/marqeta");
        if let Some(secret) = &self.webhook_secret {
            request = request.header("x-marqeta-signature", signature(secret, &body));
        }
        let Ok(request) = request.body(body) else { return Told::Unknown };
        let Ok(answer) = self.http.send(request, API_TIMEOUT).await else { return Told::Unknown };
        match answer.status.as_u16() {
            200 => Told::Acknowledged,
            // It came too slowly, there are too many, or the store is away.
            408 | 429 | 503 => Told::Unknown,
            status => Told::Refused(format!("{status}: {}", String::from_utf8_lossy(&answer.body))),
        }
    }

    /// Posts under an idempotency key, up to `tries` times while the outcome is unknown.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        body: &Value,
        tries: u32,
    ) -> Result<T, CallError> {
        let bytes = Bytes::from(body.to_string());
        let request = || {
            let request = self.api(Request::post(self.url(path).as_str())).header("idempotency-key", key);
            request.header(CONTENT_TYPE, JSON).body(bytes.clone())
        };
        self.repeat(&format!("POST {path}"), tries, request).await
    }

    /// Reads one object.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        self.read(path, &self.url(path)).await
    }

    /// Reads a whole list, page by page.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn list<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Vec<T>, CallError> {
        let mut items = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let mut url = self.url(path);
            let cursor = after.as_deref().map(|after| ("after", after));
            url.query_pairs_mut().extend_pairs(query).append_pair("limit", "1000").extend_pairs(cursor);
            let page: Page<T> = self.read(path, &url).await?;
            items.extend(page.items);
            match page.next {
                None => return Ok(items),
                Some(next) if Some(&next) == after.as_ref() => {
                    let why = "the next page is this page".to_owned();
                    return Err(CallError::Unreadable { what: format!("GET {path}"), why });
                }
                next => after = next,
            }
        }
    }

    async fn read<T: DeserializeOwned>(&self, path: &str, url: &Url) -> Result<T, CallError> {
        let request = || self.api(Request::get(url.as_str())).body(Bytes::new());
        self.repeat(&format!("GET {path}"), READ_TRIES, request).await
    }

    fn api(&self, request: Builder) -> Builder {
        request.header(AUTHORIZATION, self.operator.clone())
    }

    /// What a processor sends to this path.
    fn report(&self, path: &str) -> Builder {
        let request = Request::post(self.url(path).as_str()).header(AUTHORIZATION, self.processor.clone());
        request.header(CONTENT_TYPE, JSON)
    }

    async fn repeat<T: DeserializeOwned>(
        &self,
        what: &str,
        tries: u32,
        request: impl Fn() -> http::Result<Request<Bytes>>,
    ) -> Result<T, CallError> {
        let mut backoff = Duration::from_millis(20);
        for _ in 1..tries {
            match self.once(what, request()).await {
                Err(CallError::Unknown { .. }) => tokio::time::sleep(backoff).await,
                settled => return settled,
            }
            backoff = (backoff * 2).min(BACKOFF_MAX);
        }
        self.once(what, request()).await
    }

    async fn once<T: DeserializeOwned>(
        &self,
        what: &str,
        request: http::Result<Request<Bytes>>,
    ) -> Result<T, CallError> {
        let what = || what.to_owned();
        let unreadable = |why: String| CallError::Unreadable { what: what(), why };
        let request = request.map_err(|error| unreadable(error.to_string()))?;
        let unknown = |why| CallError::Unknown { what: what(), why };
        let answer = self.http.send(request, API_TIMEOUT).await.map_err(unknown)?;
        // The store is away, or there are too many requests: both pass.
        if matches!(answer.status.as_u16(), 429 | 503) {
            return Err(unknown(answer.status.to_string()));
        }
        if !answer.status.is_success() {
            let problem: Problem = serde_json::from_slice(&answer.body).unwrap_or_default();
            return Err(CallError::Refused {
                what: what(),
                status: answer.status.as_u16(),
                code: problem.code,
                detail: problem.detail,
            });
        }
        serde_json::from_slice(&answer.body).map_err(|error| unreadable(error.to_string()))
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.base.clone();
        url.set_path(path);
        url
    }
}

/// Lower-case hex of the HMAC of the body.
fn signature(secret: &SecretString, body: &[u8]) -> String {
    let mut hmac = match Hmac::<Sha256>::new_from_slice(secret.expose_secret().as_bytes()) {
        Ok(hmac) => hmac,
        Err(_) => return String::new(),
    };
    hmac.update(body);
    hmac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The value of a header that no log shows.
fn credential(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn as_many_connections_are_made_as_are_wanted() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = Client::new(&Settings::new(&url, "k".into(), "u", "p".into())).expect("an address");
        let connecting = tokio::spawn(async move { client.connect(20).await });
        let mut connections = Vec::new();
        while connections.len() < 20 {
            connections.push(listener.accept().await?.0);
        }
        assert!(!connecting.is_finished(), "nobody was answered");
        for connection in &mut connections {
            connection.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
        }
        connecting.await?;
        Ok(())
    }

    #[tokio::test]
    async fn who_is_turned_away_comes_again() -> std::io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let client = Client::new(&Settings::new(&url, "k".into(), "u", "p".into())).expect("an address");
        let asking = tokio::spawn(async move { client.get::<Value>("/v1/cards").await });
        let (mut connection, _) = listener.accept().await?;
        for status in ["429 Too Many Requests", "503 Service Unavailable", "200 OK"] {
            let asked = connection.read(&mut [0; 4096]).await?;
            assert!(asked > 0, "it came no more before {status}");
            connection
                .write_all(format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}").as_bytes())
                .await?;
        }
        assert_eq!(asking.await?.expect("an answer"), serde_json::json!({}));
        Ok(())
    }

    #[test]
    fn what_is_no_address_is_refused_by_name() {
        for address in ["", "localhost", "mailto:a@b", "127.0.0.1:3000"] {
            let settings = Settings::new(address, "k".into(), "u", "p".into());
            let error = Client::new(&settings).expect_err(address);
            assert!(error.to_string().contains("http://"), "{error}");
        }
    }

    /// The second example of RFC 4231.
    #[test]
    fn a_webhook_is_signed_by_its_bytes() {
        let hex = signature(&"Jefe".into(), b"what do ya want for nothing?");
        assert_eq!(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }

    #[test]
    fn paths_follow_the_address() {
        let settings = Settings::new("http://127.0.0.1:3000/", "k".into(), "u", "p".into());
        let client = Client::new(&settings).expect("an address");
        assert_eq!(client.url("/v1/cards").as_str(), "http://127.0.0.1:3000/v1/cards");
    }
}
