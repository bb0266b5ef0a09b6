//! The state that a decision was made on, as far as its checks tell.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use super::{Change, StatusOf};
use crate::account::Account;
use crate::card::{Card, CardStatus};
use crate::cardholder::{Cardholder, CardholderStatus};
use crate::check::{Check, CheckName, CheckResult, DeclineReason};
use crate::command::{Action, Actor, Amount, Authorize, Command, Partial, Purpose, Route};
use crate::control::{
    Control, ControlStatus, Counted, Day, Hours, List, MerchantRule, Places, Rule, Scope, Velocity,
};
use crate::decide::{Decided, Encode, Work, decide};
use crate::hold_days::HoldDays;
use crate::id::{AccountId, CardId, CardholderId, ControlId, MessageId, OwnerId, ProgramId};
use crate::message::{Answer, Authorization, MessageKey, Source};
use crate::money::{Currency, Money};
use crate::owner::{Owner, OwnerKind, OwnerStatus};
use crate::program::{Policies, Program};
use crate::state::{ScopeControls, State};
use crate::text::{FreeText, Token};
use crate::time::Zone;
use crate::window::{Counters, Used, Window};

/// Everything in it has this id: there is one of each kind.
const ONE: Uuid = Uuid::nil();

/// But for who pays, where that is somebody else.
const OTHER: Uuid = Uuid::max();

/// An equivalent of what was decided on.
pub(super) struct Rebuilt<'a> {
    of: &'a Authorization,
    asked_minor: i64,
    currency: Currency,
    available_minor: i64,
    card: CardStatus,
    cardholder: CardholderStatus,
    payer: Option<CardholderStatus>,
    owner: OwnerStatus,
    purpose: Purpose,
    /// Whether less than was asked would do.
    takes_less: bool,
    zone: Zone,
}

struct Unsent;

impl Encode for Unsent {
    fn encode(&self, _: &Decided) -> Answer {
        Answer { code: 0, body: Vec::new() }
    }
}

impl<'a> Rebuilt<'a> {
    /// `None` if the checks do not tell enough, as with an unknown card.
    pub(super) fn new(of: &'a Authorization) -> Option<Self> {
        let find = |name| of.checks.iter().find(|check| check.check == name);
        let found = |name| find(name).and_then(|check| check.found.as_deref());
        let balance = find(CheckName::AvailableBalance)?;
        let is_needed = |name| find(name).is_some_and(|check| check.result != CheckResult::NotNeeded);
        let purpose = match (is_needed(CheckName::AvailableBalance), is_needed(CheckName::CardStatus)) {
            (true, _) => Purpose::Hold,
            (false, true) => Purpose::Inquiry,
            (false, false) => Purpose::Credit,
        };
        Some(Self {
            asked_minor: of.amount_minor?,
            currency: Currency::parse(found(CheckName::Currency)?).ok()?,
            available_minor: balance.available_minor.unwrap_or(0),
            card: found(CheckName::CardStatus).map_or(Some(CardStatus::Active), CardStatus::from_word)?,
            cardholder: found(CheckName::CardholderStatus).map_or(CardholderStatus::Active, status_of),
            payer: found(CheckName::PayerStatus).map(status_of),
            owner: OwnerStatus::from_word(found(CheckName::OwnerStatus)?)?,
            purpose,
            takes_less: balance.found.as_deref() == Some("partial"),
            zone: Zone::parse("UTC").ok()?,
            of,
        })
    }

    /// The status that has to be another for the check to pass; `Some(None)` if it is one that never
    /// changes. `None` if it is no check of a status.
    pub(super) fn status(&self, check: &Check) -> Option<Option<Change>> {
        let change = |of, from, to, may: bool| Some(may.then_some(Change::Status { of, from, to }));
        match check.check {
            CheckName::CardStatus => {
                let (from, to) = (self.card, CardStatus::Active);
                change(StatusOf::Card, from.as_str(), to.as_str(), from.may_become(to))
            }
            CheckName::CardholderStatus => {
                let (from, to) = (self.cardholder, CardholderStatus::Active);
                change(StatusOf::Cardholder, from.as_str(), to.as_str(), from.may_become(to))
            }
            CheckName::PayerStatus => {
                let (from, to) = (self.payer?, CardholderStatus::Active);
                change(StatusOf::Payer, from.as_str(), to.as_str(), from.may_become(to))
            }
            CheckName::OwnerStatus => {
                let (from, to) = (self.owner, OwnerStatus::Active);
                change(StatusOf::Owner, from.as_str(), to.as_str(), from.may_become(to))
            }
            CheckName::AmountLimit | CheckName::CountLimit => None,
            _ => {
                let of = StatusOf::Control(check.control?);
                change(of, ControlStatus::Active.as_str(), ControlStatus::Off.as_str(), true)
            }
        }
    }

    /// The same sums, none larger than needed: where less than was asked will do, less is missing.
    pub(super) fn least(&self, beside: &[Change], sums: &[Change]) -> Vec<Change> {
        let mut least = sums.to_vec();
        if !self.takes_less {
            return least;
        }
        // The balance says how much is approved, and so what the limits have to bear: it comes last
        // in the order of checks, and first here.
        for place in (0..least.len()).rev() {
            let Some(mut enough) = raise_of(&least[place]) else { continue };
            let mut too_little = -1;
            while enough - too_little > 1 {
                let middle = too_little + (enough - too_little) / 2;
                least[place] = with_raise(&least[place], middle);
                let is_enough = self.approves(&[beside, &least].concat());
                if is_enough { enough = middle } else { too_little = middle }
            }
            least[place] = with_raise(&least[place], enough);
        }
        least.retain(|change| raise_of(change) != Some(0));
        least
    }

    /// The most that would have been approved beside these changes, if anything. More is never
    /// approved where less is not, so it can be searched by halves.
    pub(super) fn lowered(&self, beside: &[Change]) -> Option<Change> {
        let approves = |to_minor| {
            let amount = Change::Amount { from_minor: self.asked_minor, to_minor };
            self.approves(&[beside, &[amount]].concat())
        };
        // Less than its cash part is no purchase with that cash.
        let (mut most, mut too_much) = (0, self.asked_minor);
        while too_much - most > 1 {
            let middle = most + (too_much - most) / 2;
            if approves(middle) { most = middle } else { too_much = middle }
        }
        (most > 0 && most >= self.of.cash_minor)
            .then_some(Change::Amount { from_minor: self.asked_minor, to_minor: most })
    }

    pub(super) fn approves(&self, changes: &[Change]) -> bool {
        self.decide(changes).is_some_and(|decided| decided.message.is_approved())
    }

    pub(super) fn declines(&self, changes: &[Change], reason: DeclineReason) -> bool {
        self.decide(changes).is_some_and(|decided| decided.declined() == Some(reason))
    }

    /// The decision with these changes; `None` if something overflows.
    fn decide(&self, changes: &[Change]) -> Option<Decided> {
        let mut minor = self.asked_minor;
        let mut state = self.state()?;
        for change in changes {
            match change {
                Change::Amount { to_minor, .. } => minor = *to_minor,
                change => apply(&mut state, change)?,
            }
        }
        let work = Work::new(self.command(minor)?, Box::new(Unsent));
        decide(&state, &work, Timestamp::UNIX_EPOCH).ok()
    }

    fn command(&self, minor: i64) -> Option<Command> {
        let token = Token::new("explained").ok()?;
        let authorize = Authorize {
            method: token.clone(),
            funding_token: None,
            purpose: self.purpose.clone(),
            kind: self.of.kind,
            card_token: token.clone(),
            route: Some(Route {
                card: CardId::new(ONE),
                owner: OwnerId::new(ONE),
                cardholder: CardholderId::new(ONE),
                account: AccountId::new(ONE),
            }),
            acting: None,
            paying: self
                .payer
                .map(|_| Actor { token: token.clone(), cardholder: Some(CardholderId::new(OTHER)) }),
            amount: Amount { currency: Some(self.currency), minor: Ok(minor) },
            cash_minor: self.of.cash_minor,
            // What is cash cannot be less.
            partial: self.takes_less.then_some(Partial { at_least_minor: self.of.cash_minor }),
            merchant: self.of.merchant.clone(),
            details: None,
            processor_time: None,
        };
        Some(Command {
            id: MessageId::new(ONE),
            key: MessageKey::new(Source::Api, token),
            action: Action::Authorize(Box::new(authorize)),
        })
    }

    fn state(&self) -> Option<State> {
        let mut state = State::default();
        let (owner, cardholder) = (OwnerId::new(ONE), CardholderId::new(ONE));
        let (account, card, program) = (AccountId::new(ONE), CardId::new(ONE), ProgramId::new(ONE));
        let token = Token::new("rebuilt").ok()?;
        let name = FreeText::new("rebuilt");
        state.programs.put(
            program,
            Program {
                id: program,
                name: name.clone(),
                time_zone: self.zone.clone(),
                currencies: vec![self.currency],
                policies: Policies { original_credits: true, partial_approvals: true },
                hold_days: HoldDays::default(),
            },
        );
        state.owners.put(
            owner,
            Owner {
                id: owner,
                program,
                kind: OwnerKind::Company,
                name: name.clone(),
                token: None,
                status: self.owner,
                status_at: None,
                sequence: 0,
                last_at: Timestamp::UNIX_EPOCH,
            },
        );
        let funded =
            Account { posted_minor: self.available_minor, ..Account::new(account, owner, self.currency) };
        state.accounts.put(account, funded);
        for (id, status) in [(ONE, Some(self.cardholder)), (OTHER, self.payer)] {
            let (id, token, reference) = (CardholderId::new(id), token.clone(), name.clone());
            if let Some(status) = status {
                state
                    .cardholders
                    .put(id, Cardholder { id, owner, token, reference, status, status_at: None });
            }
        }
        state.cards.put(
            card,
            Card {
                id: card,
                owner,
                cardholder,
                account,
                token,
                last_four: None,
                status: self.card,
                status_at: None,
            },
        );
        state.load_empty(Scope::Owner(owner));
        state.load_empty(Scope::Cardholder(cardholder));
        self.add_controls(&mut state, Scope::Card(card), owner);
        Some(state)
    }

    /// A control for each check of one: what is left of a limit is all of it.
    fn add_controls(&self, state: &mut State, scope: Scope, owner: OwnerId) {
        let mut counters = Counters::new(scope);
        let mut controls = Vec::new();
        for check in &self.of.checks {
            let (Some(id), Some(rule)) = (check.control, self.rule(check)) else { continue };
            if check.check == CheckName::CountLimit {
                // A limit of nothing, of which something is there again: less than nothing is possible.
                let used = Used { amount_minor: 0, count: check.available_minor.map_or(0, |left| -left) };
                let start = Timestamp::UNIX_EPOCH;
                let _ = counters.of(id).add(start, used, start);
            }
            let status = if check.is_shadow { ControlStatus::Shadow } else { ControlStatus::Active };
            controls.push(Control { id, owner, scope, name: FreeText::new(""), rule, status });
        }
        state.controls.put(scope, ScopeControls { scope, controls: Arc::new(controls) });
        state.counters.put(scope, counters);
    }

    fn rule(&self, check: &Check) -> Option<Rule> {
        let passed = check.result == CheckResult::Passed;
        // A list without places excludes none, or allows none.
        let list = if passed { List::Deny } else { List::Allow };
        let places = |of| Some(Rule::Merchant(MerchantRule { list, of }));
        let always = Hours { days: Day::ALL.to_vec(), from_minute: 0, to_minute: 1_440 };
        let counts = counted(check.found.as_ref());
        let limit = |amount, count| {
            Some(Rule::Velocity(Velocity { window: Window::Lifetime, amount, count, counts: counts.clone() }))
        };
        match check.check {
            CheckName::MerchantAllowed => places(Places::Merchants(Vec::new())),
            CheckName::CountryAllowed => places(Places::Countries(Vec::new())),
            CheckName::ChannelAllowed => places(Places::Channels(Vec::new())),
            CheckName::ScheduleAllowed => {
                Some(Rule::Schedule(if passed { vec![always] } else { Vec::new() }))
            }
            CheckName::AmountLimit => {
                limit(Some(Money { minor: check.available_minor?, currency: self.currency }), None)
            }
            CheckName::CountLimit => limit(None, Some(0)),
            _ => None,
        }
    }
}

/// One whom nobody knows may spend as little as one who is closed.
fn status_of(word: &str) -> CardholderStatus {
    CardholderStatus::from_word(word).unwrap_or(CardholderStatus::Closed)
}

/// By how much a change raises a sum, if it does.
const fn raise_of(change: &Change) -> Option<i64> {
    match change {
        Change::Balance { raise_minor } | Change::AmountLimit { raise_minor, .. } => Some(*raise_minor),
        Change::CountLimit { raise, .. } => Some(*raise),
        Change::Amount { .. } | Change::Status { .. } => None,
    }
}

/// The same change, by so much.
fn with_raise(change: &Change, raise_minor: i64) -> Change {
    match change.clone() {
        Change::Balance { .. } => Change::Balance { raise_minor },
        Change::AmountLimit { control, .. } => Change::AmountLimit { control, raise_minor },
        Change::CountLimit { control, .. } => Change::CountLimit { control, raise: raise_minor },
        change => change,
    }
}

/// What a limit counts, as its check says.
fn counted(found: Option<&Cow<'static, str>>) -> Vec<Counted> {
    match found.and_then(|found| found.split_once(", ")) {
        Some((_, "cash only")) => vec![Counted::CashBack],
        Some((_, _)) => vec![Counted::Purchases],
        None => Counted::ALL.to_vec(),
    }
}

/// Makes the change; `None` if it overflows.
fn apply(state: &mut State, change: &Change) -> Option<()> {
    match change {
        Change::Amount { .. } => {}
        Change::Balance { raise_minor } => {
            let mut account = state.accounts.get(AccountId::new(ONE)).ok()??.clone();
            account.posted_minor = account.posted_minor.checked_add(*raise_minor)?;
            state.accounts.put(account.id, account);
        }
        Change::AmountLimit { control, raise_minor } => change_control(state, *control, |control| {
            let Rule::Velocity(Velocity { amount: Some(amount), .. }) = &mut control.rule else {
                return Some(());
            };
            amount.minor = amount.minor.checked_add(*raise_minor)?;
            Some(())
        })?,
        Change::CountLimit { control, raise } => change_control(state, *control, |control| {
            let Rule::Velocity(Velocity { count: Some(count), .. }) = &mut control.rule else {
                return Some(());
            };
            *count = count.checked_add(u32::try_from(*raise).ok()?)?;
            Some(())
        })?,
        Change::Status { of: StatusOf::Control(control), .. } => {
            change_control(state, *control, |control| {
                // Of a control that has limits as well, only the list refused.
                if control.rule.velocity().is_none() {
                    control.status = ControlStatus::Off;
                }
                Some(())
            })?
        }
        Change::Status { of: StatusOf::Card, .. } => {
            let card = state.cards.get(CardId::new(ONE)).ok()??.clone();
            state.cards.put(card.id, Card { status: CardStatus::Active, ..card });
        }
        Change::Status { of: StatusOf::Cardholder, .. } => activate(state, CardholderId::new(ONE))?,
        Change::Status { of: StatusOf::Payer, .. } => activate(state, CardholderId::new(OTHER))?,
        Change::Status { of: StatusOf::Owner, .. } => {
            let owner = state.owners.get(OwnerId::new(ONE)).ok()??.clone();
            state.owners.put(owner.id, Owner { status: OwnerStatus::Active, ..owner });
        }
    }
    Some(())
}

fn activate(state: &mut State, id: CardholderId) -> Option<()> {
    let cardholder = state.cardholders.get(id).ok()??.clone();
    state.cardholders.put(id, Cardholder { status: CardholderStatus::Active, ..cardholder });
    Some(())
}

fn change_control(
    state: &mut State,
    id: ControlId,
    change: impl Fn(&mut Control) -> Option<()>,
) -> Option<()> {
    let mut row = state.controls.get(Scope::Card(CardId::new(ONE))).ok()??.clone();
    Arc::make_mut(&mut row.controls).iter_mut().filter(|control| control.id == id).try_for_each(change)?;
    state.controls.put(row.scope, row);
    Some(())
}
