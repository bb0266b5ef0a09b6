//! The port, in Redis' commands.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use bursar_cache::{Condition, Key, KeyValue, KeyValueError};
use futures_util::future::try_join_all;
use redis::{Cmd, RedisError, Script, Value, cmd};
use tokio::sync::{broadcast, watch};
use tokio::task::JoinSet;

use crate::address::Address;
use crate::condition;
use crate::ear::Ear;
use crate::link::{Link, is_foreign, meaning};

/// Words that wait for somebody who listens slowly; of more he is told that he missed some.
const WORDS_MAX: usize = 4096;

/// Replaces a value, if the old one is there.
static SWAP: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
         redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
         return 1",
    )
});

/// Keeps what one teller counted, and adds up what all did. What is there and is no count begins anew: somebody else put it
/// there.
static TELL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('TYPE', KEYS[1]).ok ~= 'hash' then redis.call('DEL', KEYS[1]) end
         redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
         if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
         local sum = 0
         for _, count in ipairs(redis.call('HVALS', KEYS[1])) do
             local number = tonumber(count)
             if number and number > 0 then sum = sum + number end
         end
         return sum",
    )
});

/// Where Redis is, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its URL, of the form [`URL_FORM`](crate::URL_FORM).
    pub url: String,
    /// How long it may take to connect.
    pub connect_timeout: Duration,
    /// The channel on which instances say what they forget.
    pub channel: String,
}

/// Values on Redis.
pub struct RedisKeyValue {
    link: Link,
    channel: String,
    forgotten: broadcast::Sender<Vec<Key>>,
    hearing: watch::Sender<bool>,
    /// Ended with it.
    _listening: JoinSet<()>,
}

impl RedisKeyValue {
    /// Begins to connect, and goes on in the background: a Redis that is away now may come. Has to be called within a
    /// runtime.
    ///
    /// # Errors
    /// The URL is wrong, without what is in it.
    pub fn start(options: Options) -> Result<Self, String> {
        let Options { url, connect_timeout, channel } = options;
        let address = Address::read(&url).map_err(|why| format!("the URL of Redis {why}"))?;
        let link = Link::to(&address, connect_timeout).map_err(|error| error.to_string())?;
        let (forgotten, hearing) = (broadcast::Sender::new(WORDS_MAX), watch::Sender::new(false));
        let ear = Ear {
            nodes: address.nodes,
            channel: channel.clone(),
            connect_timeout,
            forgotten: forgotten.clone(),
            hearing: hearing.clone(),
        };
        let mut listening = JoinSet::new();
        listening.spawn(ear.listen());
        Ok(Self { link, channel, forgotten, hearing, _listening: listening })
    }
}

#[async_trait]
impl KeyValue for RedisKeyValue {
    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, KeyValueError> {
        theirs(self.link.run(cmd("GET").arg(key.as_str())).await)
    }

    async fn set(&self, key: &Key, value: &[u8], kept: Duration) -> Result<(), KeyValueError> {
        self.link.run(&set(key, value, kept)).await.map_err(|error| meaning(&error))
    }

    async fn set_absent(
        &self,
        key: &Key,
        value: &[u8],
        kept: Duration,
    ) -> Result<Option<Vec<u8>>, KeyValueError> {
        theirs(self.link.run(set(key, value, kept).arg("NX").arg("GET")).await)
    }

    async fn swap(&self, key: &Key, old: &[u8], new: &[u8], kept: Duration) -> Result<bool, KeyValueError> {
        let mut swap = SWAP.key(key.as_str());
        let swap = swap.arg(old).arg(new).arg(millis(kept));
        self.link.run_script(swap).await.map_err(|error| meaning(&error))
    }

    async fn forget(&self, keys: &[Key]) -> Result<(), KeyValueError> {
        if keys.is_empty() {
            return Ok(());
        }
        let keys: Vec<&str> = keys.iter().map(Key::as_str).collect();
        let gone = self.link.run::<()>(cmd("DEL").arg(&keys)).await;
        // Whoever refuses the one may do the other, and then nobody takes it from memory at least.
        let said = match &gone {
            Err(error) if matches!(meaning(error), KeyValueError::Away(_)) => Ok(()),
            _ => self.link.run::<()>(cmd("PUBLISH").arg(&self.channel).arg(keys.join(" "))).await,
        };
        gone.and(said).map_err(|error| meaning(&error))
    }

    async fn tell(&self, by: &str, counts: &[(Key, u64, Duration)]) -> Result<Vec<u64>, KeyValueError> {
        let tell = |(key, count, kept): &(Key, u64, Duration)| {
            let mut tell = TELL.key(key.as_str());
            tell.arg(by).arg(*count).arg(millis(*kept));
            async move { self.link.run_script::<u64>(&tell).await }
        };
        try_join_all(counts.iter().map(tell)).await.map_err(|error| meaning(&error))
    }

    fn forgotten(&self) -> broadcast::Receiver<Vec<Key>> {
        self.forgotten.subscribe()
    }

    fn hearing(&self) -> watch::Receiver<bool> {
        self.hearing.subscribe()
    }

    async fn probe(&self) -> Result<Condition, KeyValueError> {
        let said: Value = self.link.run(&cmd("INFO")).await.map_err(|error| meaning(&error))?;
        Ok(condition::read(&said))
    }
}

fn set(key: &Key, value: &[u8], kept: Duration) -> Cmd {
    let mut set = cmd("SET");
    set.arg(key.as_str()).arg(value).arg("PX").arg(millis(kept));
    set
}

/// A value of another type is one that nobody of ours put there: empty bytes are never ours.
fn theirs(found: Result<Option<Vec<u8>>, RedisError>) -> Result<Option<Vec<u8>>, KeyValueError> {
    match found {
        Err(error) if is_foreign(&error) => Ok(Some(Vec::new())),
        found => found.map_err(|error| meaning(&error)),
    }
}

/// Nothing is kept for no time at all: Redis takes that for a mistake.
fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX).max(1)
}
