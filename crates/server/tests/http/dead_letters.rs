//! Dead letters, from the run that failed to the one that does not.

use std::time::Duration;

use bursar_core::text::Token;
use bursar_server::Settings;
use bursar_testkit::{FaultyLedger, Store, on_both_stores};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::inbox::until_dead;
use crate::jit::swipe;
use crate::queues::{items, settings, whole};
use crate::running::{Error, Running, until};
use crate::{Tested, faulty};

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

on_both_stores!(a_letter_that_was_seen_to_is_forgotten_when_it_is_old_enough, worker_threads = 2);
async fn a_letter_that_was_seen_to_is_forgotten_when_it_is_old_enough(store: Store) -> Tested {
    let mut forgetful = settings("api,relay,worker,sweeper");
    forgetful.relay.kept = Duration::ZERO;
    let server = Running::start_whole(store, forgetful).await?;
    for text in ["no request", "another"] {
        let message = json!({"exchange": "transactions", "routing_key": "jit-funding.created", "body": text});
        assert_eq!(server.post("/v1/messages", &message).await?.status, 202);
    }
    until("both are dead", async || Ok(items(&server, "/v1/dead-letters").await?.len() == 2)).await?;
    let letters = items(&server, "/v1/dead-letters").await?;
    let path = |of: &Value| format!("/v1/dead-letters/{}", of["id"].as_str().unwrap_or_default());
    server.make(&format!("{}/discards", path(&letters[0])), json!({"reason": "a test"})).await?;
    until("it is forgotten", async || Ok(server.get(&path(&letters[0])).await?.status == 404)).await?;
    assert_eq!(server.get(&path(&letters[1])).await?.json()["state"], "open");
    Ok(())
}

/// One of the letters, by the queue that it was in.
async fn letter(server: &Running, queue: &str) -> Result<Option<Value>, Error> {
    Ok(items(server, &format!("/v1/dead-letters?queue={queue}")).await?.pop())
}

/// What pauses in the inbox is found by a look.
fn looking() -> Settings {
    Settings { inbox_poll: Settings::default().inbox_poll, ..settings("api,relay,worker,sweeper") }
}

fn refund(token: &str) -> Value {
    json!({"token": token, "type": "refund", "state": "COMPLETION", "amount": 1.0, "currency_code": "USD",
        "card_token": "card-1", "created_time": "2026-11-20T15:14:04Z"})
}

/// Reports a refund whose four runs fail, as each would: its letter.
async fn dies(server: &Running, ledger: &FaultyLedger, token: &str) -> Result<Value, Error> {
    ledger.refuse_data_of(&Token::new(token)?);
    assert_eq!(server.webhook(&json!({"transactions": [refund(token)]})).await?.status, 200);
    until_dead(server, ledger).await?;
    until("it is a letter", async || Ok(letter(server, "webhook-queue").await?.is_some())).await?;
    Ok(letter(server, "webhook-queue").await?.ok_or("no letter")?)
}

on_both_stores!(what_failed_four_times_takes_effect_once_when_it_is_replayed, worker_threads = 2);
async fn what_failed_four_times_takes_effect_once_when_it_is_replayed(store: Store) -> Tested {
    let (place, ledger) = faulty::place(store);
    let server = Running::start_whole_in(place, looking()).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let letter = dies(&server, &ledger, "t-1").await?;
    assert_eq!((&letter["reason"], &letter["attempts"]), (&json!("exhausted"), &json!(4)), "{letter}");
    assert_eq!(server.get("/health").await?.json()["status"], "degraded");
    // What a replay would do, without doing it.
    let dry = server.make("/v1/dead-letters/replays", json!({"dry_run": true, "limit": 1})).await?;
    let change = &dry["items"][0]["effect"]["changes"][0];
    assert_eq!(
        (&change["owner"], &dry["next"]),
        (&given.company["accounts"][0]["owner"], &Value::Null),
        "{dry}"
    );
    assert_eq!(server.get("/v1/inbox").await?.json()["dead"], 1);
    ledger.refuse_data_of(&Token::new("nobody's")?);
    let path = format!("/v1/dead-letters/{}/replays", letter["id"].as_str().ok_or("no id")?);
    for is_replayed in [true, false] {
        assert_eq!(server.make(&path, json!({})).await?["is_replayed"], is_replayed);
    }
    let account = format!("/v1/accounts/{}", given.account());
    until("it is booked", async || Ok(server.get(&account).await?.json()["posted"] == "101.00")).await?;
    until("nothing is left", async || {
        let inbox = server.get("/v1/inbox").await?.json();
        Ok(inbox["dead"] == 0 && inbox["waiting"] == 0)
    })
    .await?;
    Ok(())
}

on_both_stores!(a_discarded_letter_takes_its_item_of_the_inbox_along, worker_threads = 2);
async fn a_discarded_letter_takes_its_item_of_the_inbox_along(store: Store) -> Tested {
    let (place, ledger) = faulty::place(store);
    let server = Running::start_whole_in(place, looking()).await?;
    server.given("USD", Some("100.00")).await?;
    let letter = dies(&server, &ledger, "t-1").await?;
    let path = format!("/v1/dead-letters/{}/discards", letter["id"].as_str().ok_or("no id")?);
    let discarded = server.make(&path, json!({"reason": "a test"})).await?;
    assert_eq!(discarded["state"], "discarded");
    assert_eq!(server.get("/v1/inbox").await?.json()["dead"], 0);
    Ok(())
}

on_both_stores!(who_sees_to_an_item_of_the_inbox_has_seen_to_its_letter, worker_threads = 2);
async fn who_sees_to_an_item_of_the_inbox_has_seen_to_its_letter(store: Store) -> Tested {
    let (place, ledger) = faulty::place(store);
    let server = Running::start_whole_in(place, looking()).await?;
    server.given("USD", Some("100.00")).await?;
    for (deed, state) in [("replays", "replayed"), ("dismissals", "discarded")] {
        let letter = dies(&server, &ledger, deed).await?;
        ledger.refuse_data_of(&Token::new("nobody's")?);
        let items = items(&server, "/v1/inbox/items?state=dead").await?;
        let id = items.first().and_then(|item| item["id"].as_str()).ok_or("no item")?;
        server.make(&format!("/v1/inbox/items/{id}/{deed}"), json!({})).await?;
        let path = format!("/v1/dead-letters/{}", letter["id"].as_str().ok_or("no id")?);
        assert_eq!(server.get(&path).await?.json()["state"], state, "{deed}");
        server.drained().await?;
    }
    Ok(())
}

on_both_stores!(letters_that_die_again_hold_up_no_others, worker_threads = 2);
async fn letters_that_die_again_hold_up_no_others(store: Store) -> Tested {
    let server = whole(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let dead = 5;
    for number in 0..dead {
        let message =
            json!({"exchange": "transactions", "routing_key": "jit-funding.created", "body": number});
        assert_eq!(server.post("/v1/messages", &message).await?.status, 202);
    }
    let are_dead = async || Ok(items(&server, "/v1/dead-letters").await?.len() == dead);
    until("all are dead", are_dead).await?;
    let (mut replayed, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = server.make("/v1/dead-letters/replays", json!({"limit": 2, "after": after})).await?;
        let ids = page["items"].as_array().cloned().unwrap_or_default();
        assert!(ids.iter().all(|of| of["is_replayed"] == true), "{page}");
        replayed.extend(ids.iter().map(|of| of["id"].to_string()));
        after = page["next"].clone();
        if after.is_null() {
            break;
        }
    }
    replayed.sort();
    replayed.dedup();
    assert_eq!(replayed.len(), dead, "each once");
    for bad in [json!({"reason": "exhuasted"}), json!({"limit": 0}), json!({"after": "x"})] {
        assert_eq!(server.post("/v1/dead-letters/replays", &bad).await?.status, 400, "{bad}");
    }
    let expired = json!({"expires_at": Timestamp::UNIX_EPOCH, "request": serde_json::from_str::<Value>(&swipe("swipe-1", "1.00"))?});
    let message = json!({"exchange": "transactions", "routing_key": "jit-funding.created", "body": expired});
    assert_eq!(server.post("/v1/messages", &message).await?.status, 202);
    let answers = server
        .make("/v1/queues/jit-funding-response-queue/receipts", json!({"limit": 100, "wait_ms": 30_000}));
    assert!(answers.await?["items"].as_array().is_some_and(|items| !items.is_empty()));
    let account = server.get(&format!("/v1/accounts/{}", given.account())).await?.json();
    assert_eq!(account["held"], "0.00");
    Ok(())
}
