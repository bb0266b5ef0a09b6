//! Messages: `/v1/messages`, the embedded broker's door for those who would otherwise speak AMQP; it leads to RabbitMQ
//! just as well.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bursar_broker::{Address, Content, Exchange, Outgoing, PublishError, Queue, publish_one};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;
use uuid::Uuid;

use super::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem};

/// The key of requests to fund a swipe: the only one that others than the server itself may publish.
const REQUEST_KEY: &str = "jit-funding.created";

/// What AMQP takes as a name, in bytes.
const TEXT_MAX: usize = 255;

/// Answers that are received at once, at most, and how long they are waited for.
const RECEIVED_MAX: u16 = 100;
const WAIT_MAX_MS: u64 = 30_000;

/// How long answers are looked for, at least: those that are there come within it, and each next one soon after.
const LOOK: Duration = Duration::from_secs(1);
const LOOK_NEXT: Duration = Duration::from_millis(250);

/// A request to fund a swipe, as it is published.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMessage {
    /// `transactions`.
    #[schema(example = "transactions")]
    exchange: String,
    /// `jit-funding.created`.
    #[schema(example = "jit-funding.created")]
    routing_key: String,
    /// What makes two messages the same; made of the Idempotency-Key if not given.
    #[schema(value_type = Option<String>)]
    message_id: Option<Uuid>,
    /// What the answer repeats; the message's id if not given.
    correlation_id: Option<String>,
    /// The queue that waits for the answer; `jit-funding-response-queue` if not given.
    reply_to: Option<String>,
    /// `{"expires_at": …, "request": …}`: past that time no money is held, and the request is what the processor's own
    /// call would have as its body.
    #[schema(value_type = Object)]
    body: Box<RawValue>,
}

/// A message that was published.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MessageView {
    #[schema(value_type = String)]
    message_id: Uuid,
    /// What the answer repeats.
    correlation_id: String,
}

/// Which answers, and how long they are waited for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Receive {
    /// At most so many, 1 to 100; 1 if not given.
    limit: Option<u16>,
    /// How long the first one is waited for, 0 to 30000; 0 if not given.
    wait_ms: Option<u64>,
}

/// An answer.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AnswerView {
    #[schema(value_type = String)]
    message_id: Uuid,
    /// That of the request.
    correlation_id: Option<String>,
    #[schema(value_type = Option<schema::Time>)]
    published_at: Option<Timestamp>,
    /// `{"status": "decided", "code": 200, "body": …}`, or `expired`, or `rejected` with a `detail`.
    #[schema(value_type = Object)]
    body: Box<RawValue>,
}

/// Answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AnswersView {
    items: Vec<AnswerView>,
}

/// Publishes a request to fund a swipe. It is decided by whichever worker is free, as if it had come by AMQP.
///
/// The processor's token makes it the same request, however often and by whichever way it comes.
#[utoipa::path(post, path = "/v1/messages", tag = "messages", request_body = NewMessage,
    responses((status = 202, body = MessageView, description = "It is durable in its queue")))]
pub(super) async fn publish_message(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Body(new): Body<NewMessage>,
) -> Result<(StatusCode, Json<MessageView>), Problem> {
    let invalid = |field, why| Problem::of_field(Code::InvalidField, field, why);
    let exchange = Exchange::from_name(&new.exchange);
    if exchange != Some(Exchange::Transactions) {
        return Err(invalid("exchange", "only `transactions` takes messages from others"));
    }
    if new.routing_key != REQUEST_KEY {
        return Err(invalid("routing_key", "only `jit-funding.created` may be published by others"));
    }
    for (field, text) in [("reply_to", &new.reply_to), ("correlation_id", &new.correlation_id)] {
        if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > TEXT_MAX) {
            return Err(invalid(field, "this has not 1 to 255 bytes"));
        }
    }
    let own = new.reply_to.as_deref().and_then(Queue::from_name);
    if own.is_some_and(|queue| queue != Queue::JitFundingResponse) {
        return Err(invalid("reply_to", "this is a queue of Bursar's own work; name one of yours"));
    }
    let message_id = new.message_id.unwrap_or_else(|| key.id_of("message"));
    let correlation_id = new.correlation_id.unwrap_or_else(|| message_id.to_string());
    let content = Content {
        reply_to: new.reply_to,
        correlation_id: Some(correlation_id.clone()),
        ..Content::new(message_id, REQUEST_KEY, new.body.get().as_bytes().to_vec())
    };
    let to = Address::Exchange(Exchange::Transactions, REQUEST_KEY.to_owned());
    publish_one(app.broker().as_ref(), Outgoing { to, content }).await.map_err(not_published)?;
    Ok((StatusCode::ACCEPTED, Json(MessageView { message_id, correlation_id })))
}

fn not_published(error: PublishError) -> Problem {
    tracing::warn!("a message of the API is not published: {error}");
    let what = match &error {
        PublishError::Away(_) => "whether it is published is unknown, send it again",
        PublishError::Unroutable(_) | PublishError::Refused(_) => "it is not published",
    };
    Problem::new(Code::Unavailable, format!("{what}: {error}"))
}

/// Takes answers out of `jit-funding-response-queue`, oldest first. They are not there afterwards: whoever loses one
/// publishes the request again, and is answered again as before.
#[utoipa::path(post, path = "/v1/queues/jit-funding-response-queue/receipts", tag = "messages",
    request_body = Receive,
    responses((status = 200, body = AnswersView, description = "What was there")))]
pub(super) async fn receive_answers(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Body(Receive { limit, wait_ms }): Body<Receive>,
) -> Result<Json<AnswersView>, Problem> {
    let limit = limit.unwrap_or(1);
    if !(1..=RECEIVED_MAX).contains(&limit) {
        let why = format!("{limit} is not between 1 and {RECEIVED_MAX}");
        return Err(Problem::of_field(Code::InvalidField, "limit", why));
    }
    let wait_ms = wait_ms.unwrap_or(0);
    if wait_ms > WAIT_MAX_MS {
        let why = format!("{wait_ms} is not between 0 and {WAIT_MAX_MS}");
        return Err(Problem::of_field(Code::InvalidField, "wait_ms", why));
    }
    let mut subscription = app.broker().subscribe(Queue::JitFundingResponse, limit);
    let mut by = Instant::now() + Duration::from_millis(wait_ms).max(LOOK);
    let mut items = Vec::new();
    while items.len() < usize::from(limit) {
        let next = tokio::select! {
            next = timeout_at(by, subscription.next()) => next,
            () = app.until_stopping() => break,
        };
        let Ok(Some(delivery)) = next else { break };
        let answer = answer(&delivery.content);
        // What is not settled comes again; what was before is the caller's.
        if let Err(error) = delivery.done().await {
            tracing::warn!("an answer stays in its queue: {error}");
            break;
        }
        items.push(answer);
        by = Instant::now() + LOOK_NEXT;
    }
    Ok(Json(AnswersView { items }))
}

fn answer(content: &Content) -> AnswerView {
    // Others may put what they like there.
    let text = String::from_utf8_lossy(&content.body).into_owned();
    let quoted = || serde_json::value::to_raw_value(&String::from_utf8_lossy(&content.body));
    let body =
        RawValue::from_string(text).or_else(|_| quoted()).unwrap_or_else(|_| RawValue::NULL.to_owned());
    AnswerView {
        message_id: content.id,
        correlation_id: content.correlation_id.clone(),
        published_at: content.published_at,
        body,
    }
}
