//! Records: `/v1/records`, what a processor reported or asked that had no effect here.

use axum::Json;
use axum::extract::State;
use bursar_core::message::{ActionKind, Source};
use bursar_core::text::Token;
use bursar_core::{Currency, Message, MessageId};
use bursar_store::ListedMessage;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::schema;
use super::view::decimal;
use crate::app::App;
use crate::auth::Operator;
use crate::extract::Params;
use crate::page::{Cursor, ListQuery, Listed};
use crate::problem::Problem;

/// A message that was kept without effect.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct RecordView {
    #[schema(value_type = schema::MessageId)]
    id: MessageId,
    /// `review` if it asked for something that nobody decided: somebody has to look at it.
    #[schema(value_type = schema::RecordKind)]
    kind: ActionKind,
    /// The door by which it came.
    #[schema(value_type = schema::MessageSource)]
    source: Source,
    /// The sender's id of the message.
    #[schema(value_type = schema::Token)]
    token: Token,
    /// What it reported or asked, in the processor's words.
    #[schema(value_type = schema::Token)]
    method: Token,
    #[schema(value_type = Option<schema::Token>)]
    card_token: Option<Token>,
    /// The amount that it named; null if that was no amount.
    #[schema(value_type = Option<schema::Decimal>)]
    amount: Option<String>,
    /// Of the amount; null if the code was none.
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
    #[schema(value_type = schema::Time)]
    recorded_at: Timestamp,
}

impl RecordView {
    /// `None` if the message is no record.
    fn new(message: Message) -> Option<Self> {
        let recorded = message.recorded?;
        let amount = recorded.amount_minor.zip(recorded.currency);
        Some(Self {
            id: message.id,
            kind: message.kind,
            source: message.key.source,
            token: message.key.token,
            method: recorded.method,
            card_token: recorded.card_token,
            amount: amount.map(|(minor, currency)| decimal(minor, currency)),
            currency: recorded.currency,
            recorded_at: message.at,
        })
    }
}

/// Messages that were kept without effect, newest first.
#[utoipa::path(get, path = "/v1/records", tag = "records", params(ListQuery),
    responses((status = 200, body = Listed<RecordView>, description = "A page of records")))]
pub(super) async fn list_records(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<ListQuery>,
) -> Result<Json<Listed<RecordView>>, Problem> {
    let cursor = Cursor::parse(query.limit, query.after.as_deref())?;
    let records = app.ledger().list_records(cursor.page_and_one()).await?;
    let view = |record: ListedMessage| RecordView::new(record.message);
    let Listed { items, next } = cursor.cut(records, |record| record.position.to_string(), view);
    Ok(Json(Listed { items: items.into_iter().flatten().collect(), next }))
}
