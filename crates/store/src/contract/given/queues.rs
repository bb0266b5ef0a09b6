//! What consumers of events keep.

use bursar_core::{MessageId, ProgramId};
use jiff::Timestamp;
use uuid::Uuid;

use super::id;
use crate::contract::NOON;
use crate::dead_letter::NewDeadLetter;
use crate::endpoint::{Attempt, Endpoint, NewNotification};
use crate::transaction_record::TransactionRecord;

/// A message that failed in the consumer of this queue.
#[must_use]
pub fn dead_letter(queue: &str) -> NewDeadLetter {
    NewDeadLetter {
        id: id(),
        message: id(),
        queue: queue.to_owned(),
        death: id(),
        kind: "card.issued".to_owned(),
        body: b"sealed".to_vec(),
        reply_to: Some("answers".to_owned()),
        correlation_id: Some("question-1".to_owned()),
        published_at: Some(NOON),
        attempts: 4,
        reason: "exhausted".to_owned(),
        error_first: "a time-out".to_owned(),
        error_last: "a refusal".to_owned(),
    }
}

/// An endpoint of a program, that is on.
#[must_use]
pub fn endpoint(program: ProgramId) -> Endpoint {
    Endpoint {
        id: id(),
        program,
        url: "https://example.com/events".to_owned(),
        events: vec!["card.#".to_owned(), "*.declined".to_owned()],
        secret: b"sealed".to_vec(),
        secret_before: Some((b"sealed before".to_vec(), NOON)),
        is_on: true,
        created_at: NOON,
        version: 1,
        request: b"request".to_vec(),
        rotated_by: Some("key-1".to_owned()),
    }
}

/// An event for an endpoint.
#[must_use]
pub fn notification(endpoint: Uuid) -> NewNotification {
    NewNotification {
        id: id(),
        endpoint,
        event: id(),
        kind: "card.issued".to_owned(),
        body: br#"{"type":"card.issued"}"#.to_vec(),
    }
}

/// A call that failed for this reason, or did not.
#[must_use]
pub fn attempt(at: Timestamp, error: Option<&str>) -> Attempt {
    let status = if error.is_some() { 503 } else { 204 };
    Attempt { at, took_ms: 12, status: Some(status), error: error.map(str::to_owned) }
}

/// A purchase at this position, about nobody, that is found by these words.
#[must_use]
pub fn transaction_record(position: i64, words: &str) -> TransactionRecord {
    TransactionRecord {
        root: MessageId::new(id()),
        position,
        sequence: 1,
        merged_into: None,
        owner: None,
        owner_label: None,
        cardholder: None,
        card: None,
        card_label: None,
        account: None,
        merchant: Some(words.to_uppercase()),
        merchant_raw: None,
        city: None,
        mcc: None,
        category: None,
        status: "cleared".to_owned(),
        amount_minor: None,
        currency: None,
        began_at: NOON,
        words: words.split(' ').map(str::to_owned).collect(),
    }
}
