//! Whole lives of purchases, by swipes and webhooks: in the order in which they happened at one server, in any
//! order and partly twice at another. Both end with the same books.

use bursar_testkit::{Store, on_both_stores};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::Tested;
use crate::jit::swipe;
use crate::running::{Error, Given, Running};

const LIVES: usize = 1000;

/// How many lives go on at once.
const CLIENTS: usize = 8;

/// What the processor says of the purchase, its cents and its minute.
type First = (bool, i64, i64);

/// A type that follows it, with fields of its own, cents and minute.
type Event = ((&'static str, Value), i64, i64);

#[derive(Debug, Clone)]
struct Life {
    first: First,
    events: Vec<Event>,
    /// How its deliveries come: each at least once.
    order: Vec<usize>,
}

fn any_life() -> impl Strategy<Value = Life> {
    let kind = prop_oneof![
        2 => Just(("authorization.incremental", json!({}))),
        2 => Just(("authorization.advice", json!({}))),
        2 => Just(("authorization.reversal", json!({}))),
        1 => Just(("authorization.reversal.issuerexpiration", json!({}))),
        3 => Just(("authorization.clearing", json!({}))),
        2 => Just(("authorization.clearing", json!({"is_final_clearing": true}))),
    ];
    let events = prop::collection::vec((kind, 1..50_000_i64, 0..5_i64), 4);
    let order = (Just((0..6).collect::<Vec<_>>()), prop::collection::vec(0..6_usize, 2));
    let order = order.prop_map(|(once, twice)| [once, twice].concat()).prop_shuffle();
    let first = (prop::bool::weighted(0.1), 1..50_000_i64, 0..3_i64);
    (first, events, order).prop_map(|(first, events, order)| Life { first, events, order })
}

/// A delivery: to which door, and what.
enum Delivery {
    Swipe(String),
    Webhook(Value),
}

fn dollars(cents: i64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

impl Life {
    /// As they happened: the swipe, what became of it, and four that follow.
    fn deliveries(&self, number: usize) -> Vec<Delivery> {
        let token = |part: usize| format!("life-{number}-{part}");
        let item = |part: usize, kind: &str, fields: &Value, (cents, minute): (i64, i64)| {
            let mut item = json!({
                "type": kind, "token": token(part), "state": "PENDING", "card_token": "card-1",
                "currency_code": "USD", "response": {"code": "0000"},
                "created_time": format!("2026-11-27T10:{minute:02}:00Z"),
            });
            item["amount"] = dollars(cents).into();
            if part > 0 {
                // All name the first; or each the one before it, so that purchases are found to be one later.
                let named = if number.is_multiple_of(2) { 0 } else { part - 1 };
                item["preceding_related_transaction_token"] = token(named).into();
            }
            for (name, value) in fields.as_object().into_iter().flatten() {
                item[name] = value.clone();
            }
            Delivery::Webhook(json!({"transactions": [item]}))
        };
        let (is_refused, cents, minute) = self.first;
        let time = format!("2026-11-27T10:{minute:02}:00Z");
        let swipe = swipe(&token(0), &dollars(cents)).replace("2026-11-20T15:14:04Z", &time);
        let state = if is_refused { json!({"state": "DECLINED"}) } else { json!({}) };
        let mut deliveries = vec![Delivery::Swipe(swipe), item(0, "authorization", &state, (cents, minute))];
        let events = self.events.iter().zip(1..);
        deliveries.extend(
            events.map(|(((kind, fields), cents, minute), part)| item(part, kind, fields, (*cents, *minute))),
        );
        deliveries
    }

    async fn lived(&self, number: usize, order: &[usize], server: &Running) -> Result<(), Error> {
        let deliveries = self.deliveries(number);
        for place in order {
            let answered = match &deliveries[*place] {
                Delivery::Swipe(body) => server.jit(body).await?,
                Delivery::Webhook(body) => server.webhook(body).await?,
            };
            let status = answered.status.as_u16();
            if !matches!(status, 200 | 402) {
                return Err(format!("life {number}: {status}: {}", answered.text).into());
            }
        }
        Ok(())
    }
}

/// In order, each delivery of a life is worked off before its next comes.
async fn live(lives: &[Life], server: &Running, in_order: bool) -> Tested {
    if !in_order {
        return deliver(lives, server, |life| life.order.clone()).await;
    }
    for place in 0..6 {
        deliver(lives, server, |_| vec![place]).await?;
    }
    Ok(())
}

/// Delivers these of each life, and waits until all of them are worked off.
async fn deliver(lives: &[Life], server: &Running, which: impl Fn(&Life) -> Vec<usize>) -> Tested {
    let client = async |first: usize| -> Tested {
        for (number, life) in lives.iter().enumerate().skip(first).step_by(CLIENTS) {
            life.lived(number, &which(life), server).await?;
        }
        Ok(())
    };
    let clients = (0..CLIENTS).map(client);
    for lived in futures_util::future::join_all(clients).await {
        lived?;
    }
    server.drained().await
}

/// The account, and what is left of the card's limit.
async fn books(server: &Running, given: &Given) -> Result<Value, Error> {
    let mut account = server.get(&format!("/v1/accounts/{}", given.account())).await?.json();
    let card = given.card["id"].as_str().ok_or("no card")?;
    let left = server.get(&format!("/v1/cards/{card}/available")).await?.json()["limits"][0].clone();
    // Objects of another server, and as many entries as there were differences to post.
    for field in ["id", "owner", "entries"] {
        account[field] = Value::Null;
    }
    Ok(json!([account, left["remaining_amount"]]))
}

on_both_stores!(a_thousand_lives_end_the_same_in_whatever_order_their_messages_come, worker_threads = 2);
async fn a_thousand_lives_end_the_same_in_whatever_order_their_messages_come(store: Store) -> Tested {
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    let life = |_| any_life().new_tree(&mut runner).expect("a life").current();
    let lives: Vec<Life> = (0..LIVES).map(life).collect();
    let mut ends = Vec::new();
    for in_order in [true, false] {
        let server = Running::start(store).await?;
        let given = server.given("USD", Some("5000000.00")).await?;
        let most = json!({"window": "lifetime", "amount": "5000000.00", "currency": "USD"});
        let limit = json!({"card": given.card["id"], "name": "all", "velocity": most});
        server.make("/v1/controls", limit).await?;
        live(&lives, &server, in_order).await?;
        ends.push(books(&server, &given).await?);
    }
    let (account, left) = (&ends[0][0], &ends[0][1]);
    assert!(account["posted"] != "5000000.00" && account["held"] != "0.00", "{account}");
    assert!(left.is_string() && *left != "5000000.00", "{left}");
    assert_eq!(ends[0], ends[1]);
    Ok(())
}
