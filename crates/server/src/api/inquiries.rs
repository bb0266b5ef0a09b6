//! Inquiries: the processor is asked what it has of `/v1/authorizations/{id}`.

use axum::Json;
use axum::extract::State;
use bursar_core::MessageId;
use serde::Serialize;
use utoipa::ToSchema;

use super::authorizations::find;
use super::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::extract::Id;
use crate::problem::{Code, Problem};
use crate::workers::inquirer::{Inquirer, NoAnswer, transactions};

/// What the processor has of an authorization.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct InquiryView {
    /// Whether it knows any of its transactions.
    is_known: bool,
    /// How many it named, with those that are related: each is booked as if it had been reported.
    transactions: usize,
}

/// Asks the processor what it has of an authorization, and books what it says, as if it had reported it. What was
/// reported before has no effect again.
#[utoipa::path(post, path = "/v1/authorizations/{id}/inquiries", tag = "authorizations",
    params(("id" = schema::MessageId, Path)),
    responses((status = 200, body = InquiryView, description = "What it has")))]
pub(super) async fn inquire(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<MessageId>,
) -> Result<Json<InquiryView>, Problem> {
    let Some(inquirer) = Inquirer::of(&app) else {
        let how = "nobody is set to be asked: set marqeta.base_url and the tokens in the credentials file";
        return Err(Problem::new(Code::NobodyToAsk, how));
    };
    let group = find(&app, id).await?.group.filter(|group| !transactions(group).is_empty());
    let Some(group) = group else {
        let why =
            format!("no processor has anything to say of {id}: it did not come from one, or holds nothing");
        return Err(Problem::new(Code::NobodyToAsk, why));
    };
    let answer = inquirer.ask(&group).await.map_err(problem)?;
    Ok(Json(InquiryView { is_known: answer.is_known, transactions: answer.transactions }))
}

fn problem(why: NoAnswer) -> Problem {
    match why {
        NoAnswer::Away(why) => Problem::new(Code::ProcessorAway, why),
        NoAnswer::Unusable(why) => Problem::new(Code::ProcessorUnusable, why),
        NoAnswer::Store(error) => error.into(),
    }
}
