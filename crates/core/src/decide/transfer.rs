//! Loads and unloads: posted money between an account and the program's funding account.

use super::{Change, Fault, Ruling};
use crate::check::DeclineReason;
use crate::command::{Direction, Transfer};
use crate::id::{JournalId, MessageId};
use crate::journal::{CustomerEntry, Journal, ProgramAccount, ProgramEntry};
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
    let Some(posted_minor) = account.posted_minor.checked_add(amount_minor) else {
        return Ok(declined(DeclineReason::InvalidAmount));
    };
    let mut account = account.clone();
    account.posted_minor = posted_minor;
    account.entries = account.entries.checked_add(1).ok_or(Fault::Overflow("the number of entries"))?;
    let journal = Journal {
        id: JournalId::new(id.uuid()),
        message: id,
        currency: account.currency,
        customer: CustomerEntry {
            account: account.id,
            number: account.entries,
            amount_minor,
            balance_after_minor: account.posted_minor,
        },
        program: ProgramEntry {
            program: owner.program,
            account: ProgramAccount::Funding,
            amount_minor: -amount_minor,
        },
    };
    Ok(Ruling {
        changes: vec![Change::Account(account.clone())],
        journal: Some(journal),
        account: Some(account),
        ..Ruling::default()
    })
}
