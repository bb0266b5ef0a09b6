use std::net::SocketAddr;

use bursar_core::Currency;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::history::{Says, Told};
use crate::jit::Ask;
use crate::merchants::MERCHANTS;

fn notice(token: &str, follows: Option<&str>) -> Notice {
    Notice {
        token: token.into(),
        says: Says::Approved,
        ask: Ask::Purchase,
        follows: follows.map(Into::into),
        jit_token: format!("j-{token}").into(),
        original_jit_token: None,
        card_token: "card".into(),
        acting_token: "user".into(),
        business_token: None,
        merchant: &MERCHANTS[0],
        currency: Currency::parse("USD").expect("a currency"),
        amount_minor: 1_050,
        change_minor: 0,
        cash_minor: 0,
        at: Timestamp::UNIX_EPOCH,
        is_silent: true,
        sent: 0,
        told: Told::Unknown,
    }
}

fn add(records: &Records, token: &str, follows: Option<&str>) -> bool {
    records.add(&notice(token, follows)).expect("JSON")
}

/// Status and body of an answer.
async fn get(api: &str, path: &str, password: &str) -> (u16, Value) {
    let request = reqwest::Client::new().get(format!("{api}{path}")).basic_auth("app", Some(password));
    let response = request.send().await.expect("an answer");
    let status = response.status().as_u16();
    (status, serde_json::from_str(&response.text().await.expect("text")).unwrap_or_default())
}

async fn api() -> (String, Arc<Records>) {
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    let api = ProcessorApi::bind(any, &"app".to_owned().into(), &"secret".to_owned().into())
        .await
        .expect("a free port");
    let (url, records) = (api.url(), api.records());
    tokio::spawn(api.serve());
    (url, records)
}

fn tokens(page: &Value) -> Vec<&str> {
    page["data"].as_array().into_iter().flatten().filter_map(|item| item["token"].as_str()).collect()
}

#[tokio::test]
async fn a_transaction_is_told_and_page_by_page_what_is_related_to_it() {
    let (url, records) = api().await;
    for (token, follows) in
        [("t-1", None), ("t-2", Some("t-1")), ("t-3", Some("t-2")), ("t-4", Some("t-1")), ("o-1", None)]
    {
        assert!(!add(&records, token, follows), "nobody has asked");
    }
    let (status, first) = get(&url, "/transactions/t-1", "secret").await;
    assert_eq!((status, &first["token"], &first["amount"]), (200, &"t-1".into(), &10.5.into()));
    let (_, page) = get(
        &url,
        "/transactions/t-1/related?start_index=0&count=2&start_date=2026-01-01&end_date=2026-12-31",
        "secret",
    )
    .await;
    assert_eq!((tokens(&page), &page["is_more"]), (vec!["t-2", "t-3"], &true.into()));
    assert!(!records.has_told("t-4") && !add(&records, "t-5", Some("t-1")), "not all is asked for yet");
    let (_, page) = get(
        &url,
        "/transactions/t-1/related?start_index=2&count=2&start_date=2026-01-01&end_date=2026-12-31",
        "secret",
    )
    .await;
    assert_eq!((tokens(&page), &page["is_more"]), (vec!["t-4", "t-5"], &false.into()));
    assert!(["t-1", "t-2", "t-3", "t-4", "t-5"].iter().all(|token| records.has_told(token)));
    assert!(!records.has_told("o-1"));
    assert!(add(&records, "t-6", Some("t-3")), "its purchase was asked about");
}

#[tokio::test]
async fn what_it_does_not_have_is_404_and_who_has_no_tokens_learns_nothing() {
    let (url, records) = api().await;
    add(&records, "t-1", None);
    let days = "start_date=2026-01-01&end_date=2026-12-31";
    for path in ["/transactions/t-2".to_owned(), format!("/transactions/t-2/related?count=100&{days}")] {
        let (status, told) = get(&url, &path, "secret").await;
        assert_eq!((status, &told["error_code"]), (404, &json!("404001")), "{path}");
    }
    assert!(add(&records, "t-2", None), "it was asked about before there was anything to tell");
    for query in ["count=100", "count=101&start_date=2026-01-01&end_date=2026-12-31"] {
        let path = format!("/transactions/t-1/related?{query}");
        assert_eq!(get(&url, &path, "secret").await.0, 400, "{query}");
    }
    for path in ["/transactions/t-1".to_owned(), format!("/transactions/t-1/related?count=100&{days}")] {
        let path = path.as_str();
        assert_eq!(get(&url, path, "other").await, (401, Value::Null), "{path}");
    }
    assert!(!records.has_told("t-1"));
}
