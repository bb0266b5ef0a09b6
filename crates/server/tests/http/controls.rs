//! Spending controls through `/v1`: made, changed, looked at, and in force.

use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};

use crate::Tested;
use crate::running::{Given, Running};

type Error = Box<dyn std::error::Error>;

fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap_or_default()
}

/// Swipes the card and returns the decision.
async fn swipe(server: &Running, amount: &str, merchant: Value) -> Result<Value, Error> {
    let body = json!({"card": "card-1", "amount": amount, "currency": "USD", "merchant": merchant});
    server.make("/v1/authorizations", body).await
}

async fn reason(server: &Running, amount: &str, merchant: Value) -> Result<Value, Error> {
    Ok(swipe(server, amount, merchant).await?["decline_reason"].clone())
}

async fn given(store: Store) -> Result<(Running, Given), Error> {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("1000.00")).await?;
    Ok((server, given))
}

on_both_stores!(the_daily_and_the_transaction_limit_of_a_card_are_set_in_one_call);
async fn the_daily_and_the_transaction_limit_of_a_card_are_set_in_one_call(store: Store) -> Tested {
    let (server, given) = given(store).await?;
    let path = format!("/v1/cards/{}/limits", id(&given.card));
    let limits = json!({"currency": "USD", "daily": "500.00", "transaction": "300.00"});
    let set = server.make(&path, limits).await?;
    assert_eq!(set["items"][0]["name"], "daily limit");
    assert_eq!(set["items"][0]["velocity"]["amount"], "500.00");
    assert_eq!(set["items"][1]["velocity"]["window"], "transaction");
    assert_eq!(reason(&server, "300.01", Value::Null).await?, "amount_limit_exceeded");
    assert_eq!(reason(&server, "300.00", Value::Null).await?, Value::Null);
    assert_eq!(reason(&server, "200.01", Value::Null).await?, "amount_limit_exceeded");
    let available = server.get(&format!("/v1/cards/{}/available", id(&given.card))).await?.json();
    let daily = &available["limits"][0];
    assert_eq!((&daily["amount"], &daily["remaining_amount"]), (&json!("500.00"), &json!("200.00")));
    assert!(daily["ends_at"].as_str() > available["at"].as_str(), "{available}");
    assert_eq!(available["limits"][1]["remaining_amount"], "300.00", "of one transaction all is left");
    // Set again: changed, not added. What is left out is off.
    let set = server.make(&path, json!({"currency": "USD", "daily": "600.00"})).await?;
    let status = |place: usize| set["items"][place]["status"].clone();
    assert_eq!(
        (set["items"].as_array().map(Vec::len), status(0), status(1)),
        (Some(2), json!("active"), json!("off"))
    );
    assert_eq!(
        reason(&server, "300.01", Value::Null).await?,
        "amount_limit_exceeded",
        "300 of 600 are spent"
    );
    assert_eq!(reason(&server, "300.00", Value::Null).await?, Value::Null);
    Ok(())
}

on_both_stores!(every_kind_of_control_is_made_shown_and_in_force);
async fn every_kind_of_control_is_made_shown_and_in_force(store: Store) -> Tested {
    let (server, given) = given(store).await?;
    let merchant = json!({"id": "mid-1", "mcc": "7995", "country": "USA", "channels": ["ecommerce"], "groups": ["BETS"]});
    for (field, rule, expected) in [
        (
            "velocity",
            json!({"window": "day", "amount": "5.00", "currency": "USD", "counts": ["purchases"]}),
            "amount_limit_exceeded",
        ),
        ("velocity", json!({"window": "rolling_24_hours", "count": 0}), "count_limit_exceeded"),
        ("merchant", json!({"list": "deny", "mccs": ["5411", "gambling"]}), "merchant_not_allowed"),
        ("merchant", json!({"list": "deny", "mccs": ["7990-7999"]}), "merchant_not_allowed"),
        ("merchant", json!({"list": "deny", "mccs": ["processor:BETS"]}), "merchant_not_allowed"),
        ("merchant", json!({"list": "allow", "merchants": ["mid-2"]}), "merchant_not_allowed"),
        ("merchant", json!({"list": "deny", "countries": ["US"]}), "country_not_allowed"),
        ("merchant", json!({"list": "allow", "channels": ["card_present"]}), "channel_not_allowed"),
    ] {
        let mut new = json!({"card": given.card["id"], "name": format!("{rule}")});
        new[field] = rule;
        let mut made = server.make("/v1/controls", new).await?;
        let path = format!("/v1/controls/{}", id(&made));
        let number =
            made.as_object_mut().and_then(|made| made.remove("at").and(made.remove("owner_sequence")));
        assert_eq!(server.get(&path).await?.json(), made);
        let declined = swipe(&server, "5.01", merchant.clone()).await?;
        assert_eq!(declined["decline_reason"], expected, "{made}");
        let checks = declined["checks"].as_array().ok_or("no checks")?;
        let failed: Vec<&Value> = checks.iter().filter(|check| check["result"] == "failed").collect();
        assert_eq!((failed.len(), &failed[0]["control"]), (1, &made["id"]), "{declined}");
        let off = server.make(&format!("{path}/changes"), json!({"status": "off"})).await?;
        assert_eq!((&off["status"], &off[field]), (&json!("off"), &made[field]));
        // Between the two the owner was asked for one purchase.
        let number = number.and_then(|number| number.as_i64()).ok_or("no number")?;
        assert_eq!(off["owner_sequence"], number + 2);
    }
    assert_eq!(reason(&server, "5.01", merchant).await?, Value::Null);
    let listed = server.get(&format!("/v1/controls?card={}&limit=3", id(&given.card))).await?.json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(3));
    assert!(listed["next"].is_string());
    Ok(())
}

on_both_stores!(a_schedule_and_a_control_of_owner_and_cardholder_are_in_force);
async fn a_schedule_and_a_control_of_owner_and_cardholder_are_in_force(store: Store) -> Tested {
    let (server, given) = given(store).await?;
    let never = json!([{"days": ["monday"], "from": "00:00", "to": "00:01"}]);
    let always = json!([{"days": ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"], "from": "00:00", "to": "24:00"}]);
    let new = json!({"owner": given.company["id"], "name": "hours", "schedule": always});
    let made = server.make("/v1/controls", new).await?;
    assert_eq!(made["schedule"], always);
    assert_eq!(reason(&server, "1.00", Value::Null).await?, Value::Null);
    let shadow = json!({"schedule": never, "status": "shadow"});
    server.make(&format!("/v1/controls/{}/changes", id(&made)), shadow).await?;
    let tried = swipe(&server, "1.00", Value::Null).await?;
    let check = tried["checks"]
        .as_array()
        .and_then(|checks| checks.iter().find(|check| check["control"] == made["id"]));
    assert_eq!(
        (&tried["status"], check.map(|check| &check["shadow"])),
        (&json!("approved"), Some(&json!(true)))
    );
    let explained = server.get(&format!("/v1/authorizations/{}/explanation", id(&tried))).await?.json();
    assert_eq!(explained["would_refuse"][0]["control"], made["id"], "{explained}");
    assert!(explained["summary"].as_str().is_some_and(|text| text.contains("tried out")), "{explained}");
    let new = json!({"cardholder": given.cardholder["id"], "name": "two", "velocity": {"window": "lifetime", "count": 2}});
    server.make("/v1/controls", new).await?;
    assert_eq!(reason(&server, "1.00", Value::Null).await?, "count_limit_exceeded");
    for path in ["companies", "cardholders"] {
        let of = if path == "companies" { &given.company } else { &given.cardholder };
        let available = server.get(&format!("/v1/{path}/{}/available", id(of))).await?;
        assert_eq!(available.status.as_u16(), 200, "{}", available.text);
    }
    let available = server.get(&format!("/v1/cardholders/{}/available", id(&given.cardholder))).await?.json();
    assert_eq!(
        (&available["limits"][0]["count"], &available["limits"][0]["remaining_count"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(available["limits"][0]["ends_at"], Value::Null);
    let nobody = server.get(&format!("/v1/persons/{}/available", id(&given.company))).await?;
    assert_eq!((nobody.status.as_u16(), nobody.code().as_str()), (404, "owner_unknown"));
    Ok(())
}

on_both_stores!(presets_are_made_of_controls);
async fn presets_are_made_of_controls(store: Store) -> Tested {
    let (server, given) = given(store).await?;
    let path = format!("/v1/cards/{}/presets", id(&given.card));
    let at = |merchant: &str| json!({"id": merchant});
    server.make(&path, json!({"preset": "subscription", "amount": "20.00", "currency": "USD"})).await?;
    assert_eq!(reason(&server, "15.00", at("streaming")).await?, Value::Null);
    assert_eq!(reason(&server, "1.00", at("other")).await?, "merchant_not_allowed");
    assert_eq!(reason(&server, "5.01", at("streaming")).await?, "amount_limit_exceeded");
    let set = server.make(&path, json!({"preset": "merchant_locked"})).await?;
    assert_eq!(set["items"][0]["merchant"], json!({"list": "allow", "first_merchant": null}), "begun anew");
    assert_eq!(reason(&server, "1.00", at("other")).await?, Value::Null);
    let set = server.make(&path, json!({"preset": "one_time"})).await?;
    assert_eq!(set["items"][0]["merchant"]["first_merchant"], "other");
    assert_eq!(reason(&server, "1.00", at("other")).await?, "count_limit_exceeded", "it was used before");
    let refused = server.post(&path, &json!({"preset": "subscription"})).await?;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "invalid_field"));
    Ok(())
}

on_both_stores!(an_explanation_names_the_nearest_approvals);
async fn an_explanation_names_the_nearest_approvals(store: Store) -> Tested {
    let (server, given) = given(store).await?;
    let path = format!("/v1/cards/{}/limits", id(&given.card));
    server.make(&path, json!({"currency": "USD", "daily": "50.00"})).await?;
    let declined = swipe(&server, "60.00", Value::Null).await?;
    let explain = async |of: &Value| server.get(&format!("/v1/authorizations/{}/explanation", id(of))).await;
    let explained = explain(&declined).await?.json();
    let control = &explained["refused_by"][0]["control"];
    assert_eq!(
        explained["nearest_approvals"],
        json!([
            {"changes": [{"change": "amount", "from": "60.00", "to": "50.00"}]},
            {"changes": [{"change": "amount_limit", "control": control, "raise_by": "10.00"}]},
        ])
    );
    assert_eq!(
        (&explained["refused_by"][0]["wanted"], &explained["refused_by"][0]["available"]),
        (&json!("60.00"), &json!("50.00"))
    );
    let transitions = format!("/v1/cards/{}/transitions", id(&given.card));
    server.make(&transitions, json!({"status": "suspended"})).await?;
    let explained = explain(&swipe(&server, "1.00", Value::Null).await?).await?.json();
    let status = json!({"change": "status", "of": "card", "from": "suspended", "to": "active"});
    assert_eq!(explained["nearest_approvals"], json!([{"changes": [status]}]));
    server.make(&transitions, json!({"status": "active"})).await?;
    let explained = explain(&swipe(&server, "1.00", Value::Null).await?).await?.json();
    assert_eq!((&explained["status"], &explained["nearest_approvals"]), (&json!("approved"), &json!([])));
    let unknown = json!({"card": "nobody", "amount": "1.00", "currency": "USD"});
    let explained = explain(&server.make("/v1/authorizations", unknown).await?).await?.json();
    assert_eq!(explained["nearest_approvals"], json!([]));
    assert!(explained["summary"].as_str().is_some_and(|text| text.contains("No change")), "{explained}");
    Ok(())
}

on_both_stores!(a_control_that_makes_no_sense_is_refused_by_the_name_of_its_field);
async fn a_control_that_makes_no_sense_is_refused_by_the_name_of_its_field(store: Store) -> Tested {
    let (server, given) = given(store).await?;
    let card = &given.card["id"];
    for (new, field) in [
        (json!({"card": card, "name": "x"}), "body"),
        (json!({"name": "x", "velocity": {"window": "day", "count": 1}}), "body"),
        (
            json!({"card": card, "owner": given.company["id"], "name": "x", "velocity": {"window": "day", "count": 1}}),
            "body",
        ),
        (json!({"card": card, "name": "", "velocity": {"window": "day", "count": 1}}), "name"),
        (json!({"card": card, "name": "x", "velocity": {"window": "day"}}), "velocity"),
        (
            json!({"card": card, "name": "x", "velocity": {"window": "fortnight", "count": 1}}),
            "velocity.window",
        ),
        (
            json!({"card": card, "name": "x", "velocity": {"window": "transaction", "count": 1}}),
            "velocity.count",
        ),
        (
            json!({"card": card, "name": "x", "velocity": {"window": "day", "amount": "1.00"}}),
            "velocity.currency",
        ),
        (
            json!({"card": card, "name": "x", "velocity": {"window": "day", "amount": "0", "currency": "USD"}}),
            "velocity.amount",
        ),
        (
            json!({"card": card, "name": "x", "velocity": {"window": "day", "count": 1, "counts": []}}),
            "velocity.counts",
        ),
        (
            json!({"card": card, "name": "x", "velocity": {"window": "day", "count": 1, "extra": 1}}),
            "velocity.extra",
        ),
        (json!({"card": card, "name": "x", "merchant": {"list": "deny"}}), "merchant"),
        (
            json!({"card": card, "name": "x", "merchant": {"list": "deny", "first_merchant": true}}),
            "merchant.list",
        ),
        (
            json!({"card": card, "name": "x", "merchant": {"list": "deny", "mccs": ["5411", "bets"]}}),
            "merchant.mccs[1]",
        ),
        (
            json!({"card": card, "name": "x", "merchant": {"list": "deny", "countries": ["QQ"]}}),
            "merchant.countries[0]",
        ),
        (
            json!({"card": card, "name": "x", "merchant": {"list": "deny", "channels": ["atm", "atm"]}}),
            "merchant.channels[1]",
        ),
        (json!({"card": card, "name": "x", "schedule": []}), "schedule"),
        (
            json!({"card": card, "name": "x", "schedule": [{"days": ["monday"], "from": "8:00", "to": "17:00"}]}),
            "schedule[0].from",
        ),
        (
            json!({"card": card, "name": "x", "schedule": [{"days": [], "from": "08:00", "to": "17:00"}]}),
            "schedule[0].days",
        ),
    ] {
        let refused = server.post("/v1/controls", &new).await?;
        assert_eq!(refused.status.as_u16(), 400, "{new}: {}", refused.text);
        assert_eq!(refused.json()["errors"][0]["field"], field, "{new}: {}", refused.text);
    }
    for (path, body, field) in [
        (
            "/v1/controls".to_owned(),
            json!({"card": card, "name": "x", "velocity": {"window": "day", "amount": "1.999", "currency": "USD"}}),
            "velocity.amount",
        ),
        (format!("/v1/cards/{}/limits", id(&given.card)), json!({"currency": "USD", "daily": "-1"}), "daily"),
        (
            "/v1/authorizations".to_owned(),
            json!({"card": "card-1", "amount": "5.00", "currency": "USD", "transaction": "cash_back", "cash_back_amount": "x"}),
            "cash_back_amount",
        ),
    ] {
        let refused = server.post(&path, &body).await?;
        let found = (refused.code(), refused.json()["errors"][0]["field"].clone());
        assert_eq!(found, ("invalid_amount".to_owned(), json!(field)), "{}", refused.text);
    }
    let elsewhere = json!({"card": card, "name": "x", "velocity": {"window": "day", "amount": "1.00", "currency": "EUR"}});
    let reserved = json!({"card": card, "name": "daily limit", "velocity": {"window": "day", "count": 1}});
    for (new, field) in [(elsewhere, "currency"), (reserved, "name")] {
        let refused = server.post("/v1/controls", &new).await?;
        assert_eq!((refused.status.as_u16(), &refused.json()["errors"][0]["field"]), (400, &json!(field)));
    }
    let taken = json!({"card": card, "name": "x", "velocity": {"window": "day", "count": 1}});
    server.make("/v1/controls", taken.clone()).await?;
    let again = server.post("/v1/controls", &taken).await?;
    assert_eq!((again.status.as_u16(), again.code().as_str()), (409, "control_name_taken"));
    for path in ["/v1/controls/x", "/v1/controls/ctrl_00000000000000000000000000", "/v1/cards/x/available"] {
        assert_eq!(server.get(path).await?.status.as_u16(), 404, "{path}");
    }
    Ok(())
}
