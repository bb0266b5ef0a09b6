//! What is funded, and what its answer and its explanation say.

use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};

use super::{Error, state, swipe, swipe_in, verdict, with};
use crate::Tested;
use crate::running::{Answered, Running};

/// The path of the decision that an answer names.
fn decision(answered: &Answered) -> Result<String, Error> {
    let tags = answered.json()["jit_funding"]["tags"].as_str().unwrap_or_default().to_owned();
    let id = tags.strip_prefix("decision=").ok_or_else(|| format!("no decision: {}", answered.text))?;
    Ok(format!("/v1/authorizations/{id}"))
}

on_both_stores!(an_answer_repeats_the_whole_funding_object_and_names_its_decision);
async fn an_answer_repeats_the_whole_funding_object_and_names_its_decision(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let funded = server.jit(&swipe("swipe", "10")).await?;
    assert_eq!(
        (funded.status.as_u16(), &funded.headers["content-type"]),
        (200, &"application/json".parse()?)
    );
    let mut answer = funded.json()["jit_funding"].clone();
    assert!(funded.text.contains("\"amount\":10.00,"), "{}", funded.text);
    let taken = answer.as_object_mut().map(|answer| (answer.remove("amount"), answer.remove("tags")));
    assert!(taken.is_some_and(|(amount, tags)| amount.is_some() && tags.is_some()));
    assert_eq!(
        answer,
        json!({
            "token": "jit-swipe",
            "method": "pgfs.authorization",
            "user_token": "user-1",
            "acting_user_token": "user-1",
            "memo": "approved",
        })
    );
    let read = server.get(&decision(&funded)?).await?.json();
    assert_eq!((&read["token"], &read["source"]), (&json!("swipe"), &json!("marqeta_jit")));
    assert_eq!((&read["status"], &read["available_after"]), (&json!("approved"), &json!("0.00")));
    assert_eq!((&read["owner"], &read["card"]), (&given.company["id"], &given.card["id"]));
    assert_eq!(read["answer"]["code"], 200);
    assert_eq!(read["answer"]["body"], funded.json());
    Ok(())
}

on_both_stores!(a_decision_shows_every_check_in_order_approved_or_declined);
async fn a_decision_shows_every_check_in_order_approved_or_declined(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("1.00")).await?;
    let order = [
        "method_permitted",
        "card_known",
        "card_status",
        "card_of_cardholder",
        "cardholder_status",
        "payer_status",
        "owner_status",
        "currency",
        "amount_valid",
        "hold_group_open",
        "available_balance",
    ];
    for (token, amount, last) in [("approved", "1.00", "passed"), ("declined", "0.01", "failed")] {
        let read = server.get(&decision(&server.jit(&swipe(token, amount)).await?)?).await?.json();
        assert_eq!(read["status"], token);
        let checks = read["checks"].as_array().ok_or("no checks")?;
        let names: Vec<&Value> = checks.iter().map(|check| &check["check"]).collect();
        assert_eq!(names, order);
        let results: Vec<&Value> = checks.iter().map(|check| &check["result"]).collect();
        for (name, result) in order.iter().zip(results) {
            let expected = match *name {
                "payer_status" | "hold_group_open" => "not_needed",
                "available_balance" => last,
                _ => "passed",
            };
            assert_eq!(result, expected, "{name}");
        }
    }
    Ok(())
}

on_both_stores!(zero_is_a_verification_and_holds_nothing);
async fn zero_is_a_verification_and_holds_nothing(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", None).await?;
    let verified = server.jit(&swipe("zero", "0.00")).await?;
    assert_eq!(verdict(&verified), (200, String::new()));
    assert!(verified.text.contains("\"amount\":0.00,"), "{}", verified.text);
    let account = state(&server, &given).await?.0;
    assert_eq!((&account["held"], &account["open_holds"]), (&json!("0.00"), &json!(0)));
    let read = server.get(&decision(&verified)?).await?.json();
    assert_eq!((&read["hold"]["status"], &read["hold"]["held"]), (&json!("empty"), &json!("0.00")));
    Ok(())
}

on_both_stores!(an_increment_adds_to_the_hold_of_its_authorization);
async fn an_increment_adds_to_the_hold_of_its_authorization(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let first = server.jit(&swipe("first", "6.00")).await?;
    let increment = |token: &str, amount: &str| {
        let body = swipe(token, amount).replace("pgfs.authorization", "pgfs.authorization.incremental");
        with(&body, "/preceding_related_transaction_token", Some(json!("first")))
    };
    let more = server.jit(&increment("more", "3.99")?).await?;
    assert_eq!(verdict(&more), (200, String::new()), "{}", more.text);
    let too_much = server.jit(&increment("too-much", "0.02")?).await?;
    assert_eq!(verdict(&too_much), (402, "INSUFFICIENT_FUNDS".to_owned()));
    let read = server.get(&decision(&first)?).await?.json();
    assert_eq!((&read["hold"]["status"], &read["hold"]["held"]), (&json!("open"), &json!("9.99")));
    let shown = server.get(&decision(&more)?).await?.json();
    assert_eq!((&shown["kind"], &shown["group"]), (&json!("increment"), &read["id"]));
    let account = state(&server, &given).await?.0;
    assert_eq!((&account["held"], &account["open_holds"]), (&json!("9.99"), &json!(1)));
    Ok(())
}

on_both_stores!(amounts_are_answered_with_exactly_the_places_of_their_currency);
async fn amounts_are_answered_with_exactly_the_places_of_their_currency(store: Store) -> Tested {
    for (currency, load, amount, answered, left) in [
        ("JPY", "9007199254740993", "9007199254740992", "9007199254740992", "1"),
        ("KWD", "1.500", "1.1", "1.100", "0.400"),
        ("KWD", "9007199254740.993", "\"9007199254740.993\"", "9007199254740.993", "0.000"),
        ("USD", "90071992547409.93", "90071992547409.93", "90071992547409.93", "0.00"),
    ] {
        let server = Running::start(store).await?;
        let given = server.given(currency, Some(load)).await?;
        let funded = server.jit(&swipe_in(currency, "swipe", amount)).await?;
        assert_eq!(funded.status, 200, "{}", funded.text);
        assert!(funded.text.contains(&format!("\"amount\":{answered},")), "{}", funded.text);
        let account = state(&server, &given).await?.0;
        assert_eq!((&account["held"], &account["available"]), (&json!(answered), &json!(left)));
        let too_precise = server.jit(&swipe_in(currency, "too-precise", "0.0001")).await?;
        assert_eq!(verdict(&too_precise), (402, "INVALID_AMOUNT".to_owned()));
    }
    Ok(())
}

on_both_stores!(a_card_number_in_free_text_is_masked_and_the_decision_is_made);
async fn a_card_number_in_free_text_is_masked_and_the_decision_is_made(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("10.00")).await?;
    let city = Some(json!("4111 1111 1111 1111 City"));
    let funded = server.jit(&with(&swipe("swipe", "1.00"), "/card_acceptor/city", city)?).await?;
    assert_eq!(funded.status, 200);
    let path = decision(&funded)?;
    let merchant = server.get(&path).await?.json()["merchant"].clone();
    assert_eq!(merchant["name"], "CAFE ************1111");
    assert_eq!(merchant["id"], "4111111111111111", "an identifier is kept as it is");
    assert!(!merchant["city"].to_string().contains("4111 1111 1111 1111"), "{merchant}");
    assert_eq!(merchant["mcc"], "5814");
    Ok(())
}

on_both_stores!(what_had_no_effect_is_listed_for_somebody_to_look_at);
async fn what_had_no_effect_is_listed_for_somebody_to_look_at(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let report =
        with(&swipe("report", "3.00"), "/gpa_order/jit_funding/method", Some(json!("pgfs.force_capture")))?;
    let unload = swipe("unknown", "1.00").replace("\"gpa_order\"", "\"gpa_order_unload\"");
    let unknown = with(&unload, "/gpa_order_unload/jit_funding/method", Some(json!("pgfs.invented")))?;
    for body in [&report, &unknown, &report] {
        assert_eq!(server.jit(body).await?.status, 200);
    }
    server.jit(&swipe("swipe", "1.00")).await?;
    let listed = server.get("/v1/records?limit=1").await?.json();
    assert_eq!(listed["items"][0]["token"], "unknown");
    let kinds = |listed: &serde_json::Value| {
        let item = &listed["items"][0];
        (item["kind"].clone(), item["method"].clone(), item["amount"].clone())
    };
    assert_eq!(kinds(&listed), (json!("review"), json!("pgfs.invented"), json!("1.00")));
    let next = listed["next"].as_str().ok_or("one more follows")?;
    let listed = server.get(&format!("/v1/records?after={next}")).await?.json();
    assert_eq!(kinds(&listed), (json!("record"), json!("pgfs.force_capture"), json!("3.00")));
    assert_eq!((&listed["items"][1], &listed["next"]), (&json!(null), &json!(null)));
    let held = server.get(&format!("/v1/accounts/{}", given.account())).await?.json()["held"].clone();
    assert_eq!(held, "1.00");
    Ok(())
}

on_both_stores!(a_report_under_a_token_that_was_used_is_answered_200_and_changes_nothing);
async fn a_report_under_a_token_that_was_used_is_answered_200_and_changes_nothing(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    server.jit(&swipe("swipe", "1.00")).await?;
    let before = state(&server, &given).await?;
    let report =
        with(&swipe("swipe", "1.00"), "/gpa_order/jit_funding/method", Some(json!("pgfs.force_capture")))?;
    assert_eq!(server.jit(&report).await?.status, 200);
    let other = with(&swipe("swipe", "1.00"), "/gpa_order/jit_funding/token", Some(json!("another")))?;
    assert_eq!(verdict(&server.jit(&other).await?), (402, "DUPLICATE_TRANSACTION".to_owned()));
    assert_eq!(state(&server, &given).await?, before);
    Ok(())
}
