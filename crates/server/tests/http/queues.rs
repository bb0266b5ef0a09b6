//! What becomes of events and messages in a server with all roles, on both stores.

use std::time::Duration;

use bursar_server::workers::sender;
use bursar_server::{Roles, Settings};
use bursar_testkit::{Store, Way, on_both_stores};
use futures_util::future::try_join_all;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Tested;
use crate::jit::swipe;
use crate::running::{Error, Running, until};

/// Longer than any test: nothing is found that nobody told of.
pub(crate) const NEVER: Duration = Duration::from_secs(3600);

pub(crate) fn settings(roles: &str) -> Settings {
    let sender = sender::Settings { allow_private: true, ..sender::Settings::default() };
    let roles: Roles = roles.parse().expect("roles");
    Settings { roles, sender, inbox_poll: NEVER, ..Settings::default() }
}

pub(crate) async fn whole(store: Store) -> Result<Running, Error> {
    Running::start_whole(store, settings("api,relay,worker,sweeper")).await
}

pub(crate) async fn items(server: &Running, path: &str) -> Result<Vec<Value>, Error> {
    Ok(server.get(path).await?.json()["items"].as_array().cloned().unwrap_or_default())
}

on_both_stores!(a_swipe_has_a_record_that_is_found_by_its_words, worker_threads = 2);
async fn a_swipe_has_a_record_that_is_found_by_its_words(store: Store) -> Tested {
    let server = whole(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    assert_eq!(server.jit(&swipe("swipe-1", "30.00")).await?.status, 200);
    let found = "/v1/transaction-records?search=restaur+CAFÉ";
    until("the record is there", async || Ok(items(&server, found).await?.len() == 1)).await?;
    let record = items(&server, found).await?.remove(0);
    assert_eq!(
        (&record["merchant"], &record["category"], &record["status"], &record["amount"]),
        (&json!("Cafe"), &json!("restaurants"), &json!("open"), &json!("30.00"))
    );
    assert_eq!(record["owner_label"], given.company["name"]);
    assert!(record["card_label"].as_str().is_some_and(|label| label.starts_with("Card ")), "{record}");
    assert!(!record.to_string().contains("4111111111111111"), "{record}");
    assert_eq!(items(&server, "/v1/transaction-records?search=afe").await?, Vec::<Value>::new());
    // It follows the purchase.
    let id = record["id"].as_str().ok_or("no id")?.to_owned();
    server.make(&format!("/v1/authorizations/{id}/reversals"), json!({})).await?;
    let path = format!("/v1/transaction-records/{id}");
    until("it is reversed", async || Ok(server.get(&path).await?.json()["status"] == "reversed")).await?;
    let queue = queue(&server, "transaction-processing-queue").await?;
    assert!(queue["done"].as_u64() >= Some(3), "{queue}");
    assert_eq!((&queue["failed"], &queue["consumers"]), (&json!(0), &json!(1)));
    Ok(())
}

/// A queue, as the profile shows it.
pub(crate) async fn queue(server: &Running, name: &str) -> Result<Value, Error> {
    let profile = server.get("/v1/profile").await?.json();
    let queues = profile["queues"].as_array().cloned().unwrap_or_default();
    queues.into_iter().find(|queue| queue["queue"] == name).ok_or_else(|| profile.to_string().into())
}

on_both_stores!(nothing_consumes_and_nothing_publishes_without_its_role, worker_threads = 2);
async fn nothing_consumes_and_nothing_publishes_without_its_role(store: Store) -> Tested {
    let server = Running::start_whole(store, settings("api,relay")).await?;
    server.given("USD", Some("100.00")).await?;
    until("all is published", async || Ok(server.get("/v1/profile").await?.json()["relay"]["waiting"] == 0))
        .await?;
    let is_full = async || Ok(queue(&server, "events-queue").await?["depth"].as_u64() >= Some(5));
    until("all is in its queue", is_full).await?;
    assert_eq!(queue(&server, "events-queue").await?["consumers"], 0);
    let server = Running::start_whole(store, settings("api,worker")).await?;
    server.given("USD", Some("100.00")).await?;
    let relay = server.get("/v1/profile").await?.json()["relay"].clone();
    assert_eq!((&relay["is_on"], &relay["published"]), (&json!(false), &json!(0)));
    assert!(relay["waiting"].as_u64() >= Some(5) && relay["oldest_age_ms"].is_u64(), "{relay}");
    let server = Running::start_whole(store, settings("worker")).await?;
    assert_eq!(server.get("/v1/cards").await?.status, 404);
    assert_eq!(server.get("/ready").await?.status, 200);
    Ok(())
}

on_both_stores!(what_a_processor_reports_is_booked_by_way_of_its_queue, worker_threads = 2);
async fn what_a_processor_reports_is_booked_by_way_of_its_queue(store: Store) -> Tested {
    let server = whole(store).await?;
    server.given("USD", Some("100.00")).await?;
    let refund = json!({"token": "t-1", "type": "refund", "state": "COMPLETION", "amount": 1.0,
        "currency_code": "USD", "card_token": "card-1", "created_time": "2026-11-20T15:14:04Z"});
    assert_eq!(server.webhook(&json!({"transactions": [refund]})).await?.status, 200);
    // Nobody looks into the inbox by itself.
    server.drained().await?;
    assert_eq!(queue(&server, "webhook-queue").await?["done"], 1);
    Ok(())
}

on_both_stores!(what_is_reported_is_booked_where_nobody_can_be_told_of_it, worker_threads = 2);
async fn what_is_reported_is_booked_where_nobody_can_be_told_of_it(store: Store) -> Tested {
    // More than can wait to be told of, where the broker never answers.
    for (way, count) in [(Way::Away, 1), (Way::Mute, 4_500)] {
        let (server, _broker) = Running::start_faulty(store, settings("api,worker"), way).await?;
        let transition = |number: &usize| {
            json!({"token": format!("t-{number}"), "card_token": "nobody-s", "state": "SUSPENDED",
                "created_time": "2026-11-20T15:14:04Z"})
        };
        let numbers: Vec<usize> = (0..count).collect();
        for some in numbers.chunks(500) {
            let cards: Vec<Value> = some.iter().map(transition).collect();
            assert_eq!(server.webhook(&json!({"cards": cards})).await?.status, 200);
        }
        // Nobody looks into the inbox by itself.
        server.drained().await?;
    }
    Ok(())
}

on_both_stores!(a_request_by_the_api_s_door_is_decided_once_and_answered, worker_threads = 2);
async fn a_request_by_the_api_s_door_is_decided_once_and_answered(store: Store) -> Tested {
    let server = whole(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let expires_at = Timestamp::now().saturating_add(SignedDuration::from_secs(60))?;
    let asked: Value = serde_json::from_str(&swipe("swipe-1", "30.00"))?;
    let id = Uuid::new_v4();
    let message = json!({"exchange": "transactions", "routing_key": "jit-funding.created", "message_id": id,
        "correlation_id": "question-1", "body": {"expires_at": expires_at, "request": asked}});
    let receive = json!({"wait_ms": 30_000});
    for _ in 0..2 {
        assert_eq!(server.post("/v1/messages", &message).await?.status, 202);
        let received = server.make("/v1/queues/jit-funding-response-queue/receipts", receive.clone()).await?;
        let answer = &received["items"][0];
        assert_eq!((&answer["correlation_id"], &answer["body"]["code"]), (&json!("question-1"), &json!(200)));
    }
    let account = server.get(&format!("/v1/accounts/{}", given.account())).await?.json();
    assert_eq!(account["held"], "30.00");
    let refused = json!({"exchange": "transactions", "routing_key": "transaction.created", "body": {}});
    assert_eq!(server.post("/v1/messages", &refused).await?.status, 400);
    Ok(())
}

/// What `/health` says of the server, of its queues, and why.
async fn health(server: &Running) -> Result<[String; 3], Error> {
    let health = server.get("/health").await?.json();
    let queues = &health["details"]["messageQueue"];
    let words = [&health["status"], &queues["status"], &queues["reason"]];
    Ok(words.map(|word| word.as_str().unwrap_or_default().to_owned()))
}

on_both_stores!(health_says_what_keeps_events_from_being_published, worker_threads = 2);
async fn health_says_what_keeps_events_from_being_published(store: Store) -> Tested {
    let roles = settings("api,relay,worker,sweeper");
    let (server, broker) = Running::start_faulty(store, roles, Way::Away).await?;
    until("all is well", async || Ok(health(&server).await?[0] == "healthy")).await?;
    server.given("USD", Some("100.00")).await?;
    let is_told = async || {
        let [status, of_queues, why] = health(&server).await?;
        let is_why = why.contains("events wait to be published: the broker is away: it is switched off");
        Ok([status, of_queues] == ["degraded", "degraded"] && is_why)
    };
    until("it says why", is_told).await?;
    let relay = async || Ok::<_, Error>(server.get("/v1/profile").await?.json()["relay"].clone());
    assert_eq!(relay().await?["problem"], "the broker is away: it is switched off");
    broker.switch(Way::Open);
    until("all is well again", async || Ok(health(&server).await? == ["healthy", "healthy", ""])).await?;
    until("nothing is told of any more", async || Ok(relay().await?["problem"].is_null())).await?;
    Ok(())
}

on_both_stores!(health_says_that_the_broker_takes_no_messages, worker_threads = 2);
async fn health_says_that_the_broker_takes_no_messages(store: Store) -> Tested {
    let roles = settings("api,relay,worker,sweeper");
    let (server, broker) = Running::start_faulty(store, roles, Way::Held).await?;
    server.given("USD", Some("100.00")).await?;
    let [status, of_queues, why] = health(&server).await?;
    assert_eq!([status, of_queues], ["degraded", "degraded"]);
    let is_why = "events wait to be published: the broker takes no messages now: the test holds all";
    assert!(why.ends_with(is_why), "{why}");
    broker.switch(Way::Open);
    until("all is well again", async || Ok(health(&server).await? == ["healthy", "healthy", ""])).await?;
    Ok(())
}

on_both_stores!(health_says_what_nobody_does, worker_threads = 2);
async fn health_says_what_nobody_does(store: Store) -> Tested {
    let server = Running::start_whole(store, settings("api,relay")).await?;
    let consumed =
        "jit-funding-queue, transaction-processing-queue, webhook-queue, events-queue, jit-funding-dlq";
    let words = ["degraded".to_owned(), "degraded".to_owned(), format!("nobody consumes {consumed}")];
    assert_eq!(health(&server).await?, words);
    let server = Running::start_whole(store, settings("api,worker")).await?;
    server.place.clock().set(Timestamp::now().saturating_sub(SignedDuration::from_mins(2))?);
    server.given("USD", Some("100.00")).await?;
    let is_told =
        async || Ok(health(&server).await?[2].ends_with("no instance publishes, or none comes to it"));
    until("it says that nobody publishes", is_told).await?;
    Ok(())
}

on_both_stores!(relay_and_consumers_rest_while_decisions_are_under_way, worker_threads = 2);
async fn relay_and_consumers_rest_while_decisions_are_under_way(store: Store) -> Tested {
    // A single one is many.
    let authorizing = bursar_authorizer::Settings { many: 0, ..bursar_authorizer::Settings::default() };
    let server = Running::start_authorizing(store, settings("api,relay,worker"), authorizing).await?;
    server.given("USD", Some("100.00")).await?;
    let have_rested = async || {
        let bodies: Vec<String> = (0..8).map(|_| swipe(&Uuid::new_v4().to_string(), "0.01")).collect();
        try_join_all(bodies.iter().map(|body| server.jit(body))).await?;
        let records = queue(&server, "transaction-processing-queue").await?;
        let events = queue(&server, "events-queue").await?;
        let relay = server.get("/v1/profile").await?.json()["relay"].clone();
        Ok([relay, records, events].iter().all(|of| of["rested_ms"].as_u64() > Some(0)))
    };
    until("all of them have rested", have_rested).await
}
