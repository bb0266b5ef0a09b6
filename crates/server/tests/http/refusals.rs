//! What is refused, and how.

use bursar_testkit::{Store, on_both_stores};
use serde_json::json;

use crate::Tested;
use crate::running::{API_KEY, Running, answered};

/// Every operation of `/v1`, with ids that are none in its path.
async fn operations(server: &Running) -> Result<Vec<(String, String)>, Box<dyn std::error::Error>> {
    let openapi = server.get("/openapi.json").await?.json();
    let paths = openapi["paths"].as_object().ok_or("no paths")?;
    let mut operations = Vec::new();
    for (path, item) in paths.iter().filter(|(path, _)| path.starts_with("/v1/")) {
        for method in item.as_object().ok_or("no operations")?.keys() {
            operations.push((method.to_uppercase(), path.replace("{id}", "x")));
        }
    }
    Ok(operations)
}

on_both_stores!(no_operation_is_open_to_whoever_has_no_key);
async fn no_operation_is_open_to_whoever_has_no_key(store: Store) -> Tested {
    let server = Running::start(store).await?;
    for (method, path) in operations(&server).await? {
        for key in [None, Some("wrong")] {
            let request = server.client.request(method.parse()?, server.url(&path));
            let request = key.into_iter().fold(request, |request, key| request.bearer_auth(key));
            let refused = answered(request).await?;
            assert_eq!(
                (refused.status.as_u16(), refused.code().as_str()),
                (401, "unauthorized"),
                "{method} {path}"
            );
            assert!(refused.headers.contains_key("www-authenticate"));
        }
    }
    Ok(())
}

on_both_stores!(no_post_goes_without_an_idempotency_key);
async fn no_post_goes_without_an_idempotency_key(store: Store) -> Tested {
    let server = Running::start(store).await?;
    for (method, path) in operations(&server).await? {
        if method == "POST" {
            let request = server.client.post(server.url(&path)).bearer_auth(API_KEY).json(&json!({}));
            let refused = answered(request).await?;
            assert_eq!(
                (refused.status.as_u16(), refused.code().as_str()),
                (400, "idempotency_key_missing"),
                "{path}"
            );
        }
    }
    Ok(())
}

on_both_stores!(a_wrong_body_is_refused_by_the_name_of_its_field_and_has_no_effect);
async fn a_wrong_body_is_refused_by_the_name_of_its_field_and_has_no_effect(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", None).await?;
    let loads = format!("/v1/accounts/{}/loads", given.account());
    let deep = "[".repeat(33) + &"]".repeat(33);
    for (path, body, code, field) in [
        ("/v1/programs", "{", "malformed_json", "body"),
        ("/v1/programs", "", "malformed_json", "body"),
        ("/v1/programs", deep.as_str(), "nesting_too_deep", ""),
        ("/v1/programs", r#"{"time_zone": "UTC", "currencies": ["USD"]}"#, "invalid_field", "name"),
        (
            "/v1/programs",
            r#"{"name": 7, "time_zone": "UTC", "currencies": ["USD"]}"#,
            "invalid_field",
            "name",
        ),
        (
            "/v1/programs",
            r#"{"name": " ", "time_zone": "UTC", "currencies": ["USD"]}"#,
            "invalid_field",
            "name",
        ),
        (
            "/v1/programs",
            r#"{"name": "a", "time_zone": "Mars", "currencies": ["USD"]}"#,
            "invalid_field",
            "time_zone",
        ),
        (
            "/v1/programs",
            r#"{"name": "a", "time_zone": "UTC", "currencies": []}"#,
            "invalid_field",
            "currencies",
        ),
        (
            "/v1/programs",
            r#"{"name": "a", "time_zone": "UTC", "currencies": ["XXX"]}"#,
            "invalid_field",
            "currencies[0]",
        ),
        (
            "/v1/programs",
            r#"{"name": "a", "time_zone": "UTC", "currencies": ["USD", "USD"]}"#,
            "invalid_field",
            "currencies[1]",
        ),
        (
            "/v1/programs",
            r#"{"name": "a", "time_zone": "UTC", "currencies": ["USD"], "x": 1}"#,
            "invalid_field",
            "x",
        ),
        (&loads, r#"{"amount": "-1", "currency": "USD"}"#, "invalid_amount", "amount"),
        (&loads, r#"{"amount": "0.00", "currency": "USD"}"#, "invalid_amount", "amount"),
        (&loads, r#"{"amount": 0.001, "currency": "USD"}"#, "invalid_amount", "amount"),
        (&loads, r#"{"amount": 92233720368547758.08, "currency": "USD"}"#, "invalid_amount", "amount"),
        (&loads, r#"{"amount": 1e400, "currency": "USD"}"#, "invalid_amount", "amount"),
        (&loads, r#"{"amount": "NaN", "currency": "USD"}"#, "invalid_amount", "amount"),
        (&loads, r#"{"amount": NaN, "currency": "USD"}"#, "malformed_json", "body"),
        (&loads, r#"{"amount": true, "currency": "USD"}"#, "invalid_field", "amount"),
        (&loads, r#"{"amount": "1", "currency": "USDT"}"#, "invalid_field", "currency"),
        (&loads, r#"{"currency": "USD"}"#, "invalid_field", "amount"),
        (
            "/v1/authorizations",
            r#"{"card": "card-1", "amount": "-1", "currency": "USD"}"#,
            "invalid_amount",
            "amount",
        ),
        (
            "/v1/authorizations",
            r#"{"card": "a b", "amount": "1", "currency": "USD"}"#,
            "invalid_field",
            "card",
        ),
        (
            "/v1/authorizations",
            r#"{"card": "c", "amount": "1", "currency": "USD", "merchant": {"mcc": 1}}"#,
            "invalid_field",
            "merchant.mcc",
        ),
        (
            "/v1/authorizations",
            r#"{"card": "c", "amount": "1", "currency": "USD", "merchant": {"mcc": "4111111111111111"}}"#,
            "invalid_field",
            "merchant.mcc",
        ),
        (
            "/v1/authorizations",
            r#"{"card": "c", "amount": "1", "currency": "USD", "merchant": {"country": "4111111111111111"}}"#,
            "invalid_field",
            "merchant.country",
        ),
        (
            "/v1/authorizations",
            r#"{"card": "c", "amount": "1", "currency": "USD", "merchant": ["a", "5411"]}"#,
            "invalid_field",
            "merchant",
        ),
        (&loads, r#"["1", "USD"]"#, "invalid_field", "body"),
    ] {
        let refused = server.post_as("the-key", path, body).await?;
        assert_eq!(
            (refused.status.as_u16(), refused.code().as_str()),
            (400, code),
            "{body}: {}",
            refused.text
        );
        assert_eq!(refused.json()["errors"][0]["field"].as_str().unwrap_or_default(), field, "{body}");
    }
    // None of them has used the key.
    let loaded = server.post_as("the-key", &loads, r#"{"amount": "1", "currency": "USD"}"#).await?;
    assert_eq!((loaded.status.as_u16(), &loaded.json()["account"]["posted"]), (201, &json!("1.00")));
    Ok(())
}

on_both_stores!(a_wrong_query_is_refused_by_the_name_of_its_parameter);
async fn a_wrong_query_is_refused_by_the_name_of_its_parameter(store: Store) -> Tested {
    let server = Running::start(store).await?;
    for (path, field) in [
        ("/v1/cards?limit=0", "limit"),
        ("/v1/cards?limit=1001", "limit"),
        ("/v1/cards?limit=ten", "limit"),
        ("/v1/cards?after=7", "after"),
        ("/v1/cards?owner=card_1", "owner"),
        ("/v1/cards?colour=red", "colour"),
        ("/v1/authorizations?order=sideways", "order"),
    ] {
        let refused = server.get(path).await?;
        assert_eq!((refused.status.as_u16(), refused.code().as_str()), (400, "invalid_query"), "{path}");
        assert_eq!(refused.json()["errors"][0]["field"], field, "{path}: {}", refused.text);
    }
    Ok(())
}

on_both_stores!(what_is_no_route_no_method_or_no_json_is_a_problem);
async fn what_is_no_route_no_method_or_no_json_is_a_problem(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let nowhere = server.get("/v2/cards").await?;
    assert_eq!((nowhere.status.as_u16(), nowhere.code().as_str()), (404, "not_found"));
    let request = server.client.delete(server.url("/v1/cards")).bearer_auth(API_KEY);
    let refused = answered(request).await?;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (405, "method_not_allowed"));
    assert!(refused.headers["allow"].to_str()?.contains("POST"));
    let request = server.client.post(server.url("/v1/cards")).bearer_auth(API_KEY);
    let refused = answered(request.header("Idempotency-Key", "k").body("{}")).await?;
    assert_eq!((refused.status.as_u16(), refused.code().as_str()), (415, "unsupported_media_type"));
    Ok(())
}
