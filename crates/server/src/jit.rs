//! The processors' calls: `POST /jit/marqeta`. The hot path, so no middleware stands before it.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bursar_authorizer::{Reply, Request as Asked, Settlement, Timeline, Unavailable};
use bursar_core::text::Token;
use bursar_core::{Answer, CardholderId, MessageId, Work};
use bursar_processors::marqeta::{self, Found, JitRequest};
use bursar_store::{Stage, StoreError};
use uuid::Uuid;

use crate::app::App;
use crate::body;
use crate::problem::{Code, Problem};

/// Decides Marqeta's just-in-time funding request.
///
/// 200 funds and 402 declines, both with the whole `jit_funding` object; a message that comes
/// again gets the same bytes again. 401: wrong credentials. 400: the request cannot be read.
/// 503: there is no decision to answer with; the same message may come again.
pub(crate) async fn marqeta(State(app): State<App>, request: Request) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if !app.marqeta().accept(authorization) {
        return unauthorized();
    }
    let settings = app.settings();
    match body::read(request.into_body(), settings.body_max_bytes, settings.body_timeout).await {
        Ok(bytes) => fund(&app, &bytes).await.unwrap_or_else(IntoResponse::into_response),
        Err(problem) => problem.into_response(),
    }
}

async fn fund(app: &App, bytes: &[u8]) -> Result<Response, Problem> {
    let mut timeline = Timeline::begin();
    let deadline = timeline.began() + app.settings().jit_deadline;
    let request = marqeta::decode(bytes)
        .map_err(|reject| Problem::of_field(Code::InvalidField, reject.field, reject.message))?;
    timeline.mark(Stage::Parse);
    if let Some(alert) = request.alert() {
        tracing::warn!("{alert}");
    }
    // A message that is only kept is no authorization, and does not count as one.
    let is_funding = request.card_token().is_some();
    let found = match look_up(app, &request, &mut timeline).await {
        Ok(found) => found,
        Err(error) => {
            let reply = Reply::Unavailable(Unavailable::Store(error.to_string()));
            app.authorizer().finish(Settlement { reply, timeline });
            return Err(error.into());
        }
    };
    let (echo, token) = (request.echo(), request.token().clone());
    let (command, encode) = request.into_command(MessageId::new(Uuid::now_v7()), found);
    let work = Work::new(command, encode);
    let settlement = app.authorizer().settle(Asked { work, deadline: Some(deadline), timeline }).await;
    if matches!(settlement.reply, Reply::Conflict) {
        tracing::warn!(%token, "transaction {token} came again with other content: declined as a duplicate");
    }
    let response = respond(&settlement.reply, || marqeta::duplicate(&echo));
    if is_funding {
        app.authorizer().finish(settlement);
    }
    Ok(response)
}

/// What the request's tokens mean, each lookup a stage of its own.
async fn look_up(app: &App, request: &JitRequest, timeline: &mut Timeline) -> Result<Found, StoreError> {
    let acting = find_user(app, request.acting_token()).await?;
    let paying = find_user(app, request.paying_token()).await?;
    timeline.mark(Stage::UserLookup);
    let route = match request.card_token() {
        Some(token) => app.authorizer().lookups().card(token).await?,
        None => None,
    };
    timeline.mark(Stage::CardLookup);
    timeline.mark(Stage::LimitsLookup);
    Ok(Found { route, acting, paying })
}

async fn find_user(app: &App, token: Option<&Token>) -> Result<Option<CardholderId>, StoreError> {
    match token {
        Some(token) => app.authorizer().lookups().user(token).await,
        None => Ok(None),
    }
}

fn respond(reply: &Reply, duplicate: impl FnOnce() -> Answer) -> Response {
    match reply {
        Reply::Decided { answer, .. } | Reply::Repeated(answer) => send(answer.clone()),
        Reply::Conflict => send(duplicate()),
        Reply::Unavailable(why) => Problem::from(why.clone()).into_response(),
    }
}

fn send(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

fn unauthorized() -> Response {
    let mut response = Problem::new(Code::Unauthorized, "wrong or no credentials").into_response();
    let realm = HeaderValue::from_static("Basic realm=\"bursar\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
    response
}
