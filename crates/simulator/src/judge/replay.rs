//! Replays one owner in the order of its sequence, and compares what it is left with.

mod controls;
mod end;
mod notices;

use std::collections::BTreeMap;

use bursar_core::{AccountId, Currency, Money};
use jiff::Timestamp;

use super::books::{Account, Books, Ruling};
use super::{Differences, Kind, Pair};
use crate::history::{Action, History, Notice, Outcome, Owner, Swipe, What};
use crate::listing::{Authorization, Doubt, Listing};
use notices::Notices;

pub(super) fn check(
    history: &History,
    listing: &Listing,
    pairs: &[Pair<'_>],
    owner: &Owner,
    differences: &mut Differences,
) {
    let mut replay = Replay {
        owner,
        books: Books::open(history, owner),
        refused: refused(history, owner, differences),
        notices: Notices::of(history, listing, owner),
        doubts: &listing.doubts,
        at: Timestamp::MIN,
        differences,
    };
    let items = replay.items(history, pairs);
    let shown = listing.owners.iter().find(|shown| shown.id == owner.id);
    if shown.is_none() {
        replay.differ(Kind::Unread, "it is not shown");
    }
    let last = items.keys().next_back().copied().unwrap_or(owner.creations);
    let shown_last = shown.map_or(last, |shown| shown.sequence);
    if shown_last < last {
        let problem = format!("its sequence is shown as {shown_last}, but #{last} was given out");
        replay.differ(Kind::Behind, &problem);
    }
    replay.run(&items, shown_last);
    replay.finish(history, listing);
}

/// Something that has a number of the owner.
#[derive(Clone, Copy)]
enum Item<'a> {
    Swipe(&'a Swipe, &'a Authorization),
    Action(&'a Action, Timestamp, Option<&'a str>),
    /// What was booked of a notice, or the place of a decision that it took.
    Notice(&'a Notice, &'a Authorization),
    /// That the processor had not confirmed something: it changes nothing.
    Doubt,
}

struct Replay<'a, 'd> {
    owner: &'a Owner,
    books: Books<'a>,
    /// Actions that were refused: each has a number, but was not told which.
    refused: Vec<&'a Action>,
    notices: Notices<'a>,
    doubts: &'a [Doubt],
    at: Timestamp,
    differences: &'d mut Differences,
}

impl<'a> Replay<'a, '_> {
    /// Everything of the owner by its number. The first numbers are those of creations.
    fn items(&mut self, history: &'a History, pairs: &[Pair<'a>]) -> BTreeMap<i64, Item<'a>> {
        let mut items = BTreeMap::new();
        for Pair { swipe, listed } in pairs {
            let Some(listed) = listed.filter(|listed| listed.owner == Some(self.owner.id)) else {
                continue;
            };
            match listed.owner_sequence {
                Some(number) => self.place(&mut items, number, Item::Swipe(swipe, listed)),
                None => self.differ(Kind::Number, &format!("{} has no number", swipe.token)),
            }
        }
        self.place_notices(&mut items);
        let doubts = self.doubts.iter().filter(|doubt| doubt.owner == Some(self.owner.id));
        for number in doubts.filter_map(|doubt| doubt.owner_sequence) {
            self.place(&mut items, number, Item::Doubt);
        }
        for action in history.actions.iter().filter(|action| action.owner == self.owner.id) {
            if let Outcome::Done { sequence, at, available } = &action.outcome {
                let item = Item::Action(action, *at, available.as_deref());
                self.place(&mut items, *sequence, item);
            }
        }
        items
    }

    fn place(&mut self, items: &mut BTreeMap<i64, Item<'a>>, number: i64, item: Item<'a>) {
        if number <= self.owner.creations {
            let what = item.name();
            self.differ(Kind::Number, &format!("#{number} is given to {what}, but it is a creation's"));
        } else if let Some(other) = items.insert(number, item) {
            let (what, other) = (item.name(), other.name());
            self.differ(Kind::Number, &format!("#{number} is given to both {other} and {what}"));
        }
    }

    fn run(&mut self, items: &BTreeMap<i64, Item<'a>>, shown_last: i64) {
        let mut next = self.owner.creations.saturating_add(1);
        for (&number, &item) in items {
            self.gap(next, number.saturating_sub(1));
            match item {
                Item::Swipe(swipe, listed) => self.swipe(number, swipe, listed),
                Item::Action(action, at, available) => self.action(number, action, at, available),
                Item::Notice(notice, listed) => self.notice(number, notice, listed),
                Item::Doubt => {}
            }
            next = number.saturating_add(1);
        }
        self.gap(next, shown_last);
        for action in std::mem::take(&mut self.refused) {
            let (what, outcome) = (&action.what, &action.outcome);
            self.differ(Kind::Decision, &format!("{what} should have been granted, but: {outcome:?}"));
        }
        self.end_notices();
    }

    /// Numbers that nothing told has: each must be that of an action which was refused, and had
    /// to be refused at that place, or of a notice that changed nothing.
    fn gap(&mut self, first: i64, last: i64) {
        for number in first..=last {
            match self.fitting_refusal() {
                Some(place) => {
                    self.refused.remove(place);
                }
                None if self.notices.take_unseen() => {}
                None if number == last => {
                    return self.differ(Kind::Number, &format!("nothing is known of #{number}"));
                }
                None => {
                    return self.differ(Kind::Number, &format!("nothing is known of #{number} to #{last}"));
                }
            }
        }
    }

    /// What fits the fewest places is placed first: the smallest amount. What has ended stays so.
    fn fitting_refusal(&self) -> Option<usize> {
        let size = |action: &Action| match &action.what {
            What::Load(_, amount) | What::Unload(_, amount) => amount.minor,
            What::Release { .. } => match &action.outcome {
                Outcome::Refused { code, .. } if code == "hold_group_ended" => i64::MAX,
                _ => 0,
            },
            _ => 0,
        };
        let fits = |action: &Action| {
            let reason = self.books.refusal(&action.what);
            matches!(&action.outcome, Outcome::Refused { code, .. } if Some(code.as_str()) == reason)
        };
        let fitting = self.refused.iter().enumerate().filter(|(_, action)| fits(action));
        fitting.min_by_key(|(_, action)| size(action)).map(|(place, _)| place)
    }

    fn swipe(&mut self, number: i64, swipe: &'a Swipe, listed: &Authorization) {
        self.time(number, listed.decided_at);
        let Ruling { reasons, opinions } = self.books.rule(swipe, listed.decided_at);
        let expected = Expected(reasons);
        let found = Decision::of(listed);
        let is_approved = listed.status == "approved";
        if let Some(opinions) = opinions {
            self.controls(number, swipe, listed, &opinions);
        }
        if !found.is_some_and(|found| expected.0.contains(&found.reason)) {
            let asked = swipe.amount_minor.map(|minor| show(i128::from(minor), swipe.currency));
            let asked = asked.as_deref().unwrap_or("no amount");
            let account = self.books.account_of(swipe).and_then(|id| self.books.account(id));
            let available = account.map(|account| show(account.available_minor(), account.currency));
            let available = available.as_deref().unwrap_or("nothing");
            let found = match (&listed.status, &listed.decline_reason) {
                (status, None) => status.clone(),
                (status, Some(reason)) => format!("{status} {reason}"),
            };
            let token = &swipe.token;
            let problem = format!(
                "#{number} {token}: {found}, expected {expected}; {asked} asked, {available} available"
            );
            self.differ(expected.broken_by(is_approved), &problem);
        }
        let approved = listed.approved_amount.as_deref().filter(|_| is_approved);
        let approved_minor = approved.and_then(|amount| read(amount, swipe.currency));
        if is_approved && expected.0.contains(&None) && approved_minor != self.books.grant(swipe) {
            self.other_amount(number, swipe, listed, approved_minor);
        }
        let group = self.books.decided(swipe, listed.id, approved_minor, listed.decided_at);
        if is_approved {
            let token = &swipe.token;
            let about = || format!("{token}: the listed group");
            self.differences.compare(Kind::Held, about, listed.group, Some(group));
        }
        if let Some(account) = self.books.account_of(swipe) {
            let what = format!("#{number} {}", swipe.token);
            self.available(&what, account, listed.available_after.as_deref());
        }
    }

    fn other_amount(
        &mut self,
        number: i64,
        swipe: &Swipe,
        listed: &Authorization,
        approved_minor: Option<i128>,
    ) {
        let account = self.books.account_of(swipe).and_then(|id| self.books.account(id));
        let is_covered = approved_minor <= account.map(Account::available_minor);
        let kind = if is_covered { Kind::Decision } else { Kind::Despite("insufficient_funds") };
        let granted = self.books.grant(swipe).map(|minor| show(minor, swipe.currency));
        let (token, approved) = (&swipe.token, &listed.approved_amount);
        self.differ(kind, &format!("#{number} {token}: {approved:?} approved, expected {granted:?}"));
    }

    fn action(&mut self, number: i64, action: &'a Action, at: Timestamp, available: Option<&str>) {
        self.time(number, at);
        let what = &action.what;
        if let Some(reason) = self.books.refusal(what) {
            let problem = format!("#{number} {what}: granted, expected {reason}");
            self.differ(Kind::Despite(reason), &problem);
        }
        if let Some(account) = self.books.granted(action, at) {
            self.available(&format!("#{number} {what}"), account, available);
        }
    }

    fn time(&mut self, number: i64, at: Timestamp) {
        if at < self.at {
            let before = self.at;
            let problem = format!("#{number} is dated {at}, before its predecessor at {before}");
            self.differ(Kind::Time, &problem);
        }
        self.at = self.at.max(at);
    }

    /// The available amount that the server showed after a step. An error is named where it
    /// appears, not again at each later step that carries it along.
    fn available(&mut self, what: &str, id: AccountId, shown: Option<&str>) {
        let Some(account) = self.books.account_mut(id) else {
            return;
        };
        let (currency, expected) = (account.currency, account.available_minor());
        let Some(found) = shown.and_then(|shown| read(shown, currency)) else {
            let problem = format!("{what}: the available amount is shown as {shown:?}");
            return self.differ(Kind::Available, &problem);
        };
        let drift_minor = found - expected;
        if drift_minor == account.drift_minor {
            return;
        }
        account.drift_minor = drift_minor;
        let (found, expected) = (show(found, currency), show(expected, currency));
        let problem = format!("{what}: {found} is shown as available after it, expected {expected}");
        self.differ(Kind::Available, &problem);
    }

    fn differ(&mut self, kind: Kind, problem: &str) {
        self.differences.add(kind, format!("{}: {problem}", self.owner.id));
    }
}

impl Item<'_> {
    fn name(&self) -> String {
        match self {
            Self::Swipe(swipe, _) => swipe.token.to_string(),
            Self::Action(action, ..) => action.what.to_string(),
            Self::Notice(notice, _) => format!("{} {}", notice.kind(), notice.token),
            Self::Doubt => "a doubt".to_owned(),
        }
    }
}

/// Approved, or declined with a reason.
struct Decision<'a> {
    reason: Option<&'a str>,
}

impl<'a> Decision<'a> {
    /// `None` if what is listed is no decision: an approval with a reason, say.
    fn of(listed: &'a Authorization) -> Option<Self> {
        let reason = listed.decline_reason.as_deref();
        let is_whole = match listed.status.as_str() {
            "approved" => reason.is_none(),
            "declined" => reason.is_some(),
            _ => false,
        };
        is_whole.then_some(Self { reason })
    }
}

/// Every decision that is right.
struct Expected(Vec<Option<&'static str>>);

impl Expected {
    /// What another decision breaks.
    fn broken_by(&self, is_approved: bool) -> Kind {
        match self.0.first() {
            Some(Some(reason)) if is_approved && !self.0.contains(&None) => Kind::Despite(reason),
            _ => Kind::Decision,
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (place, reason) in self.0.iter().enumerate() {
            f.write_str(if place == 0 { "" } else { " or " })?;
            match reason {
                None => f.write_str("approved")?,
                Some(reason) => write!(f, "declined {reason}")?,
            }
        }
        Ok(())
    }
}

/// The owner's refused actions. One that is still unresolved leaves its owner in the dark.
fn refused<'a>(history: &'a History, owner: &Owner, differences: &mut Differences) -> Vec<&'a Action> {
    let mut refused = Vec::new();
    for action in history.actions.iter().filter(|action| action.owner == owner.id) {
        match &action.outcome {
            Outcome::Done { .. } => {}
            Outcome::Refused { .. } => refused.push(action),
            Outcome::Unresolved(why) => {
                let (owner, what) = (owner.id, &action.what);
                let problem = format!("{owner}: what became of {what} is not known: {why}");
                differences.add(Kind::Unread, problem);
            }
        }
    }
    refused
}

/// A decimal text of the currency, which may be below zero.
pub(super) fn read(text: &str, currency: Currency) -> Option<i128> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let money = Money::parse(digits, currency).ok()?;
    Some(sign * i128::from(money.minor))
}

pub(super) fn show(minor: i128, currency: Currency) -> String {
    match i64::try_from(minor) {
        Ok(minor) => format!("{:?}", Money { minor, currency }),
        Err(_) => format!("{minor} minor units of {currency}"),
    }
}
