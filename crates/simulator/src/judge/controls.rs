//! The judge's own reading of spending controls, for the swipes of one owner.
//!
//! When a control is changed while a swipe is under way, the swipe may be judged by what the control
//! was or by what it became: both are opinions that the judge accepts.

use bursar_core::{CardId, CardholderId, ControlId};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::opinion::{Made, Opinion};
use super::windows::{Counter, Taken, Used};
use crate::control::{ControlStatus, Hours, Places, Rule, Window};
use crate::history::{Control, History, Outcome, Owner, Scope, Swipe, Tick, What};
use crate::layout::TIME_ZONE;
use crate::listing::Remaining;
use crate::merchants::Usage;

/// The controls of an owner and of its cards and cardholders, and what was taken from them.
pub(super) struct Controls<'a> {
    zone: TimeZone,
    kept: Vec<Kept<'a>>,
}

/// A swipe that spends, as controls look at it.
#[derive(Clone, Copy)]
pub(super) struct Spent<'a> {
    pub(super) swipe: &'a Swipe,
    pub(super) card: CardId,
    pub(super) cardholder: CardholderId,
    /// What the purchase that it is added to has taken.
    pub(super) follows: Option<&'a [Taken]>,
    pub(super) at: Timestamp,
    pub(super) minor: i128,
}

struct Kept<'a> {
    control: &'a Control,
    /// What it was, one after another; the first from the start.
    versions: Vec<Version>,
    counter: Counter,
    /// The merchant of the first purchase.
    first: Option<&'static str>,
}

#[derive(Clone, Copy)]
struct Version {
    rule: Rule,
    status: ControlStatus,
    sent: Tick,
    acknowledged: Tick,
}

impl<'a> Controls<'a> {
    pub(super) fn open(history: &'a History, owner: &Owner) -> Self {
        let own = history.controls.iter().filter(|control| control.owner == owner.id);
        let kept = |control: &'a Control| Kept {
            control,
            versions: versions(history, control),
            counter: Counter::default(),
            first: None,
        };
        Self {
            // The bundled database has it; UTC would show as differences of every daily limit.
            zone: TimeZone::get(TIME_ZONE).unwrap_or(TimeZone::UTC),
            kept: own.map(kept).collect(),
        }
    }

    /// What each control may say of the swipe now.
    pub(super) fn opinions(&self, spent: &Spent<'_>) -> Vec<Opinion<'a>> {
        let concerned = self.kept.iter().filter(|kept| kept.concerns(spent.card, spent.cardholder));
        let opinion = |kept: &Kept<'a>| {
            let (first, last) = kept.versions_at(spent.swipe);
            let made = |version: &Version| self.judge(kept, version, spent);
            Opinion {
                control: kept.control,
                accepted: kept.versions[first..=last].iter().map(made).collect(),
                before: first.checked_sub(1).map(|before| made(&kept.versions[before])),
            }
        };
        concerned.map(opinion).collect()
    }

    /// The first purchase that was approved with a card is where it may be used.
    pub(super) fn learn(&mut self, (card, cardholder): (CardId, CardholderId), merchant: &'static str) {
        for kept in self.kept.iter_mut().filter(|kept| kept.concerns(card, cardholder)) {
            kept.first.get_or_insert(merchant);
        }
    }

    /// A purchase takes other than it did: what it took goes back to the periods that it came from.
    pub(super) fn change(
        &mut self,
        (card, cardholder): (CardId, CardholderId),
        before: &[Taken],
        after: &[Taken],
    ) {
        if before == after {
            return;
        }
        for kept in self.kept.iter_mut().filter(|kept| kept.concerns(card, cardholder)) {
            before.iter().for_each(|taken| kept.count(&self.zone, taken, -1));
            after.iter().for_each(|taken| kept.count(&self.zone, taken, 1));
        }
    }

    /// What should be left of each limit of the scope that is in force: control, status, and the least
    /// and the most that may be left of amount and uses.
    pub(super) fn left(
        &self,
        cards: &[(CardId, CardholderId)],
        scope: Scope,
        at: Timestamp,
    ) -> Vec<(&'a Control, &'static str, Made)> {
        let is_of = |kept: &Kept<'_>| match (scope, kept.control.scope) {
            (_, Scope::Owner(_)) => true,
            (Scope::Card(card), Scope::Card(of)) => card == of,
            (Scope::Card(card), Scope::Cardholder(holder)) => cards.contains(&(card, holder)),
            (Scope::Cardholder(holder), Scope::Cardholder(of)) => holder == of,
            (Scope::Owner(_) | Scope::Cardholder(_), _) => false,
        };
        let left = |kept: &Kept<'a>| {
            let version = kept.versions.last()?;
            let Rule::Limit(limit) = version.rule else { return None };
            if version.status == ControlStatus::Off {
                return None;
            }
            let used = kept.counter.used(limit.window, &self.zone, at);
            let left = Made::limit("", false, &limit, Used::default(), used);
            Some((kept.control, version.status.as_str(), left))
        };
        self.kept.iter().filter(|kept| is_of(kept)).filter_map(left).collect()
    }

    fn judge(&self, kept: &Kept<'_>, version: &Version, spent: &Spent<'_>) -> Vec<Made> {
        let is_shadow = match version.status {
            ControlStatus::Off => return Vec::new(),
            status => status == ControlStatus::Shadow,
        };
        let merchant = spent.swipe.merchant;
        match version.rule {
            Rule::Limit(limit) => {
                let Some(wanted) = taken(spent).share(&limit) else { return Vec::new() };
                let used = match limit.window {
                    Window::Transaction => {
                        let used = self.used_by_group(spent, &limit);
                        (used, used)
                    }
                    window => kept.counter.used(window, &self.zone, spent.at),
                };
                let amount =
                    limit.amount_minor.map(|_| Made::limit("amount_limit", is_shadow, &limit, wanted, used));
                let is_use = limit.count.is_some() && spent.follows.is_none();
                let count = is_use.then(|| Made::limit("count_limit", is_shadow, &limit, wanted, used));
                amount.into_iter().chain(count).collect()
            }
            Rule::List { is_allow, of } => {
                let usage = Usage::of(merchant, spent.swipe.ask);
                let (check, is_there) = match of {
                    Places::Mccs(_, means) => {
                        let code: u16 = merchant.mcc.parse().unwrap_or_default();
                        let is_there = means.iter().any(|(first, last)| (*first..=*last).contains(&code));
                        ("merchant_allowed", is_there)
                    }
                    Places::Merchants(ids) => ("merchant_allowed", ids.contains(&merchant.id)),
                    Places::FirstMerchant => {
                        ("merchant_allowed", kept.first.is_none_or(|first| first == merchant.id))
                    }
                    Places::Countries(_, means) => ("country_allowed", means.contains(&merchant.country)),
                    Places::Channels(channels) => {
                        ("channel_allowed", channels.iter().any(|channel| usage.is(*channel)))
                    }
                };
                vec![Made::list(check, is_shadow, is_there == is_allow)]
            }
            Rule::Schedule(hours) => {
                vec![Made::list("schedule_allowed", is_shadow, is_open(hours, spent.at, &self.zone))]
            }
        }
    }

    fn used_by_group(&self, spent: &Spent<'_>, limit: &crate::control::Limit) -> Used {
        let mut used = Used::default();
        for taken in spent.follows.into_iter().flatten() {
            used.add(taken.share(limit).unwrap_or_default(), 1);
        }
        used
    }
}

impl Kept<'_> {
    fn concerns(&self, card: CardId, cardholder: CardholderId) -> bool {
        match self.control.scope {
            Scope::Card(of) => of == card,
            Scope::Cardholder(of) => of == cardholder,
            Scope::Owner(_) => true,
        }
    }

    /// The first and the last version that may have judged the swipe. What was acknowledged before it
    /// was sent did; what was sent after it was answered did not.
    fn versions_at(&self, swipe: &Swipe) -> (usize, usize) {
        let answered = swipe.answered.unwrap_or(Tick::MAX);
        let later = &self.versions[1..];
        let first = later.iter().take_while(|version| version.acknowledged < swipe.sent).count();
        let last = later.iter().take_while(|version| version.sent < answered).count();
        (first, last.max(first))
    }

    fn count(&mut self, zone: &TimeZone, taken: &Taken, sign: i128) {
        if let Rule::Limit(limit) = self.control.rule
            && let Some(used) = taken.share(&limit)
        {
            self.counter.add(limit.window, zone, taken.at, used, sign);
        }
    }
}

/// What a control was from one change to the next. Its changes are sent one after another, each when
/// the one before it was acknowledged.
fn versions(history: &History, control: &Control) -> Vec<Version> {
    let (rule, status) = (control.rule, control.status);
    let mut versions = vec![Version { rule, status, sent: 0, acknowledged: 0 }];
    let is_refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused { .. });
    for action in history.actions.iter().filter(|action| !is_refused(&action.outcome)) {
        let last = versions[versions.len() - 1];
        let sent = action.sent;
        let acknowledged = action.acknowledged.unwrap_or(Tick::MAX);
        match action.what {
            What::SetLimit(id, limit, _) if id == control.id => {
                versions.push(Version { rule: Rule::Limit(limit), sent, acknowledged, ..last });
            }
            What::SwitchControl(id, status) if id == control.id => {
                versions.push(Version { status, sent, acknowledged, ..last });
            }
            _ => {}
        }
    }
    versions
}

fn taken(spent: &Spent<'_>) -> Taken {
    Taken {
        at: spent.at,
        ask: spent.swipe.ask,
        spent_minor: spent.minor,
        cash_minor: i128::from(spent.swipe.cash_minor),
        count: i128::from(spent.follows.is_none()),
        open_minor: spent.minor,
    }
}

fn is_open(Hours { from, to }: Hours, at: Timestamp, zone: &TimeZone) -> bool {
    let clock = at.to_zoned(zone.clone()).time();
    let minute = u16::from(clock.hour().unsigned_abs()) * 60 + u16::from(clock.minute().unsigned_abs());
    match from < to {
        true => from <= minute && minute < to,
        false => from <= minute || minute < to,
    }
}

/// Whether the view of what is left shows this limit.
pub(super) fn find(shown: &[Remaining], id: ControlId) -> Option<&Remaining> {
    shown.iter().find(|remaining| remaining.control == id)
}
