//! Dead letters that are worked on again, or would be.

use axum::Json;
use axum::extract::State;
use bursar_broker::PublishError;
use bursar_store::{DeadLetter, DeadLetterFilter, DeadLetterState};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use super::effect::{self, EffectView};
use super::{Cause, find};
use crate::api::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::Uid;
use crate::idempotency::IdempotencyKey;
use crate::page::Cursor;
use crate::problem::Problem;
use crate::workers::dead_letters::{NotReplayed, replay};

/// How a letter is replayed.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Replay {
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
}

/// Which letters are replayed, and how.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct Replays {
    /// Only say what would happen.
    #[serde(default)]
    dry_run: bool,
    /// Of this queue.
    queue: Option<String>,
    /// About this.
    kind: Option<String>,
    /// Dead for this reason.
    #[schema(inline)]
    reason: Option<Cause>,
    /// That died then or later.
    #[schema(value_type = Option<schema::Time>)]
    from: Option<Timestamp>,
    /// That died before.
    #[schema(value_type = Option<schema::Time>)]
    to: Option<Timestamp>,
    /// At most so many letters; 100 if not given.
    #[schema(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the answer before.
    after: Option<String>,
}

/// What became of a letter that was to be replayed.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct ReplayView {
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
pub(in crate::api) struct ReplaysView {
    dry_run: bool,
    items: Vec<ReplayView>,
    /// Give it as `after` to go on with those that follow; null if none do.
    next: Option<String>,
}

/// Has a letter's message worked on again, as if it had just been published. Asked for again it has effect once: the
/// message keeps its id, and a letter that is not open is not published.
#[utoipa::path(post, path = "/v1/dead-letters/{id}/replays", tag = "dead letters", params(("id" = String, Path)),
    responses((status = 200, body = ReplayView, description = "What became of it, or would")))]
pub(in crate::api) async fn replay_dead_letter(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Uid(id): Uid,
    Body(how): Body<Replay>,
) -> Result<Json<ReplayView>, Problem> {
    let letter = find(&app, id).await?;
    replay_one(&app, &letter, how.dry_run).await.map(Json)
}

/// Has open letters worked on again that are wanted, oldest first, page by page. One that cannot be replayed holds up
/// no other.
#[utoipa::path(post, path = "/v1/dead-letters/replays", tag = "dead letters", request_body = Replays,
    responses((status = 200, body = ReplaysView, description = "What became of each, or would")))]
pub(in crate::api) async fn replay_dead_letters(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Body(wanted): Body<Replays>,
) -> Result<Json<ReplaysView>, Problem> {
    let Replays { dry_run, queue, kind, reason, from, to, limit, after } = wanted;
    let cursor = Cursor::<Uuid>::parse(limit, after.as_deref())?;
    let (state, reason) = (Some(DeadLetterState::Open), reason.map(Cause::word));
    let filter = DeadLetterFilter { state, queue, kind, reason, from, to };
    let letters = app.store().list_dead_letters(&filter, cursor.page_and_one()).await?;
    let page = cursor.cut(letters, |of| of.letter.id.to_string(), |of| of);
    let mut items = Vec::with_capacity(page.items.len());
    for listed in page.items {
        // A list has no bodies.
        let replayed = match find(&app, listed.letter.id).await {
            Ok(letter) => replay_one(&app, &letter, dry_run).await,
            Err(problem) => Err(problem),
        };
        items.push(replayed.unwrap_or_else(|problem| ReplayView::failed(&listed, &problem)));
    }
    Ok(Json(ReplaysView { dry_run, items, next: page.next }))
}

impl ReplayView {
    fn new(letter: &DeadLetter, effect: EffectView) -> Self {
        let letter = &letter.letter;
        Self { id: letter.id, queue: letter.queue.clone(), is_replayed: false, problem: None, effect }
    }

    fn failed(letter: &DeadLetter, problem: &Problem) -> Self {
        let effect = EffectView::nothing("it is not known to be replayed");
        Self { problem: Some(problem.detail().to_owned()), ..Self::new(letter, effect) }
    }
}

async fn replay_one(app: &App, letter: &DeadLetter, dry_run: bool) -> Result<ReplayView, Problem> {
    let is_open = letter.state() == DeadLetterState::Open;
    let effect = match is_open {
        true => effect::of(app, letter).await?,
        false => EffectView::nothing("the letter is not open: it was replayed or discarded"),
    };
    let mut view = ReplayView::new(letter, effect);
    if dry_run || !is_open {
        return Ok(view);
    }
    match replay(app, letter).await {
        Ok(()) => view.is_replayed = true,
        Err(NotReplayed::Sealed(error)) => view.problem = Some(error.to_string()),
        Err(NotReplayed::NoQueue) => {
            view.problem = Some("it was published as a dead letter, and never was in a queue".to_owned());
        }
        Err(NotReplayed::Broker(error @ PublishError::Away(_))) => {
            return Err(Problem::new(crate::problem::Code::Unavailable, error.to_string()));
        }
        Err(NotReplayed::Broker(error)) => view.problem = Some(error.to_string()),
        Err(NotReplayed::Store(error)) => return Err(error.into()),
    }
    Ok(view)
}
