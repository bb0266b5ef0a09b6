//! Companies: `/v1/companies`.

use axum::Json;
use axum::extract::State;
use bursar_core::text::{FreeText, Token};
use bursar_core::{Currency, Owner, OwnerId, OwnerKind, OwnerStatus, ProgramId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::accounts::AccountView;
use super::owners::{self, NewOwner, OwnerView};
use super::schema;
use super::settle::Stored;
use super::transition::{Transition, TransitionView};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{Id, Params};
use crate::idempotency::IdempotencyKey;
use crate::page::{ListQuery, Listed};
use crate::problem::Problem;

/// A new company.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCompany {
    /// Where it belongs, for ever.
    #[schema(value_type = schema::ProgramId)]
    program: ProgramId,
    /// What operators call it.
    #[schema(value_type = String, example = "Acme Ltd")]
    name: FreeText,
    /// The processor's token of it.
    #[schema(value_type = Option<schema::Token>)]
    token: Option<Token>,
    /// The currencies to open accounts in; the program's first if not given.
    #[serde(default)]
    #[schema(value_type = Vec<schema::Currency>)]
    currencies: Vec<Currency>,
}

/// A company.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CompanyView {
    #[schema(value_type = schema::OwnerId)]
    id: OwnerId,
    #[schema(value_type = schema::OwnerKind)]
    kind: OwnerKind,
    #[schema(value_type = schema::ProgramId)]
    program: ProgramId,
    name: String,
    #[schema(value_type = Option<schema::Token>)]
    token: Option<Token>,
    #[schema(value_type = schema::OwnerStatus)]
    status: OwnerStatus,
    /// How many messages about it were decided.
    sequence: i64,
    /// Its accounts; lists leave them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<AccountView>>,
}

impl OwnerView for CompanyView {
    const KIND: OwnerKind = OwnerKind::Company;

    fn new(owner: &Owner, accounts: Option<Vec<AccountView>>) -> Self {
        Self {
            id: owner.id,
            kind: owner.kind,
            program: owner.program,
            name: owner.name.as_str().to_owned(),
            token: owner.token.clone(),
            status: owner.status,
            sequence: owner.sequence,
            accounts,
        }
    }
}

/// Creates a company, with an account for each currency.
#[utoipa::path(post, path = "/v1/companies", tag = "companies", request_body = NewCompany,
    responses((status = 201, body = CompanyView, description = "The company")))]
pub(super) async fn create_company(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Body(new): Body<NewCompany>,
) -> Result<Stored, Problem> {
    let NewCompany { program, name, token, currencies } = new;
    let new = NewOwner { program, name: ("name", name), token, currencies };
    owners::create::<CompanyView>(&app, key, new).await
}

/// A company with its accounts.
#[utoipa::path(get, path = "/v1/companies/{id}", tag = "companies", params(("id" = schema::OwnerId, Path)),
    responses((status = 200, body = CompanyView, description = "The company")))]
pub(super) async fn find_company(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
) -> Result<Json<CompanyView>, Problem> {
    owners::read(&app, id).await
}

/// All companies, without their accounts.
#[utoipa::path(get, path = "/v1/companies", tag = "companies", params(ListQuery),
    responses((status = 200, body = Listed<CompanyView>, description = "A page of companies")))]
pub(super) async fn list_companies(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<ListQuery>,
) -> Result<Json<Listed<CompanyView>>, Problem> {
    owners::list(&app, &query).await
}

/// Changes a company's status. Closed is final.
#[utoipa::path(post, path = "/v1/companies/{id}/transitions", tag = "companies", params(("id" = schema::OwnerId, Path)),
    request_body = Transition<schema::OwnerStatus>,
    responses((status = 200, body = TransitionView, description = "The status now")))]
pub(super) async fn move_company(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<OwnerId>,
    Body(to): Body<Transition<OwnerStatus>>,
) -> Result<Stored, Problem> {
    owners::change_status::<CompanyView>(&app, key, id, to.status).await
}
