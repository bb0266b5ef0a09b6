//! What the processors report: `POST /webhooks/marqeta`.
//!
//! Every notice is in the inbox before the answer, and [`crate::workers::consumer`] works it off. What nobody can
//! read is sealed and kept: one bad item of ten harms no other, and is not sent again for ever.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bursar_core::text::FreeText;
use bursar_processors::marqeta::{self, Delivered, Notice, Unreadable};
use bursar_store::{ItemKey, NewItem, Put, StoreError};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::app::App;
use crate::body;
use crate::jit::{NO_CREDENTIALS, unauthorized};
use crate::problem::{Code, Problem, ProblemView};
use crate::seal::Table;
use crate::workers::webhooks;

/// Over the bytes of the body.
const SIGNATURE: HeaderName = HeaderName::from_static("x-marqeta-signature");

/// The routes, each with its description.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(marqeta))
}

/// An object of arrays, one each kind of notice. Items of kinds that are not named here are kept, encrypted.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `bursar_processors::marqeta` reads")]
struct Webhook {
    /// Transactions: `token`, `type`, `state`, `amount`, `currency_code`, `card_token`,
    /// `preceding_related_transaction_token`, `created_time` and what they were funded by.
    #[schema(value_type = Option<Vec<Object>>)]
    transactions: (),
    /// Transitions of cards: `token`, `card_token`, `state`, `type`, `created_time`. Also as `cardtransitions`.
    #[schema(value_type = Option<Vec<Object>>)]
    cards: (),
    /// Transitions of users: `token`, `user_token`, `status`, `created_time`. Also as `users`.
    #[schema(value_type = Option<Vec<Object>>)]
    usertransitions: (),
    /// Transitions of businesses: `token`, `business_token`, `status`, `created_time`. Also as `businesses`.
    #[schema(value_type = Option<Vec<Object>>)]
    businesstransitions: (),
    /// Steps of chargebacks: `token`, `state`, `type`, `transaction_token`. So are `casetransitions`,
    /// `disputetransitions` and `digitalwallettokentransitions`.
    #[schema(value_type = Option<Vec<Object>>)]
    chargebacktransitions: (),
    /// Answered, and nothing else.
    #[schema(value_type = Option<Vec<Object>>)]
    pings: (),
}

/// Takes what Marqeta reports: of transactions, which are booked, and of cards, users and businesses, whose status
/// follows.
///
/// 200 once all of it is stored, durably; it is worked off at once, and `GET /v1/inbox` says what waits. What cannot
/// be read is kept, encrypted, and answered 200 as well. What is sent again has no effect twice.
#[utoipa::path(post, path = "/webhooks/marqeta", tag = "processors", request_body = Webhook,
    security(("marqeta" = [])),
    params(("X-Marqeta-Signature" = Option<String>, Header, description = "Lower-case hex of the body's HMAC by SHA-1 or \
        SHA-256, where a secret is set")),
    responses(
        (status = 200, description = "All of it is stored"),
        (status = 400, body = ProblemView, description = "The body is no webhook: no JSON object with an array",
            content_type = "application/problem+json"),
        (status = 401, body = ProblemView, description = "Wrong or no credentials, or a wrong signature",
            content_type = "application/problem+json"),
        (status = 408, body = ProblemView, description = "The body came too slowly",
            content_type = "application/problem+json"),
        (status = 413, body = ProblemView, description = "The body is too large",
            content_type = "application/problem+json"),
        (status = 503, body = ProblemView, description = "Nothing of it is known to be stored; send it again",
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

/// Stores all that can be worked on, and seals what cannot, in one transaction.
async fn take(app: &App, bytes: &[u8]) -> Result<(), Problem> {
    let delivered = marqeta::decode_webhook(bytes)
        .map_err(|reject| Problem::of_field(Code::InvalidField, reject.field, reject.message))?;
    put(app, delivered).await.map_err(|error| {
        tracing::error!("what a processor reported is not stored: {error}");
        Problem::new(Code::Unavailable, "nothing of it is known to be stored; send it again")
    })
}

/// Puts it into the inbox, all or nothing.
pub(crate) async fn put(app: &App, delivered: Vec<Delivered>) -> Result<(), StoreError> {
    let items = delivered.into_iter().filter_map(|of| item(app, of).transpose());
    let items = items.collect::<Result<Vec<NewItem>, StoreError>>()?;
    if items.is_empty() {
        return Ok(());
    }
    let keys: Vec<ItemKey> = items.iter().map(|item| item.key.clone()).collect();
    let due: Vec<Option<Uuid>> =
        items.iter().map(|item| item.quarantined.is_none().then_some(item.id)).collect();
    let put = app.inbox().put(items).await?;
    webhooks::tell(
        app,
        due.into_iter().zip(&put).filter(|(_, put)| **put != Put::Known).filter_map(|(id, _)| id),
    );
    for (ItemKey { kind, token, state }, _) in keys.iter().zip(put).filter(|(_, put)| *put == Put::Changed) {
        tracing::warn!(
            "{kind} {token} in the state {state} came again with other content: both are worked on"
        );
    }
    Ok(())
}

/// What is stored of it; nothing of a ping.
fn item(app: &App, delivered: Delivered) -> Result<Option<NewItem>, StoreError> {
    match delivered {
        Delivered::Ping => Ok(None),
        Delivered::Notice(notice) => waiting(&notice).map(Some),
        Delivered::Unreadable(unreadable) => Ok(sealed(app, unreadable)),
    }
}

fn waiting(notice: &Notice) -> Result<NewItem, StoreError> {
    let [kind, token, state] = notice.key().map(str::to_owned);
    let content = serde_json::to_vec(notice).map_err(|error| StoreError::BadData(error.to_string()))?;
    let hash = Sha256::digest(&content).into();
    Ok(NewItem { id: Uuid::now_v7(), key: ItemKey { kind, token, state }, hash, content, quarantined: None })
}

/// It may hold anything, card numbers too, so nothing of it is told but its place.
fn sealed(app: &App, unreadable: Unreadable) -> Option<NewItem> {
    let Unreadable { kind, token, why, item } = unreadable;
    let why = FreeText::new(&why.to_string()).as_str().to_owned();
    tracing::error!("a notice is quarantined, see GET /v1/inbox/items?state=quarantined: {why}");
    let token = token.map_or(String::new(), |token| token.to_string());
    let id = Uuid::now_v7();
    let content = app.seal().seal(Table::Inbox, id, item.as_bytes())?;
    let hash = app.seal().hash(item.as_bytes());
    let key = ItemKey { kind, token, state: String::new() };
    Some(NewItem { id, key, hash, content, quarantined: Some(why) })
}
