//! Who may call `/v1`: whoever has the API key.

use axum::extract::FromRequestParts;
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::app::App;
use crate::problem::{Code, Problem};

/// The name of the API key's scheme in the description of the API.
pub(crate) const API_KEY_SCHEME: &str = "api_key";

/// The name of Marqeta's Basic credentials there.
pub(crate) const MARQETA_SCHEME: &str = "marqeta";

/// What requests with the API key are counted as.
const API_CALLS: &str = "api calls";

/// The digest of the API key: two digests are compared in constant time, whatever was sent.
pub(crate) struct ApiKey([u8; 32]);

impl ApiKey {
    pub(crate) fn new(key: &SecretString) -> Self {
        Self(Sha256::digest(key.expose_secret()).into())
    }

    /// Whether the value of the `Authorization` header is `Bearer` and the key. An empty key is
    /// never right: a setting left blank must not open the door.
    fn is_in(&self, header: Option<&HeaderValue>) -> bool {
        let sent = header.and_then(bearer).unwrap_or_default();
        let digest: [u8; 32] = Sha256::digest(sent).into();
        let is_equal: bool = digest.ct_eq(&self.0).into();
        is_equal && !sent.is_empty()
    }
}

/// The operator: the extractor is the permission check, and comes before all others.
pub(crate) struct Operator;

impl FromRequestParts<App> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        if !app.api_key().is_in(parts.headers.get(AUTHORIZATION)) {
            let why = "this needs the header `Authorization: Bearer <API key>` with a valid key";
            return Err(Problem::new(Code::Unauthorized, why));
        }
        match app.settings().api_rate_max {
            Some(most) if !app.cache().is_within(API_CALLS, most, Timestamp::now()) => {
                let why = format!("this key may make {most} requests a second, at all instances together");
                Err(Problem::new(Code::TooManyRequests, why))
            }
            _ => Ok(Self),
        }
    }
}

fn bearer(header: &HeaderValue) -> Option<&[u8]> {
    let (scheme, key) = header.as_bytes().split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_key_after_bearer_is_let_in() {
        let key = ApiKey::new(&SecretString::from("bursar_123"));
        for (header, is_let_in) in [
            ("Bearer bursar_123", true),
            ("bearer bursar_123", true),
            ("Bearer bursar_1234", false),
            ("Bearer bursar_12", false),
            ("Bearer  bursar_123", false),
            ("Basic bursar_123", false),
            ("bursar_123", false),
            ("Bearer ", false),
            ("Bearer", false),
            ("", false),
        ] {
            let value = HeaderValue::from_str(header).expect("a header value");
            assert_eq!(key.is_in(Some(&value)), is_let_in, "{header:?}");
        }
        assert!(!key.is_in(None));
    }

    #[test]
    fn an_empty_key_lets_nobody_in() {
        let key = ApiKey::new(&SecretString::from(""));
        assert!(!key.is_in(None) && !key.is_in(Some(&HeaderValue::from_static("Bearer "))));
    }
}
