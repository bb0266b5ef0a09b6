//! What Marqeta reports: `POST /webhooks/marqeta`.

use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};

use crate::Tested;
use crate::jit::{swipe, verdict};
use crate::running::{Error, Given, Running, WEBHOOK_SECRET_NEXT, signature};

/// A transaction in dollars with the card of the tests.
pub(crate) fn item(kind: &str, token: &str, state: &str, amount: f64) -> Value {
    let code = if state == "DECLINED" { "1016" } else { "0000" };
    json!({
        "type": kind, "token": token, "state": state, "card_token": "card-1", "user_token": "user-1",
        "amount": amount, "currency_code": "USD", "response": {"code": code},
        "created_time": "2026-11-27T10:00:00Z",
    })
}

pub(crate) fn following(mut item: Value, token: &str) -> Value {
    item["preceding_related_transaction_token"] = token.into();
    item
}

pub(crate) fn at(mut item: Value, time: &str) -> Value {
    item["created_time"] = format!("2026-11-27T{time}Z").into();
    item
}

pub(crate) async fn report(server: &Running, items: &[Value]) -> Tested {
    let answered = server.webhook(&json!({"transactions": items})).await?;
    match answered.status.as_u16() {
        200 => server.drained().await,
        status => Err(format!("{status}: {}", answered.text).into()),
    }
}

/// Posted and held.
pub(crate) async fn books(server: &Running, given: &Given) -> Result<[String; 2], Error> {
    let account = server.get(&format!("/v1/accounts/{}", given.account())).await?.json();
    Ok(["posted", "held"].map(|field| account[field].as_str().unwrap_or_default().to_owned()))
}

on_both_stores!(a_purchase_is_confirmed_captured_and_refunded_once);
async fn a_purchase_is_confirmed_captured_and_refunded_once(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    assert_eq!(verdict(&server.jit(&swipe("t-1", "30.00")).await?), (200, String::new()));
    let life = [
        item("authorization", "t-1", "PENDING", 30.0),
        at(following(item("authorization.clearing", "t-2", "COMPLETION", 36.0), "t-1"), "12:00:00"),
        at(item("refund", "t-3", "COMPLETION", 36.0), "18:00:00"),
    ];
    for (items, expected) in [
        (&life[..1], ["100.00", "30.00"]),
        (&life[..2], ["64.00", "0.00"]),
        (&life[..], ["100.00", "0.00"]),
        (&life[1..], ["100.00", "0.00"]),
    ] {
        report(&server, items).await?;
        assert_eq!(books(&server, &given).await?, expected, "{items:?}");
    }
    let bought = server.get("/v1/authorizations").await?.json()["items"][0]["id"].clone();
    let path = format!("/v1/authorizations/{}", bought.as_str().ok_or("no id")?);
    let hold = server.get(&path).await?.json()["hold"].clone();
    assert_eq!((&hold["status"], &hold["posted"]), (&json!("closed"), &json!("-36.00")));
    let told = |message: &Value| {
        let field = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
        [field("source"), field("token"), field("effect")].join(" ")
    };
    let messages: Vec<String> = hold["messages"].as_array().ok_or("no messages")?.iter().map(told).collect();
    let expected = ["marqeta_jit t-1 hold", "marqeta_report t-1 hold", "marqeta_report t-2 capture"];
    assert_eq!(messages, expected);
    Ok(())
}

on_both_stores!(what_was_refused_after_all_holds_nothing);
async fn what_was_refused_after_all_holds_nothing(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let answered = server.jit(&swipe("t-1", "30.00")).await?;
    report(&server, &[item("authorization", "t-1", "DECLINED", 30.0)]).await?;
    assert_eq!(books(&server, &given).await?, ["100.00", "0.00"]);
    assert_eq!(server.jit(&swipe("t-1", "30.00")).await?.text, answered.text, "a repeat");
    // The notice of a time-out may come before the swipe that it is about.
    report(&server, &[item("authorization", "t-2", "ERROR", 30.0)]).await?;
    let late = server.jit(&swipe("t-2", "30.00")).await?;
    assert_eq!(verdict(&late), (402, "DUPLICATE_TRANSACTION".to_owned()));
    assert_eq!(books(&server, &given).await?, ["100.00", "0.00"]);
    Ok(())
}

on_both_stores!(what_was_approved_without_us_is_adopted_even_if_it_overdraws);
async fn what_was_approved_without_us_is_adopted_even_if_it_overdraws(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let clearing = following(item("authorization.clearing", "t-2", "COMPLETION", 120.0), "t-1");
    report(&server, &[at(clearing, "12:00:00")]).await?;
    assert_eq!(books(&server, &given).await?, ["-20.00", "0.00"], "before its authorization");
    report(&server, &[item("authorization.standin", "t-1", "PENDING", 120.0)]).await?;
    assert_eq!(books(&server, &given).await?, ["-20.00", "0.00"]);
    report(&server, &[item("authorization.standin", "t-3", "PENDING", 5.0)]).await?;
    assert_eq!(books(&server, &given).await?, ["-20.00", "5.00"]);
    let reversal = at(following(item("authorization.reversal", "t-4", "CLEARED", 5.0), "t-3"), "10:00:01");
    report(&server, &[reversal]).await?;
    assert_eq!(books(&server, &given).await?, ["-20.00", "0.00"]);
    Ok(())
}

on_both_stores!(what_moves_no_cardholder_s_money_and_what_nobody_knows_is_kept);
async fn what_moves_no_cardholder_s_money_and_what_nobody_knows_is_kept(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    server.jit(&swipe("t-1", "30.00")).await?;
    report(
        &server,
        &[
            following(item("gpa.credit.authorization", "t-2", "PENDING", 30.0), "t-1"),
            item("authorization.clearing.chargeback", "t-3", "COMPLETION", 30.0),
            item("brand.new.kind", "t-4", "COMPLETION", 30.0),
        ],
    )
    .await?;
    assert_eq!(books(&server, &given).await?, ["100.00", "30.00"]);
    let records = server.get("/v1/records").await?.json();
    let kind = |record: &Value| record["kind"].as_str().unwrap_or_default().to_owned();
    let mut kinds: Vec<String> = records["items"].as_array().ok_or("no items")?.iter().map(kind).collect();
    kinds.sort();
    assert_eq!(kinds, ["record", "record", "review"]);
    let ping = server.webhook(&json!({"pings": [{"token": "marqeta", "payload": "healthcheck"}]})).await?;
    assert_eq!(ping.status.as_u16(), 200);
    Ok(())
}

on_both_stores!(one_notice_that_cannot_be_read_does_not_harm_the_others);
async fn one_notice_that_cannot_be_read_does_not_harm_the_others(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let mut items: Vec<Value> =
        (0..10).map(|number| item("refund", &format!("t-{number}"), "COMPLETION", 1.0)).collect();
    items[4]["token"] = json!({"not": "a token"});
    let answered = server.webhook(&json!({"transactions": items})).await?;
    assert_eq!(answered.status.as_u16(), 200);
    server.drained().await?;
    assert_eq!(books(&server, &given).await?, ["109.00", "0.00"]);
    let kept = server.get("/v1/inbox/items?state=quarantined").await?.json()["items"].clone();
    let why = "transactions[4].: has the wrong type: expected a string";
    assert_eq!((&kept[0]["why"], &kept[1]), (&json!(why), &Value::Null));
    let no_webhook = server.webhook(&json!({"transactions": "none"})).await?;
    assert_eq!(no_webhook.status.as_u16(), 400);
    Ok(())
}

on_both_stores!(only_what_is_signed_is_booked);
async fn only_what_is_signed_is_booked(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let body = json!({"transactions": [item("refund", "t-1", "COMPLETION", 1.0)]}).to_string();
    let right = signature(WEBHOOK_SECRET_NEXT, &body)?;
    for (body, signature) in [
        (body.replace("1.0", "9.0"), right.clone()),
        (body.clone(), String::new()),
        (body.clone(), signature("webhook-secret-3.23456789", &body)?),
    ] {
        assert_eq!(server.signed(&body, &signature).await?.status.as_u16(), 401);
    }
    let open = server.client.post(server.url("/webhooks/marqeta")).header("X-Marqeta-Signature", &right);
    assert_eq!(open.body(body.clone()).send().await?.status().as_u16(), 401, "no password");
    assert_eq!(books(&server, &given).await?, ["100.00", "0.00"]);
    assert_eq!(server.signed(&body, &right).await?.status.as_u16(), 200);
    server.drained().await?;
    assert_eq!(books(&server, &given).await?, ["101.00", "0.00"]);
    Ok(())
}
