//! The verdict: what the clients were told against what the ledger shows, by the invariants' ids.
//!
//! Pure: what was read in, findings out.

use std::collections::{HashMap, HashSet};

use bursar_core::MessageId;
use bursar_store::books::Finding;
use bursar_store::contract::given::{self, usd};

use super::notes::{About, Note};
use super::reads::{Reads, Shown, Swipe};
use super::{Known, LIMIT, World};

/// Everything that is not as it should be.
pub(super) fn judge(world: &World, reads: &Reads) -> Vec<Finding> {
    let mut judge = Judge { reads, findings: Vec::new() };
    for (note, was_answered) in &reads.notes {
        judge.answers(note);
        judge.effect(note, *was_answered);
    }
    judge.strangers();
    judge.suspensions();
    judge.accounts(world);
    judge.findings
}

struct Judge<'a> {
    reads: &'a Reads,
    findings: Vec<Finding>,
}

impl Judge<'_> {
    fn find(&mut self, rule: &'static str, subject: impl ToString, problem: impl ToString) {
        let (subject, problem) = (subject.to_string(), problem.to_string());
        self.findings.push(Finding { rule, subject, problem });
    }

    /// M2, M3: one message has one answer.
    fn answers(&mut self, note: &Note) {
        if note.deliveries.iter().any(|(known, _)| *known == Known::Conflict) {
            self.find("M2", note.token(), "a repeat was taken for another message");
        }
        let mut answers = note.answers();
        let Some(first) = answers.next() else {
            if !note.has_failed() {
                self.find("unknown", note.token(), "it is not answered in the end");
            }
            return;
        };
        if let Some(other) = answers.find(|answer| *answer != first) {
            let rule = if first.code == 402 && other.code == 200 { "M3" } else { "M2" };
            self.find(rule, note.token(), format!("{first:?} became {other:?}"));
        }
    }

    /// D1, D3, D4, L3, R1: what was told of a message, and what is shown of it.
    fn effect(&mut self, note: &Note, was_answered: bool) {
        let Reads { before, after, .. } = self.reads;
        if was_answered && !before.has(note) {
            self.find("D1", note.token(), "it was answered, and is not there");
        }
        if note.has_failed() && after.has(note) {
            self.find("D3", note.token(), "it surely had no effect, and is there");
        }
        if note.is_unseen {
            self.find("R1", note.token(), "it had been approved, and was not shown");
        }
        let Some((answer, shown)) = note.answers().next().zip(after.swipe(note)) else { return };
        let approved = given::approved_in(answer);
        if approved.unwrap_or(0) != shown.approved.unwrap_or(0) {
            let problem = format!("answered {approved:?}, and {:?} is stored", shown.approved);
            self.find("D4", note.token(), problem);
        }
        let holds = if self.reads.released().contains(&shown.id) { 0 } else { approved.unwrap_or(0) };
        if shown.held.unwrap_or(0) != holds {
            self.find("L3", note.token(), format!("it holds {:?}, and should hold {holds}", shown.held));
        }
    }

    /// M1: what is there was sent, and is there once.
    fn strangers(&mut self) {
        let sent: HashSet<&str> = self.reads.notes.iter().map(|(note, _)| note.token()).collect();
        for (token, shown) in &self.reads.after.swipes {
            if !sent.contains(token.as_str()) {
                self.find("M1", token, "nobody sent it");
            }
            if shown.len() > 1 {
                self.find("M1", token, format!("it is there {} times", shown.len()));
            }
        }
    }

    /// V3: what begins after a card's suspension was acknowledged, and ends before its activation was asked
    /// for, is not approved.
    fn suspensions(&mut self) {
        let about = |note: &Note| match note.about {
            About::Watch { suspends } => Some((suspends, note.began, note.answered().map(|(_, at)| at))),
            _ => None,
        };
        let mut changes: Vec<_> = self.reads.notes.iter().filter_map(|(note, _)| about(note)).collect();
        changes.sort_unstable_by_key(|(_, began, _)| *began);
        for (number, (suspends, _, acknowledged)) in changes.iter().enumerate() {
            let Some(from) = acknowledged.filter(|_| *suspends) else { continue };
            let until = changes.get(number + 1).map_or(u64::MAX, |(_, began, _)| *began);
            let approved: Vec<&Note> =
                self.reads.swipes_of(WATCHED).filter(|note| note.is_approved()).collect();
            for note in approved {
                let answered = note.answered().map_or(u64::MAX, |(_, at)| at);
                if note.began > from && answered < until {
                    self.find("V3", note.token(), "it was approved while its card was suspended");
                }
            }
        }
    }

    /// L1, L3, L4, V1: the sums of what was told.
    fn accounts(&mut self, world: &World) {
        if self.reads.accounts.len() != world.accounts().len() {
            self.find("unknown", "the accounts", format!("{} were read", self.reads.accounts.len()));
        }
        let held = self.reads.held();
        let loaded = self.reads.loaded();
        for (number, (account, (_, funds))) in self.reads.accounts.iter().zip(world.accounts()).enumerate() {
            let posted = funds + loaded.get(&number).unwrap_or(&0);
            let held = *held.get(&number).unwrap_or(&0);
            if account.posted_minor != posted {
                let problem = format!("{} are posted, and should be {posted}", account.posted_minor);
                self.find("L1", account.id, problem);
            }
            if account.held_minor != held {
                let problem = format!("{} are held, and should be {held}", account.held_minor);
                self.find("L3", account.id, problem);
            }
            if posted < held || account.available_minor().is_none_or(|available| available < 0) {
                self.find("L4", account.id, format!("{held} of {posted} are spent"));
            }
            if number == LIMITED && held > usd(LIMIT).minor {
                self.find("V1", account.id, format!("{held} are spent, beyond the limit of {LIMIT}"));
            }
        }
    }
}

/// Places in [`World::accounts`].
const LIMITED: usize = 2;
const WATCHED: usize = 3;

impl Reads {
    /// The purchases that were given back.
    fn released(&self) -> HashSet<MessageId> {
        let of = |note: &Note| match note.about {
            About::Release { of, .. } if note.is_approved() => Some(of),
            _ => None,
        };
        self.notes.iter().filter_map(|(note, _)| of(note)).collect()
    }

    /// What was approved and not given back, by account.
    fn held(&self) -> HashMap<usize, i64> {
        let released = self.released();
        let mut held = HashMap::new();
        for (note, _) in &self.notes {
            let (About::Swipe { account, .. }, Some(answer)) = (note.about, note.answers().next()) else {
                continue;
            };
            let is_released = note.approved().is_some_and(|id| released.contains(&id));
            *held.entry(account).or_default() +=
                if is_released { 0 } else { given::approved_in(answer).unwrap_or(0) };
        }
        held
    }

    /// What was loaded, by account.
    fn loaded(&self) -> HashMap<usize, i64> {
        let mut loaded = HashMap::new();
        for (note, _) in &self.notes {
            if let (About::Load { account, minor }, true) = (note.about, note.is_approved()) {
                *loaded.entry(account).or_default() += minor;
            }
        }
        loaded
    }
}

impl Shown {
    /// Whether the message is there. Releases and changes of status are in no list: their repeats tell.
    fn has(&self, note: &Note) -> bool {
        match note.about {
            About::Swipe { .. } => self.swipes.contains_key(note.token()),
            About::Load { .. } => match note.approved() {
                Some(id) => self.loads.contains(&id),
                None => note.answered().is_some(),
            },
            About::Release { .. } | About::Watch { .. } => note.answered().is_some(),
        }
    }

    fn swipe(&self, note: &Note) -> Option<&Swipe> {
        self.swipes.get(note.token())?.first()
    }
}

#[cfg(test)]
mod tests;
