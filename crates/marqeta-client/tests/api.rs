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
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

type Tested = Result<(), Box<dyn std::error::Error>>;

/// What the API answers next.
enum Next {
    Json(Value),
    Status(u16),
    Bytes(Vec<u8>),
    /// Nothing, ever.
    Nothing,
}

/// An API that answers what it is told to, and then nothing but 404.
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
    async fn client(&self, timeout: Duration) -> Result<MarqetaClient, Box<dyn std::error::Error>> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}/v3/", listener.local_addr()?);
        tokio::spawn(
            axum::serve(listener, Router::new().fallback(answer).with_state(self.clone())).into_future(),
        );
        let (application_token, access_token) = ("app".to_owned().into(), "secret".to_owned().into());
        Ok(MarqetaClient::new(&Settings { base_url, application_token, access_token, timeout })?)
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn answer(State(api): State<Api>, request: Request) -> Response {
    let authorization = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if authorization != Some("Basic YXBwOnNlY3JldA==") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    api.asked.lock().unwrap_or_else(PoisonError::into_inner).push(request.uri().to_string());
    let next = api.next.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    match next {
        None => StatusCode::NOT_FOUND.into_response(),
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
async fn what_is_related_is_asked_for_until_tomorrow() -> Tested {
    let api = Api::of([Next::Json(transaction("t-1")), page(&[], false)]);
    let client = api.client(LONG).await?;
    let tomorrow = || (Timestamp::now() + SignedDuration::from_hours(24)).strftime("%Y-%m-%d").to_string();
    // Midnight may come meanwhile.
    let before = tomorrow();
    inquire(&client, "t-1").await?;
    let (asked, after) = (&api.asked()[1], tomorrow());
    assert!([before, after].iter().any(|day| asked.ends_with(&format!("&end_date={day}"))), "{asked}");
    Ok(())
}

#[tokio::test]
async fn a_transaction_to_which_nothing_is_related_is_told_alone() -> Tested {
    let api = Api::of([Next::Json(transaction("t-1")), Next::Status(404)]);
    let client = api.client(LONG).await?;
    assert_eq!(inquire(&client, "t-1").await?, ["t-1"]);
    Ok(())
}

#[tokio::test]
async fn what_has_too_many_pages_is_no_answer() -> Tested {
    let pages = (0..100).map(|_| page(&["t-2"], true));
    let api = Api::of([Next::Json(transaction("t-1"))].into_iter().chain(pages));
    let client = api.client(LONG).await?;
    let error = inquire(&client, "t-1").await.expect_err("too many");
    assert!(matches!(&error, InquiryError::Unusable(why) if why.contains("more than 2000")), "{error}");
    assert_eq!(api.asked().len(), 21);
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
    let answers = [Next::Status(503), Next::Status(429), Next::Json(transaction("t-1"))];
    let api = Api::of(answers.into_iter().chain([Next::Status(408), page(&[], false)]));
    let client = api.client(LONG).await?;
    assert_eq!(inquire(&client, "t-1").await?, ["t-1"]);
    assert_eq!(api.asked().len(), 5);
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
    assert_eq!(api.asked().len(), 3, "each was tried");
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_with_one_transaction_is_not_tried_again_and_stops_no_other() -> Tested {
    let (no_json, too_long) = (b"<html>".to_vec(), vec![b' '; 5 * 1024 * 1024]);
    let refused = [Next::Bytes(no_json), Next::Status(400), Next::Bytes(too_long), Next::Status(422)];
    let api = Api::of(refused);
    let client = api.client(LONG).await?;
    for (calls, what) in [
        (1, "is no answer: body: cannot be read: line 1"),
        (2, "400"),
        (3, "more than 4194304 bytes"),
        (4, "422"),
    ] {
        let error = inquire(&client, "t-1").await.expect_err("unusable");
        assert!(matches!(&error, InquiryError::Unusable(why) if why.contains(what)), "{error}");
        assert_eq!(api.asked().len(), calls);
    }
    assert!(client.is_asked());
    Ok(())
}

#[tokio::test]
async fn an_answer_may_have_so_many_bytes() -> Tested {
    let mut longest = transaction("t-1").to_string().into_bytes();
    longest.resize(4 * 1024 * 1024, b' ');
    let client = Api::of([Next::Bytes(longest)]).client(LONG).await?;
    assert_eq!(inquire(&client, "t-1").await?, ["t-1"]);
    Ok(())
}

#[tokio::test]
async fn an_api_that_lets_nobody_in_is_left_alone_for_a_while() -> Tested {
    let api = Api::of([Next::Status(403), Next::Status(401), Next::Status(403)]);
    let client = api.client(LONG).await?;
    for calls in 1..=3 {
        let error = inquire(&client, "t-1").await.expect_err("not allowed");
        assert!(matches!(&error, InquiryError::Away(why) if why.contains("access_token")), "{error}");
        assert_eq!(api.asked().len(), calls, "that does not pass");
    }
    assert!(!client.is_asked());
    Ok(())
}

#[tokio::test]
async fn wrong_tokens_are_named_without_what_they_are() -> Tested {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let app = Router::new().fallback(answer).with_state(Api::default());
    tokio::spawn(axum::serve(listener, app).into_future());
    let (application_token, access_token) = ("app".to_owned().into(), "wrong".to_owned().into());
    let client = MarqetaClient::new(&Settings { base_url, application_token, access_token, timeout: LONG })?;
    let error = inquire(&client, "t-1").await.expect_err("not allowed").to_string();
    assert!(error.contains("401") && error.contains("access_token") && !error.contains("wrong"), "{error}");
    Ok(())
}

#[tokio::test]
async fn nobody_there_is_told_with_the_reason() -> Tested {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    drop(listener);
    let (application_token, access_token) = ("app".to_owned().into(), "secret".to_owned().into());
    let client = MarqetaClient::new(&Settings { base_url, application_token, access_token, timeout: LONG })?;
    let error = inquire(&client, "t-1").await.expect_err("nobody").to_string();
    assert!(error.to_lowercase().contains("refused"), "{error}");
    Ok(())
}
