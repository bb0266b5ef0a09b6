//! Why events wait, for as long as they do.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What keeps a relay from publishing.
#[derive(Default)]
pub(super) struct Problem(Mutex<Option<Noted>>);

struct Noted {
    why: Arc<str>,
    /// Before this a success is that of other events.
    stays_until: Instant,
}

impl Problem {
    /// Events could not be published, and do not come again for this time. Whether that is news: it was not so before,
    /// or for another reason.
    pub(super) fn note(&self, why: &impl Display, come_again_in: Duration) -> bool {
        let noted = Noted { why: why.to_string().into(), stays_until: Instant::now() + come_again_in };
        self.with(|problem| {
            let is_news = problem.as_ref().is_none_or(|before| before.why != noted.why);
            *problem = Some(noted);
            is_news
        })
    }

    /// All that there were could be published. Whether that is news.
    pub(super) fn ends(&self) -> bool {
        self.with(|problem| problem.take_if(|noted| noted.stays_until <= Instant::now()).is_some())
    }

    pub(super) fn why(&self) -> Option<Arc<str>> {
        self.with(|problem| problem.as_ref().map(|noted| noted.why.clone()))
    }

    fn with<T>(&self, of: impl FnOnce(&mut Option<Noted>) -> T) -> T {
        of(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn it_is_news_once_and_so_is_its_end() {
        let problem = Problem::default();
        assert!(!problem.ends());
        assert!(problem.note(&"away", Duration::ZERO) && !problem.note(&"away", Duration::ZERO));
        assert!(problem.note(&"mute", Duration::ZERO));
        assert_eq!(problem.why().as_deref(), Some("mute"));
        assert!(problem.ends() && !problem.ends());
        assert_eq!(problem.why(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn of_events_that_are_refused_it_ends_only_when_they_come_again() {
        let problem = Problem::default();
        problem.note(&"refused", LEASE);
        // Others went well meanwhile.
        assert!(!problem.ends());
        assert_eq!(problem.why().as_deref(), Some("refused"));
        tokio::time::advance(LEASE).await;
        assert!(problem.ends());
    }
}
