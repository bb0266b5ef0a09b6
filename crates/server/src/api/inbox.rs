//! The inbox: `/v1/inbox`, what processors reported and what of it needs somebody.
//!
//! Nothing of it is in the ledger, so these POSTs are no commands: each asks for what is so already when it is asked
//! again.

use axum::Json;
use axum::extract::State;
use bursar_broker::Queue;
use bursar_core::text::mask_card_numbers;
use bursar_processors::marqeta::Notice;
use bursar_store::{Counts, DeadLetterState, Item, ItemState, Resolution};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::extract::{Params, Uid};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, Listed};
use crate::problem::{Code, Problem};
use crate::seal::Table;
use crate::workers::webhooks;

/// How many notices there are.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InboxView {
    /// Stored, and not worked off yet.
    waiting: u64,
    /// Failed four times: replay them when the cause is gone.
    dead: u64,
    /// Nobody could read them.
    quarantined: u64,
}

/// A state that needs somebody.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Stuck {
    /// It failed four times.
    Dead,
    /// Nobody could read it.
    Quarantined,
}

/// The parameters of the list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ItemQuery {
    /// Which items.
    #[param(inline)]
    state: Stuck,
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// A notice in the inbox, without what it says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ItemView {
    #[schema(value_type = String)]
    id: Uuid,
    /// `waiting`, `dead` or `quarantined`.
    state: &'static str,
    /// What it is about; of a quarantined one the name of the array that it came in.
    kind: String,
    /// The processor's id of it; empty if it could not be read.
    token: String,
    /// The state that it reports.
    reported_state: String,
    /// How often it was tried in vain.
    failures: u32,
    /// Why it is where it is.
    why: Option<String>,
    #[schema(value_type = schema::Time)]
    received_at: Timestamp,
}

/// A notice in the inbox with what it says.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ItemContentView {
    #[serde(flatten)]
    item: ItemView,
    /// Of a quarantined one what was sent, card numbers masked; else what was kept of it.
    content: String,
}

impl ItemView {
    fn new(item: &Item) -> Self {
        Self {
            id: item.id,
            state: item.state.as_str(),
            kind: item.key.kind.clone(),
            token: item.key.token.clone(),
            reported_state: item.key.state.clone(),
            failures: item.failures,
            why: item.why.clone(),
            received_at: item.received_at,
        }
    }
}

/// How many notices wait, are dead or are quarantined.
#[utoipa::path(get, path = "/v1/inbox", tag = "inbox",
    responses((status = 200, body = InboxView, description = "How many there are")))]
pub(super) async fn count_inbox(State(app): State<App>, _: Operator) -> Result<Json<InboxView>, Problem> {
    let Counts { waiting, dead, quarantined } = app.inbox().counts().await?;
    Ok(Json(InboxView { waiting, dead, quarantined }))
}

/// Notices that need somebody, oldest first.
#[utoipa::path(get, path = "/v1/inbox/items", tag = "inbox", params(ItemQuery),
    responses((status = 200, body = Listed<ItemView>, description = "A page of items")))]
pub(super) async fn list_inbox_items(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<ItemQuery>,
) -> Result<Json<Listed<ItemView>>, Problem> {
    let cursor = Cursor::<Uuid>::parse(query.limit, query.after.as_deref())?;
    let state = match query.state {
        Stuck::Dead => ItemState::Dead,
        Stuck::Quarantined => ItemState::Quarantined,
    };
    let items = app.inbox().list_items(state, cursor.page_and_one()).await?;
    Ok(Json(cursor.cut(items, |item| item.id.to_string(), |item| ItemView::new(&item))))
}

/// A notice with what it says; a quarantined one is decrypted.
#[utoipa::path(get, path = "/v1/inbox/items/{id}", tag = "inbox", params(("id" = String, Path)),
    responses(
        (status = 200, body = ItemContentView, description = "The item"),
        (status = 409, body = crate::problem::ProblemView, description = "Another key sealed it",
            content_type = "application/problem+json"),
    ))]
pub(super) async fn find_inbox_item(
    State(app): State<App>,
    _: Operator,
    Uid(id): Uid,
) -> Result<Json<ItemContentView>, Problem> {
    let item = find(&app, id).await?;
    let content = open(&app, &item)?;
    let content = mask_card_numbers(&String::from_utf8_lossy(&content)).into_owned();
    Ok(Json(ItemContentView { item: ItemView::new(&item), content }))
}

/// Has a dead or quarantined notice tried again, as if it had just come. One that is worked off is gone: 404.
#[utoipa::path(post, path = "/v1/inbox/items/{id}/replays", tag = "inbox", params(("id" = String, Path)),
    responses((status = 200, body = ItemView, description = "It waits")))]
pub(super) async fn replay_inbox_item(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Uid(id): Uid,
) -> Result<Json<ItemView>, Problem> {
    let item = find(&app, id).await?;
    let content = match item.state {
        ItemState::Quarantined => Some(read_again(&app, &item)?),
        ItemState::Dead | ItemState::Waiting => None,
    };
    if item.state != ItemState::Waiting && !app.inbox().again(id, content).await? {
        return Err(unknown());
    }
    resolve_letter(&app, id, Resolution::Replayed).await?;
    webhooks::tell(&app, [id]);
    Ok(Json(ItemView { state: ItemState::Waiting.as_str(), failures: 0, why: None, ..ItemView::new(&item) }))
}

/// Drops a dead or quarantined notice that nobody needs. It cannot be read afterwards, and asked again this is a 404.
#[utoipa::path(post, path = "/v1/inbox/items/{id}/dismissals", tag = "inbox", params(("id" = String, Path)),
    responses((status = 200, body = ItemView, description = "It is gone; this is what it was")))]
pub(super) async fn dismiss_inbox_item(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Uid(id): Uid,
) -> Result<Json<ItemView>, Problem> {
    let item = find(&app, id).await?;
    if !app.inbox().dismiss(id).await? {
        return Err(Problem::new(
            Code::NotFound,
            "this item is neither dead nor quarantined: it waits, or is gone",
        ));
    }
    let why = "its item of the inbox was dismissed".to_owned();
    resolve_letter(&app, id, Resolution::Discarded(why)).await?;
    tracing::warn!("item {id} of the inbox was dismissed: {} {}", item.key.kind, item.key.token);
    Ok(Json(ItemView::new(&item)))
}

/// Somebody has seen to the item: so has he to the letter that tells of it.
async fn resolve_letter(app: &App, item: Uuid, resolution: Resolution) -> Result<(), Problem> {
    let letter = app.store().find_dead_letter_of(item, Queue::Webhook.name()).await?;
    if let Some(letter) = letter.filter(|letter| letter.state() == DeadLetterState::Open) {
        app.store().resolve(&letter, resolution).await?;
    }
    Ok(())
}

async fn find(app: &App, id: Uuid) -> Result<Item, Problem> {
    app.inbox().find_item(id).await?.ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::new(Code::NotFound, "there is no such item: it was worked off, or never there")
}

/// What the item says, by this version; what it was sealed for stays sealed if that is nothing.
fn read_again(app: &App, item: &Item) -> Result<Vec<u8>, Problem> {
    let content = open(app, item)?;
    let read = Notice::read(&item.key.kind, &String::from_utf8_lossy(&content));
    let notice = read.map_err(|reject| {
        let why = mask_card_numbers(&reject.to_string()).into_owned();
        Problem::new(Code::StillUnreadable, format!("it cannot be read by this version either: {why}"))
    })?;
    serde_json::to_vec(&notice).map_err(|_| Problem::internal())
}

fn open(app: &App, item: &Item) -> Result<Vec<u8>, Problem> {
    if item.state != ItemState::Quarantined {
        return Ok(item.content.clone());
    }
    Ok(app.seal().open(Table::Inbox, item.id, &item.content)?)
}
