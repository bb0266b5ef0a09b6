//! Releases: reversals and expiries of `/v1/authorizations/{id}`.

use axum::extract::State;
use bursar_core::command::{Expire, GroupRef, Reverse};
use bursar_core::{Action, Currency, MessageId};
use serde::Deserialize;
use utoipa::ToSchema;

use super::amount::{AmountText, with_currency};
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

/// Release of what is held, or of a part of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewReversal {
    /// Above zero, and no more than is held, with its currency; without both, all that is held.
    amount: Option<AmountText>,
    /// The account's.
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
}

/// The end of an authorization that nothing more was heard of.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewExpiry {}

/// Releases all that an authorization and its increments still hold, or a part of it. The last of it ends
/// them. Spending windows get back what was taken from them, the newest first.
#[utoipa::path(post, path = "/v1/authorizations/{id}/reversals", tag = "authorizations",
    params(("id" = schema::MessageId, Path)), request_body = NewReversal,
    responses((status = 200, body = HoldChangeView, description = "What is left after it")))]
pub(super) async fn reverse_authorization(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<MessageId>,
    Body(new): Body<NewReversal>,
) -> Result<Stored, Problem> {
    let amount = with_currency(new.amount.as_ref(), new.currency)?;
    let amount = amount.map(|(amount, currency)| amount.read_above_zero(currency)).transpose()?;
    let record = find(&app, id).await?;
    let group = GroupRef::Message(id);
    let reverse = Reverse { owner: record.message.owner, group, amount };
    settle(&app, key, Action::Reverse(reverse), granted(HoldChangeView::of)).await
}

/// Ends an authorization that was held long enough: all that it still holds is released, as by a reversal.
/// The server does it by itself after the days that the program sets.
#[utoipa::path(post, path = "/v1/authorizations/{id}/expiries", tag = "authorizations",
    params(("id" = schema::MessageId, Path)), request_body = NewExpiry,
    responses((status = 200, body = HoldChangeView, description = "What is left after it")))]
pub(super) async fn expire_authorization(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<MessageId>,
    Body(NewExpiry {}): Body<NewExpiry>,
) -> Result<Stored, Problem> {
    let record = find(&app, id).await?;
    let group = GroupRef::Message(id);
    let expire = Expire { owner: record.message.owner, group, last: None };
    settle(&app, key, Action::Expire(expire), granted(HoldChangeView::of)).await
}
