//! Counts that instances have in common. Nobody waits for them: each instance adds up what it counts, and now and then they
//! tell one another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use uuid::Uuid;

use crate::key_value::{Key, KeyValue};
use crate::seal::Seal;

/// Counts that are kept here, at most. Those beyond are not counted.
const COUNTS_MAX: usize = 1_000;

/// Counts of windows: each is of a time that begins with a multiple of its length.
pub struct Counters {
    /// Who tells: what it told before is replaced, so a count that is told twice counts once.
    me: String,
    seal: Seal,
    values: Option<Arc<dyn KeyValue>>,
    counts: Mutex<HashMap<Name, Count>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Name {
    what: Arc<str>,
    window_ms: u64,
    number: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Count {
    /// Of this instance.
    own: u64,
    /// Of the others, when they were asked last.
    others: u64,
}

impl Counters {
    /// Counts of the instances that share these values; of this one alone if there are none.
    #[must_use]
    pub fn new(seal: Seal, values: Option<Arc<dyn KeyValue>>) -> Self {
        Self { me: Uuid::new_v4().simple().to_string(), seal, values, counts: Mutex::default() }
    }

    /// Adds to the count of the window that this moment is in. How much it comes to, as far as is known here: what others
    /// counted in the last moment is not in it, and nothing of theirs while they cannot be asked.
    pub fn add(&self, what: &str, window: Duration, more: u64, at: Timestamp) -> u64 {
        let name = Name::at(what, window, at, 0);
        let mut counts = self.counts();
        if counts.len() >= COUNTS_MAX && !counts.contains_key(&name) {
            return more;
        }
        let count = counts.entry(name).or_default();
        count.own = count.own.saturating_add(more);
        count.sum()
    }

    /// The count of the window that this moment is in, or of one that was so many windows before, as far as is known here.
    pub fn read(&self, what: &str, window: Duration, at: Timestamp, before: u64) -> u64 {
        self.counts().get(&Name::at(what, window, at, before)).map_or(0, Count::sum)
    }

    /// Tells once what this instance counted, and learns what all did.
    pub async fn tell(&self, now: Timestamp) {
        self.forget_past(now);
        let Some(values) = &self.values else { return };
        let own = self.own();
        if own.is_empty() {
            return;
        }
        let told: Vec<(Key, u64, Duration)> =
            own.iter().map(|(name, count)| (name.key(&self.seal), *count, name.kept())).collect();
        // What cannot be told now is next time.
        let Ok(sums) = values.tell(&self.me, &told).await else { return };
        let mut counts = self.counts();
        for ((name, own), sum) in own.iter().zip(sums) {
            if let Some(count) = counts.get_mut(name) {
                count.others = sum.saturating_sub(*own);
            }
        }
    }

    /// What this instance counted, a zero too: others may have counted.
    fn own(&self) -> Vec<(Name, u64)> {
        self.counts().iter().map(|(name, count)| (name.clone(), count.own)).collect()
    }

    /// The window before counts still, for who smooths.
    fn forget_past(&self, now: Timestamp) {
        self.counts().retain(|name, _| name.number + 2 > number(name.window_ms, now));
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<Name, Count>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn sum(&self) -> u64 {
        self.own.saturating_add(self.others)
    }
}

impl Name {
    fn at(what: &str, window: Duration, at: Timestamp, before: u64) -> Self {
        let window_ms = u64::try_from(window.as_millis()).unwrap_or(u64::MAX).max(1);
        Self { what: what.into(), window_ms, number: number(window_ms, at).saturating_sub(before) }
    }

    fn key(&self, seal: &Seal) -> Key {
        seal.key("count", format!("{} {} {}", self.what, self.window_ms, self.number).as_bytes())
    }

    fn kept(&self) -> Duration {
        Duration::from_millis(self.window_ms).saturating_mul(3)
    }
}

fn number(window_ms: u64, at: Timestamp) -> u64 {
    u64::try_from(at.as_millisecond()).unwrap_or_default() / window_ms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::MemoryKeyValue;

    const SECOND: Duration = Duration::from_secs(1);

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).expect("a time")
    }

    fn sharing(values: Option<Arc<dyn KeyValue>>) -> Counters {
        Counters::new(Seal::new(Uuid::from_u128(1), &[7; 32]), values)
    }

    #[tokio::test]
    async fn instances_learn_what_the_others_counted() {
        let values: Arc<dyn KeyValue> = Arc::new(MemoryKeyValue::default());
        let [one, other] = [(); 2].map(|()| sharing(Some(values.clone())));
        assert_eq!(one.add("calls", SECOND, 3, at(10_100)), 3);
        assert_eq!(other.add("calls", SECOND, 4, at(10_200)), 4);
        one.tell(at(10_300)).await;
        other.tell(at(10_300)).await;
        one.tell(at(10_400)).await;
        for counters in [&one, &other] {
            assert_eq!(counters.read("calls", SECOND, at(10_900), 0), 7);
            assert_eq!(counters.read("calls", SECOND, at(11_000), 1), 7);
        }
        assert_eq!(one.add("calls", SECOND, 1, at(10_950)), 8);
        assert_eq!(one.add("calls", SECOND, 1, at(11_000)), 1, "the next window begins anew");
        assert_eq!(one.add("other calls", SECOND, 1, at(10_950)), 1);
    }

    #[tokio::test]
    async fn an_instance_alone_counts_its_own_and_forgets_what_is_past() {
        let alone = sharing(None);
        assert_eq!(alone.add("calls", SECOND, 3, at(10_100)), 3);
        alone.tell(at(10_200)).await;
        assert_eq!(alone.add("calls", SECOND, 1, at(10_300)), 4);
        alone.tell(at(12_000)).await;
        assert_eq!(alone.counts().len(), 0);
    }
}
