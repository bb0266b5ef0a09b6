//! Decides requests to fund a swipe that come by queue, and answers them there.
//!
//! A request says until when it may be decided. Whatever delays it (an outage, a retry, a replay of dead letters), past
//! that no money is held for it: who asked has given up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bursar_authorizer::{Authorizer, Timeline, Unavailable};
use bursar_broker::{
    Address, Broker, Content, Exchange, Outgoing, PublishError, Queue, Verdict, publish_one,
};
use bursar_core::Answer;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::queue::{Away, Figures, Pace, Work, consume, of_publishing};
use super::task::Task;
use crate::funding::{self, May, Refusal};

/// Requests are decided at once, and none waits for another.
const PACE: Pace = Pace::new(256, 1);

/// A request is not longer than this; a processor's own call is not, either.
const BODY_MAX: usize = 256 * 1024;

/// What an answer is, in a word.
const DECIDED: &str = "jit-funding.decided";

/// Begins to decide the requests of `jit-funding-queue`.
#[must_use]
pub fn start(authorizer: Authorizer, broker: Arc<dyn Broker>, figures: Arc<Figures>) -> Task {
    let requests = Requests { authorizer, broker: broker.clone() };
    consume(broker.as_ref(), Queue::JitFunding, PACE, Arc::new(requests), figures)
}

struct Requests {
    authorizer: Authorizer,
    broker: Arc<dyn Broker>,
}

/// A request, as it is published with the key `jit-funding.created`.
#[derive(Deserialize)]
pub(crate) struct Asked<'a> {
    /// Past it no money is held.
    pub(crate) expires_at: Timestamp,
    /// What the processor's own call would have as its body.
    #[serde(borrow)]
    pub(crate) request: &'a RawValue,
}

/// What is answered.
#[derive(Serialize)]
#[serde(tag = "status", rename_all = "snake_case")]
enum Answered<'a> {
    /// What the processor's own call would be answered: 200 funds, 402 declines.
    Decided { code: u16, body: &'a RawValue },
    /// It was not decided in time, and is not any more.
    Expired,
    /// It cannot be read, and is a dead letter.
    Rejected { detail: &'a str },
}

#[async_trait]
impl Work for Requests {
    async fn work(&self, content: &Content) -> Result<Verdict, Away> {
        if content.body.len() > BODY_MAX {
            return Ok(Verdict::Dead(format!("its body is longer than {BODY_MAX} bytes")));
        }
        let timeline = Timeline::begin();
        match self.decide(&content.body, timeline).await {
            Ok(Some(answer)) => match serde_json::from_slice::<&RawValue>(&answer.body) {
                Ok(body) => self.answer(content, &Answered::Decided { code: answer.code, body }).await,
                Err(error) => Ok(Verdict::Failed(format!("an answer that is no JSON: {error}"))),
            },
            Ok(None) => self.answer(content, &Answered::Expired).await,
            Err(Trouble::Unreadable(detail)) => {
                match self.answer(content, &Answered::Rejected { detail: &detail }).await? {
                    Verdict::Done => Ok(Verdict::Dead(detail)),
                    unanswered => Ok(unanswered),
                }
            }
            Err(Trouble::Unavailable(Unavailable::Undecidable(why))) => Ok(Verdict::Failed(why)),
            Err(Trouble::Unavailable(why)) => Err(Away(why.to_string())),
        }
    }
}

/// Why there is nothing to answer.
enum Trouble {
    Unreadable(String),
    Unavailable(Unavailable),
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unreadable(reject) => Self::Unreadable(format!("{}: {}", reject.field, reject.message)),
            Refusal::Unavailable(why) => Self::Unavailable(why),
        }
    }
}

impl Requests {
    /// The answer; `None` if it was not decided in its time, and will not be.
    async fn decide(&self, body: &[u8], timeline: Timeline) -> Result<Option<Answer>, Trouble> {
        let asked: Asked<'_> = serde_json::from_slice(body).map_err(|error| unreadable(&error))?;
        let left = asked.expires_at.duration_since(Timestamp::now());
        let left = Duration::try_from(left).unwrap_or(Duration::ZERO);
        let may = match left.is_zero() {
            false => May::Begin { before: Instant::now() + left.min(BEGINS_WITHIN) },
            // What was decided in its time is answered late.
            true => May::Recall,
        };
        match funding::fund(&self.authorizer, asked.request.get().as_bytes(), timeline, may).await {
            Ok(answer) => Ok(Some(answer)),
            Err(Refusal::Unavailable(Unavailable::Late)) if left.is_zero() => Ok(None),
            Err(refusal) => Err(refusal.into()),
        }
    }

    async fn answer(&self, asked: &Content, answered: &Answered<'_>) -> Result<Verdict, Away> {
        let body = match serde_json::to_vec(answered) {
            Ok(body) => body,
            Err(error) => return Ok(Verdict::Failed(error.to_string())),
        };
        let to = match &asked.reply_to {
            Some(queue) => Address::Queue(queue.clone()),
            None => Address::Exchange(Exchange::Transactions, DECIDED.to_owned()),
        };
        // The same request is answered under the same id.
        let mut content = Content::new(asked.id, DECIDED, body);
        content.correlation_id = Some(asked.correlation_id.clone().unwrap_or_else(|| asked.id.to_string()));
        match publish_one(self.broker.as_ref(), Outgoing { to, content }).await {
            Ok(()) => Ok(Verdict::Done),
            Err(error @ PublishError::Unroutable(_)) => {
                tracing::warn!("the answer to request {} finds nobody: {error}", asked.id);
                Ok(Verdict::Done)
            }
            Err(error) => of_publishing(&error),
        }
    }
}

/// The parser's own words would have what is in the body.
fn unreadable(error: &serde_json::Error) -> Trouble {
    let place = format!("line {}, column {}", error.line(), error.column());
    Trouble::Unreadable(format!("no JSON object with expires_at (RFC 3339) and request: {place}"))
}

/// A request that is not begun within this time is tried again: nobody waits for a store that hangs for as long as a
/// request may be young.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);
