//! What is refused without a decision.

use bursar_testkit::{Store, on_both_stores};
use reqwest::RequestBuilder;
use serde_json::json;

use super::{state, swipe, with};
use crate::Tested;
use crate::running::{API_KEY, JIT_PASSWORD, JIT_PASSWORD_NEXT, Running, answered};

on_both_stores!(wrong_or_no_credentials_are_401_and_have_no_effect);
async fn wrong_or_no_credentials_are_401_and_have_no_effect(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let before = state(&server, &given).await?;
    let signed: [fn(RequestBuilder) -> RequestBuilder; 6] = [
        |request| request,
        |request| request.basic_auth("marqeta", Some("wrong")),
        |request| request.basic_auth("marqeta", Some("")),
        |request| request.basic_auth("Marqeta", Some(JIT_PASSWORD)),
        |request| request.bearer_auth(API_KEY),
        |request| request.header("Authorization", format!("Basic {JIT_PASSWORD}")),
    ];
    for (number, sign) in signed.into_iter().enumerate() {
        // Whoever may not call is not told either whether a body could be read.
        for body in [swipe("swipe", "1.00"), "{".to_owned()] {
            let refused = answered(sign(server.client.post(server.url("/jit/marqeta")).body(body))).await?;
            assert_eq!((refused.status.as_u16(), refused.code().as_str()), (401, "unauthorized"), "{number}");
            assert_eq!(refused.headers["www-authenticate"], "Basic realm=\"bursar\"", "{number}");
            assert_eq!(refused.headers["content-type"], "application/problem+json", "{number}");
        }
    }
    assert_eq!(state(&server, &given).await?, before);
    Ok(())
}

on_both_stores!(both_passwords_are_accepted_during_a_rotation);
async fn both_passwords_are_accepted_during_a_rotation(store: Store) -> Tested {
    let server = Running::start(store).await?;
    server.given("USD", Some("10.00")).await?;
    let mut answers = Vec::new();
    for password in [JIT_PASSWORD, JIT_PASSWORD_NEXT] {
        let request = server.client.post(server.url("/jit/marqeta")).basic_auth("marqeta", Some(password));
        let funded = answered(request.body(swipe("swipe", "1.00"))).await?;
        assert_eq!(funded.status, 200, "{}", funded.text);
        answers.push(funded.text);
    }
    assert_eq!(answers[0], answers[1], "one message, whichever password it came with");
    Ok(())
}

on_both_stores!(a_body_that_cannot_be_read_is_refused_by_the_name_of_its_field_and_has_no_effect);
async fn a_body_that_cannot_be_read_is_refused_by_the_name_of_its_field_and_has_no_effect(
    store: Store,
) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("10.00")).await?;
    let before = state(&server, &given).await?;
    let good = swipe("swipe", "1.00");
    let (jit, long) = ("/gpa_order/jit_funding", "x".repeat(256));
    let changed = [
        ("/token".to_owned(), None),
        ("/token".to_owned(), Some(json!(7))),
        ("/token".to_owned(), Some(json!(""))),
        ("/token".to_owned(), Some(json!("with a blank"))),
        ("/token".to_owned(), Some(json!(long))),
        ("/card_token".to_owned(), None),
        ("/card_token".to_owned(), Some(json!({}))),
        ("/acting_user_token".to_owned(), Some(json!([]))),
        ("/gpa_order".to_owned(), None),
        ("/gpa_order".to_owned(), Some(json!("order"))),
        (jit.to_owned(), None),
        (jit.to_owned(), Some(json!(true))),
        (format!("{jit}/token"), None),
        (format!("{jit}/method"), None),
        (format!("{jit}/method"), Some(json!(1))),
        (format!("{jit}/user_token"), None),
        (format!("{jit}/amount"), Some(json!(true))),
        (format!("{jit}/amount"), Some(json!({"amount": 1}))),
    ];
    let mut rows = Vec::new();
    for (pointer, value) in changed {
        rows.push((with(&good, &pointer, value)?, pointer.trim_start_matches('/').replace('/', ".")));
    }
    let unload = with(&good, "/gpa_order_unload", Some(json!({})))?;
    rows.push((unload, "gpa_order".to_owned()));
    for no_json in ["", "{", "[]", "null", "\"swipe\"", &good[..good.len() - 1], &swipe("swipe", "NaN")] {
        rows.push((no_json.to_owned(), "body".to_owned()));
    }
    for (body, field) in rows {
        let refused = server.jit(&body).await?;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "invalid_field"), "{body}");
        assert_eq!(refused.json()["errors"][0]["field"], field, "{body}: {}", refused.text);
        assert_eq!(refused.headers["content-type"], "application/problem+json");
    }
    assert_eq!(state(&server, &given).await?, before);
    // None of them has claimed the token.
    assert_eq!(server.jit(&good).await?.status, 200);
    Ok(())
}

on_both_stores!(a_card_number_in_a_wrong_place_is_not_repeated_by_the_refusal);
async fn a_card_number_in_a_wrong_place_is_not_repeated_by_the_refusal(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let pan = "4111111111111111";
    for pointer in ["/gpa_order", "/card_acceptor", "/gpa_order/jit_funding"] {
        let refused = server.jit(&with(&swipe("swipe", "1.00"), pointer, Some(json!(pan)))?).await?;
        assert_eq!(refused.status, 400, "{pointer}");
        assert!(!refused.text.contains(pan), "{pointer}: {}", refused.text);
    }
    Ok(())
}
