//! One owner's messages replayed in the order in which they were decided.

use std::collections::HashMap;

use bursar_core::hold_group::{Effect, GroupBooks, GroupMessage, fold};
use bursar_core::message::ActionKind;
use bursar_core::{Account, AccountId, CardId, CardholderId, HoldGroup, Message, MessageId, Owner, OwnerId};
use jiff::Timestamp;

use super::controls::Controls;
use super::{Merge, Moved, Report};

/// The books of one owner, as its messages make them.
pub(super) struct OwnerWalk {
    owner: OwnerId,
    sequence: i64,
    last_at: Timestamp,
    groups: HashMap<MessageId, Group>,
    accounts: HashMap<AccountId, Running>,
}

struct Group {
    account: AccountId,
    card: Option<CardId>,
    cardholder: Option<CardholderId>,
    messages: Vec<GroupMessage>,
    books: GroupBooks,
}

impl Group {
    /// What was a group of its own.
    fn add(&mut self, part: Self) {
        self.messages.extend(part.messages);
        self.books.held_minor = self.books.held_minor.saturating_add(part.books.held_minor);
        self.books.posted_minor = self.books.posted_minor.saturating_add(part.books.posted_minor);
        let pending_minor = self.books.pending_credit_minor;
        self.books.pending_credit_minor = pending_minor.saturating_add(part.books.pending_credit_minor);
    }
}

/// What the hold groups of one account add up to.
#[derive(Default, Clone, Copy)]
pub(super) struct Held {
    pub(super) held_minor: i64,
    pub(super) open_holds: i64,
    pub(super) pending_credit_minor: i64,
}

#[derive(Default)]
struct Running {
    posted_minor: i64,
    held_minor: i64,
}

impl OwnerWalk {
    pub(super) fn new(owner: OwnerId) -> Self {
        let (groups, accounts) = (HashMap::new(), HashMap::new());
        Self { owner, sequence: 0, last_at: Timestamp::MIN, groups, accounts }
    }

    pub(super) fn owner(&self) -> OwnerId {
        self.owner
    }

    pub(super) fn step(
        &mut self,
        message: &Message,
        merges: &[Merge],
        accounts: &HashMap<AccountId, Account>,
        moved: &mut Moved,
        report: &mut Report,
    ) {
        let expected = self.sequence + 1;
        report.compare("O3", message.id, "its sequence", message.owner_sequence.unwrap_or(0), expected);
        self.sequence = message.owner_sequence.unwrap_or(expected);
        if message.at < self.last_at {
            report.find("O3", message.id, "it was decided before the message with the sequence before");
        }
        self.last_at = message.at;
        let moved = moved.remove(&message.id);
        if let Some((account, amount_minor)) = moved {
            let running = self.accounts.entry(account).or_default();
            running.posted_minor = running.posted_minor.saturating_add(amount_minor);
        }
        let is_transfer = matches!(message.kind, ActionKind::Load | ActionKind::Unload);
        if is_transfer && message.is_approved() != moved.is_some() {
            let problem = match moved {
                None => "it was granted, and no entry moved its money",
                Some(_) => "it was declined, and an entry moved its money",
            };
            report.find("L1", message.id, problem);
        }
        let moved_minor = moved.map_or(0, |(_, amount_minor)| amount_minor);
        self.hold(message, merges, moved_minor, report);
        self.compare_available(message, accounts, report);
    }

    /// Adds the message to its group and books what the fold says.
    fn hold(&mut self, message: &Message, merges: &[Merge], moved_minor: i64, report: &mut Report) {
        let Some((root, group_message)) = message.group_message() else {
            return;
        };
        let parts = self.take_parts(root, merges, report);
        if message.declined.is_some() && group_message.effect != Effect::None {
            report.find("L3", message.id, "it was declined, and has an effect on its hold group");
        }
        let of = message.authorization.as_ref();
        let account = of.and_then(|of| of.account);
        let group = match (self.groups.get_mut(&root), account) {
            (Some(group), _) => group,
            (None, Some(account)) if root == message.id => {
                let (card, cardholder) = (of.and_then(|of| of.card), of.and_then(|of| of.cardholder));
                let messages = Vec::new();
                let group = Group { account, card, cardholder, messages, books: GroupBooks::EMPTY };
                self.groups.entry(root).or_insert(group)
            }
            (None, _) if group_message.effect == Effect::None => return,
            (None, _) => return report.find("L3", message.id, format!("its hold group {root} is not there")),
        };
        parts.into_iter().for_each(|part| group.add(part));
        group.messages.push(group_message);
        let Ok(books) = fold(&group.messages) else {
            return report.find("L3", root, "the hold group's sum overflows");
        };
        let running = self.accounts.entry(group.account).or_default();
        running.held_minor = running.held_minor.saturating_add(books.held_minor - group.books.held_minor);
        let effect = group.messages.last().map(|message| message.effect);
        // The processor may report one before what it releases.
        if let (true, Some(Effect::Release(minor))) = (message.kind != ActionKind::Report, effect) {
            let released_minor = group.books.held_minor - books.held_minor;
            report.compare("M4", message.id, "what it released of its hold group", minor, released_minor);
        }
        let should_minor = books.posted_minor.saturating_sub(group.books.posted_minor);
        report.compare("L1", message.id, "the posted money that it moved", moved_minor, should_minor);
        group.books = books;
    }

    /// Takes out the groups that became a part of this one.
    fn take_parts(&mut self, root: MessageId, merges: &[Merge], report: &mut Report) -> Vec<Group> {
        let mut parts = Vec::new();
        for merge in merges {
            match self.groups.remove(&merge.merged) {
                Some(group) if merge.root == root && merge.merged != root => parts.push(group),
                _ => {
                    let problem =
                        format!("it became a part of {}, and is not there or not of that group", merge.root);
                    report.find("L3", merge.merged, problem);
                }
            }
        }
        parts
    }

    /// L4: what was available after the decision is what the books say, and an approval that
    /// holds money leaves at least nothing.
    fn compare_available(
        &self,
        message: &Message,
        accounts: &HashMap<AccountId, Account>,
        report: &mut Report,
    ) {
        let authorization = message.authorization.as_ref();
        let recorded = authorization.and_then(|of| Some((of.account?, of.available_minor?)));
        let Some((account, recorded_minor)) = recorded else {
            return;
        };
        let Some(account) = accounts.get(&account) else {
            return report.find("L4", message.id, format!("its account {account} is not there"));
        };
        let (posted_minor, held_minor) = self
            .accounts
            .get(&account.id)
            .map_or((0, 0), |running| (running.posted_minor, running.held_minor));
        let available_minor =
            posted_minor.saturating_sub(held_minor).saturating_add(account.credit_line_minor);
        report.compare("L4", message.id, "what was available after it", recorded_minor, available_minor);
        let effect = message.group.as_ref().map(|group| group.effect);
        let is_spent = matches!(effect, Some(Effect::Hold(_) | Effect::Debit(_)));
        if is_spent && available_minor < 0 {
            report.find("L4", message.id, format!("it was approved and left {available_minor} available"));
        }
    }

    /// The hold groups that may have taken from windows.
    fn hold_groups(&self, accounts: &HashMap<AccountId, Account>) -> Vec<HoldGroup> {
        let group = |(root, group): (&MessageId, &Group)| {
            Some(HoldGroup {
                root: *root,
                owner: self.owner,
                card: group.card?,
                cardholder: group.cardholder?,
                account: group.account,
                currency: accounts.get(&group.account)?.currency,
                messages: group.messages.clone(),
            })
        };
        self.groups.iter().filter_map(group).collect()
    }

    /// What the owner's row and its accounts should say.
    pub(super) fn finish(
        self,
        owners: &mut HashMap<OwnerId, Owner>,
        held: &mut HashMap<AccountId, Held>,
        accounts: &HashMap<AccountId, Account>,
        controls: &Controls,
        report: &mut Report,
    ) {
        match owners.remove(&self.owner) {
            None => report.find("O3", self.owner, "it has messages, and no row"),
            Some(owner) => {
                report.compare("O3", owner.id, "its sequence", owner.sequence, self.sequence);
                report.compare("O3", owner.id, "the time of its last decision", owner.last_at, self.last_at);
                controls.check(&owner, &self.hold_groups(accounts), report);
            }
        }
        for group in self.groups.into_values() {
            let held = held.entry(group.account).or_default();
            let GroupBooks { held_minor, pending_credit_minor, .. } = group.books;
            held.held_minor = held.held_minor.saturating_add(held_minor);
            held.open_holds += i64::from(held_minor > 0);
            held.pending_credit_minor = held.pending_credit_minor.saturating_add(pending_credit_minor);
        }
    }
}
