//! Has the other instances hear what changed. A word that cannot be said is kept until it can.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep, timeout};

use crate::key_value::Key;
use crate::second::Second;

/// Who changed something waits no longer until the others have heard.
const PATIENCE: Duration = Duration::from_millis(20);

/// Between two tries to say what could not be said.
const PAUSE: Duration = Duration::from_millis(50);

/// It is tried again after so long also where values are not asked for: for them who answers may be too slow for ever.
const AGAIN: Duration = Duration::from_secs(1);

/// Keys in one word.
const AT_ONCE: usize = 256;

/// Keys that wait, at most; of more the oldest are let go, for they have been out of use for longest.
const WAITING_MAX: usize = 100_000;

/// What waits to be said.
#[derive(Clone, Default)]
pub(crate) struct Forgetter(Arc<State>);

#[derive(Default)]
struct State {
    unsaid: Mutex<Unsaid>,
    something: Notify,
}

#[derive(Default)]
struct Unsaid {
    queue: VecDeque<Waiting>,
    /// How often each is to be said, those that are being said included.
    times: HashMap<Key, u32>,
}

struct Waiting {
    key: Key,
    since: Instant,
    /// Of the last key of who waits.
    heard: Option<oneshot::Sender<()>>,
}

/// The others hearing of a change.
#[must_use = "an answer that leaves before it may be read again as it was"]
pub struct Heard(oneshot::Receiver<()>);

impl Heard {
    /// Waits until they have heard, for a moment at most.
    pub async fn wait(self) {
        // That it could not be said in time is as good: it will be.
        let _ = timeout(PATIENCE, self.0).await;
    }
}

impl Forgetter {
    /// Has it said that these are gone, soon.
    pub(crate) fn say(&self, keys: Vec<Key>) -> Heard {
        let (heard, hears) = oneshot::channel();
        let since = Instant::now();
        let last = keys.len().saturating_sub(1);
        let mut heard = Some(heard);
        let mut unsaid = self.unsaid();
        for (index, key) in keys.into_iter().enumerate() {
            let heard = (index == last).then(|| heard.take()).flatten();
            *unsaid.times.entry(key.clone()).or_default() += 1;
            unsaid.queue.push_back(Waiting { key, since, heard });
        }
        while unsaid.queue.len() > WAITING_MAX {
            unsaid.drop_first();
        }
        drop(unsaid);
        self.0.something.notify_one();
        Heard(hears)
    }

    /// Whether it is still to be said that this is gone: then what the others have may be as it was.
    pub(crate) fn is_unsaid(&self, key: &Key) -> bool {
        self.unsaid().times.contains_key(key)
    }

    /// Says what waits, for ever. What is older than any value may be is not said any more.
    pub(crate) async fn run(self, second: Second, kept_max: Duration) {
        loop {
            let mut batch = self.take(kept_max);
            if batch.is_empty() {
                self.0.something.notified().await;
                continue;
            }
            let keys: Vec<Key> = batch.iter().map(|waiting| waiting.key.clone()).collect();
            match second.forget(&keys).await {
                Ok(()) => {
                    self.unsaid().are_said(&keys);
                    for heard in batch.into_iter().filter_map(|waiting| waiting.heard) {
                        // Who waited may have gone.
                        let _ = heard.send(());
                    }
                }
                Err(_) => {
                    for waiting in &mut batch {
                        waiting.heard = None;
                    }
                    self.put_back(batch);
                    let _ = timeout(AGAIN, second.values.until_whole()).await;
                    // One that refuses is whole.
                    sleep(PAUSE).await;
                }
            }
        }
    }

    fn take(&self, kept_max: Duration) -> Vec<Waiting> {
        let mut unsaid = self.unsaid();
        while unsaid.queue.front().is_some_and(|first| first.since.elapsed() > kept_max) {
            unsaid.drop_first();
        }
        let count = unsaid.queue.len().min(AT_ONCE);
        unsaid.queue.drain(..count).collect()
    }

    fn put_back(&self, batch: Vec<Waiting>) {
        let mut unsaid = self.unsaid();
        batch.into_iter().rev().for_each(|one| unsaid.queue.push_front(one));
    }

    fn unsaid(&self) -> MutexGuard<'_, Unsaid> {
        self.0.unsaid.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Unsaid {
    fn drop_first(&mut self) {
        if let Some(first) = self.queue.pop_front() {
            self.are_said(&[first.key]);
        }
    }

    fn are_said(&mut self, keys: &[Key]) {
        for key in keys {
            if let Some(times) = self.times.get_mut(key) {
                *times -= 1;
                if *times == 0 {
                    self.times.remove(key);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guarded::tests::hanging;
    use crate::key_value::KeyValue;
    use crate::seal::Seal;

    #[tokio::test(start_paused = true)]
    async fn what_could_not_be_said_is_said_to_one_that_stays_too_slow_for_values() {
        let slow = hanging();
        let seal = Seal::new(uuid::Uuid::from_u128(1), &[7; 32]);
        let key = seal.key("card", b"token-1");
        let (second, _writes) = Second::new(slow.clone(), seal);
        let mut others = slow.forgotten();
        slow.hangs.send_replace(true);
        let forgetter = Forgetter::default();
        let saying = tokio::spawn(forgetter.clone().run(second.clone(), Duration::from_secs(300)));
        forgetter.say(vec![key.clone()]).wait().await;
        sleep(AGAIN * 4).await;
        assert!(forgetter.is_unsaid(&key) && second.values.problem().is_some());
        slow.takes.send_replace(Duration::from_millis(200));
        slow.hangs.send_replace(false);
        let heard = timeout(AGAIN * 10, others.recv()).await;
        assert_eq!(heard, Ok(Ok(vec![key])));
        saying.abort();
    }
}
