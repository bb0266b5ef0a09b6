//! Keeps everybody from waiting for an API that is away. Own code, for the crates that do it let everybody through
//! at once when they try again.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// So many failures in a row open it.
const FAILURES_MAX: u32 = 3;

/// How long it then lets nobody through.
const REST: Duration = Duration::from_secs(30);

/// Lets everybody through until calls fail in a row; then nobody for a while, and after that one at a time until a
/// call succeeds.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    /// When one may pass; set while it is open.
    next: Option<Instant>,
    /// Whether that one is under way.
    is_probed: bool,
}

/// Leave to make a call. One that is dropped without a word says nothing of the API.
#[derive(Debug)]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    is_probe: bool,
}

impl Breaker {
    /// Leave to call at this time, if it gives it.
    #[must_use]
    pub fn pass(&self, at: Instant) -> Option<Pass<'_>> {
        let mut state = self.state();
        if !state.lets_through(at) {
            return None;
        }
        state.is_probed = state.next.is_some();
        Some(Pass { breaker: self, is_probe: state.is_probed })
    }

    /// Whether it would let somebody through at this time.
    #[must_use]
    pub fn lets_through(&self, at: Instant) -> bool {
        self.state().lets_through(at)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lets_through(&self, at: Instant) -> bool {
        self.next.is_none_or(|next| at >= next && !self.is_probed)
    }
}

impl Pass<'_> {
    /// Says that the call ended at this time, and how.
    pub fn note(self, at: Instant, has_succeeded: bool) {
        let mut state = self.breaker.state();
        if has_succeeded {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES_MAX {
            let next = at + REST;
            state.next = Some(state.next.map_or(next, |before| before.max(next)));
        }
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.is_probe {
            self.breaker.state().is_probed = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_after_failures_in_a_row_and_tries_one_call_after_a_rest() {
        let breaker = Breaker::default();
        let begin = Instant::now();
        let at = |rests: u32| begin + REST * rests;
        let call = |from, to, has_succeeded| {
            breaker.pass(at(from)).map(|pass| pass.note(at(to), has_succeeded)).is_some()
        };
        for has_succeeded in [false, false, true, false, false] {
            assert!(call(0, 0, has_succeeded));
        }
        drop(breaker.pass(at(0)));
        assert!(breaker.lets_through(at(0)), "what is dropped says nothing");
        assert!(call(0, 1, false), "a slow one");
        assert!(!breaker.lets_through(at(1)) && !call(1, 1, true), "nobody passes while it rests");
        let probe = breaker.pass(at(2)).expect("one passes");
        assert!(!call(9, 9, true), "one at a time");
        drop(probe);
        assert!(call(2, 2, false) && !call(2, 2, true), "the next one, and it fails");
        assert!(
            call(3, 3, true) && call(3, 3, false) && breaker.lets_through(at(3)),
            "what failed before is forgotten"
        );
    }
}
