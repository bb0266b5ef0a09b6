//! Hold groups: found, joined, and booked as their messages say.

use jiff::Timestamp;

use super::{Change, Decided, Fault, Ruling, post, windows};
use crate::account::Account;
use crate::check::DeclineReason;
use crate::command::{Amount, Command, GroupRef, Route};
use crate::hold_group::{Effect, GroupBooks, GroupMessage, HoldGroup, fold};
use crate::id::{MessageId, OwnerId};
use crate::journal::{Journal, ProgramAccount};
use crate::message::{Authorization, Membership, TransactionKind};
use crate::owner::Owner;
use crate::state::State;

/// What a message does to a group with these books, or why it does not.
pub(super) type EffectOn<'a> = &'a dyn Fn(&HoldGroup, &GroupBooks) -> Result<Effect, DeclineReason>;

/// Books a message that follows others in their group, with the effect that it has there.
pub(super) fn follow(
    state: &State,
    command: &Command,
    group: &GroupRef,
    owner: &Owner,
    at: Timestamp,
    effect: EffectOn<'_>,
) -> Result<Ruling, Fault> {
    let Some(group) = find(state, group) else {
        return Ok(Ruling::decline(DeclineReason::AuthorizationUnknown));
    };
    let Some(account) = state.accounts.get(group.account)? else {
        return Ok(Ruling::decline(DeclineReason::AccountUnknown));
    };
    let effect = match effect(group, &group.books()?) {
        Ok(effect) => effect,
        Err(reason) => return Ok(Ruling::decline(reason)),
    };
    let membership = Membership { root: group.root, processor_time: group.time_after(at), effect };
    let added = member(command, &membership, at, (TransactionKind::Purchase, 0));
    let Booked { account, hold, journal, mut taken } = book(state, owner, account, &[group], added)?;
    taken.push(Change::Account(account.clone()));
    Ok(Ruling {
        journal,
        changes: taken,
        account: Some(account),
        hold: Some(hold),
        group: Some(membership),
        ..Ruling::default()
    })
}

/// The message as a member of its group, with its kind and how much of it is cash.
pub(super) fn member(
    command: &Command,
    membership: &Membership,
    at: Timestamp,
    (kind, cash_minor): (TransactionKind, i64),
) -> GroupMessage {
    let &Membership { processor_time, effect, .. } = membership;
    GroupMessage { id: command.id, key: command.key.clone(), processor_time, effect, at, kind, cash_minor }
}

/// The group that a message with this card begins, without messages.
pub(super) fn begin(root: MessageId, route: Route, account: &Account) -> HoldGroup {
    HoldGroup {
        root,
        owner: route.owner,
        card: route.card,
        cardholder: route.cardholder,
        account: account.id,
        currency: account.currency,
        messages: Vec::new(),
    }
}

/// An amount of the group's currency, above zero.
pub(super) fn part(amount: &Amount, group: &HoldGroup) -> Result<i64, DeclineReason> {
    match amount.minor {
        _ if amount.currency != Some(group.currency) => Err(DeclineReason::CurrencyMismatch),
        Ok(minor) if minor > 0 => Ok(minor),
        _ => Err(DeclineReason::InvalidAmount),
    }
}

pub(super) fn join(state: &mut State, decided: &Decided) {
    let message = &decided.message;
    let Some((root, group_message)) = message.group_message() else {
        return;
    };
    if let Some(group) = state.groups.get_mut(&root) {
        group.messages.push(group_message);
    } else if let Some(new) = new_group(decided, root) {
        state.groups.insert(root, HoldGroup { messages: vec![group_message], ..new });
    }
    state.group_refs.insert(GroupRef::Message(message.id), root);
    state.group_refs.insert(GroupRef::Key(message.key.clone()), root);
    state.group_refs.extend(decided.links.iter().map(|link| (GroupRef::Link(link.clone()), root)));
    merge(state, &decided.merged, root);
}

fn merge(state: &mut State, merged: &[MessageId], root: MessageId) {
    for other in merged {
        let messages = state.groups.remove(other).map(|group| group.messages);
        if let Some(group) = state.groups.get_mut(&root) {
            group.messages.extend(messages.into_iter().flatten());
            state.merged.insert(group.owner);
        }
    }
    if !merged.is_empty() {
        state.group_refs.values_mut().filter(|of| merged.contains(of)).for_each(|of| *of = root);
    }
}

/// The group that an authorization of a known card began, without messages.
fn new_group(decided: &Decided, root: MessageId) -> Option<HoldGroup> {
    let Authorization { card, cardholder, .. } = decided.message.authorization.as_ref()?;
    let account = decided.account.as_ref()?;
    let route =
        Route { card: (*card)?, owner: account.owner, cardholder: (*cardholder)?, account: account.id };
    Some(begin(root, route, account))
}

/// The groups of the owner that the references mean. Only what is the owner's is locked: another's purchase is
/// none of this card's.
pub(super) fn find_own<'a>(state: &'a State, refs: &[GroupRef], owner: OwnerId) -> Vec<&'a HoldGroup> {
    let found = refs.iter().filter_map(|group| find(state, group));
    found.filter(|group| group.owner == owner).collect()
}

/// The group that a reference means, if it is known.
pub(super) fn find<'a>(state: &'a State, group: &GroupRef) -> Option<&'a HoldGroup> {
    state.groups.get(state.group_refs.get(group)?)
}

/// What a message changes in the books: its account, its hold group, the posted money that it moved,
/// and the windows that it took from or gave back to.
pub(super) struct Booked {
    pub(super) account: Account,
    pub(super) hold: GroupBooks,
    pub(super) journal: Option<Journal>,
    pub(super) taken: Vec<Change>,
}

const HELD: Fault = Fault::Overflow("the account's held amount");
const PENDING: Fault = Fault::Overflow("the account's pending credit");
const POSTED: Fault = Fault::Overflow("the account's posted balance");

/// Books the difference between what the groups' messages say as one group with this one, and what they said.
/// The others become a part of the first.
pub(super) fn book(
    state: &State,
    owner: &Owner,
    account: &Account,
    groups: &[&HoldGroup],
    added: GroupMessage,
) -> Result<Booked, Fault> {
    let (id, at) = (added.id, added.at);
    let mut messages: Vec<GroupMessage> = groups.iter().flat_map(|group| group.messages.clone()).collect();
    messages.push(added);
    let target = fold(&messages)?;
    let mut account = account.clone();
    let mut moved_minor = target.posted_minor;
    for group in groups {
        let booked = group.books()?;
        account.open_holds -= i64::from(booked.held_minor > 0);
        account.held_minor = account.held_minor.checked_sub(booked.held_minor).ok_or(HELD)?;
        account.pending_credit_minor =
            account.pending_credit_minor.checked_sub(booked.pending_credit_minor).ok_or(PENDING)?;
        moved_minor = moved_minor.checked_sub(booked.posted_minor).ok_or(POSTED)?;
    }
    account.open_holds += i64::from(target.held_minor > 0);
    account.held_minor = account.held_minor.checked_add(target.held_minor).ok_or(HELD)?;
    account.pending_credit_minor =
        account.pending_credit_minor.checked_add(target.pending_credit_minor).ok_or(PENDING)?;
    let journal = match moved_minor {
        0 => None,
        moved_minor => Some(post(owner, &mut account, ProgramAccount::Settlement, moved_minor, id)?),
    };
    let taken = windows::take(state, owner, groups, &messages, at)?;
    Ok(Booked { account, hold: target, journal, taken })
}
