//! Authorizations and increments: every check is made, the first that failed names the reason.

use jiff::Timestamp;

use super::group::{Booked, begin, book, find, member};
use super::{Change, Fault, Ruling, control};
use crate::account::Account;
use crate::card::{Card, CardStatus};
use crate::cardholder::Cardholder;
use crate::check::{Check, CheckName, CheckResult};
use crate::command::{Actor, Authorize, Command, Partial, Purpose};
use crate::control::Scope;
use crate::hold_group::{Effect, GroupStatus, HoldGroup};
use crate::message::{Authorization, Membership, TransactionKind};
use crate::owner::{Owner, OwnerStatus};
use crate::program::Policies;
use crate::state::{State, Unreadable};
use crate::time::whole_microseconds;

/// Everything that the checks look at.
struct Subject<'a> {
    request: &'a Authorize,
    owner: Option<&'a Owner>,
    /// What the owner's program allows.
    policies: Policies,
    at: Timestamp,
    card: Option<&'a Card>,
    cardholder: Option<&'a Cardholder>,
    acting: Option<&'a Cardholder>,
    paying: Option<&'a Cardholder>,
    account: Option<&'a Account>,
    group: Option<&'a HoldGroup>,
}

type Rule = fn(&Subject<'_>) -> Result<Check, Fault>;

/// The rule book but for spending controls, in the order of [`CheckName`].
const CHECKS: &[Rule] = &[
    method_permitted,
    card_known,
    card_status,
    card_of_cardholder,
    cardholder_status,
    payer_status,
    owner_status,
    currency,
    amount_valid,
    hold_group_open,
    available_balance,
];

pub(super) fn authorize(
    state: &State,
    command: &Command,
    request: &Authorize,
    owner: Option<&Owner>,
    at: Timestamp,
) -> Result<Ruling, Fault> {
    let subject = Subject::find(state, request, owner, at)?;
    let checks = subject.check(state)?;
    let declined = checks.iter().find_map(Check::failure);
    if declined.is_none() && checks.iter().any(|check| check.result == CheckResult::NotMade) {
        // The card is there and what it draws on is not: never an approval without a hold.
        let why = "what the card belongs to is not there".to_owned();
        let id = request.card_token.to_string();
        return Err(Unreadable { what: "card with the token", id, why }.into());
    }
    // A declined increment belongs to its purchase all the same: a later message may name it.
    let named = request.processor_time.map_or(at, whole_microseconds);
    let membership = Membership {
        root: subject.group.map_or(command.id, |group| group.root),
        processor_time: subject.group.map_or(named, |group| group.time_after(named)),
        effect: match declined {
            None => subject.effect()?,
            Some(_) => Effect::None,
        },
    };
    let booked = subject.book(state, command, &membership)?;
    let (account, hold, journal, changes) = match booked {
        None => (subject.account.cloned(), None, None, Vec::new()),
        Some(Booked { account, hold, journal, taken }) => {
            let mut changes = taken;
            if let (true, Some(scopes)) = (request.purpose.is_spending(), subject.scopes()) {
                changes.extend(control::learn(state, scopes, &request.merchant)?);
            }
            changes.push(Change::Account(account.clone()));
            (Some(account), Some(hold), journal, changes)
        }
    };
    Ok(Ruling {
        declined,
        changes,
        journal,
        authorization: Some(subject.record(account.as_ref(), checks)),
        account,
        hold,
        group: Some(membership),
        ..Ruling::default()
    })
}

impl<'a> Subject<'a> {
    fn find(
        state: &'a State,
        request: &'a Authorize,
        owner: Option<&'a Owner>,
        at: Timestamp,
    ) -> Result<Self, Fault> {
        let (card, cardholder, account) = match request.route {
            None => (None, None, None),
            Some(route) => (
                state.cards.get(route.card)?,
                state.cardholders.get(route.cardholder)?,
                state.accounts.get(route.account)?,
            ),
        };
        let group = match &request.purpose {
            // A group of another account is not this purchase's: the increment then stands alone.
            Purpose::Increment(group) => {
                find(state, group).filter(|group| account.is_some_and(|account| account.id == group.account))
            }
            _ => None,
        };
        let program = match owner {
            Some(owner) => state.programs.get(owner.program)?,
            None => None,
        };
        Ok(Self {
            request,
            owner,
            policies: program.map(|program| program.policies).unwrap_or_default(),
            at,
            card,
            cardholder,
            acting: find_actor(state, request.acting.as_ref())?,
            paying: find_actor(state, request.paying.as_ref())?,
            account,
            group,
        })
    }

    /// Every check, in the order of their names: a failed one that comes first is the reason.
    fn check(&self, state: &State) -> Result<Vec<Check>, Fault> {
        let mut checks = CHECKS.iter().map(|rule| rule(self)).collect::<Result<Vec<Check>, Fault>>()?;
        if let (Some(owner), Some(swipe)) = (self.owner, self.swipe()?) {
            checks.extend(control::judge(state, owner, &swipe, self.request.purpose.is_spending())?);
            checks.sort_by_key(|check| check.check);
        }
        Ok(checks)
    }

    /// What spending controls look at; `None` if nothing would be moved.
    fn swipe(&self) -> Result<Option<control::Swipe<'a>>, Fault> {
        let request = self.request;
        let (Some(scopes), Some(account), Ok(asked_minor)) =
            (self.scopes(), self.account, request.amount.minor)
        else {
            return Ok(None);
        };
        // What is too much for the account is judged as it was asked.
        let minor = self.approved_minor()?.unwrap_or(asked_minor);
        if minor <= 0 || !(request.purpose.is_spending() || request.purpose.is_credit()) {
            return Ok(None);
        }
        Ok(Some(control::Swipe {
            scopes,
            kind: self.group.and_then(HoldGroup::kind).unwrap_or(request.kind),
            minor,
            cash_minor: request.cash_minor,
            currency: account.currency,
            merchant: &request.merchant,
            group: self.group,
            at: self.at,
        }))
    }

    /// Whose controls count: of an increment those of the purchase, whichever card it comes with.
    fn scopes(&self) -> Option<[Scope; 3]> {
        let of_card = self.request.route.map(|route| route.scopes());
        self.group.map(HoldGroup::scopes).or(of_card)
    }

    /// What an approval changes in the books; `None` if nothing.
    fn book(
        &self,
        state: &State,
        command: &Command,
        membership: &Membership,
    ) -> Result<Option<Booked>, Fault> {
        let (Some(owner), Some(account), Some(route)) = (self.owner, self.account, self.request.route) else {
            return Ok(None);
        };
        if membership.effect == Effect::None {
            return Ok(None);
        }
        let added = member(command, membership, self.at, (self.request.kind, self.request.cash_minor));
        let new = begin(command.id, route, account);
        book(state, owner, account, &[self.group.unwrap_or(&new)], added).map(Some)
    }

    /// What the approved request does.
    fn effect(&self) -> Result<Effect, Fault> {
        let minor = self.approved_minor()?.unwrap_or(0);
        Ok(match self.request.purpose {
            _ if minor <= 0 => Effect::None,
            Purpose::Hold | Purpose::Increment(_) => Effect::Hold(minor),
            Purpose::Debit => Effect::Debit(minor),
            Purpose::Credit => Effect::Credit(minor),
            Purpose::PendingCredit => Effect::PendingCredit(minor),
            Purpose::Inquiry | Purpose::NotPermitted => Effect::None,
        })
    }

    /// How much is approved: what was asked, or what there is if less will do (reference, 3.5).
    /// `None` if that is not enough, or was no amount.
    fn approved_minor(&self) -> Result<Option<i64>, Fault> {
        let Ok(asked_minor) = self.request.amount.minor else { return Ok(None) };
        if asked_minor == 0 || !self.request.purpose.is_spending() {
            return Ok(Some(asked_minor));
        }
        let Some(available_minor) = self.available_minor()? else { return Ok(None) };
        if asked_minor <= available_minor {
            return Ok(Some(asked_minor));
        }
        let is_enough = |partial: &Partial| available_minor > 0 && available_minor >= partial.at_least_minor;
        Ok(self.partial().filter(is_enough).map(|_| available_minor))
    }

    /// Whether less will do.
    fn partial(&self) -> Option<Partial> {
        self.request.partial.filter(|_| self.policies.partial_approvals)
    }

    fn available_minor(&self) -> Result<Option<i64>, Fault> {
        let overflow = || Fault::Overflow("the account's available balance");
        self.account.map(|account| account.available_minor().ok_or_else(overflow)).transpose()
    }

    /// Who uses the card; `None` for one that the message names and we do not know.
    fn spender(&self) -> Option<&'a Cardholder> {
        self.own(if self.request.acting.is_some() { self.acting } else { self.cardholder })
    }

    /// Who pays, where that is somebody else; `Some(None)` for one whom we do not know.
    fn payer(&self) -> Option<Option<&'a Cardholder>> {
        self.request.paying.as_ref()?;
        let payer = self.own(self.paying);
        let is_spender = |payer: &Cardholder| self.spender().is_some_and(|spender| spender.id == payer.id);
        (!payer.is_some_and(is_spender)).then_some(payer)
    }

    /// Nobody of another owner.
    fn own(&self, found: Option<&'a Cardholder>) -> Option<&'a Cardholder> {
        let owner = self.owner.map(|owner| owner.id);
        found.filter(|found| Some(found.owner) == owner)
    }

    fn record(&self, account: Option<&Account>, checks: Vec<Check>) -> Authorization {
        Authorization {
            kind: self.request.kind,
            card_token: self.request.card_token.clone(),
            card: self.card.map(|card| card.id),
            cardholder: self.cardholder.map(|cardholder| cardholder.id),
            account: account.map(|account| account.id),
            amount_minor: self.request.amount.minor.ok(),
            cash_minor: self.request.cash_minor,
            currency: self.request.amount.currency,
            available_minor: account.and_then(Account::available_minor),
            merchant: self.request.merchant.clone(),
            details: self.request.details.clone(),
            checks,
        }
    }
}

fn find_actor<'a>(state: &'a State, actor: Option<&Actor>) -> Result<Option<&'a Cardholder>, Fault> {
    match actor.and_then(|actor| actor.cardholder) {
        Some(id) => Ok(state.cardholders.get(id)?),
        None => Ok(None),
    }
}

fn method_permitted(subject: &Subject<'_>) -> Result<Check, Fault> {
    let is_funded = !matches!(subject.request.purpose, Purpose::NotPermitted);
    let is_pushed = subject.request.kind == TransactionKind::OriginalCredit;
    // With an unknown card there is no program to ask: the next check declines it.
    let is_allowed = !is_pushed || subject.owner.is_none() || subject.policies.original_credits;
    Ok(Check::of(CheckName::MethodPermitted, is_funded && is_allowed))
}

fn card_known(subject: &Subject<'_>) -> Result<Check, Fault> {
    Ok(Check::of(CheckName::CardKnown, subject.card.is_some()))
}

/// Money that comes back, or comes in, does so whatever the card's status is by now.
fn card_status(subject: &Subject<'_>) -> Result<Check, Fault> {
    if subject.request.purpose.is_credit() {
        return Ok(Check::not_needed(CheckName::CardStatus));
    }
    let Some(card) = subject.card else {
        return Ok(Check::not_made(CheckName::CardStatus));
    };
    Ok(Check::of(CheckName::CardStatus, card.status == CardStatus::Active).found(card.status.as_str()))
}

fn card_of_cardholder(subject: &Subject<'_>) -> Result<Check, Fault> {
    if subject.request.purpose.is_credit() {
        return Ok(Check::not_needed(CheckName::CardOfCardholder));
    }
    let Some(card) = subject.card else {
        return Ok(Check::not_made(CheckName::CardOfCardholder));
    };
    let is_theirs = match &subject.request.acting {
        None => true,
        Some(_) => subject.acting.is_some_and(|acting| acting.id == card.cardholder),
    };
    Ok(Check::of(CheckName::CardOfCardholder, is_theirs))
}

fn cardholder_status(subject: &Subject<'_>) -> Result<Check, Fault> {
    if subject.request.purpose.is_credit() {
        return Ok(Check::not_needed(CheckName::CardholderStatus));
    }
    if subject.card.is_none() {
        return Ok(Check::not_made(CheckName::CardholderStatus));
    }
    Ok(may_spend(CheckName::CardholderStatus, subject.spender()))
}

fn payer_status(subject: &Subject<'_>) -> Result<Check, Fault> {
    let payer = subject.payer().filter(|_| !subject.request.purpose.is_credit());
    let Some(payer) = payer else {
        return Ok(Check::not_needed(CheckName::PayerStatus));
    };
    if subject.card.is_none() {
        return Ok(Check::not_made(CheckName::PayerStatus));
    }
    Ok(may_spend(CheckName::PayerStatus, payer))
}

fn may_spend(check: CheckName, spender: Option<&Cardholder>) -> Check {
    match spender {
        None => Check::of(check, false).found("unknown"),
        Some(spender) => Check::of(check, spender.status.may_spend()).found(spender.status.as_str()),
    }
}

fn owner_status(subject: &Subject<'_>) -> Result<Check, Fault> {
    let Some(owner) = subject.owner else {
        return Ok(Check::not_made(CheckName::OwnerStatus));
    };
    let is_right = match subject.request.purpose.is_credit() {
        true => owner.status != OwnerStatus::Closed,
        false => owner.status == OwnerStatus::Active,
    };
    Ok(Check::of(CheckName::OwnerStatus, is_right).found(owner.status.as_str()))
}

fn currency(subject: &Subject<'_>) -> Result<Check, Fault> {
    let Some(account) = subject.account else {
        return Ok(Check::not_made(CheckName::Currency));
    };
    let is_same = subject.request.amount.currency == Some(account.currency);
    Ok(Check::of(CheckName::Currency, is_same).found(account.currency.code()))
}

fn amount_valid(subject: &Subject<'_>) -> Result<Check, Fault> {
    Ok(match subject.request.amount.minor {
        Ok(amount_minor) => Check::of(CheckName::AmountValid, amount_minor >= 0),
        Err(error) => Check::of(CheckName::AmountValid, false).found(error.to_string()),
    })
}

/// An increment of a hold group that we never saw stands alone: it is judged like a purchase.
fn hold_group_open(subject: &Subject<'_>) -> Result<Check, Fault> {
    let Some(group) = subject.group else {
        return Ok(Check::not_needed(CheckName::HoldGroupOpen));
    };
    let status = group.books()?.status;
    Ok(Check::of(CheckName::HoldGroupOpen, status == GroupStatus::Open).found(status.as_str()))
}

/// Earlier holds are already off `available`, so this one comparison is the whole rule. A
/// verification of zero passes whatever is there: after a force step `available` is negative.
fn available_balance(subject: &Subject<'_>) -> Result<Check, Fault> {
    if !subject.request.purpose.is_spending() {
        return Ok(Check::not_needed(CheckName::AvailableBalance));
    }
    let (Some(available_minor), Ok(wanted_minor)) =
        (subject.available_minor()?, subject.request.amount.minor)
    else {
        return Ok(Check::not_made(CheckName::AvailableBalance));
    };
    let approved_minor = subject.approved_minor()?;
    let check = Check::of(CheckName::AvailableBalance, approved_minor.is_some());
    let check = check.comparing(wanted_minor, available_minor);
    let is_short = approved_minor != Some(wanted_minor);
    Ok(if is_short && subject.partial().is_some() { check.found("partial") } else { check })
}
