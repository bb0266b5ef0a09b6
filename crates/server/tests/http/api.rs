//! Programs, owners, cardholders, cards and accounts.

use bursar_testkit::{Store, on_both_stores};
use serde_json::json;

use crate::Tested;
use crate::running::Running;

on_both_stores!(what_was_created_is_read_back_the_same);
async fn what_was_created_is_read_back_the_same(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", None).await?;
    let person = json!({"program": given.program["id"], "reference": "customer 1", "token": "user-2"});
    let person = server.make("/v1/persons", person).await?;
    for (noun, made) in [
        ("programs", &given.program),
        ("companies", &given.company),
        ("cardholders", &given.cardholder),
        ("cards", &given.card),
        ("persons", &person),
    ] {
        let id = made["id"].as_str().ok_or("no id")?;
        let mut read = server.get(&format!("/v1/{noun}/{id}")).await?.json();
        if noun == "companies" {
            // Its cardholder and card were decided since.
            assert_eq!((&made["sequence"], &read["sequence"]), (&json!(1), &json!(3)));
            read["sequence"] = json!(1);
        }
        assert_eq!(&read, made, "{noun}");
    }
    let wallet = person["cardholder"].as_str().ok_or("no cardholder")?;
    let cardholder = server.get(&format!("/v1/cardholders/{wallet}")).await?.json();
    assert_eq!(cardholder["token"], "user-2");
    assert_eq!(cardholder["owner"], person["id"]);
    Ok(())
}

on_both_stores!(loads_and_unloads_show_in_the_account_and_its_entries);
async fn loads_and_unloads_show_in_the_account_and_its_entries(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("KWD", Some("10.5")).await?;
    let account = format!("/v1/accounts/{}", given.account());
    let unload = json!({"amount": "0.005", "currency": "KWD"});
    let unload = server.make(&format!("{account}/unloads"), unload).await?;
    assert_eq!((&unload["kind"], &unload["amount"]), (&json!("unload"), &json!("0.005")));
    let read = server.get(&account).await?.json();
    assert_eq!(read, unload["account"]);
    assert_eq!(
        (&read["posted"], &read["available"], &read["entries"]),
        (&json!("10.495"), &json!("10.495"), &json!(2))
    );
    let entries = server.get(&format!("{account}/entries")).await?.json();
    let amounts: Vec<_> =
        entries["items"].as_array().ok_or("no items")?.iter().map(|entry| &entry["amount"]).collect();
    assert_eq!(amounts, [&json!("10.500"), &json!("-0.005")]);
    assert_eq!(entries["items"][1]["message"], unload["message"]);
    let too_much =
        server.post(&format!("{account}/unloads"), &json!({"amount": 11, "currency": "KWD"})).await?;
    assert_eq!((too_much.status.as_u16(), too_much.code().as_str()), (422, "insufficient_funds"));
    Ok(())
}

on_both_stores!(a_list_is_read_page_by_page);
async fn a_list_is_read_page_by_page(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", None).await?;
    let company = &given.company["id"];
    for number in 2..=5 {
        let body = json!({"company": company, "reference": format!("employee {number}")});
        server.make("/v1/cardholders", body).await?;
    }
    let list = format!("/v1/cardholders?owner={}&limit=2", company.as_str().ok_or("no id")?);
    let mut path = list.clone();
    let mut references = Vec::new();
    loop {
        let page = server.get(&path).await?.json();
        let items = page["items"].as_array().ok_or("no items")?;
        assert!(items.len() <= 2, "{page}");
        references.extend(items.iter().map(|item| item["reference"].to_string()));
        match page["next"].as_str() {
            Some(next) => path = format!("{list}&after={next}"),
            None => break,
        }
    }
    assert_eq!(references, [1, 2, 3, 4, 5].map(|number| format!("\"employee {number}\"")));
    Ok(())
}

on_both_stores!(a_status_changes_as_its_rules_allow);
async fn a_status_changes_as_its_rules_allow(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", None).await?;
    let path = format!("/v1/cards/{}/transitions", given.card["id"].as_str().ok_or("no id")?);
    let moved = server.make(&path, json!({"status": "terminated"})).await?;
    assert_eq!((&moved["id"], &moved["status"]), (&given.card["id"], &json!("terminated")));
    let refused = server.post(&path, &json!({"status": "active"})).await?;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (409, "transition_not_allowed"));
    assert_eq!(refused.headers["content-type"], "application/problem+json");
    let unknown = server.post(&path, &json!({"status": "lost"})).await?;
    assert_eq!((unknown.status.as_u16(), &unknown.json()["errors"][0]["field"]), (400, &json!("status")));
    Ok(())
}

on_both_stores!(a_taken_token_is_a_conflict_and_so_for_ever);
async fn a_taken_token_is_a_conflict_and_so_for_ever(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", None).await?;
    let body = json!({"company": given.company["id"], "reference": "another", "token": "user-1"}).to_string();
    let first = server.post_as("once", "/v1/cardholders", &body).await?;
    assert_eq!((first.status.as_u16(), first.code().as_str()), (409, "token_taken"));
    let again = server.post_as("once", "/v1/cardholders", &body).await?;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.headers["content-type"], "application/problem+json");
    Ok(())
}

on_both_stores!(the_same_key_gets_the_same_bytes_and_other_content_a_conflict);
async fn the_same_key_gets_the_same_bytes_and_other_content_a_conflict(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", None).await?;
    let loads = format!("/v1/accounts/{}/loads", given.account());
    let first = server.post_as("load", &loads, r#"{"amount": "5.00", "currency": "USD"}"#).await?;
    assert!(first.status == 201 && !first.headers.contains_key("idempotency-replayed"), "{first:?}");
    // The same amount, written differently.
    let again = server.post_as("load", &loads, r#"{"currency": "USD", "amount": 5}"#).await?;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(again.headers["idempotency-replayed"], "true");
    let other = server.post_as("load", &loads, r#"{"amount": "6.00", "currency": "USD"}"#).await?;
    assert_eq!((other.status.as_u16(), other.code().as_str()), (409, "idempotency_key_reused"));
    let account = server.get(&format!("/v1/accounts/{}", given.account())).await?.json();
    assert_eq!(account["posted"], "5.00");
    Ok(())
}

on_both_stores!(what_is_named_and_not_there_is_404_and_leaves_the_key_free);
async fn what_is_named_and_not_there_is_404_and_leaves_the_key_free(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", None).await?;
    let nobody = "chld_00000000000000000000000000";
    let body = json!({"cardholder": nobody, "account": given.account()}).to_string();
    let missing = server.post_as("a-card", "/v1/cards", &body).await?;
    assert_eq!((missing.status.as_u16(), missing.code().as_str()), (404, "cardholder_unknown"));
    let body = json!({"cardholder": given.cardholder["id"], "account": given.account()}).to_string();
    let made = server.post_as("a-card", "/v1/cards", &body).await?;
    assert_eq!((made.status.as_u16(), &made.json()["status"]), (201, &json!("unactivated")));
    for path in [
        "/v1/cards/card_00000000000000000000000000",
        "/v1/cards/7",
        "/v1/authorizations/msg_00000000000000000000000000",
        "/v1/accounts/acct_00000000000000000000000000/entries",
    ] {
        assert_eq!(server.get(path).await?.status, 404, "{path}");
    }
    let company = given.company["id"].as_str().ok_or("no id")?;
    let as_person = server.get(&format!("/v1/persons/{company}")).await?;
    assert_eq!(as_person.code(), "owner_unknown");
    Ok(())
}
