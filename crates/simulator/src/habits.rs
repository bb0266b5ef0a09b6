//! The bad habits of processor and network: how often each shows.

use std::str::FromStr;

/// How often each habit shows, of a hundred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Habits {
    /// A notice is sent once more.
    pub repeated: u32,
    /// A notice is sent after one that follows it.
    pub reordered: u32,
    /// A notice is lost, and comes much later by a replay.
    pub lost: u32,
    /// Nothing is told of a purchase until the server asks.
    pub silent: u32,
    /// An answer comes too late: the network declined meanwhile, and a notice tells.
    pub late: u32,
    /// The network approves a purchase that nobody was asked about.
    pub stood_in: u32,
    /// A purchase is cleared that was never authorized.
    pub forced: u32,
}

/// The text sets no habits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} sets no habits; write a percentage, as 5, or some by name, as late=10,lost=2 (0 to 50; {NAMES})"
)]
pub struct HabitsError(String);

const NAMES: &str = "repeated, reordered, lost, silent, late, stood_in, forced";

/// More would leave too little of ordinary life.
const PERCENT_MAX: u32 = 50;

impl Habits {
    /// Every habit as often.
    #[must_use]
    pub const fn all(percent: u32) -> Self {
        Self {
            repeated: percent,
            reordered: percent,
            lost: percent,
            silent: percent,
            late: percent,
            stood_in: percent,
            forced: percent,
        }
    }

    fn named(&mut self, name: &str) -> Option<&mut u32> {
        match name {
            "repeated" => Some(&mut self.repeated),
            "reordered" => Some(&mut self.reordered),
            "lost" => Some(&mut self.lost),
            "silent" => Some(&mut self.silent),
            "late" => Some(&mut self.late),
            "stood_in" => Some(&mut self.stood_in),
            "forced" => Some(&mut self.forced),
            _ => None,
        }
    }
}

impl FromStr for Habits {
    type Err = HabitsError;

    fn from_str(text: &str) -> Result<Self, HabitsError> {
        let error = || HabitsError(text.to_owned());
        let percent = |text: &str| text.trim().parse().ok().filter(|percent| *percent <= PERCENT_MAX);
        if let Some(percent) = percent(text) {
            return Ok(Self::all(percent));
        }
        let mut habits = Self::default();
        for part in text.split(',') {
            let (name, often) = part.split_once('=').ok_or_else(error)?;
            *habits.named(name.trim()).ok_or_else(error)? = percent(often).ok_or_else(error)?;
        }
        Ok(habits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn habits_are_set_together_or_by_name() {
        assert_eq!("5".parse(), Ok(Habits::all(5)));
        assert_eq!("late=10, lost=2".parse(), Ok(Habits { late: 10, lost: 2, ..Habits::default() }));
        for text in ["", "often", "51", "late", "late=-1", "lazy=5"] {
            let error = text.parse::<Habits>().expect_err(text);
            assert!(error.to_string().contains("stood_in"), "{error}");
        }
    }
}
