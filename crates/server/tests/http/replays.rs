//! What comes again, a month later or while its swipe is still decided.

use bursar_server::Settings;
use bursar_testkit::{Store, on_both_stores};
use futures_util::future::{join, join_all};
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::Tested;
use crate::jit::{swipe, verdict};
use crate::running::{Error, Given, Running};
use crate::webhooks::{at, following, item, report};

/// The account with its entries, and what is left of the card's limit.
async fn books(server: &Running, given: &Given) -> Result<Value, Error> {
    let account = server.get(&format!("/v1/accounts/{}", given.account())).await?.json();
    let entries = server.get(&format!("/v1/accounts/{}/entries", given.account())).await?.json();
    let card = given.card["id"].as_str().ok_or("no card")?;
    let left = server.get(&format!("/v1/cards/{card}/available")).await?.json()["limits"].clone();
    Ok(json!([account, entries, left[0]["remaining_amount"]]))
}

on_both_stores!(every_message_that_comes_again_after_a_month_has_no_effect);
async fn every_message_that_comes_again_after_a_month_has_no_effect(store: Store) -> Tested {
    let place = store.place();
    let clock = place.clock().clone();
    let server = Running::start_in(place, Settings::default()).await?;
    let given = server.given("USD", Some("500.00")).await?;
    let most = json!({"window": "lifetime", "amount": "500.00", "currency": "USD"});
    server.make("/v1/controls", json!({"card": given.card["id"], "name": "all", "velocity": most})).await?;
    let swipes = [swipe("t-1", "30.00"), swipe("t-2", "40.00"), swipe("t-3", "600.00"), swipe("t-4", "9.00")];
    let mut answers = Vec::new();
    for swipe in &swipes {
        answers.push(server.jit(swipe).await?.text);
    }
    let notices = [
        item("authorization", "t-1", "PENDING", 30.0),
        at(following(item("authorization.clearing", "t-5", "COMPLETION", 36.0), "t-1"), "12:00:00"),
        item("authorization", "t-2", "DECLINED", 40.0),
        item("authorization.standin", "t-6", "PENDING", 7.0),
        at(following(item("authorization.reversal", "t-7", "PENDING", 2.0), "t-6"), "11:00:00"),
        at(item("refund", "t-8", "COMPLETION", 36.0), "18:00:00"),
        at(following(item("authorization.advice", "t-9", "PENDING", 8.0), "t-4"), "11:00:00"),
        item("brand.new.kind", "t-10", "COMPLETION", 1.0),
    ];
    report(&server, &notices).await?;
    let before = books(&server, &given).await?;
    assert_eq!((&before[0]["posted"], &before[0]["held"]), (&json!("500.00"), &json!("13.00")));
    clock.set_after_noon(SignedDuration::from_hours(31 * 24));
    for notice in notices.iter().rev().chain(&notices) {
        report(&server, std::slice::from_ref(notice)).await?;
    }
    for (swipe, answer) in swipes.iter().zip(&answers) {
        assert_eq!(&server.jit(swipe).await?.text, answer);
    }
    assert_eq!(books(&server, &given).await?, before);
    Ok(())
}

const SWIPES: usize = 100;

on_both_stores!(
    a_notice_that_a_swipe_was_too_late_meets_it_before_while_or_after_it_is_decided,
    worker_threads = 4
);
async fn a_notice_that_a_swipe_was_too_late_meets_it_before_while_or_after_it_is_decided(
    store: Store,
) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("5000.00")).await?;
    let server = &server;
    let too_late = |number: usize| async move {
        let (token, body) = (format!("t-{number}"), swipe(&format!("t-{number}"), "30.00"));
        let notice = json!({"transactions": [item("authorization", &token, "DECLINED", 30.0)]});
        // Which is sent first varies, and so does who gets to the ledger first.
        let (answered, noticed) = match number % 2 {
            0 => join(server.jit(&body), server.webhook(&notice)).await,
            _ => {
                let (noticed, answered) = join(server.webhook(&notice), server.jit(&body)).await;
                (answered, noticed)
            }
        };
        assert_eq!(noticed?.status.as_u16(), 200);
        let told = verdict(&answered?);
        let is_known = matches!(&told, (200, _)) || told == (402, "DUPLICATE_TRANSACTION".to_owned());
        assert!(is_known, "{told:?}");
        Ok::<bool, Error>(told.0 == 200)
    };
    let approved = join_all((0..SWIPES).map(too_late)).await.into_iter().collect::<Result<Vec<bool>, _>>()?;
    server.drained().await?;
    let account = server.get(&format!("/v1/accounts/{}", given.account())).await?.json();
    assert_eq!((&account["posted"], &account["held"]), (&json!("5000.00"), &json!("0.00")));
    let listed = server.get("/v1/discrepancies?limit=1000").await?.json();
    let overruled = approved.iter().filter(|is_approved| **is_approved).count();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(overruled), "each that we approved");
    Ok(())
}
