//! One purchase with everything that became of it.

use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};

use super::{following, item, listed, purchase, report};
use crate::Tested;
use crate::jit::swipe;
use crate::running::{Error, Running};

/// What happened, a line each: who said that it did what, how much, and what was held and posted after it.
async fn told(server: &Running, id: &Value) -> Result<Vec<String>, Error> {
    let path = format!("/v1/transactions/{}", id.as_str().ok_or("no id")?);
    let detail = server.get(&path).await?.json();
    let field = |entry: &Value, name: &str| entry[name].as_str().unwrap_or("-").to_owned();
    let line = |entry: &Value| {
        ["said_by", "did", "amount", "held", "posted"].map(|name| field(entry, name)).join(" ")
    };
    Ok(detail["timeline"].as_array().ok_or(format!("no timeline: {detail}"))?.iter().map(line).collect())
}

/// The only purchase there is.
async fn only(server: &Running) -> Result<Value, Error> {
    let mut items = listed(server, "").await?;
    match (items.pop(), items.pop()) {
        (Some(only), None) => Ok(only),
        found => Err(format!("not one: {found:?}").into()),
    }
}

/// A swipe at ten.
fn swiped(token: &str, amount: &str) -> String {
    swipe(token, amount).replace("2026-11-20T15:14:04Z", "2026-11-27T10:00:00Z")
}

on_both_stores!(a_tip_is_confirmed_and_cleared_beyond_its_hold);
async fn a_tip_is_confirmed_and_cleared_beyond_its_hold(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    server.jit(&swiped("t-1", "30.00")).await?;
    report(&server, item("authorization", "t-1", "PENDING", "30.00", "10:00:00")).await?;
    let mut clearing =
        following(item("authorization.clearing", "t-2", "COMPLETION", "36.00", "12:00:00"), "t-1");
    clearing["fees"] = json!([{"type": "interchange", "amount": 0.5, "credit_debit": "C"}]);
    report(&server, clearing).await?;
    let transaction = only(&server).await?;
    let expected = [
        "bursar authorized 30.00 30.00 0.00",
        "processor confirmed 30.00 30.00 0.00",
        "processor cleared 36.00 0.00 -36.00",
    ];
    assert_eq!(told(&server, &transaction["id"]).await?, expected);
    assert_eq!((&transaction["status"], &transaction["flags"]), (&json!("closed"), &json!(["forced"])));
    assert_eq!((&transaction["amount"], &transaction["given_back"]), (&json!("36.00"), &json!("0.00")));
    let detail =
        server.get(&format!("/v1/transactions/{}", transaction["id"].as_str().ok_or("no id")?)).await?;
    let detail = detail.json();
    let last = &detail["timeline"][2];
    assert_eq!(
        last["details"]["fees"][0],
        json!({"type": "interchange", "amount": "0.5", "is_credit": true})
    );
    assert_eq!((&last["at"], &last["token"]), (&json!("2026-11-27T12:00:00Z"), &json!("t-2")));
    // Any of its messages names it.
    let by_clearing =
        server.get(&format!("/v1/transactions/{}", last["id"].as_str().ok_or("no id")?)).await?;
    assert_eq!(by_clearing.json(), detail);
    Ok(())
}

on_both_stores!(a_partial_capture_and_the_reversal_of_the_rest);
async fn a_partial_capture_and_the_reversal_of_the_rest(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    server.jit(&swiped("t-1", "50.00")).await?;
    let clearing = following(item("authorization.clearing", "t-2", "COMPLETION", "20.00", "12:00:00"), "t-1");
    let reversal = following(item("authorization.reversal", "t-3", "CLEARED", "30.00", "13:00:00"), "t-1");
    // Told in another order than it happened.
    report(&server, reversal).await?;
    report(&server, clearing).await?;
    let transaction = only(&server).await?;
    let expected = [
        "bursar authorized 50.00 50.00 0.00",
        "processor cleared 20.00 30.00 -20.00",
        "processor released 30.00 0.00 -20.00",
    ];
    assert_eq!(told(&server, &transaction["id"]).await?, expected);
    assert_eq!((&transaction["status"], &transaction["amount"]), (&json!("closed"), &json!("20.00")));
    Ok(())
}

on_both_stores!(a_time_out_is_refused_by_the_processor_and_explained);
async fn a_time_out_is_refused_by_the_processor_and_explained(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    server.jit(&swiped("t-1", "30.00")).await?;
    let mut refusal = item("authorization", "t-1", "DECLINED", "30.00", "10:00:00");
    refusal["response"] = json!({"code": "1812", "memo": "Gateway timed out"});
    report(&server, refusal).await?;
    let transaction = only(&server).await?;
    let expected =
        ["bursar authorized 30.00 30.00 0.00", "processor refused by the processor 30.00 0.00 0.00"];
    assert_eq!(told(&server, &transaction["id"]).await?, expected);
    assert_eq!((&transaction["status"], &transaction["flags"]), (&json!("declined"), &json!(["overruled"])));
    let path = format!("/v1/authorizations/{}/explanation", transaction["id"].as_str().ok_or("no id")?);
    let explained = server.get(&path).await?.json();
    assert_eq!(explained["status"], "declined");
    assert_eq!(
        explained["summary"],
        "It was approved here. The processor declined it: 1812 Gateway timed out."
    );
    Ok(())
}

on_both_stores!(a_decline_that_we_were_never_asked_about_is_explained_by_the_processor_s_words);
async fn a_decline_that_we_were_never_asked_about_is_explained_by_the_processor_s_words(
    store: Store,
) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    let mut refusal = item("authorization", "t-1", "DECLINED", "30.00", "10:00:00");
    refusal["response"] = json!({
        "code": "1917", "memo": "Velocity exceeded 4111111111111111", "additional_information": "daily limit"});
    report(&server, refusal).await?;
    let transaction = only(&server).await?;
    assert_eq!((&transaction["status"], &transaction["amount"]), (&json!("declined"), &json!("30.00")));
    let expected =
        ["processor recorded 30.00 0.00 0.00", "processor refused by the processor 30.00 0.00 0.00"];
    assert_eq!(told(&server, &transaction["id"]).await?, expected);
    let detail =
        server.get(&format!("/v1/transactions/{}", transaction["id"].as_str().ok_or("no id")?)).await?;
    let response = json!({
        "code": "1917", "memo": "Velocity exceeded ************1111", "additional_information": "daily limit"});
    assert_eq!(detail.json()["timeline"][1]["details"]["response"], response);
    // Whichever of the two is asked about.
    for entry in detail.json()["timeline"].as_array().ok_or("no timeline")? {
        let path = format!("/v1/authorizations/{}/explanation", entry["id"].as_str().ok_or("no id")?);
        let explained = server.get(&path).await?.json();
        assert_eq!((&explained["status"], &explained["processor_response"]), (&json!("declined"), &response));
        assert_eq!(explained["decline_reason"], Value::Null);
        let summary = "The processor declined it without asking us: 1917 Velocity exceeded ************1111, daily limit.";
        assert_eq!(explained["summary"], summary);
    }
    // Our own decisions are explained as ever.
    let ours = server.make("/v1/authorizations", purchase("500.00", json!({}))).await?;
    let path = format!("/v1/authorizations/{}/explanation", ours["id"].as_str().ok_or("no id")?);
    let explained = server.get(&path).await?.json();
    assert_eq!(
        (&explained["decline_reason"], &explained["processor_response"]),
        (&json!("insufficient_funds"), &Value::Null)
    );
    assert!(
        explained["nearest_approvals"].as_array().is_some_and(|nearest| !nearest.is_empty()),
        "{explained}"
    );
    Ok(())
}

on_both_stores!(a_stand_in_is_adopted_and_cleared);
async fn a_stand_in_is_adopted_and_cleared(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("10.00")).await?;
    let mut adopted = item("authorization.standin", "t-1", "PENDING", "25.00", "10:00:00");
    adopted["standin_approved_by"] = "NETWORK".into();
    adopted["standin_reason"] = "issuer unavailable".into();
    report(&server, adopted).await?;
    report(
        &server,
        following(item("authorization.clearing", "t-2", "COMPLETION", "25.00", "12:00:00"), "t-1"),
    )
    .await?;
    let transaction = only(&server).await?;
    let expected = [
        "processor recorded 25.00 0.00 0.00",
        "processor authorized 25.00 25.00 0.00",
        "processor cleared 25.00 0.00 -25.00",
    ];
    assert_eq!(told(&server, &transaction["id"]).await?, expected);
    assert_eq!((&transaction["status"], &transaction["flags"]), (&json!("closed"), &json!(["stand_in"])));
    let detail =
        server.get(&format!("/v1/transactions/{}", transaction["id"].as_str().ok_or("no id")?)).await?;
    let stand_in = json!({"approved_by": "NETWORK", "by": "NETWORK", "reason": "issuer unavailable"});
    assert_eq!(detail.json()["timeline"][1]["details"]["stand_in"], stand_in);
    Ok(())
}

on_both_stores!(a_refund_an_increment_and_an_expiry_are_told_by_who_said_them);
async fn a_refund_an_increment_and_an_expiry_are_told_by_who_said_them(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    let bought = server.make("/v1/authorizations", purchase("30.00", json!({}))).await?;
    let path = format!("/v1/authorizations/{}", bought["id"].as_str().ok_or("no id")?);
    let part = |amount: &str| json!({"amount": amount, "currency": "USD"});
    server.make(&format!("{path}/increments"), part("5.00")).await?;
    let declined = server.make(&format!("{path}/increments"), part("500.00")).await?;
    server.make(&format!("{path}/captures"), part("20.00")).await?;
    server.make(&format!("{path}/refunds"), part("8.00")).await?;
    server.make(&format!("{path}/expiries"), json!({})).await?;
    let expected = [
        "bursar authorized 30.00 30.00 0.00",
        "bursar increment 5.00 35.00 0.00",
        "bursar declined 500.00 35.00 0.00",
        "operator cleared 20.00 15.00 -20.00",
        "operator refunded 8.00 15.00 -12.00",
        "operator expired 15.00 0.00 -12.00",
    ];
    let mut lines = told(&server, &bought["id"]).await?;
    // What moved nothing has no place of its own among what did.
    let declined_at = lines.iter().position(|line| line.contains("declined")).ok_or("no decline")?;
    let line = lines.remove(declined_at);
    assert!(line.starts_with("bursar declined 500.00"), "{line}");
    assert_eq!(lines, [&expected[..2], &expected[3..]].concat());
    let transaction = only(&server).await?;
    assert_eq!((&transaction["given_back"], &transaction["posted"]), (&json!("8.00"), &json!("-12.00")));
    assert_eq!(declined["decline_reason"], "insufficient_funds");
    report(&server, item("refund", "t-7", "COMPLETION", "4.00", "18:00:00")).await?;
    let refund = listed(&server, "").await?.remove(0);
    assert_eq!(
        (&refund["kind"], &refund["amount"], &refund["status"]),
        (&json!("refund"), &json!("4.00"), &json!("closed"))
    );
    assert_eq!(
        told(&server, &refund["id"]).await?.last().map(String::as_str),
        Some("processor refunded 4.00 0.00 4.00")
    );
    Ok(())
}

on_both_stores!(what_was_told_and_not_booked_is_shown_beside_the_timeline);
async fn what_was_told_and_not_booked_is_shown_beside_the_timeline(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    server.jit(&swiped("t-1", "30.00")).await?;
    let clearing = following(item("authorization.clearing", "t-2", "COMPLETION", "30.00", "12:00:00"), "t-1");
    let mut failed = clearing.clone();
    failed["state"] = "ERROR".into();
    report(&server, failed).await?;
    report(&server, clearing).await?;
    let mut yen = item("authorization", "t-1", "PENDING", "30", "10:00:00");
    yen["currency_code"] = "JPY".into();
    report(&server, yen).await?;
    let transaction = only(&server).await?;
    let path = format!("/v1/transactions/{}", transaction["id"].as_str().ok_or("no id")?);
    let detail = server.get(&path).await?.json();
    let mut kept: Vec<String> = detail["not_booked"]
        .as_array()
        .ok_or("none")?
        .iter()
        .map(|kept| {
            ["token", "did", "amount", "currency", "decline_reason", "method"]
                .map(|name| kept[name].as_str().unwrap_or("-"))
                .join(" ")
        })
        .collect();
    kept.sort();
    assert_eq!(
        kept,
        ["t-1 recorded 30 JPY currency_mismatch -", "t-2 recorded 30.00 USD - authorization.clearing"]
    );
    let unbooked =
        detail["not_booked"].as_array().and_then(|kept| kept.iter().find(|kept| kept["token"] == "t-1"));
    let unbooked = unbooked.and_then(|kept| kept["id"].as_str()).ok_or("no id")?;
    let explained = server.get(&format!("/v1/authorizations/{unbooked}/explanation")).await?.json();
    let summary =
        "What the processor reported is kept and was not booked: the account keeps another currency.";
    assert_eq!((&explained["summary"], &explained["status"]), (&json!(summary), &json!("declined")));
    assert_eq!(detail["timeline"].as_array().map(Vec::len), Some(2));
    Ok(())
}
