//! What may still be spent: `/available` of cards, cardholders, companies and persons.

use axum::Json;
use axum::extract::State;
use bursar_core::control::{Scope, remaining};
use bursar_core::window::Counter;
use bursar_core::{
    CardId, CardholderId, Control, ControlId, ControlStatus, Currency, DeclineReason, OwnerId, OwnerKind,
    Window, Zone,
};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::view::decimal;
use super::{owners, schema};
use crate::app::App;
use crate::auth::Operator;
use crate::extract::Id;
use crate::problem::Problem;

/// What may still be spent now, as far as limits say: an account's balance is another matter.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct SpendingView {
    /// Now.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    /// Every limit that counts for a swipe, those of the card first.
    limits: Vec<LimitView>,
}

/// A limit and what is left of it.
#[derive(Debug, Serialize, ToSchema)]
struct LimitView {
    #[schema(value_type = schema::ControlId)]
    control: ControlId,
    name: String,
    /// `active`, or `shadow`: only tried out.
    #[schema(value_type = schema::ControlStatus)]
    status: ControlStatus,
    #[schema(value_type = schema::Window)]
    window: Window,
    /// When the window ends and all of it is there again; null if it does not end at once.
    #[schema(value_type = Option<schema::Time>)]
    ends_at: Option<Timestamp>,
    /// The limit.
    #[schema(value_type = Option<schema::Decimal>)]
    amount: Option<String>,
    /// What is left of the amount; nothing if the limit was cut below what is spent already. Of a limit of one
    /// transaction always all of it: that is what another purchase has.
    #[schema(value_type = Option<schema::Decimal>)]
    remaining_amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
    /// How often at most.
    count: Option<u32>,
    /// How often still.
    remaining_count: Option<i64>,
}

/// What may still be spent with a card: by its own limits, its cardholder's and its owner's.
#[utoipa::path(get, path = "/v1/cards/{id}/available", tag = "controls", params(("id" = schema::CardId, Path)),
    responses((status = 200, body = SpendingView, description = "Every limit and what is left of it")))]
pub(super) async fn find_card_available(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<CardId>,
) -> Result<Json<SpendingView>, Problem> {
    available(&app, Scope::Card(id), DeclineReason::CardUnknown).await
}

/// What may still be spent with all cards of a cardholder: by its own limits and its owner's.
#[utoipa::path(get, path = "/v1/cardholders/{id}/available", tag = "controls",
    params(("id" = schema::CardholderId, Path)),
    responses((status = 200, body = SpendingView, description = "Every limit and what is left of it")))]
pub(super) async fn find_cardholder_available(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<CardholderId>,
) -> Result<Json<SpendingView>, Problem> {
    available(&app, Scope::Cardholder(id), DeclineReason::CardholderUnknown).await
}

/// What may still be spent with all cards of a company.
#[utoipa::path(get, path = "/v1/companies/{id}/available", tag = "controls", params(("id" = schema::OwnerId, Path)),
    responses((status = 200, body = SpendingView, description = "Every limit and what is left of it")))]
pub(super) async fn find_company_available(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
) -> Result<Json<SpendingView>, Problem> {
    let owner = owners::find(&app, id, OwnerKind::Company).await?;
    available(&app, Scope::Owner(owner.id), DeclineReason::OwnerUnknown).await
}

/// What may still be spent with all cards of a person.
#[utoipa::path(get, path = "/v1/persons/{id}/available", tag = "controls", params(("id" = schema::OwnerId, Path)),
    responses((status = 200, body = SpendingView, description = "Every limit and what is left of it")))]
pub(super) async fn find_person_available(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
) -> Result<Json<SpendingView>, Problem> {
    let owner = owners::find(&app, id, OwnerKind::Person).await?;
    available(&app, Scope::Owner(owner.id), DeclineReason::OwnerUnknown).await
}

async fn available(app: &App, scope: Scope, unknown: DeclineReason) -> Result<Json<SpendingView>, Problem> {
    let spending = app.ledger().find_spending(scope).await?.ok_or(Problem::declined(unknown))?;
    let view = |(control, counter): &(Control, Counter)| {
        LimitView::new(control, counter, spending.at, &spending.zone)
    };
    let in_force = spending.controls.iter().filter(|(control, _)| control.status != ControlStatus::Off);
    Ok(Json(SpendingView { at: spending.at, limits: in_force.filter_map(view).collect() }))
}

impl LimitView {
    /// `None` if the control is no limit.
    fn new(control: &Control, counter: &Counter, at: Timestamp, zone: &Zone) -> Option<Self> {
        let velocity = control.rule.velocity()?;
        let left = remaining(velocity, counter, at, zone)?;
        let currency = velocity.amount.map(|amount| amount.currency);
        let amount =
            |minor: Option<i64>| minor.zip(currency).map(|(minor, currency)| decimal(minor, currency));
        Some(Self {
            control: control.id,
            name: control.name.as_str().to_owned(),
            status: control.status,
            window: velocity.window,
            ends_at: velocity.window.ends(at, zone),
            amount: amount(velocity.amount.map(|amount| amount.minor)),
            remaining_amount: amount(left.amount_minor.map(|minor| minor.max(0))),
            currency,
            count: velocity.count,
            remaining_count: left.count.map(|count| count.max(0)),
        })
    }
}
