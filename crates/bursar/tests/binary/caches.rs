//! Two instances on one PostgreSQL, one RabbitMQ and one Redis: decisions and books are the same whatever becomes of Redis.

use std::time::Instant;

use bursar_testkit::{MongoPlace, RabbitPlace, RedisServer, Store};
use serde_json::{Value, json};

use crate::common::{Error, PATIENCE, Running, Wallet};
use crate::home::Home;

struct Pair {
    home: Home,
    _rabbitmq: RabbitPlace,
    _mongodb: MongoPlace,
    one: Running,
    other: Running,
}

impl Pair {
    async fn on(redis: &RedisServer) -> Result<Self, Error> {
        let (home, rabbitmq) = (Home::on(Store::Postgres)?, RabbitPlace::new().await);
        let mongodb = MongoPlace::new();
        let start = || {
            let mut command = home.bursar(&["serve"]);
            command.env("BURSAR__RABBITMQ__URL", rabbitmq.url()).env("BURSAR__REDIS__URL", redis.url());
            command.env("BURSAR__MONGODB__URL", mongodb.url());
            Running::launch(command, home.folder())
        };
        let (one, other) = (start()?, start()?);
        for instance in [&one, &other] {
            until_health(instance, "redis", "healthy").await?;
        }
        Ok(Self { home, _rabbitmq: rabbitmq, _mongodb: mongodb, one, other })
    }
}

/// Waits until this service is so; what is said of it.
async fn until_health(instance: &Running, service: &str, status: &str) -> Result<Value, Error> {
    let began = Instant::now();
    loop {
        let health = instance.get("/health").await?;
        if health["services"][service] == status {
            return Ok(health);
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain until {service} is {status}: {health}");
    }
}

/// Whether the instance approves a dollar. A machine that is busy may answer 503: then it is asked again, as a processor
/// does.
async fn approves(instance: &Running, wallet: &Wallet) -> Result<bool, Error> {
    let swipe = wallet.swipe(&uuid::Uuid::new_v4().to_string(), "1.00");
    let began = Instant::now();
    loop {
        match instance.jit(&swipe).await? {
            (200, _) => return Ok(true),
            (402, _) => return Ok(false),
            (503, _) if began.elapsed() < PATIENCE => {}
            (status, body) => return Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into()),
        }
    }
}

async fn move_to(instance: &Running, path: &str, status: &str) -> Result<(), Error> {
    instance.post(&format!("{path}/transitions"), &json!({"status": status})).await.map(drop)
}

/// Waits until this is read there.
async fn until_read(instance: &Running, path: &str, field: &str, value: &str) -> Result<(), Error> {
    let began = Instant::now();
    while instance.get(path).await?[field] != value {
        assert!(began.elapsed() < PATIENCE, "waited in vain until {field} of {path} is {value}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_instance_changes_the_next_decision_of_the_other_sees_whatever_becomes_of_redis()
-> Result<(), Error> {
    let mut redis = RedisServer::new();
    let pair = Pair::on(&redis).await?;
    let Pair { home, one, other, .. } = &pair;
    let wallet = one.wallet("1000.00").await?;
    let cardholders = one.get("/v1/cardholders").await?;
    let cardholder =
        format!("/v1/cardholders/{}", cardholders["items"][0]["id"].as_str().ok_or("a cardholder")?);
    for fault in ["none", "killed", "frozen", "no words", "refused", "flushed", "foreign"] {
        match fault {
            "killed" => redis.kill(),
            "frozen" => redis.freeze(),
            "no words" => drop(redis.ask(&["acl", "setuser", "default", "resetchannels"])),
            "refused" => drop(redis.ask(&["acl", "setuser", "default", "-@write"])),
            "flushed" => drop(redis.ask(&["flushall"])),
            "foreign" => {
                for key in redis.ask(&["keys", "*"]).lines() {
                    let _ = redis.ask(&["set", key, "{\"status\": \"active\"}"]);
                }
            }
            _ => {}
        }
        // What nobody has looked up yet is looked up with the fault.
        let new = one.wallet("10.00").await?;
        assert!(approves(other, &new).await? && approves(one, &new).await?, "{fault}");
        for _ in 0..3 {
            assert!(approves(one, &wallet).await? && approves(other, &wallet).await?, "{fault}");
            assert_eq!(other.get(&cardholder).await?["status"], "active", "{fault}");
            move_to(one, &cardholder, "suspended").await?;
            assert!(!approves(other, &wallet).await?, "{fault}: the card of who is suspended was taken");
            assert_eq!(one.get(&cardholder).await?["status"], "suspended", "{fault}");
            until_read(other, &cardholder, "status", "suspended").await?;
            move_to(other, &cardholder, "active").await?;
            assert_eq!(other.get(&cardholder).await?["status"], "active", "{fault}");
            until_read(one, &cardholder, "status", "active").await?;
        }
        match fault {
            "killed" | "frozen" => {
                let health = until_health(one, "redis", "unhealthy").await?;
                assert_eq!(
                    (&health["status"], &health["services"]["postgres"]),
                    (&json!("degraded"), &json!("healthy"))
                );
                assert_eq!(one.ready().await?, 200, "a cache takes no instance out");
                if fault == "killed" { redis.start() } else { redis.thaw() }
            }
            "refused" => {
                let health = until_health(one, "redis", "degraded").await?;
                assert_eq!(health["status"], "degraded", "{health}");
                let _ = redis.ask(&["acl", "setuser", "default", "+@all"]);
            }
            "no words" => {
                let health = until_health(other, "redis", "degraded").await?;
                assert_eq!(health["status"], "degraded", "{health}");
                let _ = redis.ask(&["acl", "setuser", "default", "allchannels"]);
            }
            _ => {}
        }
        for instance in [one, other] {
            let health = until_health(instance, "redis", "healthy").await?;
            assert_eq!(health["status"], "healthy", "{fault}: {health}");
            assert!(health["details"]["redis"]["condition"]["memory_bytes"].as_u64() > Some(0), "{health}");
        }
    }
    assert_eq!(home.check()?["findings"], json!([]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_instance_looked_up_the_other_finds_in_redis() -> Result<(), Error> {
    let redis = RedisServer::new();
    let pair = Pair::on(&redis).await?;
    let Pair { one, other, .. } = &pair;
    let mut wallets = Vec::new();
    for _ in 0..10 {
        wallets.push(one.wallet("10.00").await?);
    }
    for wallet in &wallets {
        for instance in [one, other] {
            assert!(approves(instance, wallet).await?);
        }
        for _ in 0..4 {
            assert!(approves(other, wallet).await?);
        }
    }
    let rate = |figures: &Value| figures["hit_rate"].as_f64().unwrap_or_default();
    // Who made a card knows it, and who did not finds it in Redis the first time.
    for kind in ["card", "user"] {
        let kinds = [one, other].map(|instance| instance.get("/v1/profile"));
        let [one, other] = kinds;
        let of = |profile: &Value| {
            let kinds = profile["cache"]["kinds"].as_array().cloned().unwrap_or_default();
            kinds.into_iter().find(|figures| figures["kind"] == kind).unwrap_or_default()
        };
        let (one, other) = (of(&one.await?), of(&other.await?));
        assert!(rate(&one["memory"]) > 0.8 && rate(&other["memory"]) >= 0.8, "{kind}: {one} {other}");
        assert!(rate(&other["shared"]) > 0.8, "{kind}: {other}");
    }
    let (profile, planted) = (other.get("/v1/profile").await?, redis.dump());
    assert!(rate(&profile["cache"]["shared"]) > 0.8, "{}", profile["cache"]);
    for wallet in &wallets {
        for word in [&wallet.card, &wallet.user, &wallet.account] {
            assert!(!planted.contains(word.as_str()), "{word} is readable in Redis");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_of_both_are_counted_together() -> Result<(), Error> {
    let mut redis = RedisServer::new();
    let pair = Pair::on(&redis).await?;
    let Pair { one, other, .. } = &pair;
    let wallet = one.wallet("4.00").await?;
    for instance in [one, other, one, other, one] {
        approves(instance, &wallet).await?;
    }
    let counts = async |instance: &Running| -> Result<[u64; 2], Error> {
        let live = instance.get("/v1/profile").await?["live"].clone();
        let of = |what: &str| {
            ["this_minute", "last_minute"].iter().filter_map(|of| live[*of][what].as_u64()).sum()
        };
        Ok([of("approved"), of("declined")])
    };
    for instance in [one, other] {
        let began = Instant::now();
        while counts(instance).await? != [4, 1] {
            assert!(began.elapsed() < PATIENCE, "waited in vain for the decisions of both");
        }
    }
    redis.kill();
    until_health(one, "redis", "unhealthy").await?;
    approves(one, &wallet).await?;
    let began = Instant::now();
    while counts(one).await? != [4, 2] {
        assert!(began.elapsed() < PATIENCE, "waited in vain: without Redis each counts its own");
    }
    Ok(())
}

/// Of the embedded ledger: where others may move the money it is read each time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_final_transaction_comes_from_the_cache_until_something_joins_it() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let server = Running::start(folder.path())?;
    let wallet = server.wallet("10.00").await?;
    assert!(approves(&server, &wallet).await?);
    let list = server.get("/v1/transactions").await?;
    let id = list["items"][0]["id"].as_str().ok_or("a purchase")?.to_owned();
    let path = format!("/v1/transactions/{id}");
    let hits = async || -> Result<Value, Error> {
        let profile = server.get("/v1/profile").await?;
        let kinds = profile["cache"]["kinds"].as_array().cloned().unwrap_or_default();
        let kind = kinds.into_iter().find(|figures| figures["kind"] == "transaction").unwrap_or_default();
        Ok(kind["memory"]["hits"].clone())
    };
    for _ in 0..2 {
        assert_eq!(server.get(&path).await?["status"], "open");
    }
    assert_eq!(hits().await?, 0, "what is open comes from nowhere else than the ledger");
    let capture = json!({"amount": "1.00", "currency": "USD"});
    server.post(&format!("/v1/authorizations/{id}/captures"), &capture).await?;
    for _ in 0..3 {
        assert_eq!(server.get(&path).await?["status"], "closed");
    }
    assert_eq!(hits().await?, 2);
    let refund = json!({"amount": "0.40", "currency": "USD"});
    server.post(&format!("/v1/authorizations/{id}/refunds"), &refund).await?;
    assert_eq!(server.get(&path).await?["given_back"], "0.40");
    Ok(())
}
