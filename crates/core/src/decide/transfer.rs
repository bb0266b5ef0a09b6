//! Loads and unloads: posted money between an account and the program's funding account.

use super::{Change, Fault, Ruling, post};
use crate::check::DeclineReason;
use crate::command::{Direction, Transfer};
use crate::id::MessageId;
use crate::journal::ProgramAccount;
use crate::owner::{Owner, OwnerStatus};
use crate::state::State;

pub(super) fn transfer(
    state: &State,
    id: MessageId,
    request: &Transfer,
    owner: &Owner,
) -> Result<Ruling, Fault> {
    let Some(account) = state.accounts.get(request.account)?.filter(|account| account.owner == owner.id)
    else {
        return Ok(Ruling::decline(DeclineReason::AccountUnknown));
    };
    let available_minor =
        account.available_minor().ok_or(Fault::Overflow("the account's available balance"))?;
    let refusal = match request.amount.minor {
        _ if owner.status != OwnerStatus::Active => Some(DeclineReason::OwnerNotActive),
        _ if request.amount.currency != Some(account.currency) => Some(DeclineReason::CurrencyMismatch),
        Err(_) | Ok(..=0) => Some(DeclineReason::InvalidAmount),
        Ok(amount_minor) if request.direction == Direction::Unload && amount_minor > available_minor => {
            Some(DeclineReason::InsufficientFunds)
        }
        Ok(_) => None,
    };
    let declined = |reason| Ruling { account: Some(account.clone()), ..Ruling::decline(reason) };
    let (None, Ok(size_minor)) = (refusal, request.amount.minor) else {
        return Ok(declined(refusal.unwrap_or(DeclineReason::InvalidAmount)));
    };
    let amount_minor = match request.direction {
        Direction::Load => size_minor,
        Direction::Unload => -size_minor,
    };
    // More than an account can ever keep is no amount to load, today or when it is sent again.
    if account.posted_minor.checked_add(amount_minor).is_none() {
        return Ok(declined(DeclineReason::InvalidAmount));
    }
    let mut account = account.clone();
    let journal = post(owner, &mut account, ProgramAccount::Funding, amount_minor, id)?;
    Ok(Ruling {
        changes: vec![Change::Account(account.clone())],
        journal: Some(journal),
        account: Some(account),
        ..Ruling::default()
    })
}
