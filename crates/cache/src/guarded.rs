//! A breaker: a store of values that is away, or hangs, costs whoever asks a moment once, and then nothing.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::key_value::{Condition, Key, KeyValue, KeyValueError};

/// Nobody waits longer: without it a swipe is looked up in the ledger.
const PATIENCE: Duration = Duration::from_millis(20);

/// How often one that is away is asked whether it is back, by nobody who waits: at first, and as it goes on.
const ASKED_AFTER: Duration = Duration::from_millis(100);
const ASKED_AFTER_MAX: Duration = Duration::from_secs(1);

/// So many answers in time in a row, and it is back: one that is slow is not asked again for each that comes early.
const ANSWERS: usize = 3;

/// A refusal is told of for so long.
const REFUSED_FOR: Duration = Duration::from_secs(10);

/// How long a question how it is may take, and how long it is left alone before anybody is told.
const LONG_PATIENCE: Duration = Duration::from_secs(1);

/// How long a word to other instances may take: to remove, and to tell, a second each.
const WORD_PATIENCE: Duration = Duration::from_secs(2);

/// Stands before another store of values.
pub struct Guarded {
    inner: Arc<dyn KeyValue>,
    /// Since when it is not asked, and why; `None` while it is.
    broken: watch::Sender<Option<(Instant, KeyValueError)>>,
    /// What it refused last, and when.
    refused: Mutex<Option<(Instant, KeyValueError)>>,
}

impl Guarded {
    /// Before this one. It is taken to be there until it shows otherwise.
    #[must_use]
    pub fn new(inner: Arc<dyn KeyValue>) -> Arc<Self> {
        Arc::new(Self { inner, broken: watch::Sender::new(None), refused: Mutex::default() })
    }

    /// Asks one that is away whether it is back, for as long as this is polled.
    pub async fn watch(self: Arc<Self>) {
        let mut broken = self.broken.subscribe();
        while broken.wait_for(Option::is_some).await.is_ok() {
            let mut pause = ASKED_AFTER;
            let mut answers = 0;
            while answers < ANSWERS {
                sleep(pause).await;
                pause = (pause * 2).min(ASKED_AFTER_MAX);
                answers = if self.answers_in_time().await { answers + 1 } else { 0 };
                if answers > 0 {
                    pause = Duration::ZERO;
                }
            }
            tracing::info!("the cache's server answers again");
            self.broken.send_replace(None);
        }
    }

    /// Whether what is asked of it is answered as fast as it has to be, if only by a refusal.
    async fn answers_in_time(&self) -> bool {
        let asked = timeout(PATIENCE, self.inner.get(&Key::new("bursar:is-it-there"))).await;
        matches!(asked, Ok(Ok(_) | Err(KeyValueError::Refused(_))))
    }

    /// What it refused lately.
    fn refusal(&self) -> Option<KeyValueError> {
        let refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.as_ref().filter(|(at, _)| at.elapsed() < REFUSED_FOR).map(|(_, why)| why.clone())
    }

    fn note_refusal(&self, why: &KeyValueError) {
        let is_new = self.refusal().is_none();
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), why.clone()));
        if is_new {
            tracing::warn!("the cache's server answers, and {why}");
        }
    }

    /// Why it is not asked now, if it is not.
    #[must_use]
    pub fn problem(&self) -> Option<KeyValueError> {
        self.broken.borrow().as_ref().map(|(_, why)| why.clone())
    }

    /// What is wrong with it although it may answer: it refused something lately, or has not been asked for a while.
    pub(crate) fn trouble(&self) -> Option<KeyValueError> {
        let broken = self.broken.borrow().clone();
        let lasting = broken.filter(|(since, _)| since.elapsed() >= LONG_PATIENCE).map(|(_, why)| why);
        lasting.or_else(|| self.refusal())
    }

    /// Done when it is asked again.
    pub(crate) async fn until_whole(&self) {
        // Who tells is this.
        let _ = self.broken.subscribe().wait_for(Option::is_none).await;
    }

    /// Removes values and has every instance hear it, even while it answers too slowly to be asked for values: the others
    /// may still hear, and until they have, they show what was.
    pub(crate) async fn say_gone(&self, keys: &[Key]) -> Result<(), KeyValueError> {
        let mut saying = self.inner.forget(keys);
        if let Ok(said) = timeout(PATIENCE, &mut saying).await {
            self.learn_from(&said);
            return said;
        }
        // Nothing else is learned of what comes later: it may have been asked for again meanwhile.
        self.break_off(&silent(PATIENCE));
        timeout(WORD_PATIENCE, saying).await.unwrap_or_else(|_| Err(silent(WORD_PATIENCE)))
    }

    async fn ask<T>(
        &self,
        asking: impl Future<Output = Result<T, KeyValueError>>,
    ) -> Result<T, KeyValueError> {
        if let Some(away) = self.problem() {
            return Err(away);
        }
        let answer = timeout(PATIENCE, asking).await.unwrap_or_else(|_| Err(silent(PATIENCE)));
        self.learn_from(&answer);
        answer
    }

    fn learn_from<T>(&self, answer: &Result<T, KeyValueError>) {
        match answer {
            Err(away @ KeyValueError::Away(_)) => self.break_off(away),
            Err(why) => self.note_refusal(why),
            Ok(_) => {}
        }
    }

    fn break_off(&self, away: &KeyValueError) {
        let is_first = self.broken.send_if_modified(|broken| {
            let is_first = broken.is_none();
            let since = broken.as_ref().map_or_else(Instant::now, |(since, _)| *since);
            *broken = Some((since, away.clone()));
            is_first
        });
        if is_first {
            tracing::warn!("the cache's server is left alone until it answers again: {away}");
        }
    }
}

fn silent(patience: Duration) -> KeyValueError {
    KeyValueError::away(format!("no answer within {patience:?}"))
}

#[async_trait]
impl KeyValue for Guarded {
    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.ask(self.inner.get(key)).await
    }

    async fn set(&self, key: &Key, value: &[u8], kept: Duration) -> Result<(), KeyValueError> {
        self.ask(self.inner.set(key, value, kept)).await
    }

    async fn set_absent(
        &self,
        key: &Key,
        value: &[u8],
        kept: Duration,
    ) -> Result<Option<Vec<u8>>, KeyValueError> {
        self.ask(self.inner.set_absent(key, value, kept)).await
    }

    async fn swap(&self, key: &Key, old: &[u8], new: &[u8], kept: Duration) -> Result<bool, KeyValueError> {
        self.ask(self.inner.swap(key, old, new, kept)).await
    }

    async fn forget(&self, keys: &[Key]) -> Result<(), KeyValueError> {
        self.ask(self.inner.forget(keys)).await
    }

    async fn tell(&self, by: &str, counts: &[(Key, u64, Duration)]) -> Result<Vec<u64>, KeyValueError> {
        self.ask(self.inner.tell(by, counts)).await
    }

    fn forgotten(&self) -> broadcast::Receiver<Vec<Key>> {
        self.inner.forgotten()
    }

    fn hearing(&self) -> watch::Receiver<bool> {
        self.inner.hearing()
    }

    /// For who wants to know, and not for who needs a value: it has more time, and breaks nothing off.
    async fn probe(&self) -> Result<Condition, KeyValueError> {
        timeout(LONG_PATIENCE, self.inner.probe()).await.unwrap_or_else(|_| Err(silent(LONG_PATIENCE)))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::future::pending;

    use super::*;
    use crate::memory::MemoryKeyValue;

    /// Answers only while it is let.
    pub(crate) struct Hanging {
        inner: MemoryKeyValue,
        pub(crate) hangs: watch::Sender<bool>,
        pub(crate) takes: watch::Sender<Duration>,
        asked: std::sync::atomic::AtomicU32,
    }

    impl Hanging {
        async fn pass(&self) {
            self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            if *self.hangs.borrow() {
                pending::<()>().await;
            }
            let takes = *self.takes.borrow();
            sleep(takes).await;
        }
    }

    #[async_trait]
    impl KeyValue for Hanging {
        async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, KeyValueError> {
            self.pass().await;
            self.inner.get(key).await
        }

        async fn set(&self, key: &Key, value: &[u8], kept: Duration) -> Result<(), KeyValueError> {
            self.inner.set(key, value, kept).await
        }

        async fn set_absent(&self, _: &Key, _: &[u8], _: Duration) -> Result<Option<Vec<u8>>, KeyValueError> {
            Err(KeyValueError::refused("read only"))
        }

        async fn swap(&self, _: &Key, _: &[u8], _: &[u8], _: Duration) -> Result<bool, KeyValueError> {
            Err(KeyValueError::away("gone"))
        }

        async fn forget(&self, keys: &[Key]) -> Result<(), KeyValueError> {
            self.pass().await;
            self.inner.forget(keys).await
        }

        async fn tell(&self, by: &str, counts: &[(Key, u64, Duration)]) -> Result<Vec<u64>, KeyValueError> {
            self.inner.tell(by, counts).await
        }

        fn forgotten(&self) -> broadcast::Receiver<Vec<Key>> {
            self.inner.forgotten()
        }

        fn hearing(&self) -> watch::Receiver<bool> {
            self.inner.hearing()
        }

        async fn probe(&self) -> Result<Condition, KeyValueError> {
            self.pass().await;
            self.inner.probe().await
        }
    }

    pub(crate) fn hanging() -> Arc<Hanging> {
        Arc::new(Hanging {
            inner: MemoryKeyValue::default(),
            hangs: watch::Sender::new(false),
            takes: watch::Sender::new(Duration::ZERO),
            asked: std::sync::atomic::AtomicU32::new(0),
        })
    }

    fn guarded() -> (Arc<Hanging>, Arc<Guarded>) {
        let hanging = hanging();
        (hanging.clone(), Guarded::new(hanging))
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_costs_a_moment_once_and_nothing_until_it_is_back() {
        let (hanging, guarded) = guarded();
        let key = Key::new("a");
        assert_eq!(guarded.get(&key).await, Ok(None));
        hanging.hangs.send_replace(true);
        let began = Instant::now();
        assert!(guarded.get(&key).await.is_err());
        assert_eq!(began.elapsed(), PATIENCE);
        for _ in 0..1_000 {
            assert!(guarded.get(&key).await.is_err());
        }
        assert_eq!(began.elapsed(), PATIENCE);
        assert_eq!(hanging.asked.load(std::sync::atomic::Ordering::SeqCst), 2);
        let watching = tokio::spawn(guarded.clone().watch());
        hanging.hangs.send_replace(false);
        guarded.until_whole().await;
        assert_eq!((guarded.get(&key).await, guarded.problem()), (Ok(None), None));
        watching.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_gone_is_said_to_one_that_is_too_slow_for_values() {
        let (slow, guarded) = guarded();
        let mut heard = slow.forgotten();
        slow.takes.send_replace(PATIENCE * 2);
        let key = Key::new("a");
        assert!(guarded.get(&key).await.is_err() && guarded.problem().is_some());
        assert_eq!(guarded.say_gone(std::slice::from_ref(&key)).await, Ok(()));
        assert_eq!(heard.recv().await.as_deref(), Ok(&[key][..]));
        assert_eq!(guarded.trouble(), None, "for so short a time nobody is told");
        sleep(LONG_PATIENCE).await;
        assert_eq!(guarded.trouble(), guarded.problem());
        slow.hangs.send_replace(true);
        let began = Instant::now();
        assert!(guarded.say_gone(&[Key::new("b")]).await.is_err());
        assert_eq!(began.elapsed(), PATIENCE + WORD_PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_says_it_is_away_is_left_alone_and_one_that_refuses_is_not() {
        let (_, guarded) = guarded();
        let key = Key::new("a");
        assert!(guarded.set_absent(&key, b"", PATIENCE).await.is_err());
        assert_eq!(guarded.problem(), None);
        assert_eq!(guarded.refusal(), Some(KeyValueError::refused("read only")));
        tokio::time::advance(REFUSED_FOR).await;
        assert_eq!(guarded.refusal(), None);
        assert!(guarded.swap(&key, b"", b"", PATIENCE).await.is_err());
        assert_eq!(guarded.problem(), Some(KeyValueError::away("gone")));
    }
}
