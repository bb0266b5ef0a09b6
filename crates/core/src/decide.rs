//! `decide` and `apply`, and the batch of both that a store runs inside its transaction.

mod authorize;
mod capture;
mod control;
mod create;
mod discrepancy;
mod doubt;
mod group;
mod program;
mod release;
mod report;
mod transfer;
mod transition;
mod windows;

use jiff::Timestamp;

use crate::account::Account;
use crate::card::Card;
use crate::cardholder::Cardholder;
use crate::check::DeclineReason;
use crate::command::{Action, Close, Command, GroupRef, Link, Record, TokenKind};
use crate::control::Scope;
use crate::discrepancy::{Closing, Discrepancy, DiscrepancyKind};
use crate::event::{Event, Object};
use crate::hold_group::{FoldOverflow, GroupBooks, HoldGroup};
use crate::id::{JournalId, MessageId};
use crate::journal::{CustomerEntry, Journal, ProgramAccount, ProgramEntry};
use crate::message::{Answer, Authorization, Fingerprint, Membership, Message, Recorded};
use crate::owner::Owner;
use crate::program::Program;
use crate::state::{Answered, ScopeControls, State, Unreadable};
use crate::window::Counters;

pub use control::history_since;
pub use doubt::{DENIED, UNCONFIRMED};
pub use windows::count;

/// One command of a batch, and how its answer is written.
pub struct Work {
    /// What is asked.
    pub command: Command,
    /// The hash of its content.
    pub fingerprint: Fingerprint,
    /// Writes the answer, inside the transaction: what is stored is what will be sent.
    pub encode: Box<dyn Encode>,
}

impl Work {
    /// Takes the fingerprint here, outside any lock.
    #[must_use]
    pub fn new(command: Command, encode: Box<dyn Encode>) -> Self {
        let fingerprint = command.fingerprint();
        Self { command, fingerprint, encode }
    }
}

/// Writes the answer of a decided message: the sender's dialect, chosen by the adapter it came
/// through. Pure: equal decisions give equal bytes.
pub trait Encode: Send + Sync {
    /// The answer to send.
    fn encode(&self, decided: &Decided) -> Answer;
}

/// What became of one command.
#[derive(Debug)]
pub enum Outcome {
    /// Decided now; the store writes it.
    Decided(Box<Decided>, Answer),
    /// The same message was answered before: that answer again, and nothing changes.
    Repeated(Answer),
    /// The key was used for other content: nothing changes, somebody has to be told.
    Conflict,
    /// It cannot be decided. Nothing is written, and the others of the batch are unharmed.
    Failed(Fault),
}

/// A decision: what is stored of the message, and everything that it changes.
#[derive(Debug, Clone, PartialEq)]
pub struct Decided {
    /// The message as it is stored.
    pub message: Message,
    /// Rows as the decision leaves them.
    pub changes: Vec<Change>,
    /// The posted money that it moved.
    pub journal: Option<Journal>,
    /// The account that it is about, as the decision leaves it.
    pub account: Option<Account>,
    /// The books of the hold group that it was added to, where it moved something.
    pub hold: Option<GroupBooks>,
    /// The object whose status it changed, or that it created.
    pub object: Option<(String, Option<&'static str>)>,
    /// Hold groups that it proved to be one with its own, by the messages that began them.
    pub merged: Vec<MessageId>,
    /// Ids that name its hold group from now on.
    pub links: Vec<Link>,
    /// Where the processor and we say different things.
    pub discrepancy: Option<Discrepancy>,
    /// Earlier ones that it ends.
    pub closings: Vec<Closing>,
}

/// A row as a decision leaves it.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A program.
    Program(Program),
    /// An owner.
    Owner(Owner),
    /// An account.
    Account(Account),
    /// A cardholder.
    Cardholder(Cardholder),
    /// A card.
    Card(Card),
    /// The controls of a scope.
    Controls(ScopeControls),
    /// What was taken from their windows.
    Counters(Counters),
}

/// Why a command could not be decided at all. Never an approval, never a decline.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A sum does not fit 64 bits.
    #[error("{0} would overflow 64 bits")]
    Overflow(&'static str),
    /// A row that it needs is damaged.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
}

impl From<FoldOverflow> for Fault {
    fn from(_: FoldOverflow) -> Self {
        Self::Overflow("what the hold group adds up to")
    }
}

impl Decided {
    /// Why it was declined, if it was.
    #[must_use]
    pub const fn declined(&self) -> Option<DeclineReason> {
        self.message.declined
    }

    /// The event that reports it.
    #[must_use]
    pub fn event(&self) -> Event {
        let object = self.object.clone().map(|(id, status)| Object { id, status });
        let event = Event::of(&self.message, self.account.as_ref(), object);
        let discrepancy = self.discrepancy.map(|discrepancy| discrepancy.kind);
        Event { merged: self.merged.clone(), discrepancy, ..event }
    }
}

/// What the rules of one action say, before it is numbered and stamped.
#[derive(Default)]
struct Ruling {
    declined: Option<DeclineReason>,
    changes: Vec<Change>,
    journal: Option<Journal>,
    account: Option<Account>,
    hold: Option<GroupBooks>,
    object: Option<(String, Option<&'static str>)>,
    group: Option<Membership>,
    authorization: Option<Authorization>,
    recorded: Option<Recorded>,
    merged: Vec<MessageId>,
    links: Vec<Link>,
    discrepancy: Option<Discrepancy>,
    closings: Vec<Closing>,
}

impl Ruling {
    fn decline(reason: DeclineReason) -> Self {
        Self { declined: Some(reason), ..Self::default() }
    }
}

/// Decides the commands in order, each on the state that those before it left. The result equals
/// that of the same commands in batches of one.
///
/// A message whose key is in `state.answered` gets that answer; a second copy inside the batch
/// gets the first's.
pub fn decide_batch<'a>(
    state: &mut State,
    batch: impl IntoIterator<Item = &'a Work>,
    at: Timestamp,
) -> Vec<Outcome> {
    batch.into_iter().map(|work| decide_one(state, work, at)).collect()
}

fn decide_one(state: &mut State, work: &Work, at: Timestamp) -> Outcome {
    if let Some(answered) = state.answered.get(&work.command.key) {
        return match answered.fingerprint == work.fingerprint {
            true => Outcome::Repeated(answered.answer.clone()),
            false => Outcome::Conflict,
        };
    }
    match decide(state, work, at) {
        Err(fault) => Outcome::Failed(fault),
        Ok(decided) => {
            let answer = work.encode.encode(&decided);
            apply(state, &work.command, &decided);
            let answered = Answered { fingerprint: work.fingerprint, answer: answer.clone() };
            state.answered.insert(work.command.key.clone(), answered);
            Outcome::Decided(Box::new(decided), answer)
        }
    }
}

/// Decides one command on the state of its owner, which nobody else changes until the decision is saved.
///
/// Pure: equal arguments give equal decisions. A decline is a decision. `at` is the store's clock,
/// read after the state; the owner's own time never runs backwards.
///
/// # Errors
/// See [`Fault`].
pub fn decide(state: &State, work: &Work, at: Timestamp) -> Result<Decided, Fault> {
    let command = &work.command;
    let owner = match command.owner() {
        Some(id) => state.owners.get(id)?.cloned(),
        None => None,
    };
    let at = owner.as_ref().map_or(at, |owner| at.max(owner.last_at));
    let mut ruling = rule(state, command, owner.as_ref(), at)?;
    let numbered = number(&mut ruling, owner, at)?;
    Ok(Decided {
        message: Message {
            id: command.id,
            key: command.key.clone(),
            fingerprint: work.fingerprint,
            kind: command.kind(),
            owner: numbered.as_ref().map(|owner| owner.id),
            owner_sequence: numbered.as_ref().map(|owner| owner.sequence),
            at,
            declined: ruling.declined,
            group: ruling.group,
            authorization: ruling.authorization,
            recorded: ruling.recorded,
        },
        changes: ruling.changes,
        journal: ruling.journal,
        account: ruling.account,
        hold: ruling.hold,
        object: ruling.object,
        merged: ruling.merged,
        links: ruling.links,
        discrepancy: ruling.discrepancy,
        closings: ruling.closings,
    })
}

fn rule(state: &State, command: &Command, owner: Option<&Owner>, at: Timestamp) -> Result<Ruling, Fault> {
    match &command.action {
        Action::CreateProgram(action) => Ok(create::program(command.id, action)),
        Action::ChangeProgram(action) => program::change(state, action),
        Action::CreateOwner(action) => create::owner(state, command.id, action, at),
        Action::Authorize(action) => authorize::authorize(state, command, action, owner, at),
        Action::Record(action) => Ok(record(action)),
        Action::Close(action) => Ok(close(action)),
        Action::Report(action) => report::report(state, command, action, owner, at),
        action => match owner {
            None => Ok(Ruling::decline(unknown_subject(action))),
            Some(owner) => rule_of_owner(state, command, owner, at),
        },
    }
}

fn rule_of_owner(state: &State, command: &Command, owner: &Owner, at: Timestamp) -> Result<Ruling, Fault> {
    let follow = |group: &GroupRef, effect: group::EffectOn<'_>| {
        group::follow(state, command, group, owner, at, effect)
    };
    match &command.action {
        Action::CreateCardholder(action) => Ok(create::cardholder(state, command.id, action, owner)),
        Action::CreateCard(action) => create::card(state, command.id, action, owner),
        Action::MoveOwner(action) => Ok(transition::owner(action, owner, at)),
        Action::MoveCardholder(action) => transition::cardholder(state, action, at),
        Action::MoveCard(action) => transition::card(state, action, at),
        Action::PutControls(action) => control::put(state, command.id, action, owner, at),
        Action::ChangeControl(action) => control::change(state, action, owner, at),
        Action::Reverse(action) => {
            follow(&action.group, &|group, books| release::reverse(action, group, books))
        }
        Action::Expire(action) => {
            follow(&action.group, &|group, books| release::expire(action, group, books))
        }
        Action::Doubt(action) => {
            let may = |group: &HoldGroup, books: &GroupBooks| doubt::may(action, group, books);
            Ok(doubt::doubt(state, follow(&action.group, &may)?, action))
        }
        Action::Capture(action) => follow(&action.group, &|group, _| capture::capture(action, group)),
        Action::Refund(action) => {
            follow(&action.group, &|group, books| capture::refund(action, group, books))
        }
        Action::Transfer(action) => transfer::transfer(state, command.id, action, owner),
        Action::CreateProgram(_)
        | Action::ChangeProgram(_)
        | Action::CreateOwner(_)
        | Action::Authorize(_)
        | Action::Record(_)
        | Action::Close(_)
        | Action::Report(_) => Ok(Ruling::default()),
    }
}

/// Kept as it came, whatever it says.
fn record(action: &Record) -> Ruling {
    let recorded = Recorded {
        method: action.method.clone(),
        card_token: action.card_token.clone(),
        amount_minor: action.amount.minor.ok(),
        currency: action.amount.currency,
    };
    let discrepancy = action.needs_review.then(|| Discrepancy::unrepaired(DiscrepancyKind::Unknown));
    Ruling { recorded: Some(recorded), discrepancy, ..Ruling::default() }
}

fn close(action: &Close) -> Ruling {
    let closing = Closing { discrepancy: action.discrepancy, note: action.note.clone() };
    Ruling { closings: vec![closing], ..Ruling::default() }
}

/// The reason when the owner that a command needs is not there.
fn unknown_subject(action: &Action) -> DeclineReason {
    match action {
        Action::MoveCard(_) => DeclineReason::CardUnknown,
        Action::CreateCard(_) | Action::MoveCardholder(_) => DeclineReason::CardholderUnknown,
        Action::Reverse(_)
        | Action::Expire(_)
        | Action::Doubt(_)
        | Action::Capture(_)
        | Action::Refund(_) => DeclineReason::AuthorizationUnknown,
        Action::Transfer(_) => DeclineReason::AccountUnknown,
        Action::PutControls(put) => match put.scope {
            Scope::Card(_) => DeclineReason::CardUnknown,
            Scope::Cardholder(_) => DeclineReason::CardholderUnknown,
            Scope::Owner(_) => DeclineReason::OwnerUnknown,
        },
        Action::ChangeControl(_) => DeclineReason::ControlUnknown,
        _ => DeclineReason::OwnerUnknown,
    }
}

/// Gives the decision the owner's next number. Declines are numbered too: every event has one.
fn number(ruling: &mut Ruling, loaded: Option<Owner>, at: Timestamp) -> Result<Option<Owner>, Fault> {
    let place = ruling.changes.iter().position(|change| matches!(change, Change::Owner(_)));
    let ruled = place.map(|place| ruling.changes.swap_remove(place));
    let owner = match ruled {
        Some(Change::Owner(owner)) => Some(owner),
        _ => loaded,
    };
    let Some(mut owner) = owner else { return Ok(None) };
    owner.sequence = owner.sequence.checked_add(1).ok_or(Fault::Overflow("the owner's sequence"))?;
    owner.last_at = at;
    ruling.changes.push(Change::Owner(owner.clone()));
    Ok(Some(owner))
}

/// Changes the state as the decision says, so that the next command of the batch sees it.
pub fn apply(state: &mut State, command: &Command, decided: &Decided) {
    for change in &decided.changes {
        match change.clone() {
            Change::Program(row) => state.programs.put(row.id, row),
            Change::Owner(row) => state.owners.put(row.id, row),
            Change::Account(row) => state.accounts.put(row.id, row),
            Change::Cardholder(row) => {
                state.taken_tokens.insert((TokenKind::Cardholder, row.token.clone()));
                state.cardholders.put(row.id, row);
            }
            Change::Card(row) => {
                state.taken_tokens.insert((TokenKind::Card, row.token.clone()));
                state.cards.put(row.id, row);
            }
            Change::Controls(row) => state.controls.put(row.scope, row),
            Change::Counters(row) => state.counters.put(row.scope, row),
        }
    }
    if let Action::CreateOwner(create) = &command.action
        && let (None, Some(token)) = (decided.declined(), &create.token)
    {
        state.taken_tokens.insert((TokenKind::Owner, token.clone()));
    }
    begin_scopes(state, command, decided);
    group::join(state, decided);
}

/// What was just created has no controls.
fn begin_scopes(state: &mut State, command: &Command, decided: &Decided) {
    let begun = |change: &Change| match (&command.action, change) {
        (Action::CreateOwner(_), Change::Owner(row)) => Some(Scope::Owner(row.id)),
        (Action::CreateOwner(_) | Action::CreateCardholder(_), Change::Cardholder(row)) => {
            Some(Scope::Cardholder(row.id))
        }
        (Action::CreateCard(_), Change::Card(row)) => Some(Scope::Card(row.id)),
        _ => None,
    };
    decided.changes.iter().filter_map(begun).for_each(|scope| state.load_empty(scope));
}

/// Moves posted money between the account and one of the program's own. Credits are positive.
fn post(
    owner: &Owner,
    account: &mut Account,
    other: ProgramAccount,
    amount_minor: i64,
    id: MessageId,
) -> Result<Journal, Fault> {
    let overflow = || Fault::Overflow("the account's posted balance");
    account.posted_minor = account.posted_minor.checked_add(amount_minor).ok_or_else(overflow)?;
    account.entries = account.entries.checked_add(1).ok_or(Fault::Overflow("the number of entries"))?;
    Ok(Journal {
        id: JournalId::new(id.uuid()),
        message: id,
        currency: account.currency,
        customer: CustomerEntry {
            account: account.id,
            number: account.entries,
            amount_minor,
            balance_after_minor: account.posted_minor,
        },
        program: ProgramEntry {
            program: owner.program,
            account: other,
            amount_minor: amount_minor.checked_neg().ok_or_else(overflow)?,
        },
    })
}
