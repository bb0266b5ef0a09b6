//! What the processors report: `POST /webhooks/marqeta`.
//!
//! Every notice is durable before the answer: what is sent again after another one, or after none, has no
//! effect twice.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bursar_authorizer::{Reply, Request as Asked, Timeline, Wanted};
use bursar_core::{MessageId, Work};
use bursar_processors::marqeta::{self, Notice, TransactionReport};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::body;
use crate::jit::{NO_CREDENTIALS, unauthorized};
use crate::problem::{Code, Problem, ProblemView};

/// Over the bytes of the body.
const SIGNATURE: HeaderName = HeaderName::from_static("x-marqeta-signature");

/// The routes, each with its description.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(marqeta))
}

/// An object of arrays, one each kind of notice; kinds that are not named here are not looked into.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `bursar_processors::marqeta` reads")]
struct Webhook {
    /// Transactions: `token`, `type`, `state`, `amount`, `currency_code`, `card_token`,
    /// `preceding_related_transaction_token`, `created_time` and what they were funded by.
    #[schema(value_type = Option<Vec<Object>>)]
    transactions: (),
    /// Answered, and nothing else.
    #[schema(value_type = Option<Vec<Object>>)]
    pings: (),
}

/// Books what Marqeta reports of transactions: holds that it approved or refused without us, captures,
/// reversals, advices, expiries, refunds.
///
/// 200 once every notice is stored. Otherwise Marqeta sends all of them again; those that were stored have no
/// effect twice.
#[utoipa::path(post, path = "/webhooks/marqeta", tag = "processors", request_body = Webhook,
    security(("marqeta" = [])),
    params(("X-Marqeta-Signature" = Option<String>, Header, description = "Lower-case hex of the body's HMAC by SHA-1 or \
        SHA-256, where a secret is set")),
    responses(
        (status = 200, description = "All of it is stored"),
        (status = 400, body = ProblemView, description = "The body, or one of its transactions, cannot be read; \
            the others are stored", content_type = "application/problem+json"),
        (status = 401, body = ProblemView, description = "Wrong or no credentials, or a wrong signature",
            content_type = "application/problem+json"),
        (status = 408, body = ProblemView, description = "The body came too slowly",
            content_type = "application/problem+json"),
        (status = 413, body = ProblemView, description = "The body is too large",
            content_type = "application/problem+json"),
        (status = 503, body = ProblemView, description = "Not all of it is stored; send it again",
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn marqeta(State(app): State<App>, request: Request) -> Response {
    let headers = request.headers().clone();
    let header = |name| headers.get(name).map(HeaderValue::as_bytes);
    if !app.marqeta().accept(header(header::AUTHORIZATION)) {
        return unauthorized(NO_CREDENTIALS);
    }
    let settings = app.settings();
    let bytes = match body::read(request.into_body(), settings.body_max_bytes, settings.body_timeout).await {
        Ok(bytes) => bytes,
        Err(problem) => return problem.into_response(),
    };
    if !app.marqeta().accept_signature(header(SIGNATURE), &bytes) {
        return unauthorized("X-Marqeta-Signature is not that of this body by one of the webhook's secrets");
    }
    match take(&app, &bytes).await {
        Ok(()) => ().into_response(),
        Err(problem) => problem.into_response(),
    }
}

/// Takes all notices, and says what was wrong with the first that could not be taken.
async fn take(app: &App, bytes: &[u8]) -> Result<(), Problem> {
    let mut wrong = None;
    for notice in marqeta::decode_webhook(bytes).map_err(unreadable)? {
        let taken = match notice {
            Notice::Transaction(report) => book(app, *report).await,
            Notice::Ping => Ok(()),
            Notice::Other(kind) => {
                tracing::warn!("a notice of the kind {kind} is not looked into");
                Ok(())
            }
            Notice::Unreadable(reject) => {
                tracing::error!("a reported transaction cannot be read: {reject}");
                Err(unreadable(reject))
            }
        };
        if let Err(problem) = taken {
            wrong.get_or_insert(problem);
        }
    }
    wrong.map_or(Ok(()), Err)
}

fn unreadable(reject: marqeta::Reject) -> Problem {
    Problem::of_field(Code::InvalidField, reject.field, reject.message)
}

async fn book(app: &App, report: TransactionReport) -> Result<(), Problem> {
    let (token, transaction_type) = (report.token().clone(), report.transaction_type().clone());
    let mut timeline = Timeline::begin();
    let deadline = Instant::now() + app.settings().body_timeout;
    let wanted = Wanted { card: report.card_token(), ..Wanted::default() };
    let found = app.authorizer().look_up(wanted, deadline, &mut timeline).await?;
    if report.needs_review(found) {
        tracing::warn!(
            "transaction {token} of the type {transaction_type} is kept for review: nothing is booked"
        );
    }
    let encoder = report.encoder();
    let mut last = None;
    for command in report.into_commands(found, || MessageId::new(Uuid::now_v7())) {
        let work = Work::new(command, Box::new(encoder.clone()));
        let request = Asked { work, deadline: None, timeline: Timeline::begin() };
        match app.authorizer().settle(request).await.reply {
            Reply::Unavailable(why) => return Err(why.into()),
            reply => last = Some(reply),
        }
    }
    // Those before it are claims: in conflict, where the decision is there.
    match last {
        Some(Reply::Conflict) => tracing::warn!(
            "transaction {token} of the type {transaction_type} was reported again with other content: \
             nothing of it took effect"
        ),
        Some(Reply::Decided { declined: Some(reason), .. }) => tracing::error!(
            "transaction {token} of the type {transaction_type} is kept and not booked: {reason}"
        ),
        _ => {}
    }
    Ok(())
}
