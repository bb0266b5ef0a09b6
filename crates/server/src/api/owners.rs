//! What companies and persons have in common: a program, accounts, a status.

use axum::Json;
use bursar_core::command::{CreateOwner, MoveOwner};
use bursar_core::text::{FreeText, Token};
use bursar_core::{
    Action, Currency, Decided, DeclineReason, Owner, OwnerId, OwnerKind, OwnerStatus, ProgramId,
};
use bursar_store::Page;
use serde::Serialize;

use super::accounts::AccountView;
use super::programs::{distinct, required};
use super::settle::{self, Stored, created, granted, settle};
use super::transition::TransitionView;
use crate::app::App;
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, ListQuery, Listed};
use crate::problem::Problem;

/// An owner has an account for each currency of its program at most, and there are fewer.
pub(super) const ACCOUNTS_MAX: u32 = 300;

/// A company or a person, as `/v1` shows it.
pub(super) trait OwnerView: Serialize + Sized + 'static {
    const KIND: OwnerKind;

    /// Lists leave the accounts out.
    fn new(owner: &Owner, accounts: Option<Vec<AccountView>>) -> Self;
}

/// What a new owner is made of, whatever its kind calls it.
pub(super) struct NewOwner {
    pub(super) program: ProgramId,
    /// The field of the body that names it, and the name.
    pub(super) name: (&'static str, FreeText),
    pub(super) token: Option<Token>,
    pub(super) currencies: Vec<Currency>,
}

pub(super) async fn create<V: OwnerView>(
    app: &App,
    key: IdempotencyKey,
    new: NewOwner,
) -> Result<Stored, Problem> {
    let (field, name) = new.name;
    let name = required(field, name)?;
    let currencies = distinct(new.currencies)?;
    if app.ledger().find_program(new.program).await?.is_none() {
        return Err(Problem::declined(DeclineReason::ProgramUnknown));
    }
    let (program, token) = (new.program, new.token);
    let action = Action::CreateOwner(CreateOwner { program, kind: V::KIND, name, token, currencies });
    let view = |decided: &Decided| {
        let accounts = settle::accounts(decided).map(AccountView::from).collect();
        Some(V::new(settle::owner(decided)?, Some(accounts)))
    };
    settle(app, key, action, created(view)).await
}

pub(super) async fn read<V: OwnerView>(app: &App, id: OwnerId) -> Result<Json<V>, Problem> {
    let owner = find(app, id, V::KIND).await?;
    let page = Page { after: None, limit: ACCOUNTS_MAX };
    let accounts = app.ledger().list_accounts(Some(owner.id), page).await?;
    let accounts = accounts.iter().map(AccountView::from).collect();
    Ok(Json(V::new(&owner, Some(accounts))))
}

pub(super) async fn list<V: OwnerView>(app: &App, query: &ListQuery) -> Result<Json<Listed<V>>, Problem> {
    let cursor = Cursor::parse(query.limit, query.after.as_deref())?;
    let owners = app.ledger().list_owners(V::KIND, cursor.page_and_one()).await?;
    Ok(Json(cursor.cut(owners, |owner| owner.id.to_string(), |owner| V::new(&owner, None))))
}

pub(super) async fn change_status<V: OwnerView>(
    app: &App,
    key: IdempotencyKey,
    id: OwnerId,
    to: OwnerStatus,
) -> Result<Stored, Problem> {
    let owner = find(app, id, V::KIND).await?;
    let action = Action::MoveOwner(MoveOwner { owner: owner.id, to, reported_at: None });
    settle(app, key, action, granted(TransitionView::of)).await
}

/// The owner, if it is of the kind.
pub(super) async fn find(app: &App, id: OwnerId, kind: OwnerKind) -> Result<Owner, Problem> {
    let owner = app.ledger().find_owner(id).await?;
    owner.filter(|owner| owner.kind == kind).ok_or(Problem::declined(DeclineReason::OwnerUnknown))
}
