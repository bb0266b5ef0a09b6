//! Authorizations through `/v1`.

use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};

use crate::Tested;
use crate::running::Running;

fn swipe(amount: &str) -> Value {
    json!({"card": "card-1", "cardholder": "user-1", "amount": amount, "currency": "USD"})
}

on_both_stores!(a_purchase_holds_an_increment_holds_more_and_a_reversal_releases_both);
async fn a_purchase_holds_an_increment_holds_more_and_a_reversal_releases_both(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("100.00")).await?;
    let bought = server.make("/v1/authorizations", swipe("60.00")).await?;
    assert_eq!((&bought["status"], &bought["available_after"]), (&json!("approved"), &json!("40.00")));
    assert_eq!((&bought["group"], &bought["card"]), (&bought["id"], &given.card["id"]));
    let path = format!("/v1/authorizations/{}", bought["id"].as_str().ok_or("no id")?);
    let more =
        server.make(&format!("{path}/increments"), json!({"amount": "30.00", "currency": "USD"})).await?;
    assert_eq!(
        (&more["kind"], &more["status"], &more["group"]),
        (&json!("increment"), &json!("approved"), &bought["id"])
    );
    let too_much =
        server.make(&format!("{path}/increments"), json!({"amount": "30.00", "currency": "USD"})).await?;
    assert_eq!(
        (&too_much["status"], &too_much["decline_reason"]),
        (&json!("declined"), &json!("insufficient_funds"))
    );
    let read = server.get(&path).await?.json();
    assert_eq!((&read["hold"]["status"], &read["hold"]["held"]), (&json!("open"), &json!("90.00")));
    assert_eq!(read["answer"]["body"]["id"], bought["id"]);
    let reversed = server.make(&format!("{path}/reversals"), json!({})).await?;
    assert_eq!((&reversed["status"], &reversed["authorization"]), (&json!("reversed"), &bought["id"]));
    assert_eq!(
        (&reversed["account"]["held"], &reversed["account"]["available"]),
        (&json!("0.00"), &json!("100.00"))
    );
    let again = server.post(&format!("{path}/reversals"), &json!({})).await?;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "hold_group_ended"));
    Ok(())
}

on_both_stores!(a_part_can_be_released_and_the_last_of_it_ends_the_hold);
async fn a_part_can_be_released_and_the_last_of_it_ends_the_hold(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    let bought = server.make("/v1/authorizations", swipe("60.00")).await?;
    let path = format!("/v1/authorizations/{}", bought["id"].as_str().ok_or("no id")?);
    let reversals = format!("{path}/reversals");
    let part = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let released = server.make(&reversals, part("20.00")).await?;
    assert_eq!((&released["status"], &released["authorization"]), (&json!("open"), &bought["id"]));
    assert_eq!((&released["held"], &released["account"]["held"]), (&json!("40.00"), &json!("40.00")));
    for (body, status, code) in [
        (part("40.01"), 409, "more_than_held"),
        (json!({"amount": "10", "currency": "JPY"}), 422, "currency_mismatch"),
        (part("0.00"), 400, "invalid_amount"),
        (json!({"amount": "1.00"}), 400, "invalid_field"),
        (json!({"currency": "USD"}), 400, "invalid_field"),
    ] {
        let refused = server.post(&reversals, &body).await?;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (status, code), "{body}");
    }
    let last = server.make(&reversals, part("40.00")).await?;
    assert_eq!((&last["status"], &last["account"]["held"]), (&json!("reversed"), &json!("0.00")));
    let hold = server.get(&path).await?.json()["hold"].clone();
    let messages = hold["messages"].as_array().ok_or("no messages")?;
    let said: Vec<_> = messages.iter().map(|message| (&message["effect"], &message["amount"])).collect();
    assert_eq!(said[0], (&json!("hold"), &json!("60.00")));
    assert_eq!(said[1..], [(&json!("release"), &json!("20.00")), (&json!("release"), &json!("40.00"))]);
    Ok(())
}

on_both_stores!(a_purchase_is_captured_in_parts_and_given_back);
async fn a_purchase_is_captured_in_parts_and_given_back(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    let bought = server.make("/v1/authorizations", swipe("60.00")).await?;
    let path = format!("/v1/authorizations/{}", bought["id"].as_str().ok_or("no id")?);
    let (captures, refunds) = (format!("{path}/captures"), format!("{path}/refunds"));
    let part = |amount: &str| json!({"amount": amount, "currency": "USD"});
    let first = server.make(&captures, part("20.00")).await?;
    assert_eq!((&first["status"], &first["held"]), (&json!("open"), &json!("40.00")));
    assert_eq!((&first["posted"], &first["account"]["posted"]), (&json!("-20.00"), &json!("80.00")));
    let last = json!({"amount": "30.00", "currency": "USD", "final": true});
    let last = server.make(&captures, last).await?;
    assert_eq!(
        (&last["status"], &last["held"], &last["posted"]),
        (&json!("closed"), &json!("0.00"), &json!("-50.00"))
    );
    assert_eq!(last["account"]["available"], "50.00");
    let given_back = server.make(&refunds, part("50.00")).await?;
    assert_eq!(
        (&given_back["status"], &given_back["account"]["available"]),
        (&json!("closed"), &json!("100.00"))
    );
    for (path, body, status, code) in [
        (&refunds, part("0.01"), 409, "more_than_captured"),
        (&refunds, part("0.00"), 400, "invalid_amount"),
        (&captures, json!({"amount": "10", "currency": "JPY"}), 422, "currency_mismatch"),
        (&captures, json!({"amount": "1.00"}), 400, "invalid_field"),
    ] {
        let refused = server.post(path, &body).await?;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (status, code), "{body}");
    }
    let verified = server.make("/v1/authorizations", swipe("0.00")).await?;
    let never = format!("/v1/authorizations/{}/captures", verified["id"].as_str().ok_or("no id")?);
    let refused = server.post(&never, &part("1.00")).await?;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "nothing_held"));
    let hold = server.get(&path).await?.json()["hold"].clone();
    let messages = hold["messages"].as_array().ok_or("no messages")?;
    let said: Vec<_> = messages.iter().filter_map(|message| message["effect"].as_str()).collect();
    assert_eq!(said, ["hold", "capture", "final_capture", "credit"]);
    Ok(())
}

on_both_stores!(an_expiry_ends_the_hold);
async fn an_expiry_ends_the_hold(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("100.00")).await?;
    let bought = server.make("/v1/authorizations", swipe("60.00")).await?;
    let path = format!("/v1/authorizations/{}", bought["id"].as_str().ok_or("no id")?);
    let expired = server.make(&format!("{path}/expiries"), json!({})).await?;
    assert_eq!((&expired["status"], &expired["account"]["available"]), (&json!("expired"), &json!("100.00")));
    let again = server.post(&format!("{path}/expiries"), &json!({})).await?;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "hold_group_ended"));
    assert_eq!(server.get(&path).await?.json()["hold"]["status"], "expired");
    Ok(())
}

on_both_stores!(a_card_may_be_named_by_its_id_or_its_token);
async fn a_card_may_be_named_by_its_id_or_its_token(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let by_id = json!({"card": given.card["id"], "amount": "1.00", "currency": "USD"}).to_string();
    let by_token = json!({"card": "card-1", "amount": "1.00", "currency": "USD"}).to_string();
    let first = server.post_as("swipe", "/v1/authorizations", &by_id).await?;
    let again = server.post_as("swipe", "/v1/authorizations", &by_token).await?;
    assert_eq!((first.status.as_u16(), &first.json()["status"]), (200, &json!("approved")));
    assert_eq!(first.text, again.text);
    Ok(())
}

on_both_stores!(a_decline_is_an_answer_with_every_check);
async fn a_decline_is_an_answer_with_every_check(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("10.00")).await?;
    let declined = server.make("/v1/authorizations", swipe("10.01")).await?;
    assert_eq!(declined["decline_reason"], "insufficient_funds");
    let checks = declined["checks"].as_array().ok_or("no checks")?;
    let last = checks.last().ok_or("no check")?;
    assert_eq!(
        last,
        &json!({"check": "available_balance", "result": "failed", "wanted": "10.01", "available": "10.00"})
    );
    let unknown = json!({"card": "nobody's", "amount": "1.00", "currency": "USD"});
    let unknown = server.make("/v1/authorizations", unknown).await?;
    assert_eq!((&unknown["decline_reason"], &unknown["owner"]), (&json!("card_unknown"), &Value::Null));
    let other = json!({"card": "card-1", "amount": "1", "currency": "JPY"});
    let other = server.make("/v1/authorizations", other).await?;
    assert_eq!((&other["decline_reason"], &other["amount"]), (&json!("currency_mismatch"), &json!("1")));
    assert_eq!((&other["account_currency"], &other["available_after"]), (&json!("USD"), &json!("10.00")));
    Ok(())
}

on_both_stores!(zero_verifies_the_card_and_holds_nothing);
async fn zero_verifies_the_card_and_holds_nothing(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", None).await?;
    let verified = server.make("/v1/authorizations", swipe("0")).await?;
    assert_eq!((&verified["status"], &verified["amount"]), (&json!("approved"), &json!("0.00")));
    let path = format!("/v1/authorizations/{}", verified["id"].as_str().ok_or("no id")?);
    let read = server.get(&path).await?.json();
    assert_eq!((&read["hold"]["status"], &read["hold"]["held"]), (&json!("empty"), &json!("0.00")));
    Ok(())
}

on_both_stores!(a_card_number_in_free_text_is_masked_and_identifiers_are_kept);
async fn a_card_number_in_free_text_is_masked_and_identifiers_are_kept(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("10.00")).await?;
    let mut request = swipe("1.00");
    request["merchant"] = json!({"id": "4111111111111111", "name": "SHOP 4111111111111111", "mcc": "5411"});
    let decided = server.make("/v1/authorizations", request).await?;
    assert_eq!(
        decided["merchant"],
        json!({"id": "4111111111111111", "name": "SHOP ************1111", "mcc": "5411"})
    );
    Ok(())
}

on_both_stores!(authorizations_are_listed_in_the_order_of_decision_or_the_other_way_round);
async fn authorizations_are_listed_in_the_order_of_decision_or_the_other_way_round(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    for amount in ["1.00", "2.00", "3.00"] {
        server.make("/v1/authorizations", swipe(amount)).await?;
    }
    let owner = given.company["id"].as_str().ok_or("no id")?;
    let amounts = async |query: &str| -> Result<Vec<String>, Box<dyn std::error::Error>> {
        let mut path = format!("/v1/authorizations?owner={owner}&limit=2{query}");
        let mut amounts = Vec::new();
        loop {
            let page = server.get(&path).await?.json();
            let items = page["items"].as_array().ok_or("no items")?;
            amounts.extend(items.iter().map(|item| item["amount"].as_str().unwrap_or_default().to_owned()));
            match page["next"].as_str() {
                Some(next) => path = format!("/v1/authorizations?owner={owner}&limit=2{query}&after={next}"),
                None => return Ok(amounts),
            }
        }
    };
    assert_eq!(amounts("&order=oldest").await?, ["1.00", "2.00", "3.00"]);
    assert_eq!(amounts("").await?, ["3.00", "2.00", "1.00"]);
    Ok(())
}

on_both_stores!(every_authorization_is_profiled_stage_by_stage);
async fn every_authorization_is_profiled_stage_by_stage(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("10.00")).await?;
    server.make("/v1/authorizations", swipe("1.00")).await?;
    server.make("/v1/authorizations", swipe("100.00")).await?;
    let profile = server.get("/v1/profile").await?.json();
    let all = profile["windows"].as_array().and_then(|windows| windows.last()).ok_or("no windows")?;
    assert_eq!((&all["window"], &all["count"]), (&json!("all"), &json!(2)));
    assert_eq!((&all["approved"], &all["declined"]), (&json!(1), &json!(1)));
    assert_eq!(all["decline_reasons"], json!({"insufficient_funds": 1}));
    assert_eq!(profile["open_holds"], 1);
    let stages = all["stages"].as_array().ok_or("no stages")?;
    assert_eq!(stages.last().map(|stage| &stage["stage"]), Some(&json!("total")));
    Ok(())
}
