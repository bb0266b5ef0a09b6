//! Holds that the processor has not confirmed, and what it says when it is asked.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bursar_core::text::Token;
use bursar_processors::inquiry::{Inquire, InquiryError};
use bursar_processors::marqeta::{Delivered, decode_transaction};
use bursar_server::workers::inquirer::Inquirer;
use bursar_server::workers::sweeper::{Figures, Settings, Sweeper};
use bursar_store::books;
use bursar_testkit::{Place, Store, on_both_stores};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::jit::swipe;
use crate::running::{Error, Given, Running, until};
use crate::webhooks::{self, following, item, report};
use crate::{Tested, faulty};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const WEEK: SignedDuration = SignedDuration::from_hours(24 * 7);

/// A processor that has some transactions, each with those that are related to it.
#[derive(Default)]
struct Processor {
    has: Mutex<HashMap<String, Vec<Value>>>,
    asked: Mutex<Vec<String>>,
    is_away: AtomicBool,
}

impl Processor {
    fn has(&self, token: &str, items: &[Value]) {
        lock(&self.has).insert(token.to_owned(), items.to_vec());
    }

    /// What it was asked about since the last time.
    fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut lock(&self.asked))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Inquire for Processor {
    async fn inquire(&self, transaction: &Token, _: Timestamp) -> Result<Vec<Delivered>, InquiryError> {
        lock(&self.asked).push(transaction.to_string());
        if self.is_away.load(Ordering::Relaxed) {
            return Err(InquiryError::Away("it is away".to_owned()));
        }
        let items = lock(&self.has).get(transaction.as_str()).cloned().unwrap_or_default();
        let read = |item: &Value| decode_transaction(item.to_string().as_bytes());
        items
            .iter()
            .map(read)
            .collect::<Result<_, _>>()
            .map_err(|why| InquiryError::Unusable(why.to_string()))
    }

    fn is_asked(&self) -> bool {
        !self.is_away.load(Ordering::Relaxed)
    }
}

/// A server that can ask, and that sweeps when it is told to.
struct Asking {
    server: Running,
    processor: Arc<Processor>,
    sweeper: Sweeper,
    figures: Arc<Figures>,
    given: Given,
}

impl Asking {
    async fn start(store: Store) -> Result<Self, Error> {
        Self::start_in(store.place()).await
    }

    async fn start_in(place: Box<dyn Place>) -> Result<Self, Error> {
        let processor = Arc::<Processor>::default();
        let sweeping = Settings { is_on: false, ..Settings::default() };
        let settings = bursar_server::Settings { sweeper: sweeping, ..bursar_server::Settings::default() };
        let server = Running::start_asking(place, settings, processor.clone()).await?;
        let figures = Arc::<Figures>::default();
        let sweeper = Sweeper::new(server.app.authorizer().clone(), sweeping, figures.clone());
        let sweeper = sweeper.asking(Inquirer::of(&server.app));
        let given = server.given("USD", Some("100.00")).await?;
        Ok(Self { server, processor, sweeper, figures, given })
    }

    /// Swipes, and gives the authorization.
    async fn swipe(&self, token: &str, amount: &str) -> Result<String, Error> {
        let answered = self.server.jit(&swipe(token, amount)).await?;
        match answered.status.as_u16() {
            200 => {
                let page = self.server.get("/v1/authorizations?limit=1").await?.json();
                Ok(page["items"][0]["id"].as_str().ok_or("no authorization")?.to_owned())
            }
            status => Err(format!("{status}: {}", answered.text).into()),
        }
    }

    /// Asks the gateway something that it approves.
    async fn send(&self, body: &str) -> Tested {
        let answered = self.server.jit(body).await?;
        match answered.status.as_u16() {
            200 => Ok(()),
            status => Err(format!("{status}: {}", answered.text).into()),
        }
    }

    /// So long after the beginning.
    async fn sweep_at(&mut self, after: SignedDuration) -> Tested {
        self.server.place.clock().set_after_noon(after);
        Ok(self.sweeper.run().await?)
    }

    /// Posted and held.
    async fn books(&self) -> Result<[String; 2], Error> {
        webhooks::books(&self.server, &self.given).await
    }

    /// Kind and status of each, the newest first.
    async fn discrepancies(&self) -> Result<Vec<(String, String)>, Error> {
        let listed = self.server.get("/v1/discrepancies").await?.json();
        let text = |of: &Value| of.as_str().unwrap_or_default().to_owned();
        let items = listed["items"].as_array().ok_or("no items")?;
        Ok(items.iter().map(|item| (text(&item["kind"]), text(&item["status"]))).collect())
    }

    async fn close(self) -> Tested {
        drop(self.sweeper);
        let place = self.server.end().await?;
        let checked = books::check(place.books().as_mut(), &bursar_server::approved_minor)?;
        assert!(checked.is_clean(), "{:#?}", checked.findings);
        Ok(())
    }
}

/// More for an earlier purchase.
fn increment(token: &str, first: &str, amount: &str) -> String {
    let body = swipe(token, amount).replace("pgfs.authorization", "pgfs.authorization.incremental");
    let named = format!(r#""token":"{token}","preceding_related_transaction_token":"{first}","#);
    body.replacen(&format!(r#""token":"{token}","#), &named, 1)
}

/// A purchase in one message.
fn debit(token: &str, amount: &str) -> String {
    swipe(token, amount).replace("pgfs.authorization", "pgfs.auth_plus_capture")
}

fn listed(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(kind, status)| ((*kind).to_owned(), (*status).to_owned())).collect()
}

on_both_stores!(a_hold_that_is_not_confirmed_in_its_time_is_asked_about_once);
async fn a_hold_that_is_not_confirmed_in_its_time_is_asked_about_once(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    asking.swipe("t-1", "30.00").await?;
    asking.swipe("t-2", "20.00").await?;
    asking.processor.has("t-1", &[item("authorization", "t-1", "PENDING", 30.0)]);
    report(&asking.server, &[item("authorization", "t-2", "PENDING", 20.0)]).await?;
    asking.sweep_at(HOUR - SignedDuration::from_secs(1)).await?;
    assert_eq!(asking.processor.take_asked(), [""; 0], "it has an hour to confirm it");
    asking.sweep_at(HOUR + SignedDuration::from_secs(1)).await?;
    assert_eq!(asking.processor.take_asked(), ["t-1"], "what it has confirmed it is not asked about");
    asking.sweep_at(HOUR * 2).await?;
    assert_eq!(asking.processor.take_asked(), [""; 0]);
    assert_eq!(asking.books().await?, ["100.00", "50.00"]);
    assert_eq!((asking.figures.asked(), asking.figures.unconfirmed()), (1, 0));
    assert_eq!(asking.discrepancies().await?, listed(&[]));
    asking.close().await
}

on_both_stores!(what_the_processor_says_of_a_hold_is_booked);
async fn what_the_processor_says_of_a_hold_is_booked(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    for (token, amount) in [("t-1", "30.00"), ("t-2", "20.00"), ("t-3", "10.00")] {
        asking.swipe(token, amount).await?;
    }
    asking.processor.has("t-1", &[item("authorization", "t-1", "DECLINED", 30.0)]);
    let clearing = following(item("authorization.clearing", "t-2c", "COMPLETION", 21.5), "t-2");
    asking.processor.has("t-2", &[item("authorization", "t-2", "CLEARED", 20.0), clearing]);
    let reversal = following(item("authorization.reversal", "t-3r", "PENDING", 4.0), "t-3");
    asking.processor.has("t-3", &[item("authorization", "t-3", "PENDING", 10.0), reversal]);
    asking.sweep_at(HOUR * 2).await?;
    assert_eq!(asking.books().await?, ["78.50", "6.00"]);
    assert_eq!(asking.discrepancies().await?, listed(&[("overruled", "repaired")]));
    asking.close().await
}

on_both_stores!(a_hold_that_the_processor_denies_waits_for_an_operator);
async fn a_hold_that_the_processor_denies_waits_for_an_operator(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    let hold = asking.swipe("t-1", "30.00").await?;
    asking.sweep_at(HOUR * 2).await?;
    assert_eq!(
        asking.books().await?,
        ["100.00", "30.00"],
        "nothing is released without the processor's word"
    );
    assert_eq!(asking.discrepancies().await?, listed(&[("denied", "open")]));
    let found = asking.server.get("/v1/discrepancies?open=true").await?.json();
    let actions = found["items"][0]["actions"].clone();
    let [ask, release] =
        ["inquiries", "reversals"].map(|action| format!("/v1/authorizations/{hold}/{action}"));
    assert_eq!([&actions[0], &actions[1]], [&json!(ask), &json!(release)]);
    let told = asking.server.make(&ask, json!({})).await?;
    assert_eq!(told, json!({"is_known": false, "transactions": 0, "unbooked": 0}));
    asking.processor.has("t-1", &[item("authorization", "t-1", "PENDING", 30.0)]);
    let told = asking.server.make(&ask, json!({})).await?;
    assert_eq!(told, json!({"is_known": true, "transactions": 1, "unbooked": 0}));
    assert_eq!(asking.discrepancies().await?, listed(&[("denied", "closed")]));
    asking.close().await
}

on_both_stores!(a_hold_is_listed_while_the_processor_is_away_and_asked_about_afterwards);
async fn a_hold_is_listed_while_the_processor_is_away_and_asked_about_afterwards(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    let hold = asking.swipe("t-1", "30.00").await?;
    asking.swipe("t-2", "20.00").await?;
    for (token, amount) in [("t-1", 30.0), ("t-2", 20.0)] {
        asking.processor.has(token, &[item("authorization", token, "DECLINED", amount)]);
    }
    asking.processor.is_away.store(true, Ordering::Relaxed);
    for _ in 0..2 {
        asking.sweep_at(HOUR * 2).await?;
        assert_eq!(asking.discrepancies().await?, listed(&[("unconfirmed", "open"); 2]));
        assert_eq!((asking.figures.left(), asking.figures.asked()), (2, 0));
    }
    assert_eq!(asking.books().await?, ["100.00", "50.00"]);
    let ask = format!("/v1/authorizations/{hold}/inquiries");
    let answered = asking.server.post(&ask, &json!({})).await?;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (503, "processor_away"));
    let profile = asking.server.get("/v1/profile").await?.json();
    assert_eq!(profile["processor"], json!({"is_asked": false}));
    asking.processor.is_away.store(false, Ordering::Relaxed);
    asking.sweep_at(HOUR * 2).await?;
    assert_eq!(asking.books().await?, ["100.00", "0.00"]);
    assert_eq!((asking.figures.left(), asking.figures.asked()), (0, 2));
    let closed = [
        ("overruled", "repaired"),
        ("overruled", "repaired"),
        ("unconfirmed", "closed"),
        ("unconfirmed", "closed"),
    ];
    let mut found = asking.discrepancies().await?;
    found.sort();
    assert_eq!(found, listed(&closed));
    asking.close().await
}

on_both_stores!(a_hold_expires_only_if_the_processor_knows_nothing_else_of_it);
async fn a_hold_expires_only_if_the_processor_knows_nothing_else_of_it(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    for (token, amount) in [("t-1", "30.00"), ("t-2", "20.00"), ("t-3", "10.00")] {
        let amount_told: f64 = amount.parse()?;
        asking.swipe(token, amount).await?;
        let confirmed = item("authorization", token, "PENDING", amount_told);
        report(&asking.server, std::slice::from_ref(&confirmed)).await?;
        asking.processor.has(token, &[confirmed]);
    }
    // What has ended nobody asks about.
    asking.swipe("t-4", "1.00").await?;
    report(&asking.server, &[item("authorization", "t-4", "DECLINED", 1.0)]).await?;
    let captured = following(item("authorization.clearing", "t-2c", "COMPLETION", 5.0), "t-2");
    asking.processor.has("t-2", &[item("authorization", "t-2", "PENDING", 20.0), captured]);
    asking.processor.is_away.store(true, Ordering::Relaxed);
    asking.sweep_at(WEEK + HOUR).await?;
    assert_eq!(asking.books().await?, ["100.00", "60.00"], "nothing ends while it cannot be asked");
    assert_eq!(asking.processor.take_asked(), ["t-1", "t-2", "t-3"]);
    assert_eq!(asking.discrepancies().await?, listed(&[("overruled", "repaired")]), "each was confirmed");
    asking.processor.is_away.store(false, Ordering::Relaxed);
    asking.sweep_at(WEEK + HOUR).await?;
    assert_eq!(asking.books().await?, ["95.00", "15.00"], "what it told of the second begins its days anew");
    assert_eq!((asking.figures.expired(), asking.figures.asked()), (2, 3));
    asking.sweep_at(WEEK * 2 + HOUR * 2).await?;
    assert_eq!(asking.books().await?, ["95.00", "0.00"]);
    asking.close().await
}

on_both_stores!(each_decision_is_asked_about_by_itself);
async fn each_decision_is_asked_about_by_itself(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    asking.swipe("t-1", "30.00").await?;
    asking.send(&increment("t-2", "t-1", "5.00")).await?;
    asking.send(&debit("t-3", "20.00")).await?;
    assert_eq!(asking.books().await?, ["80.00", "35.00"]);
    report(&asking.server, &[item("authorization", "t-1", "PENDING", 30.0)]).await?;
    asking
        .processor
        .has("t-2", &[following(item("authorization.incremental", "t-2", "DECLINED", 5.0), "t-1")]);
    asking.processor.has("t-3", &[item("pindebit", "t-3", "ERROR", 20.0)]);
    asking.sweep_at(HOUR * 2).await?;
    assert_eq!(asking.processor.take_asked(), ["t-2", "t-3"]);
    assert_eq!(asking.books().await?, ["100.00", "30.00"], "neither came to anything");
    asking.close().await
}

on_both_stores!(a_denial_takes_the_place_of_a_doubt);
async fn a_denial_takes_the_place_of_a_doubt(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    asking.swipe("t-1", "30.00").await?;
    asking.processor.is_away.store(true, Ordering::Relaxed);
    asking.sweep_at(HOUR * 2).await?;
    asking.processor.is_away.store(false, Ordering::Relaxed);
    asking.sweep_at(HOUR * 2).await?;
    assert_eq!(asking.discrepancies().await?, listed(&[("denied", "open"), ("unconfirmed", "closed")]));
    asking.processor.is_away.store(true, Ordering::Relaxed);
    asking.sweep_at(WEEK + HOUR).await?;
    assert_eq!(asking.discrepancies().await?, listed(&[("denied", "open"), ("unconfirmed", "closed")]));
    assert_eq!(asking.books().await?, ["100.00", "30.00"]);
    asking.close().await
}

on_both_stores!(what_waits_for_the_processor_holds_nothing_else_up);
async fn what_waits_for_the_processor_holds_nothing_else_up(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    for number in 0..3 {
        let token = format!("t-{number}");
        asking.swipe(&token, "1.00").await?;
        let confirmed = item("authorization", &token, "PENDING", 1.0);
        report(&asking.server, std::slice::from_ref(&confirmed)).await?;
        asking.processor.has(&token, &[confirmed]);
    }
    let card = asking.given.card["id"].clone();
    let new = json!({"card": card, "amount": "30.00", "currency": "USD", "merchant": {"mcc": "5411"}});
    asking.server.make("/v1/authorizations", new).await?;
    asking.processor.is_away.store(true, Ordering::Relaxed);
    for left in [3, 3] {
        asking.sweep_at(WEEK + HOUR).await?;
        assert_eq!(asking.books().await?, ["100.00", "3.00"], "the one of our own door has expired");
        assert_eq!((asking.figures.expired(), asking.figures.left()), (1, left));
    }
    asking.processor.take_asked();
    asking.sweep_at(WEEK + HOUR).await?;
    assert_eq!(asking.processor.take_asked(), ["t-0"], "one is enough to see that it is still away");
    asking.processor.is_away.store(false, Ordering::Relaxed);
    asking.sweep_at(WEEK + HOUR).await?;
    assert_eq!((asking.figures.expired(), asking.figures.left()), (4, 0));
    asking.close().await
}

on_both_stores!(a_hold_stays_where_not_all_is_booked_that_the_processor_knows_of_it);
async fn a_hold_stays_where_not_all_is_booked_that_the_processor_knows_of_it(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    asking.swipe("t-1", "30.00").await?;
    asking.swipe("t-2", "20.00").await?;
    for (token, amount) in [("t-1", 30.0), ("t-2", 20.0)] {
        let confirmed = item("authorization", token, "PENDING", amount);
        report(&asking.server, std::slice::from_ref(&confirmed)).await?;
        asking.processor.has(token, &[confirmed]);
    }
    let mut broken = following(item("authorization.clearing", "t-1c", "COMPLETION", 30.0), "t-1");
    broken["state"] = json!({});
    let novel = following(item("brand.new.kind", "t-2n", "COMPLETION", 20.0), "t-2");
    asking.processor.has("t-1", &[item("authorization", "t-1", "PENDING", 30.0), broken]);
    asking.processor.has("t-2", &[item("authorization", "t-2", "PENDING", 20.0), novel]);
    for _ in 0..2 {
        asking.sweep_at(WEEK + HOUR).await?;
        assert_eq!(asking.books().await?, ["100.00", "50.00"]);
        assert_eq!((asking.figures.expired(), asking.figures.left()), (0, 2));
    }
    asking.close().await
}

on_both_stores!(a_processor_that_denies_what_it_has_reported_ends_nothing);
async fn a_processor_that_denies_what_it_has_reported_ends_nothing(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    asking.swipe("t-1", "30.00").await?;
    report(&asking.server, &[item("authorization", "t-1", "PENDING", 30.0)]).await?;
    asking.sweep_at(WEEK + HOUR).await?;
    assert_eq!(asking.books().await?, ["100.00", "30.00"]);
    assert_eq!((asking.figures.expired(), asking.figures.left()), (0, 1));
    asking.close().await
}

on_both_stores!(a_hold_that_was_only_reported_is_asked_about_before_it_expires);
async fn a_hold_that_was_only_reported_is_asked_about_before_it_expires(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    let advice = item("authorization.advice", "t-1", "PENDING", 30.0);
    report(&asking.server, std::slice::from_ref(&advice)).await?;
    let captured = following(item("authorization.clearing", "t-1c", "COMPLETION", 5.0), "t-1");
    asking.processor.has("t-1", &[advice, captured]);
    asking.sweep_at(WEEK + HOUR).await?;
    assert_eq!(asking.processor.take_asked(), ["t-1"]);
    assert_eq!(asking.books().await?, ["95.00", "25.00"]);
    asking.close().await
}

on_both_stores!(nobody_is_asked_about_what_is_of_no_processor);
async fn nobody_is_asked_about_what_is_of_no_processor(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    let card = asking.given.card["id"].clone();
    let new = json!({"card": card, "amount": "30.00", "currency": "USD", "merchant": {"mcc": "5411"}});
    let hold = asking.server.make("/v1/authorizations", new).await?;
    asking.processor.is_away.store(true, Ordering::Relaxed);
    asking.sweep_at(WEEK + HOUR).await?;
    assert_eq!(asking.books().await?, ["100.00", "0.00"], "it expired");
    assert_eq!(asking.processor.take_asked(), [""; 0]);
    let ask = format!("/v1/authorizations/{}/inquiries", hold["id"].as_str().ok_or("no id")?);
    let answered = asking.server.post(&ask, &json!({})).await?;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (409, "nobody_to_ask"));
    asking.close().await
}

on_both_stores!(a_server_asks_by_itself);
async fn a_server_asks_by_itself(store: Store) -> Tested {
    let processor = Arc::<Processor>::default();
    let (interval, unconfirmed_after) = (Duration::from_millis(1), Duration::ZERO);
    let sweeper = Settings { interval, unconfirmed_after, ..Settings::default() };
    let settings = bursar_server::Settings { sweeper, ..bursar_server::Settings::default() };
    let server = Running::start_asking(store.place(), settings, processor.clone()).await?;
    server.given("USD", Some("100.00")).await?;
    server.jit(&swipe("t-1", "30.00")).await?;
    until("it is asked", async || Ok(processor.take_asked() == ["t-1"])).await
}

on_both_stores!(who_has_no_api_is_told_what_to_set);
async fn who_has_no_api_is_told_what_to_set(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    server.jit(&swipe("t-1", "30.00")).await?;
    let found = server.get("/v1/authorizations?limit=1").await?.json();
    let id = found["items"][0]["id"].as_str().ok_or("no id")?;
    let answered = server.post(&format!("/v1/authorizations/{id}/inquiries"), &json!({})).await?;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (409, "nobody_to_ask"));
    assert!(answered.text.contains("marqeta.base_url"), "{}", answered.text);
    assert_eq!(server.get("/v1/profile").await?.json()["processor"], Value::Null);
    Ok(())
}

on_both_stores!(what_cannot_be_read_of_an_answer_is_quarantined);
async fn what_cannot_be_read_of_an_answer_is_quarantined(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    asking.swipe("t-1", "30.00").await?;
    let mut broken = following(item("authorization.clearing", "t-1c", "COMPLETION", 30.0), "t-1");
    broken["state"] = json!({});
    asking.processor.has("t-1", &[broken, item("authorization", "t-1", "PENDING", 30.0)]);
    asking.sweep_at(HOUR * 2).await?;
    assert_eq!(asking.books().await?, ["100.00", "30.00"]);
    assert_eq!(asking.server.get("/v1/inbox").await?.json()["quarantined"], 1);
    assert_eq!(asking.discrepancies().await?, listed(&[]));
    asking.close().await
}

on_both_stores!(what_is_no_answer_is_told_and_holds_nobody_up);
async fn what_is_no_answer_is_told_and_holds_nobody_up(store: Store) -> Tested {
    let mut asking = Asking::start(store).await?;
    let hold = asking.swipe("t-1", "30.00").await?;
    asking.swipe("t-2", "20.00").await?;
    asking.processor.has("t-1", &[json!("a page of the proxy")]);
    asking.processor.has("t-2", &[item("authorization", "t-2", "DECLINED", 20.0)]);
    asking.sweep_at(HOUR * 2).await?;
    assert_eq!(asking.books().await?, ["100.00", "30.00"]);
    assert_eq!(asking.discrepancies().await?, listed(&[("overruled", "repaired"), ("unconfirmed", "open")]));
    assert_eq!((asking.figures.left(), asking.figures.asked()), (1, 1));
    let ask = format!("/v1/authorizations/{hold}/inquiries");
    let answered = asking.server.post(&ask, &json!({})).await?;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (502, "processor_unusable"));
    asking.close().await
}

on_both_stores!(what_the_processor_says_waits_for_a_ledger_that_is_away);
async fn what_the_processor_says_waits_for_a_ledger_that_is_away(store: Store) -> Tested {
    let (place, ledger) = faulty::place(store);
    let mut asking = Asking::start_in(place).await?;
    let hold = asking.swipe("t-1", "30.00").await?;
    asking.swipe("t-2", "20.00").await?;
    for (token, amount) in [("t-1", 30.0), ("t-2", 20.0)] {
        asking.processor.has(token, &[item("authorization", token, "DECLINED", amount)]);
    }
    asking.processor.is_away.store(true, Ordering::Relaxed);
    asking.sweep_at(HOUR * 2).await?;
    assert_eq!(asking.figures.left(), 2);
    asking.processor.is_away.store(false, Ordering::Relaxed);
    ledger.set_down(true);
    let ask = format!("/v1/authorizations/{hold}/inquiries");
    let answered = asking.server.post(&ask, &json!({})).await?;
    assert_eq!((answered.status.as_u16(), answered.code().as_str()), (503, "unavailable"));
    assert!(asking.sweep_at(HOUR * 2).await.is_err(), "the run ends here");
    assert_eq!(asking.figures.left(), 2, "none is forgotten");
    ledger.set_down(false);
    asking.sweep_at(HOUR * 2).await?;
    assert_eq!((asking.books().await?, asking.figures.left()), (["100.00".into(), "0.00".into()], 0));
    drop(ledger);
    asking.close().await
}

/// The default, which the times of these tests follow.
#[test]
fn a_processor_has_an_hour() {
    assert_eq!(Settings::default().unconfirmed_after, Duration::from_secs(3_600));
}
