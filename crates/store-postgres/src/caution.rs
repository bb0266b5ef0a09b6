//! Whether to expect others: instances that decide about the same owners, processors that ask again, and
//! whoever holds an owner for long.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bursar_core::OwnerId;

/// What a bold attempt that met others weighs, in attempts that met nobody.
const CROSSED: u32 = 16;

/// From this on others are expected: they came more often than every sixteenth time.
const EXPECTED: u32 = 32;

/// The most that is remembered.
const MOST: u32 = 64;

/// How long an owner that was waited for in vain is not waited for again: nobody else's swipes wait with its.
const HELD_FOR: Duration = Duration::from_secs(1);

/// An attempt that expects nobody costs less, and one that meets somebody all the same costs twice.
#[derive(Default)]
pub(crate) struct Caution {
    /// How much somebody is expected: an instance, or a processor that asks again.
    others: Weight,
    /// How much another instance is expected.
    instances: Weight,
    has_company: AtomicBool,
    /// When these were waited for in vain.
    held: Mutex<HashMap<OwnerId, Instant>>,
}

/// Rises when somebody is met, and falls when nobody is.
#[derive(Default)]
struct Weight(AtomicU32);

impl Caution {
    /// A bold attempt met somebody.
    pub(crate) fn raise(&self) {
        self.others.rise();
    }

    /// A batch came to its end.
    pub(crate) fn ease(&self) {
        self.others.fall();
    }

    /// An owner was not as it was left: another instance decides about it.
    pub(crate) fn met_another(&self) {
        if self.instances.rise() > 0 {
            self.has_company.store(true, Ordering::Relaxed);
        }
    }

    /// All owners were as they were left. Who is careful does not find that out.
    pub(crate) fn met_nobody(&self) {
        if self.instances.fall() <= 1 {
            self.has_company.store(false, Ordering::Relaxed);
        }
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.others.is_heavy()
    }

    /// Whether another instance was met again after the first time, until none is expected at all: who changes lanes
    /// meets himself once.
    pub(crate) fn has_company(&self) -> bool {
        self.has_company.load(Ordering::Relaxed)
    }

    /// Somebody else holds these for longer than a lane waits.
    pub(crate) fn note_held(&self, owners: &HashSet<OwnerId>) {
        if !owners.is_empty() {
            let now = Instant::now();
            let mut held = self.held();
            held.retain(|_, since| is_lately(*since, now));
            held.extend(owners.iter().map(|owner| (*owner, now)));
        }
    }

    /// Which of these were waited for in vain lately.
    pub(crate) fn held_of(&self, owners: impl Iterator<Item = OwnerId>) -> HashSet<OwnerId> {
        let held = self.held();
        if held.is_empty() {
            return HashSet::new();
        }
        let now = Instant::now();
        owners.filter(|owner| held.get(owner).is_some_and(|since| is_lately(*since, now))).collect()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<OwnerId, Instant>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Weight {
    fn rise(&self) -> u32 {
        self.change(|weight| (weight + CROSSED).min(MOST))
    }

    fn fall(&self) -> u32 {
        self.change(|weight| weight.saturating_sub(1))
    }

    fn is_heavy(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= EXPECTED
    }

    /// What it was before.
    fn change(&self, to: impl Fn(u32) -> u32) -> u32 {
        let changed = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |weight| Some(to(weight)));
        changed.unwrap_or_else(|weight| weight)
    }
}

fn is_lately(since: Instant, now: Instant) -> bool {
    now.duration_since(since) < HELD_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many batches are careful if each so manieth message comes again.
    fn careful(batches: usize, every: usize) -> usize {
        let caution = Caution::default();
        let is_careful = |number: &usize| {
            let is_careful = caution.is_raised();
            if !is_careful && number.is_multiple_of(every) {
                caution.raise();
            }
            caution.ease();
            is_careful
        };
        (1..=batches).filter(is_careful).count()
    }

    #[test]
    fn a_few_that_come_again_make_nobody_careful_and_a_storm_does() {
        assert_eq!(careful(1000, 30), 0);
        assert!(careful(1000, 1) > 900, "{}", careful(1000, 1));
    }

    #[test]
    fn who_is_met_once_is_no_company_and_who_is_met_again_is_until_nobody_is_expected() {
        let caution = Caution::default();
        caution.met_another();
        assert!(!caution.has_company());
        caution.met_another();
        assert!(caution.has_company());
        // Whoever is careful meets nobody, and is not alone for that.
        for _ in 0..MOST {
            caution.ease();
        }
        assert!(caution.has_company());
        let eased = (1..).find(|_| {
            caution.met_nobody();
            !caution.has_company()
        });
        assert_eq!(eased, Some(2 * CROSSED));
    }

    #[test]
    fn a_processor_that_asks_again_makes_careful_and_is_no_company() {
        let caution = Caution::default();
        caution.met_another();
        for _ in 0..8 {
            caution.raise();
        }
        assert!(caution.is_raised() && !caution.has_company());
    }
}
