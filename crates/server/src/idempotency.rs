//! The `Idempotency-Key` header: what makes two POSTs the same request.

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use bursar_core::MessageKey;
use bursar_core::message::Source;
use bursar_core::text::Token;
use uuid::Uuid;

use crate::app::App;
use crate::problem::{Code, Problem};

/// The header's name.
pub(crate) const HEADER: &str = "Idempotency-Key";

/// The caller's own name of its request, required on every POST of `/v1`. The same key with the
/// same content is answered with the same bytes for ever; with other content it is a conflict.
pub(crate) struct IdempotencyKey(Token);

impl IdempotencyKey {
    pub(crate) fn message_key(self) -> MessageKey {
        MessageKey::new(Source::Api, self.0)
    }

    /// The id of the thing of this kind that the request makes: whoever asks again makes no other.
    pub(crate) fn id_of(&self, kind: &str) -> Uuid {
        Uuid::new_v5(&Uuid::new_v5(&Uuid::NAMESPACE_OID, kind.as_bytes()), self.0.as_str().as_bytes())
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl FromRequestParts<App> for IdempotencyKey {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _app: &App) -> Result<Self, Problem> {
        key_of(&parts.headers).map(Self)
    }
}

fn key_of(headers: &HeaderMap) -> Result<Token, Problem> {
    let mut values = headers.get_all(HEADER).iter();
    let Some(value) = values.next() else {
        return Err(Problem::new(
            Code::IdempotencyKeyMissing,
            "a POST needs the header Idempotency-Key: 1 to 255 visible ASCII characters, new for each new request",
        ));
    };
    let invalid = |why: String| Problem::new(Code::IdempotencyKeyInvalid, format!("Idempotency-Key: {why}"));
    if values.next().is_some() {
        return Err(invalid("the header is there more than once".to_owned()));
    }
    let text = value.to_str().map_err(|error| invalid(error.to_string()))?;
    Token::new(text).map_err(|error| invalid(error.to_string()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn with(values: &[&str]) -> Result<Token, Problem> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HEADER, HeaderValue::from_bytes(value.as_bytes()).expect("a header value"));
        }
        key_of(&headers)
    }

    #[test]
    fn one_key_of_visible_ascii_is_read() {
        assert_eq!(with(&["load-7"]).map(|key| key.to_string()), Ok("load-7".to_owned()));
    }

    #[test]
    fn without_a_usable_key_there_is_a_problem() {
        let long = "x".repeat(256);
        for (values, status) in [
            (&[][..], 400),
            (&[""], 400),
            (&["a b"], 400),
            (&["é"], 400),
            (&[long.as_str()], 400),
            (&["a", "b"], 400),
        ] {
            let problem = with(values).expect_err("no usable key");
            assert_eq!(problem.status(), status, "{values:?}");
        }
    }
}
