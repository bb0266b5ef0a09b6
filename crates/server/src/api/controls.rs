//! Spending controls: `/v1/controls`, and the usual ones of a card in one call.

mod presets;
mod rule;
mod view;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use bursar_core::command::{ChangeControl, ControlSpec, PutControls};
use bursar_core::control::{Rule, Scope};
use bursar_core::mcc_group::MCC_GROUPS;
use bursar_core::text::FreeText;
use bursar_core::{
    Action, CardId, CardholderId, Control, ControlId, ControlStatus, Decided, DeclineReason, OwnerId,
};
use bursar_processors::json::Object;
use bursar_store::{ControlFilter, Page};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use presets::RESERVED;
pub(super) use presets::{__path_apply_preset, __path_set_limits};
pub(super) use presets::{apply_preset, set_limits};
use rule::{HoursBody, MerchantBody, VelocityBody};
use view::{ChangedControlView, ControlView};

use super::programs::required;
use super::schema;
use super::settle::{Stored, created, granted, settle};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::cached::{self, Loaded};
use crate::extract::{Id, Params};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, Listed};
use crate::problem::{Code, Problem};

/// A new spending control: of a card, of all cards of a cardholder, or of all cards of a company or
/// person, with one rule.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewControl {
    #[schema(value_type = Option<schema::CardId>)]
    card: Option<CardId>,
    #[schema(value_type = Option<schema::CardholderId>)]
    cardholder: Option<CardholderId>,
    /// A company or person.
    #[schema(value_type = Option<schema::OwnerId>)]
    owner: Option<OwnerId>,
    /// What operators call it; no other control of the same card, cardholder or owner has it.
    #[schema(value_type = String, example = "weekly limit")]
    name: FreeText,
    /// Active if not given.
    #[serde(default = "active")]
    #[schema(value_type = Option<schema::ControlStatus>)]
    status: ControlStatus,
    #[schema(value_type = Option<VelocityBody>)]
    velocity: Option<Object<VelocityBody>>,
    #[schema(value_type = Option<MerchantBody>)]
    merchant: Option<Object<MerchantBody>>,
    #[schema(value_type = Option<Vec<HoursBody>>)]
    schedule: Option<Vec<Object<HoursBody>>>,
}

const fn active() -> ControlStatus {
    ControlStatus::Active
}

/// What is to be different about a control. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ControlChange {
    #[schema(value_type = Option<schema::ControlStatus>)]
    status: Option<ControlStatus>,
    #[schema(value_type = Option<VelocityBody>)]
    velocity: Option<Object<VelocityBody>>,
    #[schema(value_type = Option<MerchantBody>)]
    merchant: Option<Object<MerchantBody>>,
    #[schema(value_type = Option<Vec<HoursBody>>)]
    schedule: Option<Vec<Object<HoursBody>>>,
}

/// Which controls.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ControlQuery {
    /// Of this company or person, and of its cards and cardholders.
    #[param(value_type = Option<schema::OwnerId>)]
    owner: Option<OwnerId>,
    /// Of this card only.
    #[param(value_type = Option<schema::CardId>)]
    card: Option<CardId>,
    /// Of this cardholder only.
    #[param(value_type = Option<schema::CardholderId>)]
    cardholder: Option<CardholderId>,
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Creates a spending control. It counts from the next decision on, and a limit counts what was
/// taken since its window began.
#[utoipa::path(post, path = "/v1/controls", tag = "controls", request_body = NewControl,
    responses((status = 201, body = ChangedControlView, description = "The control")))]
pub(super) async fn create_control(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Body(new): Body<NewControl>,
) -> Result<Stored, Problem> {
    let name = required("name", new.name)?;
    if RESERVED.contains(&name.as_str()) {
        let why = "is the name of a control that /limits or /presets of a card makes; choose another";
        return Err(Problem::of_field(Code::InvalidField, "name", why));
    }
    let rule = rule::read(new.velocity, new.merchant, new.schedule)?.ok_or_else(rule::missing)?;
    let scope = match (new.card, new.cardholder, new.owner) {
        (Some(card), None, None) => Scope::Card(card),
        (None, Some(cardholder), None) => Scope::Cardholder(cardholder),
        (None, None, Some(owner)) => Scope::Owner(owner),
        _ => {
            let why = "exactly one of card, cardholder and owner says whose spending it restricts";
            return Err(Problem::of_field(Code::InvalidField, "body", why));
        }
    };
    let spec = ControlSpec { name: name.clone(), rule: Some(rule), status: new.status };
    let action = put(&app, scope, false, vec![spec]).await?;
    let view = move |decided: &Decided| ChangedControlView::of(decided, |control| control.name == name);
    settle(&app, key, action, created(view)).await
}

/// Changes a control. No request that starts after the answer is approved by what it was. A limit
/// that counts something else than before counts what was taken since its window began.
#[utoipa::path(post, path = "/v1/controls/{id}/changes", tag = "controls", params(("id" = schema::ControlId, Path)),
    request_body = ControlChange, responses((status = 200, body = ChangedControlView, description = "The control")))]
pub(super) async fn change_control(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<ControlId>,
    Body(change): Body<ControlChange>,
) -> Result<Stored, Problem> {
    let rule = rule::read(change.velocity, change.merchant, change.schedule)?;
    let control = find(&app, id).await?;
    if let Some(rule) = &rule {
        is_spent_there(&app, control.scope, control.owner, rule).await?;
    }
    let action = Action::ChangeControl(ChangeControl {
        owner: Some(control.owner),
        scope: control.scope,
        control: id,
        rule,
        status: change.status,
    });
    let view = move |decided: &Decided| ChangedControlView::of(decided, |control| control.id == id);
    settle(&app, key, action, granted(view)).await
}

/// A spending control.
#[utoipa::path(get, path = "/v1/controls/{id}", tag = "controls", params(("id" = schema::ControlId, Path)),
    responses((status = 200, body = ControlView, description = "The control")))]
pub(super) async fn find_control(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<ControlId>,
) -> Result<Response, Problem> {
    let loading = async {
        let view = ControlView::from(&find(&app, id).await?);
        Ok(Loaded { view, may_be_kept: true })
    };
    cached::answer(&app.cache().controls, id.uuid(), loading).await
}

/// Spending controls, those that are off included.
#[utoipa::path(get, path = "/v1/controls", tag = "controls", params(ControlQuery),
    responses((status = 200, body = Listed<ControlView>, description = "A page of controls")))]
pub(super) async fn list_controls(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<ControlQuery>,
) -> Result<Json<Listed<ControlView>>, Problem> {
    let cursor = Cursor::parse(query.limit, query.after.as_deref())?;
    let scope = match (query.card, query.cardholder) {
        (Some(_), Some(_)) => {
            let why = "a control is of a card or of a cardholder; ask for one of them";
            return Err(Problem::of_field(Code::InvalidQuery, "cardholder", why));
        }
        (card, cardholder) => card.map(Scope::Card).or(cardholder.map(Scope::Cardholder)),
    };
    let filter = ControlFilter { owner: query.owner, scope };
    let controls = app.ledger().list_controls(filter, cursor.page_and_one()).await?;
    let view = |control: Control| ControlView::from(&control);
    Ok(Json(cursor.cut(controls, |control| control.id.to_string(), view)))
}

/// A group of merchant categories that a control can name.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct MccGroupView {
    #[schema(example = "gambling")]
    name: &'static str,
    /// Its categories and ranges of them.
    #[schema(value_type = Vec<schema::MccSet>)]
    mccs: Vec<String>,
}

/// The groups of merchant categories that controls can name. The processor's own are named with
/// `processor:` before them.
#[utoipa::path(get, path = "/v1/mcc-groups", tag = "controls",
    responses((status = 200, body = Listed<MccGroupView>, description = "All groups")))]
pub(super) async fn list_mcc_groups(_: Operator) -> Json<Listed<MccGroupView>> {
    let range = |(first, last): &(u16, u16)| match first == last {
        true => format!("{first:04}"),
        false => format!("{first:04}-{last:04}"),
    };
    let view = |(name, ranges): &(&'static str, &[(u16, u16)])| MccGroupView {
        name,
        mccs: ranges.iter().map(range).collect(),
    };
    Json(Listed { items: MCC_GROUPS.iter().map(view).collect(), next: None })
}

async fn find(app: &App, id: ControlId) -> Result<Control, Problem> {
    let control = app.ledger().find_control(id).await?;
    control.ok_or(Problem::declined(DeclineReason::ControlUnknown))
}

/// The command that puts controls, once it is known whose scope it is.
async fn put(app: &App, scope: Scope, replace: bool, controls: Vec<ControlSpec>) -> Result<Action, Problem> {
    let (owner, unknown) = match scope {
        Scope::Card(id) => {
            (app.ledger().find_card(id).await?.map(|card| card.owner), DeclineReason::CardUnknown)
        }
        Scope::Cardholder(id) => {
            let cardholder = app.ledger().find_cardholder(id).await?;
            (cardholder.map(|cardholder| cardholder.owner), DeclineReason::CardholderUnknown)
        }
        Scope::Owner(id) => {
            (app.ledger().find_owner(id).await?.map(|owner| owner.id), DeclineReason::OwnerUnknown)
        }
    };
    let owner = owner.ok_or(Problem::declined(unknown))?;
    for rule in controls.iter().filter_map(|spec| spec.rule.as_ref()) {
        is_spent_there(app, scope, owner, rule).await?;
    }
    Ok(Action::PutControls(PutControls { owner: Some(owner), scope, replace, controls }))
}

/// A limit in a currency that nothing is spent in would restrict nothing. Accounts never change
/// their currency, and cards never their account.
async fn is_spent_there(app: &App, scope: Scope, owner: OwnerId, rule: &Rule) -> Result<(), Problem> {
    let Some(limit) = rule.velocity().and_then(|velocity| velocity.amount) else { return Ok(()) };
    let page = Page { after: None, limit: super::owners::ACCOUNTS_MAX };
    let mut accounts = app.ledger().list_accounts(Some(owner), page).await?;
    if let Scope::Card(id) = scope
        && let Some(card) = app.ledger().find_card(id).await?
    {
        accounts.retain(|account| account.id == card.account);
    }
    match accounts.iter().any(|account| account.currency == limit.currency) {
        true => Ok(()),
        false => Err(Problem::of_field(
            Code::InvalidField,
            "currency",
            format!("nothing is spent in {}: the accounts keep other currencies", limit.currency),
        )),
    }
}
