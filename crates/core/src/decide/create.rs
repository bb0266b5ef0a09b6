//! New programs, owners, cardholders and cards. Their ids come from the message's.

use jiff::Timestamp;
use uuid::Uuid;

use super::{Change, Fault, Ruling};
use crate::account::Account;
use crate::card::{Card, CardStatus};
use crate::cardholder::{Cardholder, CardholderStatus};
use crate::check::DeclineReason;
use crate::command::{CreateCard, CreateCardholder, CreateOwner, CreateProgram, TokenKind};
use crate::id::{AccountId, CardId, CardholderId, MessageId, OwnerId, ProgramId};
use crate::owner::{Owner, OwnerKind, OwnerStatus};
use crate::program::Program;
use crate::state::State;
use crate::text::Token;

pub(super) fn program(id: MessageId, request: &CreateProgram) -> Ruling {
    let program = Program {
        id: ProgramId::new(id.uuid()),
        name: request.name.clone(),
        time_zone: request.time_zone.clone(),
        currencies: request.currencies.clone(),
        policies: request.policies,
        hold_days: request.hold_days.clone(),
    };
    let object = Some((program.id.to_string(), None));
    Ruling { changes: vec![Change::Program(program)], object, ..Ruling::default() }
}

pub(super) fn owner(
    state: &State,
    id: MessageId,
    request: &CreateOwner,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    let Some(program) = state.programs.get(request.program)? else {
        return Ok(Ruling::decline(DeclineReason::ProgramUnknown));
    };
    let is_person = request.kind == OwnerKind::Person;
    if is_taken(state, TokenKind::Owner, request.token.as_ref())
        || (is_person && is_taken(state, TokenKind::Cardholder, request.token.as_ref()))
    {
        return Ok(Ruling::decline(DeclineReason::TokenTaken));
    }
    let default = program.currencies.first().copied();
    let currencies = match request.currencies.is_empty() {
        true => default.into_iter().collect(),
        false => request.currencies.clone(),
    };
    if currencies.iter().any(|currency| !program.currencies.contains(currency)) {
        return Ok(Ruling::decline(DeclineReason::CurrencyNotKept));
    }
    let owner = Owner {
        id: OwnerId::new(id.uuid()),
        program: program.id,
        kind: request.kind,
        name: request.name.clone(),
        token: request.token.clone(),
        status: OwnerStatus::Active,
        status_at: None,
        sequence: 0,
        last_at: at,
    };
    let account = |(index, &currency): (usize, _)| {
        let account = Uuid::from_u128(id.uuid().as_u128().wrapping_add(index as u128));
        Change::Account(Account::new(AccountId::new(account), owner.id, currency))
    };
    let mut changes: Vec<Change> = currencies.iter().enumerate().map(account).collect();
    if is_person {
        changes.push(Change::Cardholder(the_person(&owner)));
    }
    let object = Some((owner.id.to_string(), Some(owner.status.as_str())));
    changes.push(Change::Owner(owner));
    Ok(Ruling { changes, object, ..Ruling::default() })
}

/// A person is its own cardholder, under the same token.
fn the_person(owner: &Owner) -> Cardholder {
    let id = CardholderId::new(owner.id.uuid());
    Cardholder {
        id,
        owner: owner.id,
        token: owner.token.clone().unwrap_or_else(|| Token::from_id(&id)),
        reference: owner.name.clone(),
        status: CardholderStatus::Active,
        status_at: None,
    }
}

pub(super) fn cardholder(state: &State, id: MessageId, request: &CreateCardholder, owner: &Owner) -> Ruling {
    if owner.kind != OwnerKind::Company {
        return Ruling::decline(DeclineReason::OwnerUnknown);
    }
    if owner.status == OwnerStatus::Closed {
        return Ruling::decline(DeclineReason::OwnerNotActive);
    }
    if is_taken(state, TokenKind::Cardholder, request.token.as_ref()) {
        return Ruling::decline(DeclineReason::TokenTaken);
    }
    let id = CardholderId::new(id.uuid());
    let cardholder = Cardholder {
        id,
        owner: owner.id,
        token: request.token.clone().unwrap_or_else(|| Token::from_id(&id)),
        reference: request.reference.clone(),
        status: request.status,
        status_at: None,
    };
    let object = Some((id.to_string(), Some(cardholder.status.as_str())));
    Ruling { changes: vec![Change::Cardholder(cardholder)], object, ..Ruling::default() }
}

pub(super) fn card(
    state: &State,
    id: MessageId,
    request: &CreateCard,
    owner: &Owner,
) -> Result<Ruling, Fault> {
    let cardholder = state.cardholders.get(request.cardholder)?.filter(|found| found.owner == owner.id);
    let Some(cardholder) = cardholder else {
        return Ok(Ruling::decline(DeclineReason::CardholderUnknown));
    };
    let Some(account) = state.accounts.get(request.account)?.filter(|found| found.owner == owner.id) else {
        return Ok(Ruling::decline(DeclineReason::AccountUnknown));
    };
    // Closed is final. Who is only suspended may get the card that will be used afterwards.
    if owner.status == OwnerStatus::Closed {
        return Ok(Ruling::decline(DeclineReason::OwnerNotActive));
    }
    if cardholder.status == CardholderStatus::Closed {
        return Ok(Ruling::decline(DeclineReason::CardholderNotActive));
    }
    if is_taken(state, TokenKind::Card, request.token.as_ref()) {
        return Ok(Ruling::decline(DeclineReason::TokenTaken));
    }
    if !matches!(request.status, CardStatus::Unactivated | CardStatus::Active) {
        return Ok(Ruling::decline(DeclineReason::TransitionNotAllowed));
    }
    let id = CardId::new(id.uuid());
    let card = Card {
        id,
        owner: owner.id,
        cardholder: cardholder.id,
        account: account.id,
        token: request.token.clone().unwrap_or_else(|| Token::from_id(&id)),
        last_four: request.last_four,
        status: request.status,
        status_at: None,
    };
    let object = Some((id.to_string(), Some(card.status.as_str())));
    Ok(Ruling { changes: vec![Change::Card(card)], object, ..Ruling::default() })
}

fn is_taken(state: &State, kind: TokenKind, token: Option<&Token>) -> bool {
    token.is_some_and(|token| state.taken_tokens.contains(&(kind, token.clone())))
}
