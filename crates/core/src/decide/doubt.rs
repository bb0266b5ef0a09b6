//! Doubts: that the processor has not confirmed a decision, until it does or somebody closes it.

use super::{Ruling, group};
use crate::check::DeclineReason;
use crate::command::{Doubt, GroupRef};
use crate::discrepancy::{Closing, Discrepancy, DiscrepancyKind};
use crate::hold_group::{Effect, GroupBooks, GroupMessage, HoldGroup};
use crate::id::MessageId;
use crate::state::State;
use crate::text::{FreeText, Token};

/// The state of the key of a doubt: one each, for a decision.
pub const UNCONFIRMED: &str = "doubt";
/// The same where the processor denies it.
pub const DENIED: &str = "denied";

/// Only about what stands by our word alone. That the processor denies it outlasts that it says nothing.
pub(super) fn may(doubt: &Doubt, group: &HoldGroup, books: &GroupBooks) -> Result<Effect, DeclineReason> {
    let decision = decision(doubt).ok_or(DeclineReason::AuthorizationUnknown)?;
    let is_denied = doubts_about(group, decision).any(|message| message.key.state == DENIED);
    if !books.status.stands() {
        return Err(DeclineReason::HoldGroupEnded);
    }
    match is_denied || group.unconfirmed().all(|message| message.id != decision) {
        true => Err(DeclineReason::HoldGroupMoved),
        false => Ok(Effect::None),
    }
}

/// It is listed; what was doubted before is told once.
pub(super) fn doubt(state: &State, mut ruling: Ruling, doubt: &Doubt) -> Ruling {
    let (None, Some(decision)) = (ruling.declined, decision(doubt)) else { return ruling };
    let kind = if doubt.is_denied { DiscrepancyKind::Denied } else { DiscrepancyKind::Unconfirmed };
    ruling.discrepancy = Some(Discrepancy::unrepaired(kind));
    let group = group::find(state, &doubt.group);
    ruling.closings = group
        .iter()
        .flat_map(|group| doubts_about(group, decision))
        .map(|earlier| closing(earlier, "the processor was asked"))
        .collect();
    ruling
}

/// The doubts about a decision.
pub(super) fn doubts_about(group: &HoldGroup, decision: MessageId) -> impl Iterator<Item = &GroupMessage> {
    let token = Token::from_id(&decision);
    group.messages.iter().filter(move |message| message.is_doubt() && message.key.token == token)
}

/// Nothing is left to do about it.
pub(super) fn closing(doubt: &GroupMessage, note: &str) -> Closing {
    Closing { discrepancy: doubt.id, note: FreeText::new(note) }
}

const fn decision(doubt: &Doubt) -> Option<MessageId> {
    match doubt.group {
        GroupRef::Message(decision) => Some(decision),
        GroupRef::Key(_) | GroupRef::Link(_) => None,
    }
}
