//! Decisions go first: what else works with events rests while many decisions are under way on this instance.
//!
//! Events can wait, in the outbox or in their queues; a swipe cannot. All of it comes as far as it would otherwise as
//! soon as there are fewer decisions, and an instance that decides nothing never rests.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

/// So many times as long as it worked somebody rests: at most a twentieth of the time is work.
const RESTS: u32 = 19;

/// Nobody rests longer than this, whatever the work took.
const REST_MAX: Duration = Duration::from_secs(1);

/// A rush is over after so long without many decisions: those that are answered together leave few for a moment.
const CALM: Duration = Duration::from_millis(5);

/// Who lets decisions go first.
#[derive(Debug, Clone)]
pub struct Courtesy(watch::Receiver<bool>);

/// Work that is under way, by who lets decisions go first.
pub(crate) struct Shift {
    is_pressed: watch::Receiver<bool>,
    began: Instant,
}

impl Courtesy {
    /// Towards whoever tells that many decisions are under way.
    #[must_use]
    pub fn towards(is_pressed: watch::Receiver<bool>) -> Self {
        Self(is_pressed)
    }

    /// Begins to work.
    pub(crate) fn begin(&self) -> Shift {
        let mut is_pressed = self.0.clone();
        is_pressed.mark_unchanged();
        Shift { is_pressed, began: Instant::now() }
    }
}

impl Shift {
    /// Ends the work, and rests if many decisions were under way meanwhile, until there are few. How long that was.
    pub(crate) async fn rest(mut self) -> Duration {
        // Who tells is gone when nobody decides any more.
        let is_rush = *self.is_pressed.borrow() || self.is_pressed.has_changed().unwrap_or(false);
        if !is_rush {
            return Duration::ZERO;
        }
        let ended = Instant::now();
        let rest = (ended - self.began).saturating_mul(RESTS).min(REST_MAX);
        let _ = timeout(rest, self.calm()).await;
        ended.elapsed()
    }

    /// Until the rush is over.
    async fn calm(&mut self) {
        while self.is_pressed.wait_for(|is_pressed| !is_pressed).await.is_ok() {
            let pressed = timeout(CALM, self.is_pressed.wait_for(|is_pressed| *is_pressed)).await;
            if !matches!(pressed, Ok(Ok(_))) {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    const WORKED: Duration = Duration::from_millis(20);

    /// How long it rests after work of this length, during which the pressure is as is said.
    async fn rested(pressure: &watch::Sender<bool>, worked: Duration, during: &[bool]) -> Duration {
        let shift = Courtesy::towards(pressure.subscribe()).begin();
        for &is_pressed in during {
            pressure.send_if_modified(|was| std::mem::replace(was, is_pressed) != is_pressed);
        }
        sleep(worked).await;
        shift.rest().await
    }

    #[tokio::test(start_paused = true)]
    async fn who_worked_rests_only_while_many_decisions_are_under_way() {
        let pressure = watch::Sender::new(false);
        assert_eq!(rested(&pressure, WORKED, &[]).await, Duration::ZERO);
        assert!(rested(&pressure, WORKED, &[true]).await >= WORKED * RESTS);
        assert!(rested(&pressure, Duration::from_secs(3600), &[true]).await < REST_MAX * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_ends_when_the_rush_is_over_and_not_for_a_moment_of_calm() {
        let pressure = watch::Sender::new(true);
        let moments = async {
            sleep(WORKED).await;
            for is_pressed in [false, true, false, true] {
                sleep(CALM / 2).await;
                pressure.send_replace(is_pressed);
            }
            sleep(WORKED * 2).await;
            pressure.send_replace(false);
        };
        let (rested, ()) = tokio::join!(rested(&pressure, WORKED, &[]), moments);
        assert!(rested >= CALM * 2 + WORKED * 2 + CALM && rested < WORKED * RESTS, "{rested:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_rush_that_paused_for_a_moment_as_the_work_ended_is_one() {
        let pressure = watch::Sender::new(false);
        assert!(rested(&pressure, WORKED, &[true, false]).await >= CALM);
        // Without a word from anybody it is over.
        assert!(rested(&pressure, WORKED, &[true, false]).await < CALM * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_rests_when_nobody_decides_any_more() {
        for was_pressed in [true, false] {
            let pressure = watch::Sender::new(!was_pressed);
            let shift = Courtesy::towards(pressure.subscribe()).begin();
            pressure.send_replace(was_pressed);
            sleep(WORKED).await;
            let gone = async {
                sleep(CALM / 2).await;
                drop(pressure);
            };
            let (rested, ()) = tokio::join!(shift.rest(), gone);
            assert!(rested < CALM, "{was_pressed}: {rested:?}");
        }
    }
}
