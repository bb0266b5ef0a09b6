//! What companies and persons have in common: a program, accounts, a status.

use bursar_core::command::MoveOwner;
use bursar_core::{Action, DeclineReason, Owner, OwnerId, OwnerKind, OwnerStatus, ProgramId};
use bursar_store::Page;

use super::accounts::AccountView;
use super::settle::{Stored, granted, settle};
use super::transition::TransitionView;
use crate::app::App;
use crate::idempotency::IdempotencyKey;
use crate::problem::Problem;

/// An owner has an account for each currency of its program at most, and there are fewer.
const ACCOUNTS_MAX: u32 = 300;

/// The owner, if it is of the kind.
pub(super) async fn find(app: &App, id: OwnerId, kind: OwnerKind) -> Result<Owner, Problem> {
    let owner = app.ledger().find_owner(id).await?;
    owner.filter(|owner| owner.kind == kind).ok_or(Problem::declined(DeclineReason::OwnerUnknown))
}

/// A new owner's program has to be there.
pub(super) async fn require_program(app: &App, id: ProgramId) -> Result<(), Problem> {
    match app.ledger().find_program(id).await? {
        Some(_) => Ok(()),
        None => Err(Problem::declined(DeclineReason::ProgramUnknown)),
    }
}

pub(super) async fn accounts(app: &App, owner: OwnerId) -> Result<Vec<AccountView>, Problem> {
    let page = Page { after: None, limit: ACCOUNTS_MAX };
    let accounts = app.ledger().list_accounts(Some(owner), page).await?;
    Ok(accounts.iter().map(AccountView::from).collect())
}

pub(super) async fn change_status(
    app: &App,
    key: IdempotencyKey,
    (id, kind): (OwnerId, OwnerKind),
    to: OwnerStatus,
) -> Result<Stored, Problem> {
    let owner = find(app, id, kind).await?;
    let action = Action::MoveOwner(MoveOwner { owner: owner.id, to });
    settle(app, key, action, granted(TransitionView::of)).await
}
