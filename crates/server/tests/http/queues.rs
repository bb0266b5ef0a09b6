//! What becomes of events and messages in a server with all roles, on both stores.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::HeaderMap;
use axum::routing::post;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bursar_server::workers::sender;
use bursar_server::{Roles, Settings};
use bursar_testkit::{Store, on_both_stores};
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::Tested;
use crate::jit::swipe;
use crate::running::{API_KEY, Error, Running, until};

/// Longer than any test: nothing is found that nobody told of.
const NEVER: Duration = Duration::from_secs(3600);

fn settings(roles: &str) -> Settings {
    let sender = sender::Settings { allow_private: true, ..sender::Settings::default() };
    let roles: Roles = roles.parse().expect("roles");
    Settings { roles, sender, inbox_poll: NEVER, ..Settings::default() }
}

async fn whole(store: Store) -> Result<Running, Error> {
    Running::start_whole(store, settings("api,relay,worker,sweeper")).await
}

async fn items(server: &Running, path: &str) -> Result<Vec<Value>, Error> {
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
async fn queue(server: &Running, name: &str) -> Result<Value, Error> {
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
    let health = server.get("/health").await?.json();
    assert_eq!(health["dependencies"]["message_queue"]["status"], "ok");
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

/// What an endpoint was sent, and how it answers.
#[derive(Clone, Default)]
struct Subscriber {
    came: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Subscriber {
    /// Where it listens.
    async fn listen(&self) -> Result<String, Error> {
        let came = self.came.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            came.lock().expect("unharmed").push((headers, body));
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        tokio::spawn(async { axum::serve(listener, Router::new().route("/hook", post(take))).await });
        Ok(url)
    }

    fn of_type(&self, kind: &str) -> Vec<(HeaderMap, Value)> {
        let came = self.came.lock().expect("unharmed").clone();
        let parsed = came.into_iter().map(|(headers, body)| (headers, serde_json::from_slice(&body)));
        let parsed = parsed.filter_map(|(headers, body)| Some((headers, body.ok()?)));
        parsed.filter(|(_, body): &(_, Value)| body["type"] == kind).collect()
    }
}

/// By the Standard Webhooks specification.
fn signature(secret: &str, headers: &HeaderMap, body: &[u8]) -> Result<String, Error> {
    let key = BASE64_STANDARD.decode(secret.trim_start_matches("whsec_"))?;
    let header = |name: &str| headers[name].to_str().unwrap_or_default();
    let mac = Hmac::<Sha256>::new_from_slice(&key)?;
    let mac = mac.chain_update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")));
    Ok(format!("v1,{}", BASE64_STANDARD.encode(mac.chain_update(body).finalize().into_bytes())))
}

on_both_stores!(a_program_s_endpoint_is_told_of_what_it_wants_and_signed_for_it, worker_threads = 2);
async fn a_program_s_endpoint_is_told_of_what_it_wants_and_signed_for_it(store: Store) -> Tested {
    let server = whole(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    // What happened before it is no business of it.
    until("all is published and consumed", async || {
        let is_published = server.get("/v1/profile").await?.json()["relay"]["waiting"] == 0;
        let events = queue(&server, "events-queue").await?;
        Ok(is_published && events["depth"] == 0 && events["unacked"] == 0)
    })
    .await?;
    let subscriber = Subscriber::default();
    let wanted = json!({"program": given.program["id"], "url": subscriber.listen().await?,
        "events": ["transaction.*"]});
    let endpoint = server.post("/v1/webhook-endpoints", &wanted).await?;
    assert_eq!(endpoint.status, 201, "{}", endpoint.text);
    let (id, first) = (endpoint.json()["id"].clone(), endpoint.json()["secret"].clone());
    let id = id.as_str().ok_or("no id")?;
    let again = server.make(&format!("/v1/webhook-endpoints/{id}/secrets"), json!({})).await?;
    server.jit(&swipe("swipe-1", "30.00")).await?;
    until("it is told", async || Ok(!subscriber.of_type("transaction.created").is_empty())).await?;
    let (headers, body) = subscriber.came.lock().expect("unharmed").last().cloned().ok_or("nothing came")?;
    let signatures: Vec<&str> = headers["webhook-signature"].to_str()?.split(' ').collect();
    for secret in [&first, &again["secret"]] {
        let expected = signature(secret.as_str().ok_or("no secret")?, &headers, &body)?;
        assert!(signatures.contains(&expected.as_str()), "{signatures:?}");
    }
    assert!(subscriber.of_type("card.issued").is_empty(), "it did not ask for that");
    // The log, and once more by hand.
    let log = format!("/v1/webhook-endpoints/{id}/notifications");
    until(
        "it is delivered",
        async || Ok(items(&server, &format!("{log}?state=delivered")).await?.len() == 1),
    )
    .await?;
    let notification = items(&server, &log).await?[0]["id"].clone();
    let path = format!("{log}/{}", notification.as_str().ok_or("no id")?);
    server.make(&format!("{path}/resends"), json!({})).await?;
    until("it is told again", async || {
        Ok(server.get(&path).await?.json()["attempts"].as_array().map(Vec::len) == Some(2))
    })
    .await?;
    let told = subscriber.of_type("transaction.created");
    assert_eq!(told[0].0["webhook-id"], told[1].0["webhook-id"]);
    let deleted = server.client.delete(server.url(&format!("/v1/webhook-endpoints/{id}")));
    assert_eq!(deleted.bearer_auth(API_KEY).send().await?.status(), 204);
    assert_eq!(server.get(&path).await?.status, 404);
    Ok(())
}

on_both_stores!(a_dead_letter_is_looked_at_replayed_and_discarded, worker_threads = 2);
async fn a_dead_letter_is_looked_at_replayed_and_discarded(store: Store) -> Tested {
    let server = whole(store).await?;
    server.given("USD", Some("100.00")).await?;
    for text in ["no request of 4111111111111111", "another"] {
        let message = json!({"exchange": "transactions", "routing_key": "jit-funding.created", "body": text});
        assert_eq!(server.post("/v1/messages", &message).await?.status, 202);
    }
    until("both are dead", async || Ok(items(&server, "/v1/dead-letters").await?.len() == 2)).await?;
    let letters = items(&server, "/v1/dead-letters?queue=jit-funding-queue&reason=rejected").await?;
    assert_eq!((letters.len(), &letters[0]["attempts"], &letters[0]["deaths"]), (2, &json!(1), &json!(1)));
    let mut shown = Vec::new();
    for letter in &letters {
        let path = format!("/v1/dead-letters/{}", letter["id"].as_str().ok_or("no id")?);
        shown.push((path.clone(), server.get(&path).await?.json()["body"].to_string()));
    }
    assert!(shown.iter().any(|(_, body)| body.contains("no request of ************1111")), "{shown:?}");
    let path = &shown[0].0;
    let dry = server.make(&format!("{path}/replays"), json!({"dry_run": true})).await?;
    assert_eq!((&dry["is_replayed"], &dry["effect"]["changes"]), (&json!(false), &json!([])));
    let replayed = server.make(&format!("{path}/replays"), json!({})).await?;
    assert_eq!(replayed["is_replayed"], true);
    until("it died again", async || Ok(server.get(path).await?.json()["deaths"] == 2)).await?;
    assert_eq!(server.get(path).await?.json()["state"], "open");
    let discarded = server.make(&format!("{path}/discards"), json!({"reason": "a test"})).await?;
    assert_eq!(
        (&discarded["state"], &discarded["discarded_because"]),
        (&json!("discarded"), &json!("a test"))
    );
    let again = server.make(&format!("{path}/replays"), json!({})).await?;
    assert_eq!(again["is_replayed"], false);
    assert_eq!(server.get("/v1/profile").await?.json()["dead_letters"], 1);
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
