//! `bursar check`: every balance, hold and window recomputed from messages and journal.
//!
//! Stored messages and entries are the truth; balances, held amounts and counts are derived. A
//! [`Books`] hands over one snapshot of a store, and [`check`] compares the two. Findings carry
//! the invariant's id.

mod controls;
mod owners;

use std::collections::HashMap;
use std::fmt::{self, Display, Formatter};

use bursar_core::journal::CustomerEntry;
use bursar_core::message::ActionKind;
use bursar_core::window::Counters;
use bursar_core::{
    Account, AccountId, Answer, Control, Currency, EventId, JournalId, Message, MessageId, Owner, OwnerId,
    Program,
};
use jiff::Timestamp;
use serde::Serialize;

use crate::error::StoreError;
use crate::identity::Identity;
use controls::Controls;
use owners::{Held, OwnerWalk};

/// One snapshot of everything that the check looks at.
pub trait Books {
    /// Whose they are.
    ///
    /// # Errors
    /// The store cannot be read. So for every method here.
    fn identity(&mut self) -> Result<Identity, StoreError>;
    /// Companies and persons.
    ///
    /// # Errors
    /// As above.
    fn owners(&mut self) -> Result<Vec<Owner>, StoreError>;
    /// Programs.
    ///
    /// # Errors
    /// As above.
    fn programs(&mut self) -> Result<Vec<Program>, StoreError>;
    /// Spending controls.
    ///
    /// # Errors
    /// As above.
    fn controls(&mut self) -> Result<Vec<Control>, StoreError>;
    /// What was taken from the windows of each scope's controls.
    ///
    /// # Errors
    /// As above.
    fn counters(&mut self) -> Result<Vec<Counters>, StoreError>;
    /// Accounts.
    ///
    /// # Errors
    /// As above.
    fn accounts(&mut self) -> Result<Vec<Account>, StoreError>;
    /// Entries of customers' accounts with their journals and messages, by account and number.
    ///
    /// # Errors
    /// As above.
    fn entries(&mut self) -> Result<Vec<(CustomerEntry, JournalId, MessageId)>, StoreError>;
    /// The program's side of each journal.
    ///
    /// # Errors
    /// As above.
    fn program_entries(&mut self) -> Result<Vec<(JournalId, Currency, i64)>, StoreError>;
    /// Messages and their answers, by owner and then by the owner's sequence;
    /// messages about nobody first.
    ///
    /// # Errors
    /// As above.
    fn messages(&mut self, visit: &mut dyn FnMut(Message, Answer)) -> Result<(), StoreError>;
    /// Hold groups that became a part of another one: by the message that began each, that of the other, and the
    /// message that proved it.
    ///
    /// # Errors
    /// As above.
    fn merges(&mut self) -> Result<Vec<Merge>, StoreError>;
    /// Outbox rows: the event, its message and the owner's sequence that it carries.
    ///
    /// # Errors
    /// As above.
    fn events(&mut self, visit: &mut dyn FnMut(EventId, MessageId, Option<i64>)) -> Result<(), StoreError>;
    /// Which events were published and forgotten; `None` if none was.
    ///
    /// # Errors
    /// As above.
    fn events_forgotten(&mut self) -> Result<Option<EventsForgotten>, StoreError>;
    /// Messages whose key another message has too.
    ///
    /// # Errors
    /// As above.
    fn repeated_keys(&mut self) -> Result<Vec<MessageId>, StoreError>;
    /// Messages that are not found by their key.
    ///
    /// # Errors
    /// As above.
    fn lost_keys(&mut self) -> Result<Vec<MessageId>, StoreError>;
    /// Places that keys lead to and where no message is.
    ///
    /// # Errors
    /// As above.
    fn stray_keys(&mut self) -> Result<Vec<i64>, StoreError>;
}

/// Which events were published and forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventsForgotten {
    /// When the newest of their messages was decided.
    pub until: Timestamp,
    /// How many. So many messages that are as old have no event, and no more: else one was lost.
    pub events: u64,
}

/// A hold group that became a part of another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Merge {
    /// The message that began it.
    pub merged: MessageId,
    /// The message that began the other.
    pub root: MessageId,
    /// The message that proved it.
    pub message: MessageId,
}

/// The amount that an answer says was approved, in minor units; `None` if it approves nothing.
/// Every door writes its answers in words of its own, and this reads them back.
pub type ReadApproved<'a> = &'a dyn Fn(&Message, &Answer) -> Option<i64>;

/// What the check looked at and what it found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Companies and persons.
    pub owners: u64,
    /// Accounts.
    pub accounts: u64,
    /// Entries of customers' accounts.
    pub entries: u64,
    /// Messages.
    pub messages: u64,
    /// Outbox rows.
    pub events: u64,
    /// Messages whose event was published and forgotten. With those above, one of each message.
    pub events_forgotten: u64,
    /// Everything that is not as it should be; empty when the books are right.
    pub findings: Vec<Finding>,
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The invariant that is broken.
    pub rule: &'static str,
    /// What it is broken for.
    pub subject: String,
    /// What was found, and what it should be.
    pub problem: String,
}

impl Display for Finding {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { rule, subject, problem } = self;
        write!(f, "{rule} {subject}: {problem}")
    }
}

impl Report {
    /// Whether the books are right.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, rule: &'static str, subject: impl Display, problem: impl Display) {
        self.findings.push(Finding { rule, subject: subject.to_string(), problem: problem.to_string() });
    }

    /// Notes a difference between what is stored and what the truth adds up to.
    fn compare<T: PartialEq + Display>(
        &mut self,
        rule: &'static str,
        subject: impl Display,
        what: &str,
        stored: T,
        true_one: T,
    ) {
        if stored != true_one {
            self.find(rule, subject, format!("{what} is {stored}, and should be {true_one}"));
        }
    }
}

/// Recomputes everything and compares.
///
/// Memory grows with the number of messages, by some 150 bytes each.
///
/// # Errors
/// The store cannot be read.
pub fn check(books: &mut dyn Books, approved: ReadApproved<'_>) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let accounts: HashMap<AccountId, Account> =
        books.accounts()?.into_iter().map(|account| (account.id, account)).collect();
    report.accounts = accounts.len() as u64;
    let mut moved = check_journals(books, &accounts, &mut report)?;
    let forgotten = books.events_forgotten()?;
    let old_until = forgotten.map(|forgotten| forgotten.until);
    let expected = check_messages(books, approved, &accounts, old_until, &mut moved, &mut report)?;
    for (message, (account, amount_minor)) in moved {
        let problem = format!("an entry of {account} moved {amount_minor} for it, and it is not there");
        report.find("L1", message, problem);
    }
    check_events(books, expected, &mut report)?;
    report.compare(
        "O1",
        "the outbox",
        "the number of events that were published and forgotten",
        forgotten.map_or(0, |forgotten| forgotten.events),
        report.events_forgotten,
    );
    for message in books.repeated_keys()? {
        report.find("M1", message, "another message has the same key");
    }
    for message in books.lost_keys()? {
        report.find("M1", message, "it is not found by its key: a repeat would be decided again");
    }
    for place in books.stray_keys()? {
        let subject = format!("the message at {place}");
        report.find("M1", subject, "it is not there, and a key leads to it: that key cannot be used");
    }
    Ok(report)
}

/// The posted money that each message moved. What is left when all messages were seen moved without
/// one.
type Moved = HashMap<MessageId, (AccountId, i64)>;

/// L1, L2, L5: entries are gapless and add up, journals sum to zero.
fn check_journals(
    books: &mut dyn Books,
    accounts: &HashMap<AccountId, Account>,
    report: &mut Report,
) -> Result<Moved, StoreError> {
    let mut journals: HashMap<JournalId, (i128, Option<Currency>)> = HashMap::new();
    let mut moved = Moved::new();
    let mut last: HashMap<AccountId, (i64, i64)> = HashMap::new();
    for (entry, journal, message) in books.entries()? {
        report.entries += 1;
        let (number, balance_minor) = last.get(&entry.account).copied().unwrap_or((0, 0));
        let subject = format!("{} entry {}", entry.account, entry.number);
        report.compare("L5", &subject, "the number", entry.number, number + 1);
        let balance_after = balance_minor.checked_add(entry.amount_minor).unwrap_or(i64::MIN);
        report.compare("L5", &subject, "the balance after it", entry.balance_after_minor, balance_after);
        last.insert(entry.account, (entry.number, balance_after));
        let currency = accounts.get(&entry.account).map(|account| account.currency);
        let (sum, _) = journals.entry(journal).or_insert((0, currency));
        *sum += i128::from(entry.amount_minor);
        moved.insert(message, (entry.account, entry.amount_minor));
    }
    for account in accounts.values() {
        let (entries, posted_minor) = last.get(&account.id).copied().unwrap_or((0, 0));
        report.compare("L1", account.id, "the posted balance", account.posted_minor, posted_minor);
        report.compare("L5", account.id, "the number of entries", account.entries, entries);
    }
    for (journal, currency, amount_minor) in books.program_entries()? {
        let (sum, customer) = journals.entry(journal).or_insert((0, Some(currency)));
        *sum += i128::from(amount_minor);
        if *customer != Some(currency) {
            report.find(
                "L2",
                journal,
                format!("its program entry is in {currency}, its customer entry is not"),
            );
        }
    }
    for (journal, (sum, _)) in journals {
        report.compare("L2", journal, "the sum of its entries", sum, 0);
    }
    Ok(moved)
}

/// The event that a message must have.
struct Expected {
    /// The sequence that it carries.
    sequence: Option<i64>,
    /// Whether it may have been forgotten.
    is_old: bool,
}

/// L3, L4, L6, V1, V2, O3, D1 and D4, owner by owner. Returns the event that each message must have.
fn check_messages(
    books: &mut dyn Books,
    approved: ReadApproved<'_>,
    accounts: &HashMap<AccountId, Account>,
    old_until: Option<Timestamp>,
    moved: &mut Moved,
    report: &mut Report,
) -> Result<HashMap<MessageId, Expected>, StoreError> {
    let mut owners: HashMap<OwnerId, Owner> =
        books.owners()?.into_iter().map(|owner| (owner.id, owner)).collect();
    report.owners = owners.len() as u64;
    let mut events = HashMap::new();
    let mut walk: Option<OwnerWalk> = None;
    let mut held: HashMap<AccountId, Held> = HashMap::new();
    let controls = Controls::load(books)?;
    let mut merges = HashMap::<MessageId, Vec<Merge>>::new();
    for merge in books.merges()? {
        merges.entry(merge.message).or_default().push(merge);
    }
    books.messages(&mut |message, answer| {
        report.messages += 1;
        let is_old = old_until.is_some_and(|until| message.at <= until);
        events.insert(message.id, Expected { sequence: message.owner_sequence, is_old });
        check_answer(approved, &message, &answer, report);
        if walk.as_ref().map(OwnerWalk::owner) != message.owner
            && let Some(done) = walk.take()
        {
            done.finish(&mut owners, &mut held, accounts, &controls, report);
        }
        controls::check_limits(&message, report);
        if let Some(owner) = message.owner {
            let walk = walk.get_or_insert_with(|| OwnerWalk::new(owner));
            let merges = merges.remove(&message.id).unwrap_or_default();
            walk.step(&message, &merges, accounts, moved, report);
        }
    })?;
    if let Some(done) = walk {
        done.finish(&mut owners, &mut held, accounts, &controls, report);
    }
    for Merge { merged, message, .. } in merges.into_values().flatten() {
        report.find(
            "L3",
            merged,
            format!("{message} made it a part of another hold group, and is not there"),
        );
    }
    for owner in owners.into_values() {
        report.find("O3", owner.id, format!("its sequence is {}, and it has no messages", owner.sequence));
    }
    for account in accounts.values() {
        let held = held.get(&account.id).copied().unwrap_or_default();
        report.compare("L3", account.id, "the held amount", account.held_minor, held.held_minor);
        report.compare("L3", account.id, "the number of open holds", account.open_holds, held.open_holds);
        let (stored, pending) = (account.pending_credit_minor, held.pending_credit_minor);
        report.compare("L6", account.id, "the pending credit", stored, pending);
    }
    Ok(events)
}

/// D1 and D4: there is an answer, and it approves what is held and nothing else.
fn check_answer(approved: ReadApproved<'_>, message: &Message, answer: &Answer, report: &mut Report) {
    if answer.body.is_empty() {
        return report.find("D1", message.id, "it has no stored answer");
    }
    // A report is no question: nothing is approved by it.
    let is_reported = matches!(message.kind, ActionKind::Report | ActionKind::Claim);
    if message.authorization.is_none() || is_reported {
        return;
    }
    let approved_minor = message.group.as_ref().map_or(0, |group| group.effect.approved_minor());
    let expected = message.is_approved().then_some(approved_minor);
    let found = approved(message, answer);
    if found != expected {
        let words = |minor: Option<i64>| minor.map_or("nothing".to_owned(), |minor| format!("{minor}"));
        let problem = format!("its answer approves {}, and its effect is {}", words(found), words(expected));
        report.find("D4", message.id, problem);
    }
}

/// O1 and O3: every message has one event, with the sequence of its message, unless it is old enough for the event to
/// be forgotten. How many are is compared afterwards, so that one which was lost shows.
fn check_events(
    books: &mut dyn Books,
    mut expected: HashMap<MessageId, Expected>,
    report: &mut Report,
) -> Result<(), StoreError> {
    books.events(&mut |event, message, sequence| {
        report.events += 1;
        match expected.remove(&message) {
            None => report.find(
                "O1",
                event,
                format!("it reports the message {message}, which is not there or has another"),
            ),
            Some(Expected { sequence: of_message, .. }) if of_message != sequence => {
                report.find(
                    "O3",
                    event,
                    format!("it carries sequence {sequence:?}, and its message has {of_message:?}"),
                );
            }
            Some(_) => {}
        }
    })?;
    for (message, Expected { is_old, .. }) in expected {
        match is_old {
            true => report.events_forgotten += 1,
            false => report.find("O1", message, "it has no event"),
        }
    }
    Ok(())
}
