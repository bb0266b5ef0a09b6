//! Inquiries: the processor is asked what it has of `/v1/authorizations/{id}`.

use axum::Json;
use axum::extract::State;
use bursar_authorizer::Unavailable;
use bursar_core::{HoldGroup, MessageId};
use serde::Serialize;
use utoipa::ToSchema;

use super::authorizations::find;
use super::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::extract::Id;
use crate::idempotency::IdempotencyKey;
use crate::problem::{Code, Problem, ProblemView};
use crate::workers::inquirer::{Inquirer, NoAnswer};

/// What the processor has of an authorization.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(super) struct InquiryView {
    /// Whether it knows any of its transactions.
    is_known: bool,
    /// How many it named, with those that are related: each is booked as if it had been reported.
    transactions: usize,
    /// How many of them are not booked: `/v1/inbox` and `/v1/records` have them.
    unbooked: usize,
}

/// Asks the processor what it has of an authorization, and books what it says, as if it had reported it. What was
/// reported before has no effect again. Each request asks, whatever its key.
#[utoipa::path(post, path = "/v1/authorizations/{id}/inquiries", tag = "authorizations",
    params(("id" = schema::MessageId, Path)),
    responses(
        (status = 200, body = InquiryView, description = "What it has"),
        (status = 409, body = ProblemView, description = "There is nobody to ask: no API is set, or it is of no processor",
            content_type = "application/problem+json"),
        (status = 502, body = ProblemView, description = "What the processor answers cannot be used",
            content_type = "application/problem+json"),
        (status = 503, body = ProblemView, description = "It cannot be asked now, or not all of it is booked; ask again",
            content_type = "application/problem+json"),
    ))]
pub(super) async fn inquire(
    State(app): State<App>,
    _: Operator,
    _: IdempotencyKey,
    Id(id): Id<MessageId>,
) -> Result<Json<InquiryView>, Problem> {
    let Some(inquirer) = Inquirer::of(&app) else {
        let how = "nobody is set to be asked: set marqeta.base_url and the tokens in the credentials file";
        return Err(Problem::new(Code::NobodyToAsk, how));
    };
    let group = find(&app, id).await?.group;
    let asked_about = group.as_ref().map(HoldGroup::asked_about).unwrap_or_default();
    if asked_about.is_empty() {
        let why = format!("no processor has anything to say of {id}: it is of none, or moved nothing");
        return Err(Problem::new(Code::NobodyToAsk, why));
    }
    let mut view = InquiryView::default();
    for (token, made) in asked_about {
        let told = inquirer.ask(token, made).await.map_err(problem)?;
        view.is_known |= told.is_known;
        view.transactions += told.transactions;
        view.unbooked += told.unbooked;
    }
    Ok(Json(view))
}

fn problem(why: NoAnswer) -> Problem {
    match why {
        NoAnswer::Away(why) => Problem::new(Code::ProcessorAway, why),
        NoAnswer::Unusable(why) => Problem::new(Code::ProcessorUnusable, why),
        NoAnswer::Behind => Problem::new(Code::Unavailable, Unavailable::Held.to_string()),
        NoAnswer::Store(error) => error.into(),
    }
}
