//! Changes of status. Asking for the status that is there already is granted and changes nothing but its time.

use jiff::{SignedDuration, Timestamp};

use super::{Change, Fault, Ruling};
use crate::card::CardStatus;
use crate::cardholder::CardholderStatus;
use crate::check::DeclineReason;
use crate::command::{MoveCard, MoveCardholder, MoveOwner};
use crate::owner::{Owner, OwnerStatus};
use crate::state::State;
use crate::time::whole_microseconds;

pub(super) fn owner(request: &MoveOwner, owner: &Owner, at: Timestamp) -> Ruling {
    let mut owner = owner.clone();
    let rules = Rules { may_become: OwnerStatus::may_become, is_final: OwnerStatus::is_final };
    let now = (&mut owner.status, &mut owner.status_at);
    if let Err(reason) = rules.step(now, request.to, request.reported_at, at) {
        return Ruling::decline(reason);
    }
    let object = Some((owner.id.to_string(), Some(owner.status.as_str())));
    Ruling { changes: vec![Change::Owner(owner)], object, ..Ruling::default() }
}

pub(super) fn cardholder(state: &State, request: &MoveCardholder, at: Timestamp) -> Result<Ruling, Fault> {
    let Some(mut cardholder) = state.cardholders.get(request.cardholder)?.cloned() else {
        return Ok(Ruling::decline(DeclineReason::CardholderUnknown));
    };
    let rules = Rules { may_become: CardholderStatus::may_become, is_final: CardholderStatus::is_final };
    let now = (&mut cardholder.status, &mut cardholder.status_at);
    if let Err(reason) = rules.step(now, request.to, request.reported_at, at) {
        return Ok(Ruling::decline(reason));
    }
    let object = Some((cardholder.id.to_string(), Some(cardholder.status.as_str())));
    Ok(Ruling { changes: vec![Change::Cardholder(cardholder)], object, ..Ruling::default() })
}

pub(super) fn card(state: &State, request: &MoveCard, at: Timestamp) -> Result<Ruling, Fault> {
    let Some(mut card) = state.cards.get(request.card)?.cloned() else {
        return Ok(Ruling::decline(DeclineReason::CardUnknown));
    };
    let rules = Rules { may_become: CardStatus::may_become, is_final: CardStatus::is_final };
    if let Err(reason) =
        rules.step((&mut card.status, &mut card.status_at), request.to, request.reported_at, at)
    {
        return Ok(Ruling::decline(reason));
    }
    let object = Some((card.id.to_string(), Some(card.status.as_str())));
    Ok(Ruling { changes: vec![Change::Card(card)], object, ..Ruling::default() })
}

/// The processor's clock goes ahead of the store's by so much, at most.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(10);

/// What holds for the statuses of one kind.
struct Rules<S> {
    may_become: fn(S, S) -> bool,
    is_final: fn(S) -> bool,
}

impl<S: Copy + PartialEq> Rules<S> {
    /// The status and since when it is so, after somebody asked for another or the processor reported one. What
    /// the processor reports has happened there, in whatever order we hear of it: a step that is missing here may
    /// still come, and is older then.
    fn step(
        &self,
        (status, since): (&mut S, &mut Option<Timestamp>),
        to: S,
        reported_at: Option<Timestamp>,
        at: Timestamp,
    ) -> Result<(), DeclineReason> {
        let is_same = *status == to;
        // A time far ahead must not outrank all that comes until then.
        let latest = at.saturating_add(AHEAD_MAX).unwrap_or(at);
        let reported_at = reported_at.map(|reported| whole_microseconds(reported).min(latest));
        let moved_at = match (reported_at, *since) {
            // What is there is newer, and stays; but the end is the end, whichever clock tells it.
            (Some(reported), Some(since)) if reported < since && !(self.is_final)(to) => return Ok(()),
            (Some(reported), _) if is_same || !(self.is_final)(*status) => reported,
            (None, _) if is_same || (self.may_become)(*status, to) => at,
            _ => return Err(DeclineReason::TransitionNotAllowed),
        };
        (*status, *since) = (to, Some(moved_at));
        Ok(())
    }
}
