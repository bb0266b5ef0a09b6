//! Whether to expect others: instances that decide about the same owners, processors that ask again.

use std::sync::atomic::{AtomicU32, Ordering};

/// What a bold attempt that met others weighs, in attempts that met nobody.
const CROSSED: u32 = 16;

/// From this on others are expected: they came more often than every sixteenth time.
const EXPECTED: u32 = 32;

/// The most that is remembered.
const MOST: u32 = 64;

/// An attempt that expects nobody costs less, and one that meets somebody all the same costs twice.
#[derive(Default)]
pub(crate) struct Caution(AtomicU32);

impl Caution {
    /// A bold attempt met somebody.
    pub(crate) fn raise(&self) {
        self.change(|weight| (weight + CROSSED).min(MOST));
    }

    /// A batch came to its end.
    pub(crate) fn ease(&self) {
        self.change(|weight| weight.saturating_sub(1));
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= EXPECTED
    }

    fn change(&self, to: impl Fn(u32) -> u32) {
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |weight| Some(to(weight)));
    }
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
}
