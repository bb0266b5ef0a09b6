//! Decisions go first: what else works with events rests while many decisions are under way on this instance.
//!
//! Events can wait, in the outbox or in their queues; a swipe cannot. All of it comes as far as it would otherwise as
//! soon as there are fewer decisions, and an instance that decides nothing never rests.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// So many times as long as it worked somebody rests: at most a fortieth of the time is work.
const RESTS: u32 = 39;

/// Nobody rests longer than this, whatever the work took.
const REST_MAX: Duration = Duration::from_secs(1);

/// Who lets decisions go first.
#[derive(Debug, Clone)]
pub struct Courtesy(watch::Receiver<bool>);

impl Courtesy {
    /// Towards whoever tells that many decisions are under way.
    #[must_use]
    pub fn towards(is_pressed: watch::Receiver<bool>) -> Self {
        Self(is_pressed)
    }

    /// Rests after work that took so long, for as long as many decisions are under way. How long that was.
    pub(crate) async fn rest(&self, worked: Duration) -> Duration {
        let began = Instant::now();
        let rest = worked.saturating_mul(RESTS).min(REST_MAX);
        let mut is_pressed = self.0.clone();
        // Who tells is gone when nobody decides any more.
        let _ = tokio::time::timeout(rest, is_pressed.wait_for(|is_pressed| !is_pressed)).await;
        began.elapsed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WORKED: Duration = Duration::from_millis(20);

    #[tokio::test(start_paused = true)]
    async fn who_worked_rests_only_while_many_decisions_are_under_way() {
        let pressure = watch::Sender::new(false);
        let (courtesy, began) = (Courtesy::towards(pressure.subscribe()), Instant::now());
        courtesy.rest(WORKED).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        pressure.send_replace(true);
        courtesy.rest(WORKED).await;
        assert!(began.elapsed() >= WORKED * RESTS);
        let began = Instant::now();
        courtesy.rest(Duration::from_secs(3600)).await;
        assert!(began.elapsed() < REST_MAX * 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_ends_with_the_rush() {
        let pressure = watch::Sender::new(true);
        let (courtesy, began) = (Courtesy::towards(pressure.subscribe()), Instant::now());
        let calm = async {
            tokio::time::sleep(WORKED).await;
            pressure.send_replace(false);
        };
        tokio::join!(courtesy.rest(WORKED), calm);
        assert!(began.elapsed() < WORKED * 2);
    }
}
