//! Webhook endpoints: who is told of events, and who is not.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bursar_testkit::{Store, on_both_stores};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::net::TcpListener;

use crate::Tested;
use crate::jit::swipe;
use crate::queues::{NEVER, items, queue, settings, whole};
use crate::running::{API_KEY, Error, Given, Running, until};

/// What an endpoint was sent, and how it answers.
#[derive(Clone, Default)]
struct Subscriber {
    answer: StatusCode,
    came: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Subscriber {
    /// Where it listens.
    async fn listen(&self) -> Result<String, Error> {
        let Self { answer, came } = self.clone();
        let take = move |headers: HeaderMap, body: Bytes| async move {
            came.lock().expect("unharmed").push((headers, body));
            answer
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
    let subscriber = Subscriber::default();
    let endpoint = subscribe(&server, &given, &subscriber).await?;
    let (id, first) = (endpoint["id"].as_str().ok_or("no id")?, &endpoint["secret"]);
    let again = server.make(&format!("/v1/webhook-endpoints/{id}/secrets"), json!({})).await?;
    server.jit(&swipe("swipe-1", "30.00")).await?;
    until("it is told", async || Ok(!subscriber.of_type("transaction.created").is_empty())).await?;
    let (headers, body) = subscriber.came.lock().expect("unharmed").last().cloned().ok_or("nothing came")?;
    let signatures: Vec<&str> = headers["webhook-signature"].to_str()?.split(' ').collect();
    for secret in [first, &again["secret"]] {
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

/// Has it told of what happens to money from now on: what happened before is worked off, and no business of it.
async fn subscribe(server: &Running, given: &Given, subscriber: &Subscriber) -> Result<Value, Error> {
    until("all is published and consumed", async || {
        let is_published = server.get("/v1/profile").await?.json()["relay"]["waiting"] == 0;
        let events = queue(server, "events-queue").await?;
        Ok(is_published && events["depth"] == 0 && events["unacked"] == 0)
    })
    .await?;
    let wanted = json!({"program": given.program["id"], "url": subscriber.listen().await?,
        "events": ["transaction.*"]});
    let endpoint = server.post("/v1/webhook-endpoints", &wanted).await?;
    assert_eq!(endpoint.status, 201, "{}", endpoint.text);
    Ok(endpoint.json())
}

on_both_stores!(one_key_makes_one_endpoint_and_one_new_secret, worker_threads = 2);
async fn one_key_makes_one_endpoint_and_one_new_secret(store: Store) -> Tested {
    let server = whole(store).await?;
    let given = server.given("USD", None).await?;
    let wanted = |path: &str| {
        let url = format!("http://127.0.0.1:9/{path}");
        json!({"program": given.program["id"], "url": url}).to_string()
    };
    let path = "/v1/webhook-endpoints";
    let made = server.post_as("make", path, &wanted("hook")).await?;
    let again = server.post_as("make", path, &wanted("hook")).await?;
    assert_eq!((again.status.as_u16(), again.json()), (201, made.json()));
    let other = server.post_as("make", path, &wanted("other")).await?;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (409, "idempotency_key_reused"));
    assert_eq!(items(&server, path).await?.len(), 1);
    let secrets = format!("{path}/{}/secrets", made.json()["id"].as_str().ok_or("no id")?);
    let mut told = vec![made.json()["secret"].clone()];
    for key in ["rotate", "rotate", "rotate-2"] {
        let rotated = server.post_as(key, &secrets, "").await?;
        assert_eq!(rotated.status, 200, "{}", rotated.text);
        told.push(rotated.json()["secret"].clone());
    }
    assert!(told[0] != told[1] && told[1] == told[2] && told[2] != told[3], "{told:?}");
    Ok(())
}

on_both_stores!(an_endpoint_that_answers_410_is_told_of_nothing_more, worker_threads = 2);
async fn an_endpoint_that_answers_410_is_told_of_nothing_more(store: Store) -> Tested {
    let server = whole(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let gone = Subscriber { answer: StatusCode::GONE, ..Subscriber::default() };
    let endpoint = subscribe(&server, &given, &gone).await?;
    let path = format!("/v1/webhook-endpoints/{}", endpoint["id"].as_str().ok_or("no id")?);
    server.jit(&swipe("swipe-1", "30.00")).await?;
    until("it is off", async || Ok(server.get(&path).await?.json()["is_on"] == false)).await?;
    let failed = format!("{path}/notifications?state=failed");
    until("the call failed", async || Ok(items(&server, &failed).await?.len() == 1)).await?;
    // What happens now is not kept for it, and it is for one that hears.
    let hears = Subscriber::default();
    subscribe(&server, &given, &hears).await?;
    server.jit(&swipe("swipe-2", "1.00")).await?;
    until("the other is told", async || Ok(!hears.of_type("transaction.created").is_empty())).await?;
    assert_eq!(items(&server, &format!("{path}/notifications")).await?.len(), 1);
    assert_eq!(gone.of_type("transaction.created").len(), 1);
    Ok(())
}

on_both_stores!(an_endpoint_that_is_off_is_told_of_nothing_until_it_is_on, worker_threads = 2);
async fn an_endpoint_that_is_off_is_told_of_nothing_until_it_is_on(store: Store) -> Tested {
    let server = whole(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let (switched, other) = (Subscriber::default(), Subscriber::default());
    let endpoint = subscribe(&server, &given, &switched).await?;
    subscribe(&server, &given, &other).await?;
    let path = format!("/v1/webhook-endpoints/{}", endpoint["id"].as_str().ok_or("no id")?);
    let told = async |count| {
        until("the other is told", async || Ok(other.of_type("transaction.created").len() == count)).await
    };
    let changes = format!("{path}/changes");
    assert_eq!(server.make(&changes, json!({"is_on": false})).await?["is_on"], false);
    server.jit(&swipe("swipe-1", "1.00")).await?;
    told(1).await?;
    assert_eq!(server.make(&changes, json!({"is_on": true})).await?["is_on"], true);
    server.jit(&swipe("swipe-2", "2.00")).await?;
    told(2).await?;
    until("it is told", async || Ok(!switched.of_type("transaction.created").is_empty())).await?;
    let log = items(&server, &format!("{path}/notifications")).await?;
    assert_eq!(log.len(), 1, "nothing of what happened while it was off: {log:?}");
    Ok(())
}

on_both_stores!(a_notification_is_forgotten_when_it_is_old_enough, worker_threads = 2);
async fn a_notification_is_forgotten_when_it_is_old_enough(store: Store) -> Tested {
    let server = whole(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let endpoint = subscribe(&server, &given, &Subscriber::default()).await?;
    server.jit(&swipe("swipe-1", "30.00")).await?;
    let log = format!("/v1/webhook-endpoints/{}/notifications", endpoint["id"].as_str().ok_or("no id")?);
    let delivered = format!("{log}?state=delivered");
    until("it is delivered", async || Ok(items(&server, &delivered).await?.len() == 1)).await?;
    let place = server.end().await?;
    let mut forgetful = settings("api,relay,worker,sweeper");
    forgetful.sender.kept = Duration::ZERO;
    let server = Running::start_whole_in(place, forgetful).await?;
    until("it is forgotten", async || Ok(items(&server, &log).await?.is_empty())).await
}

on_both_stores!(an_endpoint_that_never_answers_does_not_keep_a_server_from_stopping, worker_threads = 2);
async fn an_endpoint_that_never_answers_does_not_keep_a_server_from_stopping(store: Store) -> Tested {
    let mut patient = settings("api,relay,worker,sweeper");
    patient.sender.timeout = NEVER;
    let server = Running::start_whole(store, patient).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let wanted = json!({"program": given.program["id"], "url": format!("http://{}/", silent.local_addr()?)});
    assert_eq!(server.post("/v1/webhook-endpoints", &wanted).await?.status, 201);
    server.jit(&swipe("swipe-1", "30.00")).await?;
    let (_call, _) = silent.accept().await?;
    server.end().await?;
    Ok(())
}

on_both_stores!(a_call_that_fails_is_made_again_later, worker_threads = 2);
async fn a_call_that_fails_is_made_again_later(store: Store) -> Tested {
    let server = whole(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let ill = Subscriber { answer: StatusCode::BAD_GATEWAY, ..Subscriber::default() };
    let endpoint = subscribe(&server, &given, &ill).await?;
    server.jit(&swipe("swipe-1", "30.00")).await?;
    let log = format!("/v1/webhook-endpoints/{}/notifications", endpoint["id"].as_str().ok_or("no id")?);
    let failures =
        async || Ok(items(&server, &log).await?.first().map(|of| of["failures"] == 1) == Some(true));
    until("it failed", failures).await?;
    let notification = items(&server, &log).await?.remove(0);
    assert_eq!(notification["state"], "due");
    let path = format!("{log}/{}", notification["id"].as_str().ok_or("no id")?);
    let attempts = server.get(&path).await?.json()["attempts"].clone();
    assert_eq!(attempts[0]["status"], 502, "{attempts}");
    let waiting = server.get("/v1/profile").await?.json()["notifications"]["waiting"].clone();
    assert_eq!(waiting, 1);
    Ok(())
}

on_both_stores!(private_addresses_are_refused_unless_they_are_allowed, worker_threads = 2);
async fn private_addresses_are_refused_unless_they_are_allowed(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", None).await?;
    for url in
        ["https://10.0.0.1/hook", "https://127.0.0.1/hook", "http://example.com/hook", "https://[::1]/"]
    {
        let wanted = json!({"program": given.program["id"], "url": url});
        let refused = server.post("/v1/webhook-endpoints", &wanted).await?;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "invalid_field"), "{url}");
        assert_eq!(refused.json()["errors"][0]["field"], "url", "{url}");
    }
    Ok(())
}
