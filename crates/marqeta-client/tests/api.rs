//! The client against an API over real HTTP.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bursar_core::text::Token;
use bursar_marqeta_client::{MarqetaClient, Settings};
use bursar_processors::inquiry::{Inquire, InquiryError};
use bursar_processors::marqeta::{Delivered, Notice};
use jiff::Timestamp;
use serde_json::{Value, json};

type Error = Box<dyn std::error::Error>;
type Tested = Result<(), Error>;

/// What the API answers next.
enum Next {
    Json(Value),
    Status(u16),
    Bytes(Vec<u8>),
    /// Nothing, ever.
    Nothing,
}

/// An API that answers what it is told to, and then that there is no such transaction.
#[derive(Clone, Default)]
struct Api {
    next: Arc<Mutex<VecDeque<Next>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Api {
    fn of(next: impl IntoIterator<Item = Next>) -> Self {
        Self { next: Arc::new(Mutex::new(next.into_iter().collect())), ..Self::default() }
    }

    /// A client of it that waits so long.
    async fn client(&self, timeout: Duration) -> Result<MarqetaClient, Error> {
        self.client_with("secret", timeout).await
    }

    async fn client_with(&self, access_token: &str, timeout: Duration) -> Result<MarqetaClient, Error> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}/v3/", listener.local_addr()?);
        let routes = Router::new().fallback(answer).with_state(self.clone());
        tokio::spawn(axum::serve(listener, routes).into_future());
        client_of(base_url, access_token, timeout)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn client_of(base_url: String, access_token: &str, timeout: Duration) -> Result<MarqetaClient, Error> {
    let (application_token, access_token) = ("app".to_owned().into(), access_token.to_owned().into());
    Ok(MarqetaClient::new(&Settings { base_url, application_token, access_token, timeout })?)
}

async fn answer(State(api): State<Api>, request: Request) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if authorization != Some("Basic YXBwOnNlY3JldA==") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    api.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request.uri().to_string());
    let next = api.next.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    match next {
        None => (StatusCode::NOT_FOUND, json!({"error_code": "404001"}).to_string()).into_response(),
        Some(Next::Json(json)) => Body::from(json.to_string()).into_response(),
        Some(Next::Status(status)) => StatusCode::from_u16(status).unwrap_or_default().into_response(),
        Some(Next::Bytes(bytes)) => Body::from(bytes).into_response(),
        Some(Next::Nothing) => std::future::pending().await,
    }
}

const LONG: Duration = Duration::from_secs(60);

fn transaction(token: &str) -> Value {
    json!({"token": token, "type": "authorization", "state": "PENDING", "amount": 1.00, "currency_code": "USD"})
}

fn page(tokens: &[&str], is_more: bool) -> Next {
    let data: Vec<Value> = tokens.iter().map(|token| transaction(token)).collect();
    Next::Json(
        json!({"count": data.len(), "start_index": 0, "end_index": 0, "is_more": is_more, "data": data}),
    )
}

async fn inquire(client: &MarqetaClient, token: &str) -> Result<Vec<String>, InquiryError> {
    let made = Timestamp::UNIX_EPOCH;
    let told = client.inquire(&Token::new(token).expect("a token"), made).await?;
    let name = |told: &Delivered| match told {
        Delivered::Notice(Notice::Transaction(report)) => report.token().to_string(),
        other => format!("{other:?}"),
    };
    Ok(told.iter().map(name).collect())
}

#[tokio::test]
async fn a_transaction_is_told_with_all_pages_of_what_is_related_to_it() -> Tested {
    let api = Api::of([Next::Json(transaction("t-1")), page(&["t-2", "t-3"], true), page(&["t-4"], false)]);
    let client = api.client(LONG).await?;
    assert_eq!(inquire(&client, "t-1").await?, ["t-1", "t-2", "t-3", "t-4"]);
    let asked = api.asked();
    assert_eq!(asked[0], "/v3/transactions/t-1");
    let related = "/v3/transactions/t-1/related?count=100&start_index=0&start_date=1969-12-31&end_date=";
    assert!(asked[1].starts_with(related), "{}", asked[1]);
    assert!(asked[2].contains("&start_index=100&"), "{}", asked[2]);
    Ok(())
}

#[tokio::test]
async fn a_transaction_that_is_not_there_is_told_as_nothing() -> Tested {
    let api = Api::default();
    let client = api.client(LONG).await?;
    assert_eq!(inquire(&client, "a/b").await?, [""; 0]);
    assert_eq!(api.asked(), ["/v3/transactions/a%2Fb"]);
    assert!(client.is_asked());
    Ok(())
}

#[tokio::test]
async fn a_failure_that_may_pass_is_tried_again() -> Tested {
    let api =
        Api::of([Next::Status(503), Next::Status(429), Next::Json(transaction("t-1")), page(&[], false)]);
    let client = api.client(LONG).await?;
    assert_eq!(inquire(&client, "t-1").await?, ["t-1"]);
    assert_eq!(api.asked().len(), 4);
    Ok(())
}

#[tokio::test]
async fn an_api_that_is_away_is_left_alone_for_a_while() -> Tested {
    let api = Api::of((0..100).map(|_| Next::Status(500)));
    let client = api.client(LONG).await?;
    for calls in [3, 6, 9] {
        let error = inquire(&client, "t-1").await.expect_err("away");
        assert!(matches!(&error, InquiryError::Away(why) if why.contains("500")), "{error}");
        assert_eq!(api.asked().len(), calls);
    }
    assert!(!client.is_asked());
    assert!(matches!(inquire(&client, "t-1").await, Err(InquiryError::Away(_))));
    assert_eq!(api.asked().len(), 9, "nobody asks now");
    Ok(())
}

#[tokio::test]
async fn an_answer_that_does_not_end_is_given_up() -> Tested {
    let api = Api::of([Next::Nothing, Next::Nothing, Next::Nothing]);
    let client = api.client(Duration::from_millis(20)).await?;
    let error = inquire(&client, "t-1").await.expect_err("no answer");
    assert!(matches!(&error, InquiryError::Away(why) if why.contains("20ms")), "{error}");
    assert_eq!(api.asked().len(), 3);
    Ok(())
}

#[tokio::test]
async fn what_does_not_answer_as_the_api_does_is_not_believed_and_not_asked_again_at_once() -> Tested {
    let related = [Next::Json(transaction("t-1")), Next::Status(400)];
    let other = [Next::Json(transaction("t-2"))];
    let html = [Next::Bytes(b"<html>".to_vec())];
    for (next, calls, what) in [
        (vec![Next::Status(404)], 1, "404"),
        (vec![Next::Status(301)], 1, "301"),
        (related.into(), 2, "400"),
        (other.into(), 1, "of another transaction"),
        (html.into(), 1, "cannot be read: line 1"),
        (vec![Next::Json(transaction("t-1"))], 2, "no list of what is related"),
    ] {
        let api = Api::of(next);
        let client = api.client(LONG).await?;
        let error = inquire(&client, "t-1").await.expect_err(what);
        assert!(matches!(&error, InquiryError::Away(why) if why.contains(what)), "{error}");
        assert_eq!(api.asked().len(), calls, "{what}");
    }
    Ok(())
}

#[tokio::test]
async fn more_than_belongs_to_one_purchase_is_its_own_trouble() -> Tested {
    let api = Api::of([Next::Bytes(vec![b' '; 5 * 1024 * 1024])]);
    let client = api.client(LONG).await?;
    let error = inquire(&client, "t-1").await.expect_err("too long");
    assert!(matches!(&error, InquiryError::Unusable(why) if why.contains("4194304 bytes")), "{error}");
    let pages = (0..20).map(|_| page(&["t-2"], true));
    let api = Api::of([Next::Json(transaction("t-1"))].into_iter().chain(pages));
    let client = api.client(LONG).await?;
    let error = inquire(&client, "t-1").await.expect_err("too many");
    assert!(matches!(&error, InquiryError::Unusable(why) if why.contains("more than 2000")), "{error}");
    assert_eq!(api.asked().len(), 21);
    Ok(())
}

#[tokio::test]
async fn wrong_tokens_are_named_without_what_they_are() -> Tested {
    let client = Api::default().client_with("wrong", LONG).await?;
    let error = inquire(&client, "t-1").await.expect_err("not allowed").to_string();
    assert!(error.contains("401") && error.contains("access_token") && !error.contains("wrong"), "{error}");
    Ok(())
}

#[tokio::test]
async fn nobody_there_is_told_with_the_reason() -> Tested {
    // No server of a test has a port that only root may take.
    let client = client_of("http://127.0.0.1:1".to_owned(), "secret", LONG)?;
    let error = inquire(&client, "t-1").await.expect_err("nobody").to_string();
    assert!(error.to_lowercase().contains("refused"), "{error}");
    Ok(())
}
