//! Where the processor and we say different things: `/v1/discrepancies`.

use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};

use crate::Tested;
use crate::jit::swipe;
use crate::running::{Error, Running};
use crate::webhooks::{item, report};

/// What the processor says that it heard.
fn heard(mut item: Value, log: Value) -> Value {
    item["gpa_order"] = json!({"token": "order-1", "currency_code": "USD", "funding": {"gateway_log": log}});
    item
}

fn log(code: &str, amount: &str, is_too_late: bool) -> Value {
    let amount: Value = serde_json::from_str(amount).unwrap_or_default();
    let answer = json!({"jit_funding": {"token": "jit-1", "amount": amount}});
    json!({"message": "as it was", "timed_out": is_too_late, "response": {"code": code, "data": answer}})
}

async fn newest(server: &Running) -> Result<Value, Error> {
    Ok(server.get("/v1/discrepancies").await?.json()["items"][0].clone())
}

on_both_stores!(what_came_too_late_is_listed_with_what_was_given_back);
async fn what_came_too_late_is_listed_with_what_was_given_back(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    server.jit(&swipe("t-1", "30.00")).await?;
    let notice = item("authorization", "t-1", "DECLINED", 30.0);
    report(&server, &[heard(notice, log("200", "30.00", true))]).await?;
    let found = newest(&server).await?;
    assert_eq!((&found["kind"], &found["status"]), (&json!("too_late"), &json!("repaired")));
    let repair = json!({"currency": "USD", "held": "-30.00", "posted": "0.00", "pending_credit": "0.00"});
    assert_eq!((&found["repair"], &found["token"]), (&repair, &json!("t-1")));
    assert_eq!(found["actions"], json!([]));
    let told = (&found["card_token"], &found["amount"], &found["currency"]);
    assert_eq!(told, (&json!("card-1"), &json!("30.00"), &json!("USD")));
    assert_eq!(server.get("/v1/discrepancies?open=true").await?.json()["items"], json!([]));
    Ok(())
}

on_both_stores!(another_answer_than_ours_is_listed_until_it_is_closed);
async fn another_answer_than_ours_is_listed_until_it_is_closed(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    for (token, amount) in [("t-1", "30.00"), ("t-2", "29.99")] {
        server.jit(&swipe(token, "30.00")).await?;
        let notice = item("authorization", token, "PENDING", 30.0);
        report(&server, &[heard(notice, log("200", amount, false))]).await?;
    }
    let open = server.get("/v1/discrepancies?open=true").await?.json();
    assert_eq!(open["items"].as_array().map(Vec::len), Some(1), "what was heard as it was said is none");
    let found = &open["items"][0];
    let told = (&found["kind"], &found["status"], &found["token"], &found["repair"]);
    assert_eq!(told, (&json!("other_answer"), &json!("open"), &json!("t-2"), &Value::Null));
    let path = format!("/v1/discrepancies/{}/closings", found["id"].as_str().ok_or("no id")?);
    assert_eq!(server.post(&path, &json!({"note": ""})).await?.status.as_u16(), 400);
    assert_eq!(found["actions"][1], json!(path));
    let closed = server.make(&path, json!({"note": "the proxy answered for us"})).await?;
    assert_eq!(closed["discrepancy"], found["id"]);
    assert_eq!(server.get("/v1/discrepancies?open=true").await?.json()["items"], json!([]));
    let found = newest(&server).await?;
    let told = (&found["status"], &found["closing"]);
    assert_eq!(told, (&json!("closed"), &json!("the proxy answered for us")));
    let nothing = format!("/v1/discrepancies/{}/closings", closed["message"].as_str().ok_or("no id")?);
    assert_eq!(server.post(&nothing, &json!({"note": "x"})).await?.status.as_u16(), 404);
    Ok(())
}

on_both_stores!(what_cannot_be_booked_is_listed_with_the_reason);
async fn what_cannot_be_booked_is_listed_with_the_reason(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    let mut yen = item("authorization.clearing", "t-1", "COMPLETION", 10.0);
    yen["currency_code"] = "JPY".into();
    report(&server, &[yen]).await?;
    let found = newest(&server).await?;
    let told = (&found["kind"], &found["status"], &found["reason"]);
    assert_eq!(told, (&json!("not_booked"), &json!("open"), &json!("currency_mismatch")));
    report(&server, &[item("brand.new.kind", "t-2", "COMPLETION", 10.0)]).await?;
    let found = newest(&server).await?;
    assert_eq!((&found["kind"], &found["token"]), (&json!("unknown"), &json!("t-2")));
    let first = server.get("/v1/discrepancies?limit=1").await?.json();
    assert_eq!((&first["items"][0]["token"], &first["items"][1]), (&json!("t-2"), &Value::Null));
    let next = first["next"].as_str().ok_or("there is another page")?;
    let rest = server.get(&format!("/v1/discrepancies?after={next}")).await?.json();
    assert_eq!((&rest["items"][0]["token"], &rest["items"][1]), (&json!("t-1"), &Value::Null));
    Ok(())
}
