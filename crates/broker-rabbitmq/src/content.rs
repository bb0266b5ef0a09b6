//! Messages as AMQP has them: properties and headers.

use bursar_broker::{Content, Death, Queue, Reason};
use jiff::Timestamp;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use uuid::Uuid;

const PUBLISHED: &str = "x-bursar-published-us";
const QUEUE: &str = "x-bursar-queue";
const ATTEMPTS: &str = "x-bursar-attempts";
const ERROR_FIRST: &str = "x-bursar-first-error";
const ERROR_LAST: &str = "x-bursar-last-error";
const REASON: &str = "x-bursar-reason";
const DEATH: &str = "x-bursar-death";

/// Kept on disk by whoever carries it.
const PERSISTENT: u8 = 2;

/// What goes with the body.
///
/// # Errors
/// A text that is too long for AMQP, in words.
pub(crate) fn properties(content: &Content) -> Result<BasicProperties, String> {
    let now = Timestamp::now();
    let mut headers = FieldTable::default();
    let published = content.published_at.unwrap_or(now).as_microsecond();
    headers.insert(PUBLISHED.into(), AMQPValue::LongLongInt(published));
    if let Some(death) = &content.death {
        headers.insert(QUEUE.into(), text(death.queue.name()));
        headers.insert(ATTEMPTS.into(), AMQPValue::LongLongInt(death.attempts.into()));
        headers.insert(ERROR_FIRST.into(), text(&death.error_first));
        headers.insert(ERROR_LAST.into(), text(&death.error_last));
        if let Some(reason) = death.reason {
            headers.insert(REASON.into(), text(reason.as_str()));
            headers.insert(DEATH.into(), text(&death.id.to_string()));
        }
    }
    let mut properties = BasicProperties::default()
        .with_message_id(short("id", &content.id.to_string())?)
        .with_type(short("kind", &content.kind)?)
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_timestamp(now.as_second().unsigned_abs())
        .with_headers(headers);
    if let Some(reply_to) = &content.reply_to {
        properties = properties.with_reply_to(short("reply_to", reply_to)?);
    }
    if let Some(correlation_id) = &content.correlation_id {
        properties = properties.with_correlation_id(short("correlation_id", correlation_id)?);
    }
    Ok(properties)
}

/// A message as it came. One that is not of our own making may have an id of another form, or none: it gets one that is
/// made of that, or of its body, and is the same each time that it comes.
pub(crate) fn content(properties: &BasicProperties, body: Vec<u8>) -> Content {
    let own = |text: &Option<ShortString>| text.as_ref().map(|text| text.as_str().to_owned());
    let id = own(properties.message_id());
    let id = match &id {
        Some(id) => Uuid::parse_str(id).unwrap_or_else(|_| Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes())),
        None => Uuid::new_v5(&Uuid::NAMESPACE_OID, &body),
    };
    let headers = properties.headers().clone().unwrap_or_default();
    Content {
        id,
        kind: own(properties.kind()).unwrap_or_default(),
        body,
        reply_to: own(properties.reply_to()),
        correlation_id: own(properties.correlation_id()),
        published_at: number(&headers, PUBLISHED).and_then(|us| Timestamp::from_microsecond(us).ok()),
        death: death(&headers),
    }
}

fn death(headers: &FieldTable) -> Option<Death> {
    Some(Death {
        id: string(headers, DEATH).and_then(|id| Uuid::parse_str(&id).ok()).unwrap_or_default(),
        queue: Queue::from_name(&string(headers, QUEUE)?)?,
        attempts: u32::try_from(number(headers, ATTEMPTS)?).ok()?,
        error_first: string(headers, ERROR_FIRST)?,
        error_last: string(headers, ERROR_LAST)?,
        reason: string(headers, REASON).and_then(|word| Reason::from_word(&word)),
    })
}

fn short(name: &str, text: &str) -> Result<ShortString, String> {
    ShortString::try_new(text).map_err(|_| format!("its {name} has more than 255 bytes"))
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn number(headers: &FieldTable, name: &str) -> Option<i64> {
    match headers.inner().get(name)? {
        AMQPValue::LongLongInt(number) => Some(*number),
        _ => None,
    }
}

fn string(headers: &FieldTable, name: &str) -> Option<String> {
    match headers.inner().get(name)? {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        _ => None,
    }
}
