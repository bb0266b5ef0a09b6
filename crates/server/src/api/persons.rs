//! Persons: `/v1/persons`. A person is known by a reference only: no name, no other personal data.

use axum::Json;
use axum::extract::State;
use bursar_core::text::{FreeText, Token};
use bursar_core::{CardholderId, Currency, Owner, OwnerId, OwnerKind, OwnerStatus, ProgramId};
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

/// A new person.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewPerson {
    /// Where the person belongs, for ever.
    #[schema(value_type = schema::ProgramId)]
    program: ProgramId,
    /// The operator's own reference: no personal data.
    #[schema(value_type = String, example = "customer 4711")]
    reference: FreeText,
    /// The processor's user token.
    #[schema(value_type = Option<schema::Token>)]
    token: Option<Token>,
    /// The currencies to open wallets in; the program's first if not given.
    #[serde(default)]
    #[schema(value_type = Vec<schema::Currency>)]
    currencies: Vec<Currency>,
}

/// A person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct PersonView {
    #[schema(value_type = schema::OwnerId)]
    id: OwnerId,
    #[schema(value_type = schema::OwnerKind)]
    kind: OwnerKind,
    #[schema(value_type = schema::ProgramId)]
    program: ProgramId,
    reference: String,
    #[schema(value_type = Option<schema::Token>)]
    token: Option<Token>,
    #[schema(value_type = schema::OwnerStatus)]
    status: OwnerStatus,
    /// How many messages about the person were decided.
    sequence: i64,
    /// The person as a cardholder: its cards are issued to this one.
    #[schema(value_type = schema::CardholderId)]
    cardholder: CardholderId,
    /// The person's wallets; lists leave them out.
    #[serde(skip_serializing_if = "Option::is_none")]
    accounts: Option<Vec<AccountView>>,
}

impl OwnerView for PersonView {
    const KIND: OwnerKind = OwnerKind::Person;

    fn new(owner: &Owner, accounts: Option<Vec<AccountView>>) -> Self {
        Self {
            id: owner.id,
            kind: owner.kind,
            program: owner.program,
            reference: owner.name.as_str().to_owned(),
            token: owner.token.clone(),
            status: owner.status,
            sequence: owner.sequence,
            // Both ids are made of the message that created the person.
            cardholder: CardholderId::new(owner.id.uuid()),
            accounts,
        }
    }
}

/// Creates a person, who is its own cardholder, with a wallet for each currency.
#[utoipa::path(post, path = "/v1/persons", tag = "persons", request_body = NewPerson,
    responses((status = 201, body = PersonView, description = "The person")))]
pub(super) async fn create_person(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Body(new): Body<NewPerson>,
) -> Result<Stored, Problem> {
    let NewPerson { program, reference, token, currencies } = new;
    let new = NewOwner { program, name: ("reference", reference), token, currencies };
    owners::create::<PersonView>(&app, key, new).await
}

/// A person with its wallets.
#[utoipa::path(get, path = "/v1/persons/{id}", tag = "persons", params(("id" = schema::OwnerId, Path)),
    responses((status = 200, body = PersonView, description = "The person")))]
pub(super) async fn find_person(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
) -> Result<Json<PersonView>, Problem> {
    owners::read(&app, id).await
}

/// All persons, without their wallets.
#[utoipa::path(get, path = "/v1/persons", tag = "persons", params(ListQuery),
    responses((status = 200, body = Listed<PersonView>, description = "A page of persons")))]
pub(super) async fn list_persons(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<ListQuery>,
) -> Result<Json<Listed<PersonView>>, Problem> {
    owners::list(&app, &query).await
}

/// Changes a person's status as an owner of money. Closed is final.
#[utoipa::path(post, path = "/v1/persons/{id}/transitions", tag = "persons", params(("id" = schema::OwnerId, Path)),
    request_body = Transition<schema::OwnerStatus>,
    responses((status = 200, body = TransitionView, description = "The status now")))]
pub(super) async fn move_person(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<OwnerId>,
    Body(to): Body<Transition<OwnerStatus>>,
) -> Result<Stored, Problem> {
    owners::change_status::<PersonView>(&app, key, id, to.status).await
}
