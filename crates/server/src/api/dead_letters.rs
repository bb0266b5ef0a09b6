//! Dead letters: `/v1/dead-letters`, messages that no consumer could work off.
//!
//! They are no part of the ledger, so these POSTs are no commands: each asks for what is so already when it is asked
//! again.

mod effect;

use axum::Json;
use axum::extract::State;
use bursar_broker::{PublishError, Queue};
use bursar_core::text::{FreeText, mask_card_numbers};
use bursar_store::{DeadLetter, DeadLetterFilter, DeadLetterState, Page, Resolution};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use self::effect::EffectView;
use super::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{Params, Uid};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, Listed};
use crate::problem::{Code, Problem};
use crate::seal::SealError;
use crate::workers::dead_letters::{NotReplayed, content, replay};

/// Letters that one request replays, at most.
const REPLAYS_MAX: u32 = 1_000;

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

/// Which letters: those for which all is so that is asked.
#[derive(Debug, Default, Deserialize, IntoParams, ToSchema)]
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
    /// Dead for this reason: `exhausted` or `rejected`.
    reason: Option<String>,
    /// That died then or later.
    #[param(value_type = Option<schema::Time>)]
    #[schema(value_type = Option<schema::Time>)]
    from: Option<Timestamp>,
    /// That died before.
    #[param(value_type = Option<schema::Time>)]
    #[schema(value_type = Option<schema::Time>)]
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
            reason: self.reason.clone(),
            from: self.from,
            to: self.to,
        }
    }
}

/// How a letter is replayed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// Which letters are replayed, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replays {
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
    /// Of this queue.
    queue: Option<String>,
    /// About this.
    kind: Option<String>,
    /// Dead for this reason.
    reason: Option<String>,
    /// That died then or later.
    #[schema(value_type = Option<schema::Time>)]
    from: Option<Timestamp>,
    /// That died before.
    #[schema(value_type = Option<schema::Time>)]
    to: Option<Timestamp>,
}

/// Why a letter is discarded.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Discard {
    /// For whoever looks at it later: 1 to 255 characters.
    reason: String,
}

/// What became of a letter that was to be replayed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplayView {
    #[schema(value_type = String)]
    id: Uuid,
    queue: String,
    /// Whether its message was published again now.
    is_replayed: bool,
    /// Why not, if it could not be.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    /// What it does, as far as can be seen before.
    effect: EffectView,
}

/// What became of the letters that were to be replayed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ReplaysView {
    dry_run: bool,
    items: Vec<ReplayView>,
    /// Whether more letters are wanted than one request replays: ask again.
    has_more: bool,
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
    let of = content(&app, &found.letter).map_err(sealed)?;
    let body = mask_card_numbers(&String::from_utf8_lossy(&of.body)).into_owned();
    let (reply_to, correlation_id) = (of.reply_to, of.correlation_id);
    Ok(Json(DeadLetterContentView { letter: DeadLetterView::new(found), body, reply_to, correlation_id }))
}

/// Has a letter's message worked on again, as if it had just been published. Asked for again it has effect once: the
/// message keeps its id, and a letter that is not open is not published.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/replays", tag = "dead letters", params(("id" = String, Path)),
    responses((status = 200, body = ReplayView, description = "What became of it, or would")))]
pub(super) async fn replay_dead_letter(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Uid(id): Uid,
    Body(how): Body<Replay>,
) -> Result<Json<ReplayView>, Problem> {
    let letter = find(&app, id).await?;
    replay_one(&app, &letter, how.dry_run).await.map(Json)
}

/// Has all open letters worked on again that are wanted, oldest first, a thousand at a time.
#[utoipa::path(post, path = "/v1/dead-letters/replays", tag = "dead letters", request_body = Replays,
    responses((status = 200, body = ReplaysView, description = "What became of each, or would")))]
pub(super) async fn replay_dead_letters(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Body(wanted): Body<Replays>,
) -> Result<Json<ReplaysView>, Problem> {
    let Replays { dry_run, queue, kind, reason, from, to } = wanted;
    let filter = DeadLetterFilter { state: Some(DeadLetterState::Open), queue, kind, reason, from, to };
    let page = Page { after: None, limit: REPLAYS_MAX + 1 };
    let mut letters = app.store().list_dead_letters(&filter, page).await?;
    let has_more = letters.len() > REPLAYS_MAX as usize;
    letters.truncate(REPLAYS_MAX as usize);
    let mut items = Vec::with_capacity(letters.len());
    for listed in letters {
        // A list has no bodies.
        let letter = find(&app, listed.letter.id).await?;
        items.push(replay_one(&app, &letter, dry_run).await?);
    }
    Ok(Json(ReplaysView { dry_run, items, has_more }))
}

/// Drops a letter that nobody needs. It stays readable, with the reason.
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
    if letter.state() == DeadLetterState::Open {
        let is_resolved = app.store().resolve(&letter, Resolution::Discarded(reason)).await?;
        if is_resolved {
            effect::dismiss(&app, &letter).await?;
            tracing::warn!("dead letter {id} was discarded");
        }
    }
    find(&app, id).await.map(DeadLetterView::new).map(Json)
}

async fn find(app: &App, id: Uuid) -> Result<DeadLetter, Problem> {
    let found = app.store().find_dead_letter(id).await?;
    found.ok_or_else(|| Problem::new(Code::NotFound, "there is no such dead letter"))
}

async fn replay_one(app: &App, letter: &DeadLetter, dry_run: bool) -> Result<ReplayView, Problem> {
    let effect = match letter.state() {
        DeadLetterState::Open => effect::of(app, letter).await?,
        _ => EffectView::nothing("the letter is not open: it was replayed or discarded"),
    };
    let mut view = ReplayView {
        id: letter.letter.id,
        queue: letter.letter.queue.clone(),
        is_replayed: false,
        problem: None,
        effect,
    };
    if dry_run || letter.state() != DeadLetterState::Open {
        return Ok(view);
    }
    match replay(app, letter).await {
        Ok(was_open) => view.is_replayed = was_open,
        Err(NotReplayed::Sealed(error)) => view.problem = Some(error.to_string()),
        Err(NotReplayed::NoQueue) => {
            view.problem = Some("it was published as a dead letter, and never was in a queue".to_owned());
        }
        Err(NotReplayed::Broker(error @ PublishError::Away(_))) => {
            return Err(Problem::new(Code::Unavailable, error.to_string()));
        }
        Err(NotReplayed::Broker(error)) => view.problem = Some(error.to_string()),
        Err(NotReplayed::Store(error)) => return Err(error.into()),
    }
    Ok(view)
}

fn sealed(error: SealError) -> Problem {
    match error {
        SealError::OtherKey { .. } => Problem::new(
            Code::SealedElsewhere,
            format!("{error}; start an instance with the credentials file of the one that took it"),
        ),
        SealError::Changed => {
            tracing::error!("a dead letter: {error}");
            Problem::internal()
        }
    }
}

/// The queue that the letter's message was in.
fn queue_of(letter: &DeadLetter) -> Option<Queue> {
    Queue::from_name(&letter.letter.queue)
}
