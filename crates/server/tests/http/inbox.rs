//! The inbox behind the webhooks: nothing that was acknowledged is lost, and what cannot be booked waits for
//! somebody.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bursar_server::Settings;
use bursar_store::{Inbox, ItemState, Page};
use bursar_testkit::{Store, on_both_stores};
use jiff::SignedDuration;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::jit::swipe;
use crate::running::{
    Beside, Error, JIT_PASSWORD, QUARANTINE_KEY, Running, WEBHOOK_SECRET, app, signature, until,
};
use crate::webhooks::{at, books, following, item, report};
use crate::{Tested, faulty};

/// No pause of an item is longer.
const PAUSE: SignedDuration = SignedDuration::from_mins(2);

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Waiting, dead and quarantined.
async fn counts(server: &Running) -> Result<[u64; 3], Error> {
    let counts = server.get("/v1/inbox").await?.json();
    Ok(["waiting", "dead", "quarantined"].map(|state| counts[state].as_u64().unwrap_or(u64::MAX)))
}

async fn stuck(server: &Running, state: &str) -> Result<Vec<Value>, Error> {
    let listed = server.get(&format!("/v1/inbox/items?state={state}")).await?.json();
    Ok(listed["items"].as_array().ok_or("no items")?.clone())
}

/// Lets the pause after each failed run of an item go by, until it is dead.
pub(crate) async fn until_dead(server: &Running, inbox: &dyn Inbox) -> Tested {
    let (clock, began) = (server.place.clock(), server.place.clock().now());
    let is_dead = async || {
        let waiting = inbox.list_items(ItemState::Waiting, Page { after: None, limit: 9 }).await?;
        let failures = waiting.iter().map(|item| item.failures).max().unwrap_or_default();
        clock.set(began.saturating_add(PAUSE * i32::try_from(failures)?)?);
        Ok(counts(server).await?[1] == 1)
    };
    until("it is dead", is_dead).await
}

async fn webhook(server: &Running, body: Value) -> Tested {
    let answered = server.webhook(&body).await?;
    assert_eq!(answered.status.as_u16(), 200, "{}", answered.text);
    server.drained().await
}

/// What the processor sends, without a connection.
fn request(body: &Value) -> Result<Request<Body>, Error> {
    let body = body.to_string();
    let basic = BASE64_STANDARD.encode(format!("marqeta:{JIT_PASSWORD}"));
    let request = Request::post("/webhooks/marqeta").header("Authorization", format!("Basic {basic}"));
    let request = request.header("X-Marqeta-Signature", signature(WEBHOOK_SECRET, &body)?);
    Ok(request.body(Body::from(body))?)
}

on_both_stores!(what_was_acknowledged_and_not_booked_is_booked_by_the_next_server);
async fn what_was_acknowledged_and_not_booked_is_booked_by_the_next_server(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let place = server.end().await?;
    // The routes alone: nobody works off what they store.
    let beside = Beside::default();
    let app = app(place.as_ref(), &beside, Settings::default(), QUARANTINE_KEY, None).await?;
    let refunds: Vec<Value> =
        (0..10).map(|number| item("refund", &format!("t-{number}"), "COMPLETION", 1.0)).collect();
    let answered =
        bursar_server::router(app.clone()).oneshot(request(&json!({"transactions": refunds}))?).await?;
    assert_eq!(answered.status().as_u16(), 200);
    app.authorizer().stop(Duration::from_secs(10)).await?;
    drop(app);
    let server = Running::start_in(place, Settings::default()).await?;
    server.drained().await?;
    assert_eq!(books(&server, &given).await?, ["110.00", "0.00"]);
    Ok(())
}

on_both_stores!(what_cannot_be_stored_is_not_acknowledged_and_is_booked_once_when_it_comes_again);
async fn what_cannot_be_stored_is_not_acknowledged_and_is_booked_once_when_it_comes_again(
    store: Store,
) -> Tested {
    let (server, ledger) = faulty::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let refund = item("refund", "t-1", "COMPLETION", 1.0);
    let body = json!({"transactions": [refund, {"token": "t-2"}]});
    ledger.set_inbox_down(true);
    let refused = server.webhook(&body).await?;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (503, "unavailable"));
    assert_eq!(counts(&server).await?, [0, 0, 0]);
    ledger.set_inbox_down(false);
    for _ in 0..2 {
        webhook(&server, body.clone()).await?;
        assert_eq!(books(&server, &given).await?, ["101.00", "0.00"]);
        assert_eq!(counts(&server).await?, [0, 0, 1]);
    }
    Ok(())
}

on_both_stores!(what_waits_for_a_store_that_is_away_has_not_failed);
async fn what_waits_for_a_store_that_is_away_has_not_failed(store: Store) -> Tested {
    let (server, ledger) = faulty::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    ledger.set_down(true);
    ledger.forget();
    let refund = json!({"transactions": [item("refund", "t-1", "COMPLETION", 1.0)]});
    assert_eq!(server.webhook(&refund).await?.status.as_u16(), 200);
    for _ in 0..3 {
        tokio::time::timeout(PATIENCE, ledger.entered()).await?;
    }
    assert_eq!(counts(&server).await?, [1, 0, 0]);
    // Whoever stops waits no longer for the store.
    let place = server.end().await?;
    let page = Page { after: None, limit: 9 };
    let waiting = place.open().list_items(ItemState::Waiting, page).await?;
    let told: Vec<_> = waiting.iter().map(|item| (item.failures, item.why.as_deref())).collect();
    assert_eq!(told, [(0, None)]);
    ledger.set_down(false);
    // The lease has ended by then.
    place.clock().set_after_noon(SignedDuration::from_mins(1));
    let server = Running::start_in(place, Settings::default()).await?;
    server.drained().await?;
    assert_eq!(books(&server, &given).await?, ["101.00", "0.00"]);
    Ok(())
}

on_both_stores!(nobody_else_is_given_what_is_worked_on);
async fn nobody_else_is_given_what_is_worked_on(store: Store) -> Tested {
    let (server, ledger) = faulty::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    ledger.forget();
    let gate = ledger.close_gate().await;
    let refund = json!({"transactions": [item("refund", "t-1", "COMPLETION", 1.0)]});
    assert_eq!(server.webhook(&refund).await?.status.as_u16(), 200);
    tokio::time::timeout(PATIENCE, ledger.entered()).await?;
    assert_eq!(ledger.take(9, Duration::from_secs(1)).await?, []);
    drop(gate);
    server.drained().await?;
    assert_eq!(books(&server, &given).await?, ["101.00", "0.00"]);
    Ok(())
}

on_both_stores!(what_fails_four_times_is_dead_until_it_is_replayed);
async fn what_fails_four_times_is_dead_until_it_is_replayed(store: Store) -> Tested {
    let (place, ledger) = faulty::place(store);
    let server = Running::start_in(place, Settings::default()).await?;
    let given = server.given("USD", Some("92233720368547757.00")).await?;
    // More than 64 bits of cents.
    let refunds = [item("refund", "t-1", "COMPLETION", 2.0), item("refund", "t-2", "COMPLETION", 0.5)];
    assert_eq!(server.webhook(&json!({"transactions": refunds})).await?.status.as_u16(), 200);
    until_dead(&server, ledger.as_ref()).await?;
    until("the other is booked", async || Ok(counts(&server).await? == [0, 1, 0])).await?;
    assert_eq!(books(&server, &given).await?, ["92233720368547757.50", "0.00"], "the other is booked");
    let dead = stuck(&server, "dead").await?;
    let (why, failures) = (dead[0]["why"].as_str().unwrap_or_default(), &dead[0]["failures"]);
    assert!(why.contains("64 bits") && *failures == json!(4), "{dead:?}");
    let path = format!("/v1/accounts/{}/unloads", given.account());
    server.make(&path, json!({"amount": "7000.00", "currency": "USD"})).await?;
    let path = format!("/v1/inbox/items/{}/replays", dead[0]["id"].as_str().ok_or("no id")?);
    assert_eq!(server.make(&path, json!({})).await?["state"], "waiting");
    server.drained().await?;
    assert_eq!(books(&server, &given).await?, ["92233720368540759.50", "0.00"]);
    assert_eq!(counts(&server).await?, [0, 0, 0]);
    assert_eq!(server.post(&path, &json!({})).await?.status.as_u16(), 404, "it is worked off");
    Ok(())
}

on_both_stores!(what_nobody_can_read_is_kept_encrypted);
async fn what_nobody_can_read_is_kept_encrypted(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let novelty = json!({"token": "n-1", "pan": "4111111111111111", "colour": "ultramarine"});
    for _ in 0..2 {
        webhook(&server, json!({"novelties": [novelty], "cards": [{"token": "x"}]})).await?;
    }
    assert_eq!(counts(&server).await?, [0, 0, 2], "each once");
    let kept = stuck(&server, "quarantined").await?;
    assert!(!format!("{kept:?}").contains("ultramarine"), "{kept:?}");
    let novelty = kept.iter().find(|item| item["kind"] == "novelties").ok_or("it is not there")?;
    let path = format!("/v1/inbox/items/{}", novelty["id"].as_str().ok_or("no id")?);
    let opened = server.get(&path).await?.json();
    let content = opened["content"].as_str().unwrap_or_default();
    assert!(content.contains("ultramarine") && !content.contains("4111111111111111"), "{opened}");
    let again = server.post(&format!("{path}/replays"), &json!({})).await?;
    assert_eq!((again.status.as_u16(), again.code()), (422, "still_unreadable".to_owned()));
    let place = server.end().await?;
    let stored = place.open();
    let page = Page { after: None, limit: 9 };
    for item in stored.list_items(ItemState::Quarantined, page).await? {
        assert!(!String::from_utf8_lossy(&item.content).contains("token"), "{item:?}");
    }
    drop(stored);
    let other = Running::start_sealing(place, Settings::default(), [8; 32]).await?;
    let closed = other.get(&path).await?;
    assert_eq!((closed.status.as_u16(), closed.code()), (409, "sealed_elsewhere".to_owned()));
    assert_eq!(other.post(&format!("{path}/dismissals"), &json!({})).await?.status.as_u16(), 200);
    assert_eq!(counts(&other).await?, [0, 0, 1]);
    Ok(())
}

/// A transition as it is told, of this minute.
fn transition(of: &str, subject: &str, status: &str, minute: u32) -> Value {
    json!({
        "token": format!("{subject}-{minute}"), format!("{of}_token"): subject, "state": status,
        "created_time": format!("2026-01-15T10:{minute:02}:00Z"), "pan": "4111111111111111",
    })
}

on_both_stores!(transitions_move_ours_whatever_order_they_come_in);
async fn transitions_move_ours_whatever_order_they_come_in(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let status = async |object: &Value, path: &str| -> Result<String, Error> {
        let path = format!("/v1/{path}/{}", object["id"].as_str().unwrap_or_default());
        Ok(server.get(&path).await?.json()["status"].as_str().unwrap_or_default().to_owned())
    };
    let card = |status, minute| json!({"cards": [transition("card", "card-1", status, minute)]});
    for (body, expected) in [
        (card("SUSPENDED", 2), "suspended"),
        (card("ACTIVE", 1), "suspended"),
        (card("ACTIVE", 3), "active"),
        (card("SUSPENDED", 2), "active"),
        (card("TERMINATED", 5), "terminated"),
        (card("ACTIVE", 4), "terminated"),
    ] {
        webhook(&server, body.clone()).await?;
        assert_eq!(status(&given.card, "cards").await?, expected, "{body}");
    }
    webhook(&server, json!({"usertransitions": [transition("user", "user-1", "SUSPENDED", 2)]})).await?;
    webhook(&server, json!({"users": [transition("user", "user-1", "UNVERIFIED", 1)]})).await?;
    assert_eq!(status(&given.cardholder, "cardholders").await?, "suspended");
    let company = json!({"program": given.program["id"], "name": "Second", "token": "business-1"});
    let company = server.make("/v1/companies", company).await?;
    webhook(&server, json!({"businesstransitions": [transition("business", "business-1", "SUSPENDED", 1)]}))
        .await?;
    assert_eq!(status(&company, "companies").await?, "suspended");
    webhook(&server, json!({"cards": [transition("card", "no-card", "ACTIVE", 1)]})).await?;
    let records = server.get("/v1/records").await?.json()["items"].clone();
    assert_eq!((&records[0]["kind"], &records[0]["card_token"]), (&json!("review"), &json!("no-card")));
    assert_eq!(counts(&server).await?, [0, 0, 0]);
    Ok(())
}

on_both_stores!(what_is_told_of_a_dispute_is_shown_with_its_purchase);
async fn what_is_told_of_a_dispute_is_shown_with_its_purchase(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    server.jit(&swipe("t-1", "30.00")).await?;
    let clearing = following(item("authorization.clearing", "t-2", "COMPLETION", 30.0), "t-1");
    report(&server, &[at(clearing, "12:00:00")]).await?;
    let step = |token: &str, of: &str, state: &str| json!({"token": token, "transaction_token": of, "state": state, "created_time": "2026-11-28T10:00:00Z"});
    let steps =
        [step("c-1", "t-2", "INITIATED"), step("t-1", "t-1", "CASE_WON"), step("c-3", "t-9", "INITIATED")];
    for _ in 0..2 {
        webhook(&server, json!({"chargebacktransitions": steps})).await?;
    }
    assert_eq!(books(&server, &given).await?, ["70.00", "0.00"], "it moves no money, whatever its token is");
    let bought = server.get("/v1/authorizations").await?.json()["items"][0]["id"].clone();
    let path = format!("/v1/authorizations/{}", bought.as_str().ok_or("no id")?);
    let hold = server.get(&path).await?.json()["hold"].clone();
    let messages = hold["messages"].as_array().ok_or("no messages")?;
    let is_event = |message: &&Value| message["source"] == "marqeta_event";
    let mut events: Vec<&Value> = messages.iter().filter(is_event).map(|message| &message["token"]).collect();
    events.sort_by_key(|token| token.to_string());
    assert_eq!(events, [&json!("c-1"), &json!("t-1")]);
    let records = server.get("/v1/records").await?.json()["items"].clone();
    assert_eq!((&records[0]["token"], &records[1]), (&json!("c-3"), &Value::Null));
    Ok(())
}
