//! Changes of status. Asking for the status that is there already is granted and changes nothing.

use super::{Change, Fault, Ruling};
use crate::check::DeclineReason;
use crate::command::{MoveCard, MoveCardholder, MoveOwner};
use crate::owner::Owner;
use crate::state::State;

pub(super) fn owner(request: &MoveOwner, owner: &Owner) -> Ruling {
    let mut owner = owner.clone();
    let object = Some((owner.id.to_string(), Some(request.to.as_str())));
    if owner.status != request.to && !owner.status.may_become(request.to) {
        return Ruling::decline(DeclineReason::TransitionNotAllowed);
    }
    owner.status = request.to;
    Ruling { changes: vec![Change::Owner(owner)], object, ..Ruling::default() }
}

pub(super) fn cardholder(state: &State, request: &MoveCardholder) -> Result<Ruling, Fault> {
    let Some(mut cardholder) = state.cardholders.get(request.cardholder)?.cloned() else {
        return Ok(Ruling::decline(DeclineReason::CardholderUnknown));
    };
    if cardholder.status != request.to && !cardholder.status.may_become(request.to) {
        return Ok(Ruling::decline(DeclineReason::TransitionNotAllowed));
    }
    cardholder.status = request.to;
    let object = Some((cardholder.id.to_string(), Some(request.to.as_str())));
    Ok(Ruling { changes: vec![Change::Cardholder(cardholder)], object, ..Ruling::default() })
}

pub(super) fn card(state: &State, request: &MoveCard) -> Result<Ruling, Fault> {
    let Some(mut card) = state.cards.get(request.card)?.cloned() else {
        return Ok(Ruling::decline(DeclineReason::CardUnknown));
    };
    if card.status != request.to && !card.status.may_become(request.to) {
        return Ok(Ruling::decline(DeclineReason::TransitionNotAllowed));
    }
    card.status = request.to;
    let object = Some((card.id.to_string(), Some(request.to.as_str())));
    Ok(Ruling { changes: vec![Change::Card(card)], object, ..Ruling::default() })
}
