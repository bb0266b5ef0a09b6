//! Cardholders: `/v1/cardholders`, the business users of companies. A person is its own.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use bursar_core::command::{CreateCardholder, MoveCardholder};
use bursar_core::text::{FreeText, Token};
use bursar_core::{Action, Cardholder, CardholderId, CardholderStatus, DeclineReason, OwnerId, OwnerKind};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::programs::required;
use super::settle::{self, Stored, created, granted, settle};
use super::transition::{Transition, TransitionView};
use super::{owners, schema};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::cached::{self, Loaded};
use crate::extract::{Id, Params};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, Listed, OwnedQuery};
use crate::problem::Problem;

/// A new business user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCardholder {
    /// The company, for ever.
    #[schema(value_type = schema::OwnerId)]
    company: OwnerId,
    /// The operator's own reference: no personal data.
    #[schema(value_type = String, example = "employee 12")]
    reference: FreeText,
    /// The processor's user token; the id if not given.
    #[schema(value_type = Option<schema::Token>)]
    token: Option<Token>,
    /// First status; active if not given.
    #[serde(default = "active")]
    #[schema(value_type = Option<schema::CardholderStatus>)]
    status: CardholderStatus,
}

const fn active() -> CardholderStatus {
    CardholderStatus::Active
}

/// A cardholder.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CardholderView {
    #[schema(value_type = schema::CardholderId)]
    id: CardholderId,
    #[schema(value_type = schema::OwnerId)]
    owner: OwnerId,
    #[schema(value_type = schema::Token)]
    token: Token,
    reference: String,
    #[schema(value_type = schema::CardholderStatus)]
    status: CardholderStatus,
}

impl From<&Cardholder> for CardholderView {
    fn from(cardholder: &Cardholder) -> Self {
        Self {
            id: cardholder.id,
            owner: cardholder.owner,
            token: cardholder.token.clone(),
            reference: cardholder.reference.as_str().to_owned(),
            status: cardholder.status,
        }
    }
}

/// Creates a business user of a company.
#[utoipa::path(post, path = "/v1/cardholders", tag = "cardholders", request_body = NewCardholder,
    responses((status = 201, body = CardholderView, description = "The cardholder")))]
pub(super) async fn create_cardholder(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Body(new): Body<NewCardholder>,
) -> Result<Stored, Problem> {
    let reference = required("reference", new.reference)?;
    let company = owners::find(&app, new.company, OwnerKind::Company).await?;
    let action = Action::CreateCardholder(CreateCardholder {
        owner: company.id,
        token: new.token,
        reference,
        status: new.status,
    });
    let view = |decided: &_| settle::cardholder(decided).map(CardholderView::from);
    settle(&app, key, action, created(view)).await
}

/// A cardholder.
#[utoipa::path(get, path = "/v1/cardholders/{id}", tag = "cardholders", params(("id" = schema::CardholderId, Path)),
    responses((status = 200, body = CardholderView, description = "The cardholder")))]
pub(super) async fn find_cardholder(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<CardholderId>,
) -> Result<Response, Problem> {
    let loading = async {
        let view = CardholderView::from(&find(&app, id).await?);
        Ok(Loaded { view, may_be_kept: true })
    };
    cached::answer(&app.cache().cardholders, id.uuid(), loading).await
}

/// All cardholders, of one owner if given.
#[utoipa::path(get, path = "/v1/cardholders", tag = "cardholders", params(OwnedQuery),
    responses((status = 200, body = Listed<CardholderView>, description = "A page of cardholders")))]
pub(super) async fn list_cardholders(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<OwnedQuery>,
) -> Result<Json<Listed<CardholderView>>, Problem> {
    let cursor = Cursor::parse(query.limit, query.after.as_deref())?;
    let cardholders = app.ledger().list_cardholders(query.owner, cursor.page_and_one()).await?;
    let view = |cardholder: Cardholder| CardholderView::from(&cardholder);
    Ok(Json(cursor.cut(cardholders, |cardholder| cardholder.id.to_string(), view)))
}

/// Changes a cardholder's status. Closed is final.
#[utoipa::path(post, path = "/v1/cardholders/{id}/transitions", tag = "cardholders",
    params(("id" = schema::CardholderId, Path)), request_body = Transition<schema::CardholderStatus>,
    responses((status = 200, body = TransitionView, description = "The status now")))]
pub(super) async fn move_cardholder(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<CardholderId>,
    Body(to): Body<Transition<CardholderStatus>>,
) -> Result<Stored, Problem> {
    let cardholder = find(&app, id).await?;
    let action = Action::MoveCardholder(MoveCardholder {
        owner: Some(cardholder.owner),
        cardholder: cardholder.id,
        to: to.status,
        reported_at: None,
    });
    settle(&app, key, action, granted(TransitionView::of)).await
}

pub(super) async fn find(app: &App, id: CardholderId) -> Result<Cardholder, Problem> {
    let cardholder = app.ledger().find_cardholder(id).await?;
    cardholder.ok_or(Problem::declined(DeclineReason::CardholderUnknown))
}
