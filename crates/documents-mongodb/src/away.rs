//! Remembers for a moment that MongoDB is away, so that not everybody waits to find out.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bursar_documents::DocumentsError;

/// For so long after somebody found it away, others are told so at once. After that one tries, and others do not wait.
const REMEMBERED: Duration = Duration::from_secs(1);

/// Whether it is away.
#[derive(Default)]
pub(crate) struct Away(Mutex<Option<Outage>>);

struct Outage {
    why: String,
    try_at: Instant,
    is_tried: bool,
}

/// Leave to ask MongoDB. Dropped without a word, somebody else may try.
pub(crate) struct Leave<'a> {
    away: &'a Away,
    /// Whether it is the one try of an outage.
    is_try: bool,
}

impl Away {
    /// Leave to ask at this time.
    ///
    /// # Errors
    /// It was found away a moment ago, or somebody finds out now.
    pub(crate) fn enter(&self, now: Instant) -> Result<Leave<'_>, DocumentsError> {
        match self.outage().as_mut() {
            None => Ok(Leave { away: self, is_try: false }),
            Some(outage) if outage.is_tried || now < outage.try_at => {
                Err(DocumentsError::Unavailable(outage.why.clone()))
            }
            Some(outage) => {
                outage.is_tried = true;
                Ok(Leave { away: self, is_try: true })
            }
        }
    }

    /// Whoever panicked with it left it whole.
    fn outage(&self) -> MutexGuard<'_, Option<Outage>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave<'_> {
    /// It answered. Whether it was away before.
    pub(crate) fn answered(mut self) -> bool {
        self.is_try = false;
        self.away.outage().take().is_some()
    }

    /// It did not, until this time. Whether that is news.
    pub(crate) fn silent(mut self, why: &str, now: Instant) -> bool {
        self.is_try = false;
        let outage = Outage { why: why.to_owned(), try_at: now + REMEMBERED, is_tried: false };
        self.away.outage().replace(outage).is_none()
    }
}

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        if self.is_try
            && let Some(outage) = self.away.outage().as_mut()
        {
            outage.is_tried = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(away: &Away, now: Instant) -> bool {
        matches!(away.enter(now), Err(DocumentsError::Unavailable(why)) if why == "gone")
    }

    #[test]
    fn an_outage_is_told_for_a_moment_then_one_tries() {
        let (away, now) = (Away::default(), Instant::now());
        assert!(away.enter(now).expect("it may be there").silent("gone", now), "that is news");
        assert!(refused(&away, now) && refused(&away, now + REMEMBERED / 2));
        let later = now + REMEMBERED;
        let trying = away.enter(later).expect("one may try");
        assert!(refused(&away, later), "another waits for nothing");
        assert!(!trying.silent("gone", later), "that is known");
        assert!(refused(&away, later));
        assert!(away.enter(later + REMEMBERED).expect("one may try").answered());
        assert!([(); 2].into_iter().all(|()| away.enter(later).is_ok()), "it is there for all");
    }

    #[test]
    fn a_try_that_is_given_up_leaves_it_to_another() {
        let (away, now) = (Away::default(), Instant::now());
        away.enter(now).expect("it may be there").silent("gone", now);
        let later = now + REMEMBERED;
        drop(away.enter(later).expect("one may try"));
        assert!(away.enter(later).is_ok());
    }
}
