//! Dead letters: `/v1/dead-letters`, messages that no consumer could work off.
//!
//! They are no part of the ledger, so these POSTs are no commands: each asks for what is so already when it is asked
//! again.

mod effect;
mod replays;

use axum::Json;
use axum::extract::State;
use bursar_broker::{Queue, Reason};
use bursar_core::text::{FreeText, mask_card_numbers};
use bursar_store::{DeadLetter, DeadLetterFilter, DeadLetterState, Resolution};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub(super) use self::replays::*;
use super::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{Params, Uid};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, Listed};
use crate::problem::{Code, Problem};
use crate::workers::dead_letters::content;

/// A dead letter, without its body.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetterView {
    #[schema(value_type = String)]
    id: Uuid,
    #[schema(inline)]
    state: Standing,
    /// The queue whose consumer it failed in.
    queue: String,
    /// What it is about, in a word.
    kind: String,
    /// The message's own id.
    #[schema(value_type = String)]
    message: Uuid,
    /// `exhausted`: all its runs failed; `rejected`: no run could succeed.
    reason: String,
    /// Runs that failed.
    attempts: u32,
    /// Why the first run failed.
    error_first: String,
    /// Why the last did.
    error_last: String,
    /// How often it died: a letter that was replayed and died again is the same letter.
    deaths: u32,
    #[schema(value_type = Option<schema::Time>)]
    published_at: Option<Timestamp>,
    #[schema(value_type = schema::Time)]
    died_at: Timestamp,
    #[schema(value_type = Option<schema::Time>)]
    resolved_at: Option<Timestamp>,
    /// Why it was discarded, if it was.
    discarded_because: Option<String>,
}

/// A dead letter with its body.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeadLetterContentView {
    #[serde(flatten)]
    letter: DeadLetterView,
    /// The message's body, card numbers masked.
    body: String,
    /// The queue that waits for an answer.
    reply_to: Option<String>,
    /// What an answer has to repeat.
    correlation_id: Option<String>,
}

/// Where a letter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeadLetterState)]
enum Standing {
    /// Somebody has to look at it.
    Open,
    /// It was published to its queue again.
    Replayed,
    /// Nobody needs it.
    Discarded,
}

/// Why a letter is dead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = DeathReason)]
enum Cause {
    /// All its runs failed.
    Exhausted,
    /// No run could succeed.
    Rejected,
}

impl Cause {
    fn word(self) -> String {
        let reason = match self {
            Self::Exhausted => Reason::Exhausted,
            Self::Rejected => Reason::Rejected,
        };
        reason.as_str().to_owned()
    }
}

/// Which letters: those for which all is so that is asked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DeadLetterQuery {
    /// Where they stand; open ones if not given.
    #[param(inline)]
    state: Option<Standing>,
    /// Of this queue: `webhook-queue`.
    queue: Option<String>,
    /// About this.
    kind: Option<String>,
    /// Dead for this reason.
    #[param(inline)]
    reason: Option<Cause>,
    /// That died then or later.
    #[param(value_type = Option<schema::Time>)]
    from: Option<Timestamp>,
    /// That died before.
    #[param(value_type = Option<schema::Time>)]
    to: Option<Timestamp>,
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl DeadLetterQuery {
    fn filter(&self) -> DeadLetterFilter {
        let state = match self.state.unwrap_or(Standing::Open) {
            Standing::Open => DeadLetterState::Open,
            Standing::Replayed => DeadLetterState::Replayed,
            Standing::Discarded => DeadLetterState::Discarded,
        };
        DeadLetterFilter {
            state: Some(state),
            queue: self.queue.clone(),
            kind: self.kind.clone(),
            reason: self.reason.map(Cause::word),
            from: self.from,
            to: self.to,
        }
    }
}

/// Why a letter is discarded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Discard {
    /// For whoever looks at it later: 1 to 255 characters.
    reason: String,
}

impl DeadLetterView {
    fn new(of: DeadLetter) -> Self {
        let state = match of.state() {
            DeadLetterState::Open => Standing::Open,
            DeadLetterState::Replayed => Standing::Replayed,
            DeadLetterState::Discarded => Standing::Discarded,
        };
        let letter = of.letter;
        Self {
            id: letter.id,
            state,
            queue: letter.queue,
            kind: letter.kind,
            message: letter.message,
            reason: letter.reason,
            attempts: letter.attempts,
            error_first: letter.error_first,
            error_last: letter.error_last,
            deaths: of.deaths,
            published_at: letter.published_at,
            died_at: of.died_at,
            resolved_at: of.resolved_at,
            discarded_because: match of.resolution {
                Some(Resolution::Discarded(why)) => Some(why),
                _ => None,
            },
        }
    }
}

/// Dead letters, oldest first.
#[utoipa::path(get, path = "/v1/dead-letters", tag = "dead letters", params(DeadLetterQuery),
    responses((status = 200, body = Listed<DeadLetterView>, description = "A page of letters")))]
pub(super) async fn list_dead_letters(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<DeadLetterQuery>,
) -> Result<Json<Listed<DeadLetterView>>, Problem> {
    let cursor = Cursor::<Uuid>::parse(query.limit, query.after.as_deref())?;
    let letters = app.store().list_dead_letters(&query.filter(), cursor.page_and_one()).await?;
    Ok(Json(cursor.cut(letters, |of| of.letter.id.to_string(), DeadLetterView::new)))
}

/// A dead letter in full.
#[utoipa::path(get, path = "/v1/dead-letters/{id}", tag = "dead letters", params(("id" = String, Path)),
    responses(
        (status = 200, body = DeadLetterContentView, description = "The letter"),
        (status = 409, body = crate::problem::ProblemView, description = "Another key sealed it",
            content_type = "application/problem+json"),
    ))]
pub(super) async fn find_dead_letter(
    State(app): State<App>,
    _: Operator,
    Uid(id): Uid,
) -> Result<Json<DeadLetterContentView>, Problem> {
    let found = find(&app, id).await?;
    let of = content(&app, &found.letter)?;
    let body = mask_card_numbers(&String::from_utf8_lossy(&of.body)).into_owned();
    let (reply_to, correlation_id) = (of.reply_to, of.correlation_id);
    Ok(Json(DeadLetterContentView { letter: DeadLetterView::new(found), body, reply_to, correlation_id }))
}

/// Drops a letter that nobody needs. It stays readable, with the reason; the item of the inbox that one of
/// `webhook-queue` is about goes.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/discards", tag = "dead letters", params(("id" = String, Path)),
    responses((status = 200, body = DeadLetterView, description = "It is discarded")))]
pub(super) async fn discard_dead_letter(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Uid(id): Uid,
    Body(Discard { reason }): Body<Discard>,
) -> Result<Json<DeadLetterView>, Problem> {
    let reason = FreeText::new(reason.trim()).as_str().to_owned();
    if reason.is_empty() || reason.chars().count() > 255 {
        return Err(Problem::of_field(Code::InvalidField, "reason", "this has not 1 to 255 characters"));
    }
    let letter = find(&app, id).await?;
    if letter.state() == DeadLetterState::Replayed {
        return Err(Problem::new(Code::DeadLetterReplayed, "this letter was replayed: it is no longer dead"));
    }
    if letter.state() == DeadLetterState::Open
        && app.store().resolve(&letter, Resolution::Discarded(reason)).await?
    {
        tracing::warn!("dead letter {id} was discarded");
    }
    let letter = find(&app, id).await?;
    // Also where somebody was told of a failure between the two.
    if letter.state() == DeadLetterState::Discarded {
        effect::dismiss(&app, &letter).await?;
    }
    Ok(Json(DeadLetterView::new(letter)))
}

async fn find(app: &App, id: Uuid) -> Result<DeadLetter, Problem> {
    let found = app.store().find_dead_letter(id).await?;
    found.ok_or_else(|| Problem::new(Code::NotFound, "there is no such dead letter"))
}

/// The queue that the letter's message was in.
fn queue_of(letter: &DeadLetter) -> Option<Queue> {
    Queue::from_name(&letter.letter.queue)
}
