//! Judges a run: replays what the simulator did, in the order of each owner's sequence, by rules
//! of its own, and names everything that it would not have decided, answered or booked.
//!
//! Pure: a history and a listing in, a verdict out.

mod answers;
mod replay;

mod books;
mod controls;
mod group;
mod opinion;
mod windows;

use std::collections::HashMap;
use std::fmt;

use serde::Serialize;

use crate::history::{History, Swipe};
use crate::listing::{Authorization, Listing};

/// Whether the server decided as it should, and where it did not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// No difference was found.
    pub passed: bool,
    /// How many differences were found.
    pub count: usize,
    /// The first of them, at most [`Verdict::NAMED_MAX`].
    pub differences: Vec<String>,
}

impl Verdict {
    /// How many differences are named.
    pub const NAMED_MAX: usize = 50;

    /// A verdict with one difference.
    #[must_use]
    pub fn failed(difference: String) -> Self {
        let mut differences = Differences::default();
        differences.add(difference);
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
            differences.add(format!("{token}: decided twice, as {other} and as {id}"));
        }
    }
    let take = |swipe: &'a Swipe| Pair { swipe, listed: listed.remove(&*swipe.token) };
    let pairs = history.swipes.iter().map(take).collect();
    let mut strangers: Vec<&Authorization> = listed.into_values().collect();
    strangers.sort_by_key(|authorization| authorization.id);
    for Authorization { token, id, .. } in strangers {
        differences.add(format!("{token}: decided as {id}, but it was never sent"));
    }
    pairs
}

/// Counts all and keeps the first.
#[derive(Default)]
struct Differences {
    named: Vec<String>,
    count: usize,
}

impl Differences {
    fn add(&mut self, difference: String) {
        if self.named.len() < Verdict::NAMED_MAX {
            self.named.push(difference);
        }
        self.count += 1;
    }

    /// Adds a difference if the two are not equal.
    fn compare<T: PartialEq + fmt::Debug>(&mut self, what: impl FnOnce() -> String, found: T, expected: T) {
        if found != expected {
            let what = what();
            self.add(format!("{what} is {found:?}, expected {expected:?}"));
        }
    }

    fn into_verdict(self) -> Verdict {
        Verdict { passed: self.count == 0, count: self.count, differences: self.named }
    }
}

#[cfg(test)]
mod tests;
