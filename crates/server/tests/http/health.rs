//! Health, and the page of the API.

use bursar_server::Settings;
use bursar_testkit::{MongoServer, SqlitePlace, Store, on_both_stores};
use serde_json::json;

use crate::Tested;
use crate::running::{Beside, Running, answered, until};

on_both_stores!(a_running_server_is_live_ready_and_well);
async fn a_running_server_is_live_ready_and_well(store: Store) -> Tested {
    let server = Running::start(store).await?;
    for (path, status) in [("/live", "live"), ("/ready", "ready"), ("/health", "healthy")] {
        let open = answered(server.client.get(server.url(path))).await?;
        assert_eq!((open.status.as_u16(), open.json()["status"].as_str()), (200, Some(status)), "{path}");
    }
    let health = server.get("/health").await?.json();
    let well =
        json!({"postgres": "healthy", "redis": "healthy", "mongodb": "healthy", "messageQueue": "healthy"});
    assert_eq!(health["services"], well);
    let details = &health["details"];
    let engines =
        [("postgres", "sqlite"), ("redis", "memory"), ("mongodb", "sqlite"), ("messageQueue", "sqlite")];
    for (service, engine) in engines {
        assert_eq!(
            (&details[service]["status"], &details[service]["engine"]),
            (&json!("healthy"), &json!(engine))
        );
        assert!(details[service]["latency_ms"].is_u64(), "{service}: {details}");
    }
    assert!(health["timestamp"].as_str().is_some_and(|at| at.parse::<jiff::Timestamp>().is_ok()), "{health}");
    assert!(health["version"].is_string() && health["uptime_s"].is_u64(), "{health}");
    Ok(())
}

/// Of the embedded ledger: PostgreSQL has no file here that can be gone.
#[tokio::test]
async fn without_its_file_the_server_decides_nothing_and_is_not_ready() -> Tested {
    let place = SqlitePlace::new();
    let file = place.file();
    let server = Running::start_in(Box::new(place), Settings::default()).await?;
    server.given("USD", Some("10.00")).await?;
    std::fs::remove_file(file)?;
    let swipe = json!({"card": "card-1", "amount": "1.00", "currency": "USD"});
    let undecided = server.post("/v1/authorizations", &swipe).await?;
    assert_eq!((undecided.status.as_u16(), undecided.code().as_str()), (503, "unavailable"));
    assert_eq!(undecided.headers["retry-after"], "1");
    let ready = server.get("/ready").await?;
    assert_eq!((ready.status.as_u16(), &ready.json()["status"]), (503, &json!("not_ready")));
    let health = server.get("/health").await?.json();
    assert_eq!(
        (&health["status"], &health["services"]["postgres"]),
        (&json!("unhealthy"), &json!("unhealthy"))
    );
    assert_eq!(server.get("/live").await?.status, 200);
    Ok(())
}

on_both_stores!(without_documents_the_server_decides_and_says_who_is_away);
async fn without_documents_the_server_decides_and_says_who_is_away(store: Store) -> Tested {
    let mut mongodb = MongoServer::new();
    let beside = Beside { documents: Box::new(mongodb.place()), ..Beside::default() };
    let server = Running::start_beside(store, beside).await?;
    server.given("USD", Some("10.00")).await?;
    let is = async |status: &str, documents: &str| {
        let health = server.get("/health").await?.json();
        Ok(health["status"] == status && health["services"]["mongodb"] == documents)
    };
    until("all is well", async || is("healthy", "healthy").await).await?;
    mongodb.kill();
    until("it is said that documents are away", async || is("degraded", "unhealthy").await).await?;
    let health = server.get("/health").await?.json();
    assert!(health["details"]["mongodb"]["reason"].is_string(), "{health}");
    assert_eq!(server.get("/ready").await?.status, 200);
    let swipe = json!({"card": "card-1", "amount": "1.00", "currency": "USD"});
    assert_eq!(server.make("/v1/authorizations", swipe).await?["status"], "approved");
    mongodb.start();
    until("all is well again", async || is("healthy", "healthy").await).await
}

on_both_stores!(the_api_page_comes_from_the_binary);
async fn the_api_page_comes_from_the_binary(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let page = answered(server.client.get(server.url("/docs/"))).await?;
    assert!(page.status == 200 && page.text.contains("swagger-ui"), "{page:?}");
    assert!(!page.text.contains("http://") && !page.text.contains("https://"), "{}", page.text);
    let script = answered(server.client.get(server.url("/docs/swagger-ui-bundle.js"))).await?;
    assert!(script.status == 200 && script.text.len() > 100_000);
    let openapi = answered(server.client.get(server.url("/openapi.json"))).await?;
    let described: serde_json::Value = serde_json::from_str(&bursar_server::openapi_json())?;
    assert_eq!(openapi.json(), described);
    Ok(())
}

on_both_stores!(only_v1_answers_carry_a_request_id);
async fn only_v1_answers_carry_a_request_id(store: Store) -> Tested {
    let server = Running::start(store).await?;
    assert!(server.get("/v1/cards").await?.headers.contains_key("x-request-id"));
    assert!(!server.get("/live").await?.headers.contains_key("x-request-id"));
    Ok(())
}
