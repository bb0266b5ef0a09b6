//! What is declined: each decline is a stored answer.

use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};

use super::{state, swipe, verdict, with};
use crate::Tested;
use crate::running::Running;

on_both_stores!(an_amount_that_cannot_be_held_is_declined_for_ever);
async fn an_amount_that_cannot_be_held_is_declined_for_ever(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let bad = ["-1", "-0.01", "1.001", "92233720368547758.08", "1e400", "\"NaN\"", "\"1,00\"", "null"];
    let mut bodies: Vec<String> =
        bad.iter().enumerate().map(|(number, amount)| swipe(&format!("bad-{number}"), amount)).collect();
    bodies.push(with(&swipe("bad-none", "1.00"), "/gpa_order/jit_funding/amount", None)?);
    let mut answers = Vec::new();
    for body in &bodies {
        let declined = server.jit(body).await?;
        assert_eq!(verdict(&declined), (402, "INVALID_AMOUNT".to_owned()), "{body}: {}", declined.text);
        answers.push(declined.text);
    }
    let after = state(&server, &given).await?;
    assert_eq!((&after.0["held"], &after.0["posted"]), (&json!("0.00"), &json!("10.00")));
    assert_eq!(after.1.len(), bodies.len(), "every decline is stored");
    assert!(after.1.iter().all(|item| item["decline_reason"] == "invalid_amount"));
    for (body, answer) in bodies.iter().zip(&answers) {
        assert_eq!(&server.jit(body).await?.text, answer, "{body}");
    }
    assert_eq!(state(&server, &given).await?, after);
    Ok(())
}

on_both_stores!(an_unknown_card_claims_the_token_and_is_declined_also_once_it_is_known);
async fn an_unknown_card_claims_the_token_and_is_declined_also_once_it_is_known(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let of_new_card = |token: &str| with(&swipe(token, "1.00"), "/card_token", Some(json!("card-2")));
    let first = server.jit(&of_new_card("early")?).await?;
    assert_eq!(verdict(&first), (402, "INVALID_CARD".to_owned()));
    let card = json!({
        "cardholder": given.cardholder["id"],
        "account": given.account(),
        "token": "card-2",
        "status": "active",
    });
    server.make("/v1/cards", card).await?;
    let again = server.jit(&of_new_card("early")?).await?;
    assert_eq!((again.status, again.text), (first.status, first.text));
    let late = server.jit(&of_new_card("late")?).await?;
    assert_eq!(late.status, 200, "{}", late.text);
    Ok(())
}

on_both_stores!(the_card_of_another_cardholder_is_declined);
async fn the_card_of_another_cardholder_is_declined(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let other = json!({"company": given.company["id"], "reference": "employee 2", "token": "user-2"});
    server.make("/v1/cardholders", other).await?;
    for (number, user) in ["user-2", "nobody"].iter().enumerate() {
        let theirs = swipe(&format!("theirs-{number}"), "1.00").replace("user-1", user);
        let declined = server.jit(&theirs).await?;
        assert_eq!(verdict(&declined), (402, "INVALID_CARD".to_owned()), "{user}");
        assert_eq!(server.jit(&theirs).await?.text, declined.text, "{user}");
    }
    let (account, listed) = state(&server, &given).await?;
    assert_eq!((&account["held"], &account["open_holds"]), (&json!("0.00"), &json!(0)));
    assert_eq!(listed.len(), 2);
    Ok(())
}

on_both_stores!(a_token_with_other_content_is_a_duplicate_and_the_first_answer_stays);
async fn a_token_with_other_content_is_a_duplicate_and_the_first_answer_stays(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let first = server.jit(&swipe("swipe", "1.00")).await?;
    assert_eq!(first.status, 200);
    let before = state(&server, &given).await?;
    let other = server.jit(&swipe("swipe", "2.00")).await?;
    assert_eq!(verdict(&other), (402, "DUPLICATE_TRANSACTION".to_owned()));
    assert_eq!(other.json()["jit_funding"]["tags"], Value::Null, "it is no decision");
    assert_eq!(state(&server, &given).await?, before);
    let again = server.jit(&swipe("swipe", "1.00")).await?;
    assert_eq!((again.status, again.text), (first.status, first.text));
    Ok(())
}

on_both_stores!(a_decline_stays_a_decline_after_the_account_is_funded);
async fn a_decline_stays_a_decline_after_the_account_is_funded(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("0.99")).await?;
    let first = server.jit(&swipe("poor", "1.00")).await?;
    assert_eq!(verdict(&first), (402, "INSUFFICIENT_FUNDS".to_owned()));
    let load = json!({"amount": "0.01", "currency": "USD"});
    server.make(&format!("/v1/accounts/{}/loads", given.account()), load).await?;
    let again = server.jit(&swipe("poor", "1.00")).await?;
    assert_eq!((again.status, again.text), (first.status, first.text));
    assert_eq!(server.jit(&swipe("rich", "1.00")).await?.status, 200, "the money was there");
    Ok(())
}

on_both_stores!(a_method_that_is_not_known_is_declined_when_it_takes_money_and_recorded_when_it_gives);
async fn a_method_that_is_not_known_is_declined_when_it_takes_money_and_recorded_when_it_gives(
    store: Store,
) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let before = state(&server, &given).await?.0;
    let mut bodies = Vec::new();
    for (number, method) in ["pgfs.billpayment", "pgfs.invented.tomorrow"].iter().enumerate() {
        let debit = swipe(&format!("debit-{number}"), "1.00").replace("pgfs.authorization", method);
        let declined = server.jit(&debit).await?;
        assert_eq!(verdict(&declined), (402, "TRANSACTION_NOT_PERMITTED".to_owned()), "{method}");
        bodies.push((debit, declined));
        let credit = swipe(&format!("credit-{number}"), "1.00").replace("pgfs.authorization", method);
        let credit = credit.replace("gpa_order", "gpa_order_unload");
        let recorded = server.jit(&credit).await?;
        assert_eq!(verdict(&recorded), (200, String::new()), "{method}: {}", recorded.text);
        assert_eq!(recorded.json()["jit_funding"]["method"], *method);
        bodies.push((credit, recorded));
    }
    for (body, first) in bodies {
        assert_eq!(server.jit(&body).await?.text, first.text, "{body}");
    }
    assert_eq!(state(&server, &given).await?.0, before);
    Ok(())
}
