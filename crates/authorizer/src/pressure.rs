//! How many decisions are under way, for whoever had better wait while there are many.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

pub(crate) struct Pressure {
    under_way: AtomicUsize,
    /// More than so many are many, until they are half as many.
    many: usize,
    /// Told when it changes, and not at every decision.
    pub(crate) is_high: watch::Sender<bool>,
}

/// A decision that is under way.
pub(crate) struct UnderWay<'a>(&'a Pressure);

impl Pressure {
    pub(crate) fn new(many: usize) -> Self {
        Self { under_way: AtomicUsize::new(0), many, is_high: watch::Sender::new(false) }
    }

    /// One more, until what is returned is dropped.
    pub(crate) fn rise(&self) -> UnderWay<'_> {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        if before == self.many {
            self.tell();
        }
        UnderWay(self)
    }

    /// Looks again under the channel's lock: of two who tell at once the last tells what is so.
    fn tell(&self) {
        self.is_high.send_if_modified(|is_high| {
            let many = if *is_high { self.many / 2 } else { self.many };
            let was_high = std::mem::replace(is_high, self.under_way.load(Ordering::Relaxed) > many);
            was_high != *is_high
        });
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let before = self.0.under_way.fetch_sub(1, Ordering::Relaxed);
        if before.checked_sub(1) == Some(self.0.many / 2) {
            self.0.tell();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_many_are_told_of_once_and_so_is_their_end() {
        let pressure = Pressure::new(2);
        let mut told = pressure.is_high.subscribe();
        let mut is_told = || told.has_changed().unwrap_or(false).then(|| *told.borrow_and_update());
        let first = pressure.rise();
        let second = pressure.rise();
        assert_eq!(is_told(), None);
        let third = pressure.rise();
        assert_eq!(is_told(), Some(true));
        let fourth = pressure.rise();
        drop((third, fourth));
        // Two would not have been many, and are not yet few.
        assert_eq!(is_told(), None);
        drop(second);
        assert_eq!(is_told(), Some(false));
        drop(first);
        assert_eq!(is_told(), None);
    }
}
