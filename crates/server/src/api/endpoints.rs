//! Endpoints: `/v1/webhook-endpoints`, a program's own systems that are told of events.

mod notifications;

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bursar_core::ProgramId;
use bursar_store::{Endpoint, later};
use bursar_webhook_client::{Secret, url_problem};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

pub(super) use self::notifications::*;
use super::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{Params, Uid};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, Listed};
use crate::problem::{Code, Problem};
use crate::seal::Table;
use crate::workers::notifier::{is_wanted, types};

/// So long the secret before signs beside a new one.
const ROTATION: Duration = Duration::from_secs(24 * 3600);

/// A change is tried so often where others change the same endpoint at the same time.
const CHANGES_MAX: u32 = 10;

/// Patterns of one endpoint, at most, and characters in one.
const EVENTS_MAX: usize = 50;
const EVENT_MAX: usize = 100;

/// A URL that is told of events.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EndpointView {
    #[schema(value_type = String)]
    id: Uuid,
    #[schema(value_type = schema::ProgramId)]
    program: ProgramId,
    url: String,
    /// Which events: patterns of types, where `*` stands for one word between dots and `#` for any number.
    events: Vec<String>,
    /// Whether anything is sent.
    is_on: bool,
    /// Until when the secret before signs, too; null if there is none.
    #[schema(value_type = Option<schema::Time>)]
    rotates_until: Option<Timestamp>,
    #[schema(value_type = schema::Time)]
    created_at: Timestamp,
}

/// A URL that is told of events, and what signs what is sent there: shown this once.
#[derive(Serialize, ToSchema)]
pub(super) struct NewEndpointView {
    #[serde(flatten)]
    endpoint: EndpointView,
    /// `whsec_…`, as the Standard Webhooks libraries take it.
    secret: String,
}

/// A URL that is to be told of events.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewEndpoint {
    #[schema(value_type = schema::ProgramId)]
    program: ProgramId,
    /// https; in a private network only where `webhooks.private_networks` is set.
    #[schema(example = "https://hooks.example.com/bursar")]
    url: String,
    /// Patterns of types; all events if not given.
    #[serde(default = "all_events")]
    #[schema(example = json!(["transaction.*", "card.issued"]))]
    events: Vec<String>,
}

fn all_events() -> Vec<String> {
    vec!["#".to_owned()]
}

/// What is to be changed: what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EndpointChange {
    url: Option<String>,
    events: Option<Vec<String>>,
    /// What happens while it is off it is not told of. What was due before is sent when it is on again.
    is_on: Option<bool>,
}

/// The parameters of the list.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EndpointQuery {
    /// Of this program.
    #[param(value_type = Option<schema::ProgramId>)]
    program: Option<ProgramId>,
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl EndpointView {
    fn new(of: Endpoint) -> Self {
        let rotates_until =
            of.secret_before.map(|(_, until)| until).filter(|until| *until > Timestamp::now());
        Self {
            id: of.id,
            program: of.program,
            url: of.url,
            events: of.events,
            is_on: of.is_on,
            rotates_until,
            created_at: of.created_at,
        }
    }
}

/// Has a URL told of a program's events, signed by the Standard Webhooks specification with the secret that is answered:
/// again, if it is asked again.
#[utoipa::path(post, path = "/v1/webhook-endpoints", tag = "webhook endpoints", request_body = NewEndpoint,
    responses((status = 201, body = NewEndpointView, description = "It is told of what is published from now on")))]
pub(super) async fn create_endpoint(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Body(new): Body<NewEndpoint>,
) -> Result<(StatusCode, Json<NewEndpointView>), Problem> {
    check_url(&app, &new.url)?;
    check_events(&new.events)?;
    if app.ledger().find_program(new.program).await?.is_none() {
        return Err(Problem::declined(bursar_core::DeclineReason::ProgramUnknown));
    }
    let (id, request) = (key.id_of("webhook endpoint"), fingerprint(&new)?);
    let endpoint = Endpoint {
        id,
        version: 1,
        request: request.clone(),
        program: new.program,
        url: new.url,
        events: new.events,
        secret: sealed(&app, id, &Secret::random())?,
        secret_before: None,
        rotated_by: None,
        is_on: true,
        created_at: Timestamp::now(),
    };
    app.store().create_endpoint(endpoint).await?;
    // That of the first of two who ask for the same at once.
    let endpoint = find(&app, id).await?;
    if endpoint.request != request {
        let why = "this Idempotency-Key made another webhook endpoint";
        return Err(Problem::new(Code::IdempotencyKeyReused, why));
    }
    Ok((StatusCode::CREATED, Json(with_secret(&app, endpoint)?)))
}

/// Endpoints, by their ids.
#[utoipa::path(get, path = "/v1/webhook-endpoints", tag = "webhook endpoints", params(EndpointQuery),
    responses((status = 200, body = Listed<EndpointView>, description = "A page of endpoints")))]
pub(super) async fn list_endpoints(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<EndpointQuery>,
) -> Result<Json<Listed<EndpointView>>, Problem> {
    let cursor = Cursor::<Uuid>::parse(query.limit, query.after.as_deref())?;
    let endpoints = app.store().list_endpoints(query.program, cursor.page_and_one()).await?;
    Ok(Json(cursor.cut(endpoints, |of| of.id.to_string(), EndpointView::new)))
}

/// An endpoint.
#[utoipa::path(get, path = "/v1/webhook-endpoints/{id}", tag = "webhook endpoints", params(("id" = String, Path)),
    responses((status = 200, body = EndpointView, description = "The endpoint")))]
pub(super) async fn find_endpoint(
    State(app): State<App>,
    _: Operator,
    Uid(id): Uid,
) -> Result<Json<EndpointView>, Problem> {
    find(&app, id).await.map(EndpointView::new).map(Json)
}

/// Changes an endpoint. What was stored for it before goes to the new URL, too.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{id}/changes", tag = "webhook endpoints",
    params(("id" = String, Path)), request_body = EndpointChange,
    responses((status = 200, body = EndpointView, description = "The endpoint after it")))]
pub(super) async fn change_endpoint(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Uid(id): Uid,
    Body(wanted): Body<EndpointChange>,
) -> Result<Json<EndpointView>, Problem> {
    let EndpointChange { url, events, is_on } = wanted;
    url.as_deref().map_or(Ok(()), |url| check_url(&app, url))?;
    events.as_deref().map_or(Ok(()), check_events)?;
    let change = |endpoint: &mut Endpoint| {
        endpoint.url = url.clone().unwrap_or(std::mem::take(&mut endpoint.url));
        endpoint.events = events.clone().unwrap_or(std::mem::take(&mut endpoint.events));
        endpoint.is_on = is_on.unwrap_or(endpoint.is_on);
    };
    let endpoint = change_one(&app, id, change).await?;
    app.due().wake();
    Ok(Json(EndpointView::new(endpoint)))
}

/// Gives an endpoint a new secret, which is answered: the same, if it is asked again. For 24 hours the one before signs
/// beside it.
#[utoipa::path(post, path = "/v1/webhook-endpoints/{id}/secrets", tag = "webhook endpoints",
    params(("id" = String, Path)),
    responses((status = 200, body = NewEndpointView, description = "The endpoint and its new secret")))]
pub(super) async fn rotate_secret(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Uid(id): Uid,
) -> Result<Json<NewEndpointView>, Problem> {
    let secret = sealed(&app, id, &Secret::random())?;
    let change = |endpoint: &mut Endpoint| {
        if endpoint.rotated_by.as_deref() == Some(key.as_str()) {
            return;
        }
        let before = std::mem::replace(&mut endpoint.secret, secret.clone());
        endpoint.secret_before = Some((before, later(Timestamp::now(), ROTATION)));
        endpoint.rotated_by = Some(key.as_str().to_owned());
    };
    let endpoint = change_one(&app, id, change).await?;
    Ok(Json(with_secret(&app, endpoint)?))
}

/// Forgets an endpoint, with its notifications and their log.
#[utoipa::path(delete, path = "/v1/webhook-endpoints/{id}", tag = "webhook endpoints", params(("id" = String, Path)),
    responses((status = 204, description = "It is told of nothing more")))]
pub(super) async fn delete_endpoint(
    State(app): State<App>,
    _: Operator,
    Uid(id): Uid,
) -> Result<StatusCode, Problem> {
    match app.store().delete_endpoint(id).await? {
        true => Ok(StatusCode::NO_CONTENT),
        false => Err(unknown()),
    }
}

pub(super) async fn find(app: &App, id: Uuid) -> Result<Endpoint, Problem> {
    app.store().find_endpoint(id).await?.ok_or_else(unknown)
}

/// Changes it as it is by then, whoever else changes it.
async fn change_one(app: &App, id: Uuid, change: impl Fn(&mut Endpoint)) -> Result<Endpoint, Problem> {
    for _ in 0..CHANGES_MAX {
        let before = find(app, id).await?;
        let mut endpoint = before.clone();
        change(&mut endpoint);
        if endpoint == before || app.store().change_endpoint(endpoint.clone()).await? {
            return Ok(endpoint);
        }
    }
    Err(Problem::new(Code::Unavailable, "others change this webhook endpoint all the time; ask again"))
}

fn unknown() -> Problem {
    Problem::new(Code::NotFound, "there is no such webhook endpoint")
}

fn check_url(app: &App, url: &str) -> Result<(), Problem> {
    match url_problem(url, app.settings().sender.allow_private) {
        None => Ok(()),
        Some(why) => Err(Problem::of_field(Code::InvalidField, "url", format!("this {why}"))),
    }
}

fn check_events(patterns: &[String]) -> Result<(), Problem> {
    let invalid = |why: String| Problem::of_field(Code::InvalidField, "events", why);
    if patterns.is_empty() || patterns.len() > EVENTS_MAX {
        return Err(invalid(format!("these are not 1 to {EVENTS_MAX} patterns")));
    }
    let types = types();
    for pattern in patterns {
        let is_short = pattern.chars().count() <= EVENT_MAX;
        if !is_short || !types.iter().any(|of| is_wanted(std::slice::from_ref(pattern), of)) {
            let shown: String = pattern.chars().take(EVENT_MAX).collect();
            return Err(invalid(format!("no event is a {shown:?}; the types are {}", types.join(", "))));
        }
    }
    Ok(())
}

fn sealed(app: &App, id: Uuid, secret: &Secret) -> Result<Vec<u8>, Problem> {
    let text = secret.to_text();
    app.seal().seal(Table::Endpoints, id, text.expose_secret().as_bytes()).ok_or_else(Problem::internal)
}

fn with_secret(app: &App, endpoint: Endpoint) -> Result<NewEndpointView, Problem> {
    let secret = app.seal().open(Table::Endpoints, endpoint.id, &endpoint.secret)?;
    let secret = String::from_utf8(secret).map_err(|_| Problem::internal())?;
    Ok(NewEndpointView { endpoint: EndpointView::new(endpoint), secret })
}

/// What tells a request from another with the same key.
fn fingerprint(new: &NewEndpoint) -> Result<Vec<u8>, Problem> {
    let text = serde_json::to_vec(new).map_err(|_| Problem::internal())?;
    Ok(Sha256::digest(&text).to_vec())
}
