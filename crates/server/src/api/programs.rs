//! Programs: `/v1/programs`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use bursar_core::command::{ChangeProgram, CreateProgram};
use bursar_core::hold_days::{Days, DaysByMerchant, HoldDays};
use bursar_core::program::Policies;
use bursar_core::text::FreeText;
use bursar_core::{Action, Currency, DeclineReason, Program, ProgramId, Zone};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::schema;
use super::settle::{self, Stored, created, granted, settle};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{Id, Params};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, ListQuery, Listed};
use crate::problem::{Code, Problem};

/// A new program.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewProgram {
    /// What operators call it.
    #[schema(value_type = String, example = "Demo")]
    name: FreeText,
    /// IANA time zone; calendar windows follow it.
    #[schema(example = "America/New_York")]
    time_zone: String,
    /// At least one; the first is the default of new accounts.
    #[schema(value_type = Vec<schema::Currency>, min_items = 1)]
    currencies: Vec<Currency>,
    /// Approve what there is where a terminal takes less than it asked. Only for card products that
    /// the processor lets do so: at Marqeta, with `enable_partial_auth_approval` and without
    /// `allow_mcc_group_authorization_controls`.
    #[serde(default)]
    partial_approvals: bool,
    /// Accept original credits: payments pushed to a card.
    #[serde(default)]
    original_credits: bool,
    /// Days for which a hold is kept when nothing more is heard of it, 1 to 365; 7 if not given.
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 365)]
    hold_days: Option<i64>,
    /// The days of certain merchants, by a group of `GET /v1/mcc-groups` or a category: a category outranks its
    /// groups, and of those the longest counts.
    #[serde(default)]
    #[schema(example = json!({"lodging": 30, "car_rental": 30, "5542": 2}))]
    hold_days_by_group: BTreeMap<String, i64>,
}

/// What is to be different about a program. What is left out stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ProgramChange {
    /// Days for which a hold is kept when nothing more is heard of it, 1 to 365.
    #[schema(value_type = Option<i64>, minimum = 1, maximum = 365)]
    hold_days: Option<i64>,
    /// The days of certain merchants, all of them: what is not named here has the usual number.
    #[schema(example = json!({"lodging": 30, "car_rental": 30, "5542": 2}))]
    hold_days_by_group: Option<BTreeMap<String, i64>>,
}

/// A program.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProgramView {
    #[schema(value_type = schema::ProgramId)]
    id: ProgramId,
    name: String,
    time_zone: String,
    #[schema(value_type = Vec<schema::Currency>)]
    currencies: Vec<Currency>,
    partial_approvals: bool,
    original_credits: bool,
    /// Days for which a hold is kept when nothing more is heard of it.
    hold_days: u16,
    /// The days of certain merchants, by group or category.
    hold_days_by_group: BTreeMap<String, u16>,
}

impl From<&Program> for ProgramView {
    fn from(program: &Program) -> Self {
        let by_merchant = program.hold_days.by_merchant.iter();
        Self {
            id: program.id,
            name: program.name.as_str().to_owned(),
            time_zone: program.time_zone.name().to_owned(),
            currencies: program.currencies.clone(),
            partial_approvals: program.policies.partial_approvals,
            original_credits: program.policies.original_credits,
            hold_days: program.hold_days.usual.number(),
            hold_days_by_group: by_merchant.map(|(name, days)| (name.to_owned(), days.number())).collect(),
        }
    }
}

/// Creates a program.
#[utoipa::path(post, path = "/v1/programs", tag = "programs", request_body = NewProgram,
    responses((status = 201, body = ProgramView, description = "The program")))]
pub(super) async fn create_program(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Body(new): Body<NewProgram>,
) -> Result<Stored, Problem> {
    let name = required("name", new.name)?;
    let time_zone = Zone::parse(&new.time_zone)
        .map_err(|error| Problem::of_field(Code::InvalidField, "time_zone", error))?;
    if new.currencies.is_empty() {
        return Err(Problem::of_field(Code::InvalidField, "currencies", "at least one is needed"));
    }
    let currencies = distinct(new.currencies)?;
    let NewProgram { partial_approvals, original_credits, .. } = new;
    let policies = Policies { partial_approvals, original_credits };
    let usual = new.hold_days.map(days).transpose()?.unwrap_or_default();
    let hold_days = HoldDays { usual, by_merchant: days_by_group(new.hold_days_by_group)? };
    let action = Action::CreateProgram(CreateProgram { name, time_zone, currencies, policies, hold_days });
    let view = |decided: &_| settle::program(decided).map(ProgramView::from);
    settle(&app, key, action, created(view)).await
}

/// Changes for how many days a program's holds are kept. It counts for holds that are due afterwards; a hold for
/// which a longer time counted before may still be kept that long.
#[utoipa::path(post, path = "/v1/programs/{id}/changes", tag = "programs",
    params(("id" = schema::ProgramId, Path)), request_body = ProgramChange,
    responses((status = 200, body = ProgramView, description = "The program")))]
pub(super) async fn change_program(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<ProgramId>,
    Body(change): Body<ProgramChange>,
) -> Result<Stored, Problem> {
    let usual = change.hold_days.map(days).transpose()?;
    let by_merchant = change.hold_days_by_group.map(days_by_group).transpose()?;
    app.ledger().find_program(id).await?.ok_or(Problem::declined(DeclineReason::ProgramUnknown))?;
    let action = Action::ChangeProgram(ChangeProgram { program: id, usual, by_merchant });
    let view = |decided: &_| settle::program(decided).map(ProgramView::from);
    settle(&app, key, action, granted(view)).await
}

fn days(days: i64) -> Result<Days, Problem> {
    Days::new(days).map_err(|error| Problem::of_field(Code::InvalidField, "hold_days", error))
}

fn days_by_group(days: BTreeMap<String, i64>) -> Result<DaysByMerchant, Problem> {
    let refused = |error| Problem::of_field(Code::InvalidField, "hold_days_by_group", error);
    DaysByMerchant::new(days).map_err(refused)
}

/// A program.
#[utoipa::path(get, path = "/v1/programs/{id}", tag = "programs", params(("id" = schema::ProgramId, Path)),
    responses((status = 200, body = ProgramView, description = "The program")))]
pub(super) async fn find_program(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<ProgramId>,
) -> Result<Json<ProgramView>, Problem> {
    let program = app.ledger().find_program(id).await?;
    let program = program.ok_or(Problem::declined(DeclineReason::ProgramUnknown))?;
    Ok(Json(ProgramView::from(&program)))
}

/// All programs.
#[utoipa::path(get, path = "/v1/programs", tag = "programs", params(ListQuery),
    responses((status = 200, body = Listed<ProgramView>, description = "A page of programs")))]
pub(super) async fn list_programs(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<ListQuery>,
) -> Result<Json<Listed<ProgramView>>, Problem> {
    let cursor = Cursor::parse(query.limit, query.after.as_deref())?;
    let programs = app.ledger().list_programs(cursor.page_and_one()).await?;
    let view = |program: Program| ProgramView::from(&program);
    Ok(Json(cursor.cut(programs, |program| program.id.to_string(), view)))
}

/// A text that may not be empty.
pub(super) fn required(field: &'static str, text: FreeText) -> Result<FreeText, Problem> {
    match text.as_str().is_empty() {
        true => Err(Problem::of_field(Code::InvalidField, field, "this may not be empty")),
        false => Ok(text),
    }
}

/// Currencies that may not be there twice: each would open an account of its own.
pub(super) fn distinct(currencies: Vec<Currency>) -> Result<Vec<Currency>, Problem> {
    for (index, currency) in currencies.iter().enumerate() {
        if currencies[..index].contains(currency) {
            let field = format!("currencies[{index}]");
            return Err(Problem::of_field(Code::InvalidField, field, format!("{currency} is there twice")));
        }
    }
    Ok(currencies)
}
