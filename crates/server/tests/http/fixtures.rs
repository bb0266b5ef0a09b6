//! Whole webhooks as Marqeta sends them: what they come to in the books, as the processor reference says.

use bursar_testkit::{Store, on_both_stores};
use serde_json::{Value, json};

use crate::Tested;
use crate::jit::swipe;
use crate::running::Running;
use crate::webhooks::books;

const AUTHORIZATION_WITH_FUNDING_LEG: &str = include_str!("fixtures/authorization.with-funding-leg.json");
const CLEARING: &str = include_str!("fixtures/authorization.clearing.json");
const HOTEL: &str = include_str!("fixtures/authorization.hotel.json");
const REVERSAL: &str = include_str!("fixtures/authorization.reversal.json");
const REFUND: &str = include_str!("fixtures/refund.json");
const DECLINED: &str = include_str!("fixtures/authorization.declined.json");

async fn post(server: &Running, body: &str) -> Tested {
    let body: Value = serde_json::from_str(body)?;
    assert_eq!(server.webhook(&body).await?.status.as_u16(), 200);
    server.drained().await
}

on_both_stores!(fixtures_book_what_the_reference_says);
async fn fixtures_book_what_the_reference_says(store: Store) -> Tested {
    let server = Running::start(store).await?;
    let given = server.given("USD", Some("1000.00")).await?;
    // Ours, under the token that is confirmed.
    server.jit(&swipe("sale-01", "120.00")).await?;
    for (body, expected) in [
        (AUTHORIZATION_WITH_FUNDING_LEG, ["1000.00", "120.00"]),
        (CLEARING, ["880.00", "0.00"]),
        (HOTEL, ["880.00", "300.00"]),
        (REVERSAL, ["880.00", "0.00"]),
        (REFUND, ["895.50", "0.00"]),
        (DECLINED, ["895.50", "0.00"]),
        (CLEARING, ["895.50", "0.00"]),
    ] {
        post(&server, body).await?;
        assert_eq!(books(&server, &given).await?, expected, "{body}");
    }
    assert_eq!(server.get("/v1/inbox").await?.json()["dead"], json!(0));
    let adopted = server.get("/v1/discrepancies").await?.json();
    let kinds: Vec<&str> =
        adopted["items"].as_array().ok_or("a list")?.iter().filter_map(|of| of["kind"].as_str()).collect();
    assert_eq!(kinds, ["adopted"], "nobody asked us about the hotel");
    Ok(())
}
