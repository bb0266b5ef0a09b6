//! Requests to fund a swipe that come by queue, beside those that come by HTTP.

use std::sync::Arc;

use bursar_broker::contract::Place;
use bursar_broker::{Broker, Content, Exchange, Queue, Reason, Subscription};
use bursar_server::workers::queue::Figures;
use bursar_server::workers::{Task, requests};
use bursar_testkit::{BrokerFolder, RabbitPlace, Store, on_both_stores};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::Tested;
use crate::faulty;
use crate::jit::swipe;
use crate::running::{Error, Given, Running, until};

/// A server, a broker, and who works off the one's requests by the other.
struct Desk {
    server: Running,
    given: Given,
    broker: Arc<dyn Broker>,
    consuming: Task,
    figures: Arc<Figures>,
    answers: Subscription,
    _folder: BrokerFolder,
}

impl Desk {
    async fn open(store: Store) -> Result<Self, Error> {
        Self::with(Running::start(store).await?).await
    }

    async fn with(server: Running) -> Result<Self, Error> {
        let given = server.given("USD", Some("100.00")).await?;
        let folder = BrokerFolder::new();
        let broker = folder.open().await;
        let figures = Arc::<Figures>::default();
        let consuming = requests::start(server.app.authorizer().clone(), broker.clone(), figures.clone());
        let answers = broker.subscribe(Queue::JitFundingResponse, 100);
        Ok(Self { server, given, broker, consuming, figures, answers, _folder: folder })
    }

    async fn publish(&self, content: Content) -> Result<(), Error> {
        let published =
            self.broker.publish(vec![content.to(Exchange::Transactions, "jit-funding.created")]).await;
        published.into_iter().collect::<Result<(), _>>().map_err(Into::into)
    }

    async fn next(&mut self) -> Result<(Content, Value), Error> {
        let delivery = self.answers.next().await.ok_or("the broker is gone")?;
        let content = delivery.content.clone();
        delivery.done().await?;
        let said = serde_json::from_slice(&content.body)?;
        Ok((content, said))
    }

    async fn held(&self) -> Result<Value, Error> {
        let account = self.server.get(&format!("/v1/accounts/{}", self.given.account())).await?;
        Ok(account.json()["held"].clone())
    }
}

/// A request for this swipe, that may be decided for so long.
fn request(swipe: &str, seconds: i64) -> Content {
    let expires_at = Timestamp::now().saturating_add(SignedDuration::from_secs(seconds)).expect("a time");
    let body = format!(r#"{{"expires_at": "{expires_at}", "request": {swipe}}}"#);
    Content::new(Uuid::new_v4(), "jit-funding.created", body.into_bytes())
}

on_both_stores!(a_request_by_queue_is_answered_as_one_by_http, worker_threads = 2);
async fn a_request_by_queue_is_answered_as_one_by_http(store: Store) -> Tested {
    let mut desk = Desk::open(store).await?;
    for (token, amount, code) in [("swipe-1", "30.00", 200), ("swipe-2", "500.00", 402)] {
        let body = swipe(token, amount);
        let mut asked = request(&body, 60);
        asked.correlation_id = Some(format!("question about {token}"));
        desk.publish(asked.clone()).await?;
        let (content, said) = desk.next().await?;
        assert_eq!((content.id, &content.correlation_id), (asked.id, &asked.correlation_id));
        assert_eq!((&said["status"], &said["code"]), (&json!("decided"), &json!(code)));
        // The same token by HTTP has the same answer, and no other effect.
        let by_http = desk.server.jit(&body).await?;
        assert_eq!((by_http.status.as_u16(), by_http.json()), (code, said["body"].clone()));
    }
    assert_eq!(desk.held().await?, "30.00");
    desk.consuming.stop().await;
    Ok(())
}

on_both_stores!(one_token_by_both_ways_at_once_holds_once, worker_threads = 2);
async fn one_token_by_both_ways_at_once_holds_once(store: Store) -> Tested {
    let mut desk = Desk::open(store).await?;
    let body = swipe("swipe-1", "7.00");
    for _ in 0..20 {
        desk.publish(request(&body, 60)).await?;
    }
    let by_http = futures_util::future::join_all((0..20).map(|_| desk.server.jit(&body))).await;
    let by_http = by_http.into_iter().collect::<Result<Vec<_>, _>>()?;
    for _ in 0..20 {
        assert_eq!(desk.next().await?.1["body"], by_http[0].json());
    }
    assert!(by_http.iter().all(|answered| answered.text == by_http[0].text));
    assert_eq!(desk.held().await?, "7.00");
    desk.consuming.stop().await;
    Ok(())
}

on_both_stores!(an_answer_goes_where_the_request_says, worker_threads = 2);
async fn an_answer_goes_where_the_request_says(store: Store) -> Tested {
    let mut desk = Desk::open(store).await?;
    let mut asked = request(&swipe("swipe-1", "1.00"), 60);
    asked.reply_to = Some(Queue::Unrouted.name().to_owned());
    desk.publish(asked.clone()).await?;
    let mut elsewhere = desk.broker.subscribe(Queue::Unrouted, 1);
    let answer = elsewhere.next().await.ok_or("the broker is gone")?;
    assert_eq!(answer.content.correlation_id, Some(asked.id.to_string()));
    answer.done().await?;
    // An answer that nobody can get holds up nothing.
    let mut asked = request(&swipe("swipe-2", "1.00"), 60);
    asked.reply_to = Some("nobody".to_owned());
    desk.publish(asked).await?;
    desk.publish(request(&swipe("swipe-3", "1.00"), 60)).await?;
    assert_eq!(desk.next().await?.1["code"], 200);
    desk.consuming.stop().await;
    assert_eq!(
        desk.server.get("/v1/authorizations").await?.json()["items"].as_array().map(Vec::len),
        Some(3)
    );
    Ok(())
}

on_both_stores!(a_request_that_is_too_old_holds_nothing, worker_threads = 2);
async fn a_request_that_is_too_old_holds_nothing(store: Store) -> Tested {
    let mut desk = Desk::open(store).await?;
    desk.publish(request(&swipe("swipe-1", "5.00"), -1)).await?;
    assert_eq!(desk.next().await?.1, json!({ "status": "expired" }));
    assert_eq!(desk.held().await?, "0.00");
    // What was decided in its time is answered late, whoever replays it.
    let body = swipe("swipe-2", "6.00");
    desk.publish(request(&body, 60)).await?;
    let (_, in_time) = desk.next().await?;
    desk.publish(request(&body, -3600)).await?;
    assert_eq!(desk.next().await?.1, in_time);
    assert_eq!(desk.held().await?, "6.00");
    desk.consuming.stop().await;
    Ok(())
}

on_both_stores!(an_old_request_never_gets_the_answer_of_another, worker_threads = 2);
async fn an_old_request_never_gets_the_answer_of_another(store: Store) -> Tested {
    let mut desk = Desk::open(store).await?;
    // One that was approved with other content.
    desk.publish(request(&swipe("swipe-1", "5.00"), 60)).await?;
    assert_eq!(desk.next().await?.1["code"], 200);
    desk.publish(request(&swipe("swipe-1", "50.00"), -1)).await?;
    let (_, other) = desk.next().await?;
    assert_eq!((&other["status"], &other["code"]), (&json!("decided"), &json!(402)));
    assert_eq!(other["body"]["jit_funding"]["decline_reason"], "DUPLICATE_TRANSACTION");
    // One whose place the processor took: it approved by itself, while we were away.
    let standin = json!({"transactions": [{
        "type": "authorization.standin", "token": "swipe-2", "state": "PENDING", "card_token": "card-1",
        "user_token": "user-1", "amount": 6.00, "currency_code": "USD", "created_time": Timestamp::now().to_string(),
    }]});
    assert_eq!(desk.server.webhook(&standin).await?.status.as_u16(), 200);
    desk.server.drained().await?;
    desk.publish(request(&swipe("swipe-2", "6.00"), -1)).await?;
    assert_eq!(desk.next().await?.1["code"], 402);
    // One that was only kept has the answer that it had in time.
    let inform = swipe("swipe-3", "7.00").replace("pgfs.authorization", "pgfs.authorization.clearing");
    desk.publish(request(&inform, 60)).await?;
    let (_, in_time) = desk.next().await?;
    assert_eq!((&in_time["status"], &in_time["code"]), (&json!("decided"), &json!(200)));
    desk.publish(request(&inform, -1)).await?;
    assert_eq!(desk.next().await?.1, in_time);
    desk.consuming.stop().await;
    Ok(())
}

on_both_stores!(nobody_is_told_that_a_request_is_expired_while_it_is_being_decided, worker_threads = 2);
async fn nobody_is_told_that_a_request_is_expired_while_it_is_being_decided(store: Store) -> Tested {
    let (server, ledger) = faulty::start(store).await?;
    let mut desk = Desk::with(server).await?;
    let body = swipe("swipe-1", "5.00");
    // Those that made what is given.
    ledger.entered().await;
    let gate = ledger.close_gate().await;
    desk.publish(request(&body, 60)).await?;
    ledger.entered().await;
    // A copy that comes too late, while the first is on its way to be committed.
    desk.publish(request(&body, -1)).await?;
    drop(gate);
    let (first, second) = (desk.next().await?.1, desk.next().await?.1);
    assert_eq!((&first["code"], first == second), (&json!(200), true));
    assert_eq!(desk.held().await?, "5.00");
    desk.consuming.stop().await;
    Ok(())
}

on_both_stores!(a_request_that_nobody_can_read_is_answered_and_a_dead_letter, worker_threads = 2);
async fn a_request_that_nobody_can_read_is_answered_and_a_dead_letter(store: Store) -> Tested {
    let mut desk = Desk::open(store).await?;
    let nameless = swipe("swipe-1", "5.00").replace(r#""token":"swipe-1","#, "");
    for (content, part) in [
        (Content::new(Uuid::new_v4(), "jit-funding.created", b"no JSON".to_vec()), "line 1"),
        (Content::new(Uuid::new_v4(), "jit-funding.created", b"{\"request\": {}}".to_vec()), "expires_at"),
        (request(&nameless, 60), "token"),
    ] {
        desk.publish(content.clone()).await?;
        let (answer, said) = desk.next().await?;
        assert_eq!((answer.id, &said["status"]), (content.id, &json!("rejected")));
        let detail = said["detail"].as_str().unwrap_or_default();
        assert!(detail.contains(part), "{part}: {detail}");
        let mut dead = desk.broker.subscribe(Queue::DeadLetters, 1);
        let dead = dead.next().await.ok_or("the broker is gone")?;
        let death = dead.content.death.clone().ok_or("it is not dead")?;
        assert_eq!(
            (death.queue, death.attempts, death.reason),
            (Queue::JitFunding, 1, Some(Reason::Rejected))
        );
        assert_eq!(death.error_last, detail);
        dead.done().await?;
    }
    assert_eq!(desk.held().await?, "0.00");
    desk.consuming.stop().await;
    Ok(())
}

on_both_stores!(a_request_waits_for_a_store_that_is_away, worker_threads = 2);
async fn a_request_waits_for_a_store_that_is_away(store: Store) -> Tested {
    let (server, ledger) = faulty::start(store).await?;
    let mut desk = Desk::with(server).await?;
    ledger.set_down(true);
    let asked = request(&swipe("swipe-1", "5.00"), 600);
    desk.publish(asked.clone()).await?;
    // More runs than a message has that fails by itself.
    until("it was tried", async || Ok(ledger.refused_while_down() > 8)).await?;
    ledger.set_down(false);
    let (answer, said) = desk.next().await?;
    assert_eq!((answer.id, &said["code"]), (asked.id, &json!(200)));
    assert_eq!(desk.held().await?, "5.00");
    let of = desk.figures.of(Queue::JitFunding);
    assert_eq!((of.failed_count(), of.dead_count()), (0, 0), "no run counted");
    desk.consuming.stop().await;
    Ok(())
}

on_both_stores!(a_consumer_that_dies_before_it_is_done_answers_twice_and_holds_once, worker_threads = 2);
async fn a_consumer_that_dies_before_it_is_done_answers_twice_and_holds_once(store: Store) -> Tested {
    let mut desk = Desk::open(store).await?;
    let asked = request(&swipe("swipe-1", "5.00"), 60);
    desk.publish(asked.clone()).await?;
    let (_, first) = desk.next().await?;
    // As after a crash between the answer and the word that the request is done.
    desk.publish(asked).await?;
    assert_eq!(desk.next().await?.1, first);
    assert_eq!(desk.held().await?, "5.00");
    desk.consuming.stop().await;
    Ok(())
}

/// Python's pika, over RabbitMQ.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_not_ours_asks_and_is_answered() -> Tested {
    let without = std::env::var("BURSAR_TEST_WITHOUT").unwrap_or_default();
    if without.split(',').any(|tool| tool == PYTHON) {
        return Ok(()); // cargo xtask test lists it as not run
    }
    let server = Running::start(Store::Sqlite).await?;
    server.given("USD", Some("100.00")).await?;
    let vhost = RabbitPlace::new().await;
    let broker = vhost.open().await;
    let consuming = requests::start(server.app.authorizer().clone(), broker.clone(), Arc::default());
    let body = swipe("swipe-1", "30.00");
    let asked = String::from_utf8(request(&body, 60).body)?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/http/requests/ask.py");
    let mut python = tokio::process::Command::new(PYTHON);
    let output = python.args([script, vhost.url(), &asked]).kill_on_drop(true).output().await?;
    let errors = String::from_utf8_lossy(&output.stderr);
    let said: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("{error}: {errors}"))?;
    assert_eq!((&said["status"], &said["code"]), (&json!("decided"), &json!(200)), "{errors}");
    assert_eq!(server.jit(&body).await?.json(), said["body"]);
    consuming.stop().await;
    Ok(())
}

/// The system's own: what Debian packages for Python is found by no other.
const PYTHON: &str = "/usr/bin/python3";
