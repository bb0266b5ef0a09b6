//! What a report says, beside what we decided.

use super::doubt::{closing, doubts_about};
use crate::account::Account;
use crate::command::{Command, Heard, Report, Says};
use crate::discrepancy::{Closing, Discrepancy, DiscrepancyKind};
use crate::hold_group::{Effect, GroupMessage, HoldGroup};
use crate::message::Role;

/// The difference between a report that is booked and the decision about its transaction, if there is one:
/// what it changed in the account repaired it. Where none is, a guess is told.
pub(super) fn find(
    command: &Command,
    request: &Report,
    groups: &[&HoldGroup],
    is_guess: bool,
    before: &Account,
    after: &Account,
) -> Option<Discrepancy> {
    let of_transaction = |role| find_message(command, groups, role);
    // What it refused before comes to nothing, whatever it says now.
    if of_transaction(Role::Refusal).is_some() {
        return None;
    }
    let guessed = is_guess.then_some(DiscrepancyKind::Guessed);
    let kind = kind(request, of_transaction(Role::Decision)).or(guessed)?;
    Some(Discrepancy {
        kind,
        currency: Some(after.currency),
        held_minor: after.held_minor.checked_sub(before.held_minor)?,
        posted_minor: after.posted_minor.checked_sub(before.posted_minor)?,
        pending_credit_minor: after.pending_credit_minor.checked_sub(before.pending_credit_minor)?,
    })
}

/// The doubts that a report ends: about the decision of its transaction, or about all of a purchase of which nobody
/// had confirmed anything before.
pub(super) fn closings(command: &Command, groups: &[&HoldGroup]) -> Vec<Closing> {
    if !matches!(command.key.role(), Role::Report | Role::Refusal) {
        return Vec::new();
    }
    let doubts = groups.iter().flat_map(|group| {
        let is_first = !group.is_confirmed();
        let told = group.unconfirmed().filter(move |of| is_first || of.key.is_of_transaction(&command.key));
        told.flat_map(|decision| doubts_about(group, decision.id))
    });
    doubts.map(|doubt| closing(doubt, "the processor has reported it")).collect()
}

/// The message of this role about the transaction that the command is about.
fn find_message<'a>(command: &Command, groups: &[&'a HoldGroup], role: Role) -> Option<&'a GroupMessage> {
    let is_it =
        |message: &&GroupMessage| message.key.role() == role && message.key.is_of_transaction(&command.key);
    groups.iter().flat_map(|group| &group.messages).find(is_it)
}

fn kind(request: &Report, decision: Option<&GroupMessage>) -> Option<DiscrepancyKind> {
    let approved = decision.map(|message| message.effect).filter(|effect| *effect != Effect::None);
    let heard = request.heard.unwrap_or_default();
    match (request.says, approved) {
        (Says::Claim | Says::Nothing, _) => None,
        (Says::Refused, Some(_)) if heard.is_too_late => Some(DiscrepancyKind::TooLate),
        (Says::Refused, Some(_)) if heard.is_unreadable => Some(DiscrepancyKind::Unparsable),
        (Says::Refused, Some(_)) => Some(DiscrepancyKind::Overruled),
        _ if !request.is_asked => None,
        (Says::Refused, None) => heard.approves().then_some(DiscrepancyKind::OtherAnswer),
        (_, None) => Some(DiscrepancyKind::Adopted),
        (_, Some(effect)) if request.amount.minor.ok() != Some(effect.approved_minor()) => {
            Some(DiscrepancyKind::OtherAmount)
        }
        (_, Some(effect)) => (!agrees(&heard, effect)).then_some(DiscrepancyKind::OtherAnswer),
    }
}

/// Whether the processor heard that we approved this.
fn agrees(heard: &Heard, effect: Effect) -> bool {
    heard.is_approved != Some(false)
        && heard.amount_minor.is_none_or(|minor| minor == effect.approved_minor())
}
