//! The fault matrix: two instances on every service, under load, and each service killed, stopped for five seconds, refusing,
//! emptied, filled with what is not ours.

use std::time::{Duration, Instant};

use bursar_testkit::{Fault, MongoServer, PostgresServer, Proxy, RabbitServer, RedisServer};
use serde_json::{Value, json};

use crate::common::{Error, PATIENCE, Running};
use crate::load::{Load, Seen};

/// Between two swipes of each client.
const PACE: Duration = Duration::from_millis(150);

/// What happens to a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ill {
    Killed,
    Frozen,
    /// Connections are cut, and new ones at once.
    Refused,
    /// It takes nothing more: out of memory, or it has no right to write.
    Blocked,
    Flushed,
    Foreign,
}

/// A row: the service, what happens to it, and what health says of it then.
type Row = (&'static str, Ill, &'static str);

const ROWS: [Row; 16] = [
    ("redis", Ill::Killed, "unhealthy"),
    ("redis", Ill::Frozen, "unhealthy"),
    ("redis", Ill::Refused, "unhealthy"),
    ("redis", Ill::Blocked, "degraded"),
    ("redis", Ill::Flushed, "healthy"),
    ("redis", Ill::Foreign, "healthy"),
    ("messageQueue", Ill::Killed, "unhealthy"),
    ("messageQueue", Ill::Frozen, "unhealthy"),
    ("messageQueue", Ill::Refused, "unhealthy"),
    ("messageQueue", Ill::Blocked, "degraded"),
    ("mongodb", Ill::Killed, "unhealthy"),
    ("mongodb", Ill::Frozen, "unhealthy"),
    ("mongodb", Ill::Refused, "unhealthy"),
    ("postgres", Ill::Killed, "unhealthy"),
    ("postgres", Ill::Frozen, "unhealthy"),
    ("postgres", Ill::Refused, "unhealthy"),
];

const SERVICES: [&str; 4] = ["postgres", "redis", "messageQueue", "mongodb"];

/// The services, each behind a link of its own.
struct Stack {
    postgres: PostgresServer,
    redis: RedisServer,
    rabbitmq: RabbitServer,
    mongodb: MongoServer,
    links: [(&'static str, Proxy); 4],
}

/// The URL, with this address instead of its own.
fn by(url: &str, proxy: &Proxy) -> String {
    let after = url.rfind('@').map_or_else(|| url.find("//").map_or(0, |at| at + 2), |at| at + 1);
    let end = url[after..].find('/').map_or(url.len(), |length| after + length);
    format!("{}{}{}", &url[..after], proxy.address(), &url[end..])
}

/// The address in the URL.
fn address(url: &str) -> String {
    let host = url.rsplit_once('@').map_or(url, |(_, host)| host);
    let host = host.rsplit_once("//").map_or(host, |(_, host)| host);
    host.split('/').next().unwrap_or_default().to_owned()
}

impl Stack {
    async fn new() -> Self {
        let (postgres, redis) = (PostgresServer::new(), RedisServer::new());
        let (rabbitmq, mongodb) = (RabbitServer::new(), MongoServer::new());
        let place = rabbitmq.place().await;
        let links = [
            ("postgres", Proxy::to(address(&postgres.url())).await),
            ("redis", Proxy::to(redis.address()).await),
            ("messageQueue", Proxy::to(address(place.url())).await),
            ("mongodb", Proxy::to(mongodb.address()).await),
        ];
        Self { postgres, redis, rabbitmq, mongodb, links }
    }

    fn link(&self, service: &str) -> &Proxy {
        let (_, link) = self.links.iter().find(|(name, _)| *name == service).expect("a service");
        link
    }

    async fn befalls(&mut self, service: &str, ill: Ill) {
        match (service, ill) {
            ("postgres", Ill::Killed) => self.postgres.kill(),
            ("redis", Ill::Killed) => self.redis.kill(),
            ("messageQueue", Ill::Killed) => self.rabbitmq.kill(),
            ("mongodb", Ill::Killed) => self.mongodb.kill(),
            ("postgres", Ill::Frozen) => self.postgres.freeze(),
            ("redis", Ill::Frozen) => self.redis.freeze(),
            ("messageQueue", Ill::Frozen) => self.rabbitmq.freeze(),
            ("mongodb", Ill::Frozen) => self.mongodb.freeze(),
            (_, Ill::Refused) => self.link(service).set(Fault::Cut),
            ("messageQueue", Ill::Blocked) => self.rabbitmq.alarm(true),
            ("redis", Ill::Blocked) => drop(self.redis.ask(&["acl", "setuser", "default", "-@write"])),
            ("redis", Ill::Flushed) => {
                self.keys();
                let _ = self.redis.ask(&["flushall"]);
            }
            ("redis", Ill::Foreign) => {
                for key in self.keys() {
                    let _ = self.redis.ask(&["set", &key, "{\"status\": \"active\"}"]);
                }
            }
            other => panic!("{other:?} is no row"),
        }
    }

    /// What is in Redis now; that there is something.
    fn keys(&self) -> Vec<String> {
        let keys: Vec<String> = self.redis.ask(&["keys", "*"]).lines().map(str::to_owned).collect();
        assert!(!keys.is_empty(), "there is nothing to lose in Redis");
        keys
    }

    async fn recovers(&mut self, service: &str, ill: Ill) {
        match (service, ill) {
            ("postgres", Ill::Killed) => self.postgres.start(),
            ("redis", Ill::Killed) => self.redis.start(),
            ("messageQueue", Ill::Killed) => self.rabbitmq.start(),
            ("mongodb", Ill::Killed) => self.mongodb.start(),
            ("postgres", Ill::Frozen) => self.postgres.thaw(),
            ("redis", Ill::Frozen) => self.redis.thaw(),
            ("messageQueue", Ill::Frozen) => self.rabbitmq.thaw(),
            ("mongodb", Ill::Frozen) => self.mongodb.thaw(),
            (_, Ill::Refused) => self.link(service).set(Fault::None),
            ("messageQueue", Ill::Blocked) => self.rabbitmq.alarm(false),
            ("redis", Ill::Blocked) => drop(self.redis.ask(&["acl", "setuser", "default", "+@all"])),
            _ => {}
        }
    }
}

/// Waits until health is so on both instances.
async fn until_health(load: &Load, what: &str, is_so: impl Fn(&Value) -> bool) -> Result<(), Error> {
    for number in [0, 1] {
        let began = Instant::now();
        loop {
            let health = load.instance(number).get("/health").await?;
            if is_so(&health) {
                break;
            }
            assert!(began.elapsed() < PATIENCE, "waited in vain until {what}: {health}");
        }
    }
    Ok(())
}

async fn status(instance: &Running, path: &str) -> Result<u16, Error> {
    let request = instance.http.get(format!("{}{path}", instance.base)).bearer_auth(&instance.api_key);
    Ok(request.send().await?.status().as_u16())
}

/// As the matrix has it: without PostgreSQL no decision; without another service they go on, for every owner and on both
/// instances, and next to nobody is told that there is none (a machine that is busy says so of a few).
async fn suffers(load: &Load, (service, ill, says): Row, profile: &str) -> Result<(), Error> {
    let what = format!("{service} is {says}, {ill:?}");
    let all = match (service, says) {
        (_, "healthy") => "healthy",
        ("postgres", _) => "unhealthy",
        _ => "degraded",
    };
    let began = load.seen();
    let before = began.unavailable;
    until_health(load, &what, |health| {
        let of_service = &health["services"];
        let are_others_well =
            SERVICES.into_iter().filter(|name| *name != service).all(|name| of_service[name] != "unhealthy");
        of_service[service] == says && health["status"] == all && are_others_well
    })
    .await?;
    let (ready, documents) = match service {
        "postgres" => (503, None),
        "mongodb" => (200, Some(503)),
        _ => (200, Some(200)),
    };
    for instance in [load.instance(0), load.instance(1)] {
        assert_eq!(instance.ready().await?, ready, "{what}");
        if let Some(documents) = documents {
            assert_eq!(status(&instance, profile).await?, documents, "{what}");
        }
    }
    if ready == 503 {
        let are_told = |seen: &Seen| seen.unavailable.iter().zip(before).all(|(now, then)| *now > then);
        return load.until("every client is told that there is no decision", are_told).await;
    }
    for number in [0, 1] {
        load.decisions_for_all(number).await?;
    }
    let ended = load.seen();
    let refused = ended.unavailable.iter().sum::<u64>() - before.iter().sum::<u64>();
    let decided = ended.decisions() - began.decisions();
    assert!(refused * 5 <= decided, "{what}: {refused} without a decision, {decided} decided");
    Ok(())
}

/// Has both instances look up a card that no memory knows yet.
async fn approve_a_new_card(load: &mut Load) -> Result<(), Error> {
    let wallet = load.instance(0).wallet("10.00").await?;
    // What the operator asked for to make it, and the swipes.
    load.messages += 5 + 2;
    for number in [0, 1] {
        let (began, swipe) = (Instant::now(), wallet.swipe(&uuid::Uuid::new_v4().to_string(), "1.00"));
        loop {
            match load.instance(number).jit(&swipe).await? {
                (200, _) => break,
                (503, _) if began.elapsed() < PATIENCE => {}
                (status, answer) => {
                    return Err(format!("{status}: {}", String::from_utf8_lossy(&answer)).into());
                }
            }
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn decisions_and_books_are_as_the_fault_matrix_says_and_health_too() -> Result<(), Error> {
    let (mut stack, folder) = (Stack::new().await, tempfile::tempdir()?);
    let (place, documents) = (stack.rabbitmq.place().await, stack.mongodb.place());
    let environment = vec![
        ("BURSAR__POSTGRES__URL", by(&stack.postgres.url(), stack.link("postgres"))),
        ("BURSAR__REDIS__URL", by(&stack.redis.url(), stack.link("redis"))),
        ("BURSAR__RABBITMQ__URL", by(place.url(), stack.link("messageQueue"))),
        ("BURSAR__MONGODB__URL", by(&documents.url(), stack.link("mongodb"))),
    ];
    let mut load = Load::prepare_with(&stack.postgres, environment, folder.path(), 2, PACE).await?;
    let person = format!("/v1/persons/{}", load.person);
    let profile = format!("{person}/profile");
    until_health(&load, "all is well", |health| health["status"] == "healthy").await?;
    let instance = load.instance(0);
    let made = instance.http.put(format!("{}{profile}", instance.base)).bearer_auth(&instance.api_key);
    let made = made.json(&json!({"given_name": "Ada", "family_name": "Lovelace"})).send().await?;
    assert!(made.status().is_success(), "{}", made.text().await?);
    load.begin();
    for row @ (service, ill, _) in ROWS {
        load.decisions(16).await?;
        approve_a_new_card(&mut load).await?;
        let began = Instant::now();
        stack.befalls(service, ill).await;
        suffers(&load, row, &profile).await?;
        if service != "postgres" {
            approve_a_new_card(&mut load).await?;
        }
        if ill == Ill::Frozen {
            // What the matrix asks for is a time.
            tokio::time::sleep(Duration::from_secs(5).saturating_sub(began.elapsed())).await;
        }
        stack.recovers(service, ill).await;
        until_health(&load, &format!("{service} is well again, {ill:?}"), |health| {
            health["status"] == "healthy" && health["services"][service] == "healthy"
        })
        .await?;
        for number in [0, 1] {
            load.instance(number).until_ready().await?;
        }
    }
    let account = format!("/v1/accounts/{}", load.account());
    let instances = [load.instance(0), load.instance(1)];
    assert_eq!(load.verdict().await?, Vec::<String>::new());
    // Nothing is missing of what is shown afterwards: published, consumed, in the person's documents.
    let began = Instant::now();
    loop {
        let shown = instances[1].get(&format!("{person}/wallets")).await?;
        let (held, profile) = (instances[0].get(&account).await?, instances[0].get("/v1/profile").await?);
        let is_empty = profile["queues"]
            .as_array()
            .is_some_and(|queues| queues.iter().all(|queue| queue["depth"] == 0 && queue["paused"] == 0));
        if shown["items"][0]["held"] == held["held"] && profile["relay"]["waiting"] == 0 && is_empty {
            assert_eq!(profile["dead_letters"], 0);
            return Ok(());
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain: {shown} {held} {profile}");
    }
}
