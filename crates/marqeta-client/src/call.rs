//! One call, and how it may fail.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bursar_http_client::{BodyError, read_body, tls, with_causes};
use bursar_processors::inquiry::InquiryError;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::uri::Scheme;
use http::{HeaderValue, Request, StatusCode, Uri};
use http_body_util::Empty;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::time::timeout;

use crate::Settings;

/// A larger answer is none.
const ANSWER_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Makes calls.
pub(crate) struct Caller {
    http: Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    base_url: String,
    authorization: HeaderValue,
    timeout: Duration,
}

/// Without the credentials.
impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no connection, or no end of the answer in time.
    Broken(String),
    /// It says that it is not now: too many calls, or a fault of its own.
    NotNow(StatusCode),
    /// It does not know us.
    NotAllowed(StatusCode),
    /// It answers otherwise than Marqeta's API does.
    Strange(StatusCode),
    /// The answer is too long.
    TooLong,
}

impl Failure {
    /// Whether the same call may succeed soon.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(self, Self::Broken(_) | Self::NotNow(_))
    }

    /// Whether it says something of all calls, and not only of this one.
    pub(crate) fn is_away(&self) -> bool {
        !matches!(self, Self::TooLong)
    }
}

impl From<BodyError> for Failure {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLong => Self::TooLong,
            BodyError::Broken(why) => Self::Broken(why),
        }
    }
}

impl From<Failure> for InquiryError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Broken(why) => Self::Away(format!("Marqeta's API cannot be reached: {why}")),
            Failure::NotNow(status) => Self::Away(format!("Marqeta's API answers {status}")),
            Failure::NotAllowed(status) => Self::Away(format!(
                "Marqeta's API answers {status}: set application_token and access_token of [marqeta] in the \
                 credentials file to those of the program, and restart"
            )),
            Failure::Strange(status) => Self::Away(format!(
                "marqeta.base_url answers {status}, as Marqeta's API does not: is it the whole of its address, as \
                 https://sandbox-api.marqeta.com/v3?"
            )),
            Failure::TooLong => {
                Self::Unusable(format!("Marqeta's answer has more than {ANSWER_BYTES_MAX} bytes"))
            }
        }
    }
}

impl Caller {
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        let base_url = settings.base_url.trim_end_matches('/').to_owned();
        if let Some(why) = url_problem(&base_url) {
            return Err(format!("marqeta.base_url {why}"));
        }
        let tls = tls(base_url.starts_with("https:"))
            .map_err(|why| format!("marqeta.base_url cannot be trusted: {why}"))?;
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().build();
        Ok(Self {
            http: Client::builder(TokioExecutor::new()).build(connector),
            base_url,
            authorization: basic(&settings.application_token, &settings.access_token)?,
            timeout: settings.timeout,
        })
    }

    /// The answer; `None` if there is nothing under this path.
    pub(crate) async fn get(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let in_time = timeout(self.timeout, self.get_some_time(path)).await;
        in_time.unwrap_or_else(|_| Err(Failure::Broken(format!("no answer in {:?}", self.timeout))))
    }

    async fn get_some_time(&self, path: &str) -> Result<Option<Vec<u8>>, Failure> {
        let request = Request::get(format!("{}{path}", self.base_url))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json")
            .body(Empty::new())
            .map_err(|error| Failure::Broken(error.to_string()))?;
        let response =
            self.http.request(request).await.map_err(|error| Failure::Broken(with_causes(&error)))?;
        match response.status() {
            StatusCode::OK | StatusCode::NOT_FOUND => {}
            status @ (StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(Failure::NotAllowed(status));
            }
            status @ (StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT) => {
                return Err(Failure::NotNow(status));
            }
            status if status.is_server_error() => return Err(Failure::NotNow(status)),
            status => return Err(Failure::Strange(status)),
        }
        let status = response.status();
        let body = read_body(response.into_body(), ANSWER_BYTES_MAX).await?;
        match status {
            StatusCode::OK => Ok(Some(body.into())),
            // Anybody on the way may say 404: the API says it with a code of its own.
            _ if is_not_found(&body) => Ok(None),
            _ => Err(Failure::Strange(status)),
        }
    }
}

/// Why a URL cannot be that of the API, which the tokens are sent to; words that follow it.
#[must_use]
pub fn url_problem(base_url: &str) -> Option<String> {
    let uri: Uri = match base_url.parse() {
        Ok(uri) => uri,
        Err(error) => return Some(format!("is no URL ({error})")),
    };
    let is_own = matches!(uri.host(), Some("127.0.0.1" | "localhost" | "[::1]"));
    // A fragment is cut off by whoever parses it.
    let has_more = uri.query().is_some()
        || base_url.contains('#')
        || uri.authority().is_some_and(|of| of.as_str().contains('@'));
    let problem = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP && !is_own => "is http, and not on this machine",
        Some(scheme) if *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS => "is neither https nor http",
        None => "does not begin with https://",
        Some(_) if has_more => "has credentials, a query or a fragment",
        Some(_) => return None,
    };
    Some(problem.to_owned())
}

#[derive(Deserialize)]
struct NotFound<'a> {
    #[serde(borrow)]
    error_code: Cow<'a, str>,
}

/// `{"error_code": "404001", "error_message": "…"}`.
fn is_not_found(body: &[u8]) -> bool {
    serde_json::from_slice::<NotFound<'_>>(body).is_ok_and(|of| of.error_code.starts_with("404"))
}

fn basic(user: &SecretString, password: &SecretString) -> Result<HeaderValue, String> {
    let both = format!("{}:{}", user.expose_secret(), password.expose_secret());
    let value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(both)));
    let mut value = value.map_err(|_| "has tokens that no header can hold".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_sent_in_the_open_to_this_machine_only() {
        for good in
            ["https://api.example/v3", "http://127.0.0.1:3100/v3", "http://localhost:1", "http://[::1]:1"]
        {
            assert_eq!(url_problem(good), None, "{good}");
        }
        for bad in [
            "",
            "api.example",
            "http://api.example/v3",
            "ftp://a.example",
            "https://u:p@a.example",
            "https://a?b",
            "https://a#b",
        ] {
            assert!(url_problem(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn nobody_is_shown_the_tokens() {
        let settings = Settings {
            base_url: "https://api.example/v3".into(),
            application_token: "the-user".to_owned().into(),
            access_token: "the-password".to_owned().into(),
            timeout: Duration::from_secs(1),
        };
        let caller = Caller::new(&settings).expect("a caller");
        let shown = format!("{settings:?} {caller:?}");
        assert!(!shown.contains("the-") && shown.contains("api.example"), "{shown}");
    }
}
