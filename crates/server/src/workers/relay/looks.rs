//! When a relay looks for what nobody handed to it: often while it finds something, and seldom otherwise.

use std::time::Duration;

use tokio::time::Instant;

/// Looks that find nothing come half as often each time, down to this.
const SELDOM: Duration = Duration::from_millis(200);

/// Looks without a word.
pub(super) struct Looks {
    often: Duration,
    every: Duration,
    last: Option<Instant>,
}

impl Looks {
    /// As often as this while something is found.
    pub(super) fn every(often: Duration) -> Self {
        Self { often, every: often, last: None }
    }

    /// There is a look.
    pub(super) fn begin(&mut self) {
        self.last = Some(Instant::now());
    }

    /// It found something, or nothing.
    pub(super) fn found(&mut self, something: bool) {
        self.every = match something {
            true => self.often,
            false => self.every.saturating_mul(2).min(SELDOM.max(self.often)),
        };
    }

    /// There is something to be found.
    pub(super) fn at_once(&mut self) {
        self.last = None;
    }

    /// In how long the next one is due.
    pub(super) fn due_in(&self) -> Duration {
        self.last.map_or(Duration::ZERO, |last| self.every.saturating_sub(last.elapsed()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn looks_that_find_nothing_come_less_often_until_one_finds_something() {
        const OFTEN: Duration = Duration::from_millis(20);
        let mut looks = Looks::every(OFTEN);
        assert_eq!(looks.due_in(), Duration::ZERO);
        let after = |looks: &mut Looks, something| {
            looks.begin();
            looks.found(something);
            looks.due_in()
        };
        let due: Vec<_> = (0..5).map(|_| after(&mut looks, false)).collect();
        assert_eq!(due, [OFTEN * 2, OFTEN * 4, OFTEN * 8, SELDOM, SELDOM]);
        assert_eq!(after(&mut looks, true), OFTEN);
        looks.at_once();
        assert_eq!(looks.due_in(), Duration::ZERO);
        let mut seldom = Looks::every(SELDOM * 5);
        assert_eq!(after(&mut seldom, false), SELDOM * 5);
    }
}
