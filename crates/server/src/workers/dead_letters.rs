//! `jit-funding-dlq`: takes dead letters out of the broker, and keeps them as work for an operator.

use std::sync::Arc;

use async_trait::async_trait;
use bursar_broker::{Address, Content, Death, Outgoing, PublishError, Queue, Reason, Verdict, publish_one};
use bursar_store::{DeadLetter, NewDeadLetter, Resolution};
use uuid::Uuid;

use super::queue::{Away, Pace, Work, consume, of_store};
use super::task::Task;
use crate::app::App;
use crate::seal::{SealError, Table};

const PACE: Pace = Pace::new(16, 1);

/// Begins to consume `jit-funding-dlq`.
pub(crate) fn start(app: &App) -> Task {
    let work = Arc::new(Collector(app.clone()));
    consume(app.broker().as_ref(), Queue::DeadLetters, PACE, work, app.consumed().clone())
}

struct Collector(App);

#[async_trait]
impl Work for Collector {
    async fn work(&self, content: &Content) -> Result<Verdict, Away> {
        let Some(letter) = letter(&self.0, content) else {
            return Ok(Verdict::Failed("its body is too long to be sealed".to_owned()));
        };
        let (queue, message) = (letter.queue.clone(), letter.message);
        match self.0.store().bury(letter).await {
            Ok(true) => {
                tracing::error!("message {message} of {queue} is a dead letter, see GET /v1/dead-letters");
                Ok(Verdict::Done)
            }
            Ok(false) => Ok(Verdict::Done),
            Err(error) => of_store(&error),
        }
    }
}

/// The body may hold anything, card numbers too.
fn letter(app: &App, content: &Content) -> Option<NewDeadLetter> {
    let death = content.death.clone().unwrap_or_else(unknown);
    Some(NewDeadLetter {
        id: Uuid::now_v7(),
        // What others published has the message's own: however often it comes, it died once.
        death: if death.id.is_nil() { content.id } else { death.id },
        message: content.id,
        queue: death.queue.name().to_owned(),
        kind: content.kind.clone(),
        body: app.seal().seal(Table::DeadLetters, content.id, &content.body)?,
        reply_to: content.reply_to.clone(),
        correlation_id: content.correlation_id.clone(),
        published_at: content.published_at,
        attempts: death.attempts,
        reason: death.reason.unwrap_or(Reason::Rejected).as_str().to_owned(),
        error_first: masked(&death.error_first),
        error_last: masked(&death.error_last),
    })
}

fn masked(text: &str) -> String {
    bursar_core::text::mask_card_numbers(text).into_owned()
}

/// Of what somebody else published with a key that ends in `.failed`.
fn unknown() -> Death {
    let why = "nobody of Bursar laid it here: it was published as a dead letter";
    Death {
        id: Uuid::nil(),
        queue: Queue::DeadLetters,
        attempts: 0,
        error_first: why.to_owned(),
        error_last: why.to_owned(),
        reason: None,
    }
}

/// What the letter's message is.
///
/// # Errors
/// Another key sealed it, or it was changed.
pub(crate) fn content(app: &App, letter: &NewDeadLetter) -> Result<Content, SealError> {
    let body = app.seal().open(Table::DeadLetters, letter.message, &letter.body)?;
    Ok(Content {
        reply_to: letter.reply_to.clone(),
        correlation_id: letter.correlation_id.clone(),
        ..Content::new(letter.message, &letter.kind, body)
    })
}

/// Why a letter is not replayed.
#[derive(Debug)]
pub(crate) enum NotReplayed {
    /// It cannot be opened.
    Sealed(SealError),
    /// It never was in a queue that somebody consumes.
    NoQueue,
    /// The broker does not take it.
    Broker(PublishError),
    /// Whether it is resolved is unknown; its message was published.
    Store(bursar_store::StoreError),
}

/// Publishes the letter's message to its queue again, under its own id: whoever consumes takes effect once, however
/// often it is published. A letter that has died again meanwhile stays open.
pub(crate) async fn replay(app: &App, letter: &DeadLetter) -> Result<(), NotReplayed> {
    let queue = Queue::from_name(&letter.letter.queue).filter(|queue| queue.dead_key().is_some());
    let queue = queue.ok_or(NotReplayed::NoQueue)?;
    let content = content(app, &letter.letter).map_err(NotReplayed::Sealed)?;
    let to = Address::Queue(queue.name().to_owned());
    publish_one(app.broker().as_ref(), Outgoing { to, content }).await.map_err(NotReplayed::Broker)?;
    app.store().resolve(letter, Resolution::Replayed).await.map(|_| ()).map_err(NotReplayed::Store)
}
