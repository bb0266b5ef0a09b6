//! What was sent to an endpoint, and what came of it: its delivery log.

use axum::Json;
use axum::extract::State;
use bursar_core::EventId;
use bursar_store::{Attempt, Notification, NotificationStanding, Page};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::extract::{Params, Uid, Uids};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, Listed};
use crate::problem::{Code, Problem};

/// An event that is sent to an endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct NotificationView {
    #[schema(value_type = String)]
    id: Uuid,
    /// The event: `webhook-id`, and `id` of what is sent.
    #[schema(value_type = String)]
    event: EventId,
    /// Its type: `card.issued`.
    r#type: String,
    /// `due`, `delivered` or `failed`.
    state: &'static str,
    /// How often it was sent in vain since it was new or sent again.
    failures: u32,
    /// When it is sent next.
    #[schema(value_type = Option<schema::Time>)]
    due_at: Option<Timestamp>,
    #[schema(value_type = schema::Time)]
    created_at: Timestamp,
}

/// An event that is sent to an endpoint, with all calls.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::api) struct NotificationLogView {
    #[serde(flatten)]
    notification: NotificationView,
    /// What is sent.
    body: String,
    /// Every call, oldest first.
    attempts: Vec<AttemptView>,
}

/// A call.
#[derive(Debug, Serialize, ToSchema)]
struct AttemptView {
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    /// Milliseconds.
    took_ms: u32,
    /// Of the answer; null if there was none.
    status: Option<u16>,
    /// Why it failed, if it did.
    error: Option<String>,
}

/// The state of a notification.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Standing {
    /// It is to be sent.
    Due,
    /// The endpoint has it.
    Delivered,
    /// It failed too often.
    Failed,
}

/// The parameters of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::api) struct NotificationQuery {
    /// In this state.
    #[param(inline)]
    state: Option<Standing>,
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl NotificationView {
    fn new(of: Notification) -> Self {
        let Notification { notification, failures, state, created_at } = of;
        Self {
            id: notification.id,
            event: EventId::new(notification.event),
            r#type: notification.kind,
            state: state.as_str(),
            failures,
            due_at: state.due_at(),
            created_at,
        }
    }
}

impl AttemptView {
    fn new(Attempt { at, took_ms, status, error }: Attempt) -> Self {
        Self { at, took_ms, status, error }
    }
}

/// What was and is to be sent to an endpoint, newest first.
#[utoipa::path(get, path = "/v1/webhook-endpoints/{id}/notifications", tag = "webhook endpoints",
    params(("id" = String, Path), NotificationQuery),
    responses((status = 200, body = Listed<NotificationView>, description = "A page of notifications")))]
pub(in crate::api) async fn list_notifications(
    State(app): State<App>,
    _: Operator,
    Uid(endpoint): Uid,
    Params(query): Params<NotificationQuery>,
) -> Result<Json<Listed<NotificationView>>, Problem> {
    let cursor = Cursor::<Uuid>::parse(query.limit, query.after.as_deref())?;
    super::find(&app, endpoint).await?;
    let state = query.state.map(|state| match state {
        Standing::Due => NotificationStanding::Due,
        Standing::Delivered => NotificationStanding::Delivered,
        Standing::Failed => NotificationStanding::Failed,
    });
    let page: Page<Uuid> = cursor.page_and_one();
    let found = app.store().list_notifications(endpoint, state, page).await?;
    Ok(Json(cursor.cut(found, |of| of.notification.id.to_string(), NotificationView::new)))
}

/// What is sent, and every call that was made for it.
#[utoipa::path(get, path = "/v1/webhook-endpoints/{id}/notifications/{notification}", tag = "webhook endpoints",
    params(("id" = String, Path), ("notification" = String, Path)),
    responses((status = 200, body = NotificationLogView, description = "The notification and its log")))]
pub(in crate::api) async fn find_notification(
    State(app): State<App>,
    _: Operator,
    Uids(endpoint, id): Uids,
) -> Result<Json<NotificationLogView>, Problem> {
    let (found, attempts) = find(&app, endpoint, id).await?;
    let body = String::from_utf8_lossy(&found.notification.body).into_owned();
    let attempts = attempts.into_iter().map(AttemptView::new).collect();
    Ok(Json(NotificationLogView { notification: NotificationView::new(found), body, attempts }))
}

/// Has it sent again at once, under the same `webhook-id`, with all its pauses anew. The log goes on.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{id}/notifications/{notification}/resends",
    tag = "webhook endpoints", params(("id" = String, Path), ("notification" = String, Path)),
    responses((status = 200, body = NotificationLogView, description = "It is due")))]
pub(in crate::api) async fn resend_notification(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Uids(endpoint, id): Uids,
) -> Result<Json<NotificationLogView>, Problem> {
    let (found, _) = find(&app, endpoint, id).await?;
    if !app.store().resend(found.notification.id).await? {
        return Err(unknown());
    }
    app.due().wake();
    find_notification(State(app), Operator, Uids(endpoint, id)).await
}

async fn find(app: &App, endpoint: Uuid, id: Uuid) -> Result<(Notification, Vec<Attempt>), Problem> {
    let found = app.store().find_notification(id).await?;
    found.filter(|(of, _)| of.notification.endpoint == endpoint).ok_or_else(unknown)
}

fn unknown() -> Problem {
    Problem::new(Code::NotFound, "this endpoint has no such notification")
}
