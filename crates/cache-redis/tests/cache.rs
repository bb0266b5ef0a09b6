//! Two instances' caches on one Redis: what one changes the other sees, whatever happens to Redis.

use std::sync::Arc;
use std::time::Duration;

use bursar_cache::contract::Place;
use bursar_cache::{Beside, Cache, KeyValue, Seal, Settings, View};
use bursar_cache_redis::{Options, RedisKeyValue};
use bursar_core::CardholderId;
use bursar_core::text::Token;
use bursar_testkit::{Fault, Proxy, RedisServer};
use tokio::time::timeout;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(60);

/// The cardholder that is read.
const WHO: CardholderId = CardholderId::new(Uuid::from_u128(7));

fn seal() -> Seal {
    Seal::new(Uuid::from_u128(1), &[7; 32])
}

async fn cache_on(values: Arc<dyn KeyValue>) -> Arc<Cache> {
    values.hearing().wait_for(|hears| *hears).await.expect("it is there");
    Cache::start(Beside::Shared(values), &seal(), Settings::default())
}

async fn cache(redis: &RedisServer) -> Arc<Cache> {
    cache_on(redis.open().await).await
}

async fn cache_by(redis: &RedisServer, proxy: &Proxy) -> (Arc<Cache>, Arc<dyn KeyValue>) {
    let url = redis.url_by(proxy.address());
    let options =
        Options { url, connect_timeout: Duration::from_secs(5), channel: "test:forgotten".to_owned() };
    let values: Arc<dyn KeyValue> = Arc::new(RedisKeyValue::start(options).expect("a good URL"));
    (cache_on(values.clone()).await, values)
}

/// What the cardholder looks like to who reads it by this cache, where the ledger has this.
async fn read(cache: &Cache, ledger: &'static str) -> String {
    looks_like(cache, ledger, true).await
}

async fn looks_like(cache: &Cache, ledger: &'static str, may_be_kept: bool) -> String {
    let loading = async { Ok::<_, ()>(View { bytes: ledger.into(), may_be_kept }) };
    let read = cache.cardholders.read(WHO.uuid().as_bytes(), loading).await.expect("it loads");
    String::from_utf8(read.to_vec()).expect("text")
}

/// Reads until that is kept and need not be loaded; it looks like nothing else meanwhile.
async fn keeps(cache: &Cache, ledger: &'static str) {
    let keeping = async {
        while looks_like(cache, "loaded", false).await != ledger {
            assert_eq!(read(cache, ledger).await, ledger);
        }
    };
    timeout(PATIENCE, keeping).await.expect("it is kept");
}

/// Reads until it looks like that.
async fn comes_to(cache: &Cache, ledger: &'static str) {
    let coming = async {
        while read(cache, ledger).await != ledger {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, coming).await.expect("it comes to that");
}

async fn user(cache: &Cache, ledger: Option<u128>) -> Option<u128> {
    let token = Token::new("user-1").expect("a token");
    let loading = async { Ok::<_, ()>(ledger.map(|id| CardholderId::new(Uuid::from_u128(id)))) };
    cache.users.find(&token, loading).await.expect("it loads").map(|id| id.uuid().as_u128())
}

/// Waits until somebody else's cache has what this one learnt: it is kept in the background.
async fn is_shared(redis: &RedisServer, kind: &str, about: &[u8]) {
    let (other, seal) = (redis.open().await, seal());
    let key = seal.key(kind, about);
    let keeping = async {
        loop {
            let there = other.get(&key).await.expect("readable");
            if there.and_then(|sealed| seal.open(&key, &sealed)).is_some_and(|value| !value.is_empty()) {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, keeping).await.expect("it is kept");
}

async fn user_is_shared(redis: &RedisServer) {
    is_shared(redis, "user", b"user-1").await;
}

async fn view_is_shared(redis: &RedisServer) {
    is_shared(redis, "cardholder", WHO.uuid().as_bytes()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_instance_learnt_another_need_not_load() {
    let redis = RedisServer::new();
    let [one, other] = [cache(&redis).await, cache(&redis).await];
    assert_eq!(user(&one, None).await, None);
    assert_eq!(user(&one, Some(5)).await, Some(5), "that it was not found is not kept");
    user_is_shared(&redis).await;
    assert_eq!(user(&other, None).await, Some(5));
    assert_eq!(user(&other, None).await, Some(5));
    let [memory, shared] = other.users.figures();
    assert_eq!((memory.hits, memory.misses, shared.hits, shared.misses), (1, 1, 1, 0));
    assert_eq!(other.figures().shared.and_then(|shared| shared.hit_rate), Some(1.0));
    let [_, shared] = one.users.figures();
    assert_eq!((shared.hits, shared.misses), (0, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_instance_changes_another_does_not_show_as_it_was() {
    let redis = RedisServer::new();
    let [one, other] = [cache(&redis).await, cache(&redis).await];
    assert_eq!(read(&other, "as it was").await, "as it was");
    view_is_shared(&redis).await;
    assert_eq!(read(&one, "never loaded").await, "as it was");
    assert_eq!(read(&other, "never loaded").await, "as it was");
    one.reported_cardholder(WHO);
    assert_eq!(read(&one, "as it is").await, "as it is");
    comes_to(&other, "as it is").await;
    keeps(&other, "as it is").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_loaded_before_a_change_is_kept_by_nobody() {
    let redis = RedisServer::new();
    let [one, other] = [cache(&redis).await, cache(&redis).await];
    let (changed, change) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let loading = async {
        change.notify_one();
        changed.notified().await;
        Ok::<_, ()>(View { bytes: "as it was".into(), may_be_kept: true })
    };
    let who = WHO.uuid();
    let reading = other.cardholders.read(who.as_bytes(), loading);
    let changing = async {
        change.notified().await;
        let ear = redis.open().await;
        ear.hearing().wait_for(|hears| *hears).await.expect("it is there");
        let mut heard = ear.forgotten();
        one.reported_cardholder(WHO);
        timeout(PATIENCE, heard.recv()).await.expect("soon").expect("heard");
        changed.notify_one();
    };
    let (was, ()) = tokio::join!(reading, changing);
    assert_eq!(was, Ok("as it was".into()));
    for cache in [&one, &other] {
        comes_to(cache, "as it is").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_kept_is_loaded_each_time() {
    let redis = RedisServer::new();
    let cache = cache(&redis).await;
    for ledger in ["held", "captured"] {
        let loading = async { Ok::<_, ()>(View { bytes: ledger.into(), may_be_kept: false }) };
        assert_eq!(cache.cardholders.read(WHO.uuid().as_bytes(), loading).await, Ok(ledger.into()));
    }
    comes_to(&cache, "final").await;
    keeps(&cache, "final").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn flushed_and_filled_with_foreign_bytes_it_is_as_if_nothing_were_there() {
    let redis = RedisServer::new();
    let first = cache(&redis).await;
    assert_eq!((user(&first, Some(5)).await, read(&first, "it").await), (Some(5), "it".to_owned()));
    user_is_shared(&redis).await;
    view_is_shared(&redis).await;
    let keys: Vec<String> = redis.ask(&["keys", "*"]).lines().map(str::to_owned).collect();
    assert_eq!(keys.iter().filter(|key| !key.contains(":count:")).count(), 2, "{keys:?}");
    for foreign in ["{\"card\": \"somebody else's\"}", "", "-5", "0123456789abcdef", "a list"] {
        for key in &keys {
            let _ = redis.ask(&["del", key]);
            let _ = match foreign {
                "a list" => redis.ask(&["rpush", key, "1", "2"]),
                _ => redis.ask(&["set", key, foreign]),
            };
        }
        let other = cache(&redis).await;
        assert_eq!(user(&other, Some(6)).await, Some(6), "{foreign:?}");
        comes_to(&other, "it").await;
        assert!(other.is_within("calls", 1, jiff::Timestamp::now()), "{foreign:?}");
    }
    assert_eq!(redis.ask(&["flushall"]).trim(), "OK");
    let other = cache(&redis).await;
    assert_eq!((user(&other, Some(7)).await, read(&other, "new").await), (Some(7), "new".to_owned()));
}

/// As of a server that is a replica now, or full.
#[tokio::test(flavor = "multi_thread")]
async fn one_that_refuses_to_write_is_told_of_and_read_on() {
    let redis = RedisServer::new();
    let [one, other] = [cache(&redis).await, cache(&redis).await];
    assert_eq!(user(&one, Some(5)).await, Some(5));
    user_is_shared(&redis).await;
    let _ = redis.ask(&["acl", "setuser", "default", "-@write"]);
    assert_eq!(user(&other, None).await, Some(5));
    assert_eq!(read(&other, "as it is").await, "as it is");
    let refusal = other.trouble().expect("it refused").to_string();
    assert!(refusal.starts_with("it refuses: ") && refusal.contains("permissions"), "{refusal}");
    assert!(other.probe().await.expect("there is one").is_ok());
    one.reported_cardholder(WHO);
    assert_eq!(read(&other, "not told yet").await, "as it is");
    let _ = redis.ask(&["acl", "setuser", "default", "+@all"]);
    comes_to(&other, "as it is now").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_ledger_on_the_same_server_shares_nothing() {
    let redis = RedisServer::new();
    let one = cache(&redis).await;
    assert_eq!(user(&one, Some(5)).await, Some(5));
    user_is_shared(&redis).await;
    let beside = Beside::Shared(redis.open().await);
    let other = Cache::start(beside, &Seal::new(Uuid::from_u128(2), &[7; 32]), Settings::default());
    assert_eq!(user(&other, None).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_hung_or_cut_off_it_is_the_ledger_that_answers_and_afterwards_all_is_shared_again() {
    let mut redis = RedisServer::new();
    let proxy = Proxy::to(redis.address()).await;
    let (by_proxy, values) = cache_by(&redis, &proxy).await;
    assert_eq!(read(&by_proxy, "as it was").await, "as it was");
    for fault in ["killed", "frozen", "cut", "half open"] {
        match fault {
            "killed" => redis.kill(),
            "frozen" => redis.freeze(),
            "cut" => proxy.set(Fault::Cut),
            _ => proxy.set(Fault::HalfOpen),
        }
        // What is in memory is right until nobody may have said otherwise.
        values.hearing().wait_for(|hears| !hears).await.expect("it is there");
        assert_eq!(read(&by_proxy, "as it is").await, "as it is", "{fault}");
        assert_eq!(read(&by_proxy, "once more").await, "once more", "{fault}");
        assert!(by_proxy.probe().await.expect("there is one").is_err(), "{fault}");
        match fault {
            "killed" => redis.start(),
            "frozen" => redis.thaw(),
            _ => proxy.set(Fault::None),
        }
        values.hearing().wait_for(|hears| *hears).await.expect("it is there");
        // What was loaded meanwhile was kept by nobody; what was there before may be.
        by_proxy.reported_cardholder(WHO);
        comes_to(&by_proxy, "as it was").await;
        let direct = cache(&redis).await;
        comes_to(&direct, "as it was").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_word_that_could_not_be_said_is_said_as_soon_as_it_can_be() {
    let redis = RedisServer::new();
    let proxy = Proxy::to(redis.address()).await;
    let other = cache(&redis).await;
    let (changes, values) = cache_by(&redis, &proxy).await;
    assert_eq!(read(&other, "as it was").await, "as it was");
    view_is_shared(&redis).await;
    proxy.set(Fault::Cut);
    values.hearing().wait_for(|hears| !hears).await.expect("it is there");
    changes.reported_cardholder(WHO);
    assert_eq!(read(&other, "as it is").await, "as it was", "nobody could tell");
    proxy.set(Fault::None);
    comes_to(&other, "as it is").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_kept_can_be_read_there() {
    let redis = RedisServer::new();
    let cache = cache(&redis).await;
    assert_eq!(read(&cache, "Anna Muster, 4111111111111111").await, "Anna Muster, 4111111111111111");
    assert_eq!(user(&cache, Some(5)).await, Some(5));
    user_is_shared(&redis).await;
    view_is_shared(&redis).await;
    let dump = redis.dump();
    assert!(dump.contains("bursar:00000000000000000000000000000001:cardholder:"), "{dump}");
    for planted in ["Anna", "Muster", "4111", "user-1", &WHO.to_string()] {
        assert!(!dump.contains(planted), "{planted} in {dump}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_anybody_who_tells_only_what_never_changes_is_kept() {
    let [alone, untold] =
        [Beside::Alone, Beside::Untold].map(|beside| Cache::start(beside, &seal(), Settings::default()));
    for cache in [&alone, &untold] {
        assert_eq!((user(cache, Some(5)).await, user(cache, None).await), (Some(5), Some(5)));
        assert_eq!(read(cache, "as it was").await, "as it was");
    }
    assert_eq!(read(&alone, "never loaded").await, "as it was");
    assert_eq!(read(&untold, "as it is").await, "as it is");
    alone.reported_cardholder(WHO);
    assert_eq!(read(&alone, "as it is").await, "as it is");
    alone.doubt();
    assert_eq!(read(&alone, "as it may be").await, "as it may be");
}

/// No word of another instance comes before every read that follows an acknowledgement.
#[tokio::test(flavor = "multi_thread")]
async fn money_is_kept_where_nobody_else_moves_it_alone() {
    let redis = RedisServer::new();
    let shared = cache(&redis).await;
    let alone = Cache::start(Beside::Alone, &seal(), Settings::default());
    for (cache, again) in [(&shared, "new"), (&alone, "old")] {
        for (ledger, shown) in [("old", "old"), ("new", again)] {
            let loading = async { Ok::<_, ()>(View { bytes: ledger.into(), may_be_kept: true }) };
            assert_eq!(cache.transactions.read(&[7], loading).await, Ok(shown.into()));
        }
    }
}
