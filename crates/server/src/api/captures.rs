//! Captures and refunds of `/v1/authorizations/{id}`.

use axum::extract::State;
use bursar_core::command::{Capture, GroupRef, Refund};
use bursar_core::{Action, Currency, MessageId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::amount::AmountText;
use super::authorizations::find;
use super::hold_group::HoldChangeView;
use super::schema;
use super::settle::{Stored, granted, settle};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::Id;
use crate::idempotency::IdempotencyKey;
use crate::problem::Problem;

/// What was captured of an authorization.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCapture {
    /// Above zero. It may be more than is held: a tip, a full tank.
    amount: AmountText,
    /// The account's.
    #[schema(value_type = schema::Currency)]
    currency: Currency,
    /// Whether no more follows: then what is still held is released.
    #[serde(default)]
    r#final: bool,
}

/// What is given back of what was captured.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRefund {
    /// Above zero, and no more than was captured and not given back yet.
    amount: AmountText,
    /// The account's.
    #[schema(value_type = schema::Currency)]
    currency: Currency,
}

/// Posts what was captured of an authorization, and what is held goes down by as much. The money has moved
/// already, so a capture is not refused for what is held, for the status of card, cardholder or owner, or
/// for the end of the hold: the account may be overdrawn by it.
#[utoipa::path(post, path = "/v1/authorizations/{id}/captures", tag = "authorizations",
    params(("id" = schema::MessageId, Path)), request_body = NewCapture,
    responses((status = 200, body = HoldChangeView, description = "What is left after it")))]
pub(super) async fn capture_authorization(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<MessageId>,
    Body(new): Body<NewCapture>,
) -> Result<Stored, Problem> {
    let amount = new.amount.read_above_zero(new.currency)?;
    let record = find(&app, id).await?;
    let group = GroupRef::Message(id);
    let capture = Capture { owner: record.message.owner, group, amount, is_final: new.r#final };
    settle(&app, key, Action::Capture(capture), granted(HoldChangeView::of)).await
}

/// Gives back what was captured of an authorization, or a part of it: it is posted to the account at once.
/// Spending windows get nothing back.
#[utoipa::path(post, path = "/v1/authorizations/{id}/refunds", tag = "authorizations",
    params(("id" = schema::MessageId, Path)), request_body = NewRefund,
    responses((status = 200, body = HoldChangeView, description = "What is left after it")))]
pub(super) async fn refund_authorization(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<MessageId>,
    Body(new): Body<NewRefund>,
) -> Result<Stored, Problem> {
    let amount = new.amount.read_above_zero(new.currency)?;
    let record = find(&app, id).await?;
    let refund = Refund { owner: record.message.owner, group: GroupRef::Message(id), amount };
    settle(&app, key, Action::Refund(refund), granted(HoldChangeView::of)).await
}
