//! All HTTP of the simulator: `/v1` with a key, and the processor's request with a password.

use std::time::Duration;

use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Method, RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::Sha256;

use crate::history::Told;
use crate::settings::Settings;

/// As long as the processor waits by default; later answers are no answers.
const JIT_TIMEOUT: Duration = Duration::from_secs(3);
const API_TIMEOUT: Duration = Duration::from_secs(10);
const BACKOFF_MAX: Duration = Duration::from_millis(500);

/// Keep-alive connections to one server, and the credentials for it.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    api_key: SecretString,
    jit_username: String,
    jit_password: SecretString,
    webhook_secret: Option<SecretString>,
}

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("{0:?} is not the address of a server, such as http://127.0.0.1:3000")]
    Address(String),
    /// The HTTP library refused.
    #[error("the HTTP client cannot be set up")]
    Http(#[from] reqwest::Error),
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
    /// No answer came, or 503: it may have been done.
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
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()?;
        Ok(Self {
            http,
            base,
            api_key: settings.api_key.clone(),
            jit_username: settings.jit_username.clone(),
            jit_password: settings.jit_password.clone(),
            webhook_secret: settings.webhook_secret.clone(),
        })
    }

    /// Sends a just-in-time funding request once, as the processor does: status and body.
    ///
    /// # Errors
    /// Nobody answered in time, or the connection broke.
    pub async fn swipe(&self, body: Bytes) -> Result<(u16, Bytes), reqwest::Error> {
        let response = self
            .http
            .post(self.url("/jit/marqeta"))
            .basic_auth(&self.jit_username, Some(self.jit_password.expose_secret()))
            .header("content-type", "application/json")
            .timeout(JIT_TIMEOUT)
            .body(body)
            .send()
            .await?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().await?))
    }

    /// Sends a webhook once, as the processor does, and says what was answered. Only 200 counts.
    pub async fn webhook(&self, body: Bytes) -> Told {
        let mut request = self
            .http
            .post(self.url("/webhooks/marqeta"))
            .basic_auth(&self.jit_username, Some(self.jit_password.expose_secret()))
            .header("content-type", "application/json")
            .timeout(API_TIMEOUT);
        if let Some(secret) = &self.webhook_secret {
            request = request.header("x-marqeta-signature", signature(secret, &body));
        }
        let Ok(response) = request.body(body).send().await else { return Told::Unknown };
        let status = response.status().as_u16();
        match (status, response.text().await) {
            (200, _) => Told::Acknowledged,
            // It came too slowly, there are too many, or the store is away.
            (408 | 429 | 503, _) => Told::Unknown,
            (_, text) => Told::Refused(format!("{status}: {}", text.unwrap_or_default())),
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
        let request = || self.api(Method::POST, self.url(path)).header("idempotency-key", key).json(body);
        repeat(&format!("POST {path}"), tries, request).await
    }

    /// Reads one object.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, CallError> {
        let url = self.url(path);
        repeat(&format!("GET {path}"), READ_TRIES, || self.api(Method::GET, url.clone())).await
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
            let what = format!("GET {path}");
            let page: Page<T> = repeat(&what, READ_TRIES, || self.api(Method::GET, url.clone())).await?;
            items.extend(page.items);
            match page.next {
                None => return Ok(items),
                Some(next) if Some(&next) == after.as_ref() => {
                    let why = "the next page is this page".to_owned();
                    return Err(CallError::Unreadable { what, why });
                }
                next => after = next,
            }
        }
    }

    fn api(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url).bearer_auth(self.api_key.expose_secret()).timeout(API_TIMEOUT)
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

/// Reading has no effect, so it may be tried often.
const READ_TRIES: u32 = 10;

async fn repeat<T: DeserializeOwned>(
    what: &str,
    tries: u32,
    request: impl Fn() -> RequestBuilder,
) -> Result<T, CallError> {
    let mut backoff = Duration::from_millis(20);
    for _ in 1..tries {
        match once(what, request()).await {
            Err(CallError::Unknown { .. }) => tokio::time::sleep(backoff).await,
            settled => return settled,
        }
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
    once(what, request()).await
}

async fn once<T: DeserializeOwned>(what: &str, request: RequestBuilder) -> Result<T, CallError> {
    let what = || what.to_owned();
    let unknown = |error: reqwest::Error| CallError::Unknown { what: what(), why: causes(&error) };
    let response: Response = request.send().await.map_err(unknown)?;
    let status = response.status();
    let body = response.bytes().await.map_err(unknown)?;
    if status.as_u16() == 503 {
        let why = "503".to_owned();
        return Err(CallError::Unknown { what: what(), why });
    }
    if !status.is_success() {
        let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
        return Err(CallError::Refused {
            what: what(),
            status: status.as_u16(),
            code: problem.code,
            detail: problem.detail,
        });
    }
    serde_json::from_slice(&body)
        .map_err(|error| CallError::Unreadable { what: what(), why: error.to_string() })
}

/// The error and what lies under it: "connection refused" is the last of these.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

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
