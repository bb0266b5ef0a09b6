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
    /// When the next may pass; set while it is open.
    next: Option<Instant>,
}

/// Leave to make a call. One that is dropped without a word counts as a failure.
#[derive(Debug)]
pub struct Pass<'a> {
    breaker: &'a Breaker,
    at: Instant,
    has_succeeded: bool,
}

impl Breaker {
    /// Leave to call at this time, if it gives it.
    #[must_use]
    pub fn pass(&self, at: Instant) -> Option<Pass<'_>> {
        let mut state = self.state();
        if let Some(next) = state.next {
            if at < next {
                return None;
            }
            state.next = Some(at + REST);
        }
        Some(Pass { breaker: self, at, has_succeeded: false })
    }

    /// Whether it lets everybody through.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.state().next.is_none()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Says how the call ended.
    pub fn note(mut self, has_succeeded: bool) {
        self.has_succeeded = has_succeeded;
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        let mut state = self.breaker.state();
        if self.has_succeeded {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= FAILURES_MAX {
            state.next = Some(self.at + REST);
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
        let call = |rests: u32, has_succeeded| {
            breaker.pass(begin + REST * rests).map(|pass| pass.note(has_succeeded)).is_some()
        };
        for has_succeeded in [false, false, true, false, false] {
            assert!(call(0, has_succeeded) && breaker.is_closed());
        }
        assert!(call(0, false));
        assert!(!breaker.is_closed() && !call(0, true), "nobody passes while it rests");
        let probe = breaker.pass(begin + REST).expect("one passes");
        assert!(!call(1, true), "one at a time");
        drop(probe);
        assert!(!call(1, true), "what is dropped has failed");
        assert!(call(2, true) && breaker.is_closed());
        assert!(call(2, false) && breaker.is_closed(), "what failed before is forgotten");
    }
}
