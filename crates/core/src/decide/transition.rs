//! Changes of status. Asking for the status that is there already is granted and changes nothing but its time.

use jiff::{SignedDuration, Timestamp};

use super::{Change, Fault, Ruling};
use crate::check::DeclineReason;
use crate::command::{MoveCard, MoveCardholder, MoveOwner};
use crate::owner::Owner;
use crate::state::State;
use crate::time::whole_microseconds;

pub(super) fn owner(request: &MoveOwner, owner: &Owner, at: Timestamp) -> Ruling {
    let mut owner = owner.clone();
    let (from, to) = (owner.status, request.to);
    let asked = Asked {
        is_same: from == to,
        may_become: from.may_become(to),
        is_final: from.is_final(),
        becomes_final: to.is_final(),
    };
    match asked.verdict(request.reported_at, owner.status_at, at) {
        Verdict::Refused => return Ruling::decline(DeclineReason::TransitionNotAllowed),
        Verdict::Outdated => {}
        Verdict::Moved(at) => (owner.status, owner.status_at) = (to, Some(at)),
    }
    let object = Some((owner.id.to_string(), Some(owner.status.as_str())));
    Ruling { changes: vec![Change::Owner(owner)], object, ..Ruling::default() }
}

pub(super) fn cardholder(state: &State, request: &MoveCardholder, at: Timestamp) -> Result<Ruling, Fault> {
    let Some(mut cardholder) = state.cardholders.get(request.cardholder)?.cloned() else {
        return Ok(Ruling::decline(DeclineReason::CardholderUnknown));
    };
    let (from, to) = (cardholder.status, request.to);
    let asked = Asked {
        is_same: from == to,
        may_become: from.may_become(to),
        is_final: from.is_final(),
        becomes_final: to.is_final(),
    };
    match asked.verdict(request.reported_at, cardholder.status_at, at) {
        Verdict::Refused => return Ok(Ruling::decline(DeclineReason::TransitionNotAllowed)),
        Verdict::Outdated => {}
        Verdict::Moved(at) => (cardholder.status, cardholder.status_at) = (to, Some(at)),
    }
    let object = Some((cardholder.id.to_string(), Some(cardholder.status.as_str())));
    Ok(Ruling { changes: vec![Change::Cardholder(cardholder)], object, ..Ruling::default() })
}

pub(super) fn card(state: &State, request: &MoveCard, at: Timestamp) -> Result<Ruling, Fault> {
    let Some(mut card) = state.cards.get(request.card)?.cloned() else {
        return Ok(Ruling::decline(DeclineReason::CardUnknown));
    };
    let (from, to) = (card.status, request.to);
    let asked = Asked {
        is_same: from == to,
        may_become: from.may_become(to),
        is_final: from.is_final(),
        becomes_final: to.is_final(),
    };
    match asked.verdict(request.reported_at, card.status_at, at) {
        Verdict::Refused => return Ok(Ruling::decline(DeclineReason::TransitionNotAllowed)),
        Verdict::Outdated => {}
        Verdict::Moved(at) => (card.status, card.status_at) = (to, Some(at)),
    }
    let object = Some((card.id.to_string(), Some(card.status.as_str())));
    Ok(Ruling { changes: vec![Change::Card(card)], object, ..Ruling::default() })
}

/// The processor's clock goes ahead of the store's by so much, at most.
const AHEAD_MAX: SignedDuration = SignedDuration::from_mins(10);

/// What a change of status asks of the status that is there.
struct Asked {
    is_same: bool,
    may_become: bool,
    is_final: bool,
    becomes_final: bool,
}

/// What becomes of it.
enum Verdict {
    /// The rules do not allow it.
    Refused,
    /// What is there is newer: it stays.
    Outdated,
    /// It is so, since then.
    Moved(Timestamp),
}

impl Asked {
    /// What the processor reports has happened there, in whatever order we hear of it: a step that is missing
    /// here may still come, and is older then.
    fn verdict(&self, reported_at: Option<Timestamp>, since: Option<Timestamp>, at: Timestamp) -> Verdict {
        // A time far ahead must not outrank all that comes until then.
        let latest = at.saturating_add(AHEAD_MAX).unwrap_or(at);
        let reported_at = reported_at.map(|reported| whole_microseconds(reported).min(latest));
        match (reported_at, since) {
            // The end is the end, whichever clock tells it.
            (Some(reported), Some(since)) if reported < since && !self.becomes_final => Verdict::Outdated,
            (Some(reported), _) if self.is_same || !self.is_final => Verdict::Moved(reported),
            (None, _) if self.is_same || self.may_become => Verdict::Moved(at),
            _ => Verdict::Refused,
        }
    }
}
