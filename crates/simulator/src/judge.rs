//! Judges a run: replays what the simulator did, in the order of each owner's sequence, by rules
//! of its own, and names everything that it would not have decided, answered or booked, by the id of the
//! invariant that is broken.
//!
//! Pure: a history and a listing in, a verdict out.

mod answers;
mod replay;

mod books;
mod controls;
mod invariant;
mod opinion;
mod purchase;
mod windows;

use std::collections::HashMap;
use std::fmt;

use serde::{Serialize, Serializer};

use crate::history::{History, Swipe};
use crate::listing::{Authorization, Listing};

pub use invariant::Invariant;
use invariant::Kind;

/// Whether the server decided as it should, and where it did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// No difference was found.
    pub passed: bool,
    /// How many differences were found.
    pub count: usize,
    /// The first of them, at most [`Verdict::NAMED_MAX`].
    pub differences: Vec<Difference>,
}

/// Something that the server did, answered or shows otherwise than the simulator would have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The invariant that it breaks.
    pub invariant: Invariant,
    /// What it is about, what was found, and what was expected.
    pub problem: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.invariant, self.problem)
    }
}

/// One line, as in every other report.
impl Serialize for Difference {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Verdict {
    /// How many differences are named.
    pub const NAMED_MAX: usize = 50;

    /// The verdict where the server could not be read: nobody knows, which is a failure.
    #[must_use]
    pub fn unread(why: String) -> Self {
        let mut differences = Differences::default();
        differences.add(Kind::Unread, why);
        differences.into_verdict()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.passed {
            return f.write_str("passed");
        }
        write!(f, "failed: {} differences", self.count)?;
        for difference in &self.differences {
            write!(f, "\n- {difference}")?;
        }
        match self.count - self.differences.len() {
            0 => Ok(()),
            more => write!(f, "\n- and {more} more"),
        }
    }
}

/// Compares what the simulator did and was told with what the server shows.
#[must_use]
pub fn judge(history: &History, listing: &Listing) -> Verdict {
    let mut differences = Differences::default();
    let pairs = pair(history, listing, &mut differences);
    for pair in &pairs {
        answers::check(history, pair, &mut differences);
    }
    for owner in &history.owners {
        replay::check(history, listing, &pairs, owner, &mut differences);
    }
    differences.into_verdict()
}

/// A token that was sent, and the decision that the server shows for it.
struct Pair<'a> {
    swipe: &'a Swipe,
    listed: Option<&'a Authorization>,
}

/// Each token that was sent is decided at most once, and nothing else is.
fn pair<'a>(history: &'a History, listing: &'a Listing, differences: &mut Differences) -> Vec<Pair<'a>> {
    let mut listed: HashMap<&str, &Authorization> = HashMap::new();
    for authorization in &listing.authorizations {
        let token = authorization.token.as_str();
        if let Some(other) = listed.insert(token, authorization) {
            let (id, other) = (authorization.id, other.id);
            differences.add(Kind::Effect, format!("{token}: decided twice, as {other} and as {id}"));
        }
    }
    let take = |swipe: &'a Swipe| Pair { swipe, listed: listed.remove(&*swipe.token) };
    let pairs = history.swipes.iter().map(take).collect();
    let mut strangers: Vec<&Authorization> = listed.into_values().collect();
    strangers.sort_by_key(|authorization| authorization.id);
    for Authorization { token, id, .. } in strangers {
        differences.add(Kind::Effect, format!("{token}: decided as {id}, but it was never sent"));
    }
    pairs
}

/// Counts all and keeps the first.
#[derive(Default)]
struct Differences {
    named: Vec<Difference>,
    count: usize,
}

impl Differences {
    fn add(&mut self, kind: Kind, problem: String) {
        if self.named.len() < Verdict::NAMED_MAX {
            self.named.push(Difference { invariant: kind.invariant(), problem });
        }
        self.count += 1;
    }

    /// Adds a difference if the two are not equal.
    fn compare<T: PartialEq + fmt::Debug>(
        &mut self,
        kind: Kind,
        what: impl FnOnce() -> String,
        found: T,
        expected: T,
    ) {
        if found != expected {
            let what = what();
            self.add(kind, format!("{what} is {found:?}, expected {expected:?}"));
        }
    }

    fn into_verdict(self) -> Verdict {
        Verdict { passed: self.count == 0, count: self.count, differences: self.named }
    }
}

#[cfg(test)]
mod tests;
