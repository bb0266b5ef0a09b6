//! Reading bodies: bounded in size, time and nesting, and what is wrong is named.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use axum::body::HttpBody;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bursar_processors::json::{Object, nests_deeper_than};
use bytes::{Bytes, BytesMut};
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::problem::{Code, Problem};

/// Arrays and objects within each other, at most.
const DEPTH_MAX: usize = 32;

/// Of a body over the limit, so many times the limit is read and thrown away: a caller that is
/// still sending would otherwise see a broken connection, not the 413.
const DRAINED_FACTOR: usize = 4;

/// A JSON body of a known shape.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<App> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            return Err(Problem::new(
                Code::UnsupportedMediaType,
                "the body has to be JSON, with the header `Content-Type: application/json`",
            ));
        }
        let settings = app.settings();
        let bytes = read(request.into_body(), settings.body_max_bytes, settings.body_timeout).await?;
        parse(&bytes).map(Self)
    }
}

/// Reads a whole body, which arrives within the time and has at most `max_bytes`. A body that
/// came in one piece is not copied.
pub(crate) async fn read(
    mut body: axum::body::Body,
    max_bytes: usize,
    timeout: Duration,
) -> Result<Bytes, Problem> {
    let reading = read_bounded(&mut body, max_bytes);
    match tokio::time::timeout(timeout, reading).await {
        Ok(result) => result,
        Err(_) => Err(Problem::new(
            Code::BodyTooSlow,
            format!("the body did not arrive within {} ms", timeout.as_millis()),
        )),
    }
}

async fn read_bounded(body: &mut axum::body::Body, max_bytes: usize) -> Result<Bytes, Problem> {
    let mut whole = BytesMut::new();
    let mut first = Bytes::new();
    let mut seen_bytes = 0_usize;
    while let Some(chunk) = next_chunk(body).await? {
        seen_bytes = seen_bytes.saturating_add(chunk.len());
        if seen_bytes > max_bytes.saturating_mul(DRAINED_FACTOR) {
            break;
        }
        if seen_bytes > max_bytes {
            continue;
        }
        if first.is_empty() && whole.is_empty() {
            first = chunk;
            continue;
        }
        whole.extend_from_slice(&std::mem::take(&mut first));
        whole.extend_from_slice(&chunk);
    }
    if seen_bytes > max_bytes {
        return Err(Problem::new(Code::BodyTooLarge, format!("a body has at most {max_bytes} bytes")));
    }
    Ok(if whole.is_empty() { first } else { whole.freeze() })
}

async fn next_chunk(body: &mut axum::body::Body) -> Result<Option<Bytes>, Problem> {
    loop {
        match poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
            None => return Ok(None),
            Some(Err(_)) => return Err(Problem::new(Code::BodyIncomplete, "the body ended too early")),
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Some(data)),
                Err(_trailers) => {}
            },
        }
    }
}

/// Reads JSON of a known shape. Only on failure it is read again, to find which field is wrong.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    if nests_deeper_than(bytes, DEPTH_MAX) {
        return Err(Problem::new(
            Code::NestingTooDeep,
            format!("a body has at most {DEPTH_MAX} levels of nesting"),
        ));
    }
    match serde_json::from_slice(bytes) {
        Ok(Object(read)) => Ok(read),
        Err(error) if error.is_data() => Err(name_field::<T>(bytes, &error)),
        Err(error) => Err(Problem::of_field(Code::MalformedJson, "body", error)),
    }
}

fn name_field<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, Object<T>>(&mut reader) {
        Ok(_) => Problem::of_field(Code::InvalidField, "body", error),
        Err(error) => {
            let message = without_place(&error.inner().to_string());
            let field = field_of(&error.path().to_string(), &message);
            Problem::of_field(Code::InvalidField, field, message)
        }
    }
}

/// The path of what is wrong: serde tells the object that lacks a field or has one too many, and
/// the field's name only in the message.
pub(crate) fn field_of(path: &str, message: &str) -> String {
    let named = ["missing field `", "unknown field `"]
        .iter()
        .find_map(|start| message.strip_prefix(start)?.split('`').next());
    match (path, named) {
        ("." | "", None) => "body".to_owned(),
        ("." | "", Some(name)) => name.to_owned(),
        (path, Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            format!("{path}.{name}")
        }
        (path, _) => path.to_owned(),
    }
}

/// The message without serde_json's line and column: the path says more.
fn without_place(message: &str) -> String {
    match message.rfind(" at line ") {
        Some(place) => message[..place].to_owned(),
        None => message.to_owned(),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .unwrap_or_default()
        .trim();
    media_type.eq_ignore_ascii_case("application/json")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        name: String,
        inner: Option<Vec<Inner>>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        number: u8,
    }

    #[test]
    fn a_body_of_the_shape_is_read() -> Result<(), Problem> {
        let outer: Outer = parse(br#"{"name": "a", "inner": [{"number": 7}]}"#)?;
        assert_eq!(outer.name, "a");
        assert_eq!(outer.inner.unwrap_or_default()[0].number, 7);
        Ok(())
    }

    #[test]
    fn the_field_that_is_wrong_is_named() {
        for (body, field) in [
            (r#"{"name": 1}"#, "\"field\":\"name\""),
            (r#"{}"#, "\"field\":\"name\""),
            (r#"{"name": "a", "nmae": "b"}"#, "\"field\":\"nmae\""),
            (r#"{"name": "a", "inner": [{"number": -1}]}"#, "\"field\":\"inner[0].number\""),
            (r#"{"name": "a", "inner": [{}]}"#, "\"field\":\"inner[0].number\""),
            (r#"{"name": "a", "inner": [{"number": 1, "x": 1}]}"#, "\"field\":\"inner[0].x\""),
            (r#"{"name": "#, "\"field\":\"body\""),
            (r#"{"name": NaN}"#, "\"field\":\"body\""),
            (r#"["a", [{"number": 7}]]"#, "\"field\":\"body\""),
            ("", "\"field\":\"body\""),
        ] {
            let problem = parse::<Outer>(body.as_bytes()).expect_err(body);
            assert_eq!(problem.status(), 400, "{body}");
            let answer = String::from_utf8(problem.answer().body).expect("problems are text");
            assert!(answer.contains(field), "{body}: {answer}");
        }
    }
}
