//! The processors' calls: `POST /jit/marqeta`. The hot path, so no middleware stands before it.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bursar_authorizer::Timeline;
use bursar_core::Answer;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::body;
use crate::funding::{self, May, Refusal};
use crate::problem::{Code, Problem, ProblemView};

/// What whoever comes without the processor's credentials is told.
pub(crate) const NO_CREDENTIALS: &str =
    "this needs HTTP Basic authentication with the processor's user name and password";

/// The routes, each with its description.
pub(crate) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(marqeta))
}

/// The fields that a decision rests on; every other field of Marqeta's transaction object may be
/// there, in Transaction Model v1 and v2 alike.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `bursar_processors::marqeta` reads")]
struct JitRequestBody {
    /// The transaction: the same token with the same content is answered with the same bytes.
    token: String,
    card_token: String,
    /// Who used the card; `user_token` if not given.
    acting_user_token: Option<String>,
    user_token: Option<String>,
    /// ISO 4217, alphabetic or numeric.
    currency_code: String,
    /// A debit; exactly one of this and `gpa_order_unload` is there.
    #[schema(value_type = Option<Object>)]
    gpa_order: Option<()>,
    /// A credit. Both hold `jit_funding` with `token`, `method`, `user_token` and `amount`.
    #[schema(value_type = Option<Object>)]
    gpa_order_unload: Option<()>,
}

/// The answer: 200 funds what `amount` says, 402 declines.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes what `bursar_processors::marqeta` writes")]
struct JitAnswerBody {
    /// `token`, `method`, `user_token`, `amount`, `tags` with our decision's id, and with 402 the
    /// `decline_reason`.
    #[schema(value_type = Object)]
    jit_funding: (),
}

/// Decides Marqeta's just-in-time funding request.
///
/// 200 funds and 402 declines, both with the whole `jit_funding` object; a message that comes
/// again gets the same bytes again.
#[utoipa::path(post, path = "/jit/marqeta", tag = "processors", request_body = JitRequestBody,
    security(("marqeta" = [])),
    responses(
        (status = 200, body = JitAnswerBody, description = "Funded: what `amount` says is held or moved"),
        (status = 402, body = JitAnswerBody, description = "Declined"),
        (status = 400, body = ProblemView, description = "It cannot be read: nothing happened",
            content_type = "application/problem+json"),
        (status = 401, body = ProblemView, description = "Wrong or no credentials",
            content_type = "application/problem+json"),
        (status = 408, body = ProblemView, description = "The body came too slowly",
            content_type = "application/problem+json"),
        (status = 413, body = ProblemView, description = "The body is too large",
            content_type = "application/problem+json"),
        (status = 503, body = ProblemView, description = "No decision to answer with; the same message may come again",
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn marqeta(State(app): State<App>, request: Request) -> Response {
    // From the head on: the processor's clock runs while its body is on the way, too.
    let timeline = Timeline::begin();
    let authorization = request.headers().get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
    if !app.marqeta().accept(authorization) {
        return unauthorized(NO_CREDENTIALS);
    }
    let settings = app.settings();
    match body::read(request.into_body(), settings.body_max_bytes, settings.body_timeout).await {
        Ok(bytes) => {
            let deadline = timeline.began() + settings.jit_start;
            match funding::fund(app.authorizer(), &bytes, timeline, May::Begin { before: deadline }).await {
                Ok(answer) => send(answer),
                Err(refusal) => Problem::from(refusal).into_response(),
            }
        }
        Err(problem) => problem.into_response(),
    }
}

fn send(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unreadable(reject) => Self::of_field(Code::InvalidField, reject.field, reject.message),
            Refusal::Unavailable(why) => why.into(),
        }
    }
}

pub(crate) fn unauthorized(why: &'static str) -> Response {
    let mut response = Problem::new(Code::Unauthorized, why).into_response();
    let realm = HeaderValue::from_static("Basic realm=\"bursar\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, realm);
    response
}
