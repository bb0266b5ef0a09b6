//! The processor's API over HTTP.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::civil::Date;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;

use super::Records;

/// The processor's API, on a port of its own.
pub struct ProcessorApi {
    listener: TcpListener,
    address: SocketAddr,
    authorization: SecretString,
    records: Arc<Records>,
}

impl ProcessorApi {
    /// Takes the port; nothing is answered yet. Callers have to present both tokens.
    ///
    /// # Errors
    /// Somebody else has the port.
    pub async fn bind(
        address: SocketAddr,
        application_token: &SecretString,
        access_token: &SecretString,
    ) -> std::io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let both = format!("{}:{}", application_token.expose_secret(), access_token.expose_secret());
        let authorization = format!("Basic {}", BASE64_STANDARD.encode(both)).into();
        Ok(Self { address: listener.local_addr()?, listener, authorization, records: Arc::default() })
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What it has.
    pub(crate) fn records(&self) -> Arc<Records> {
        Arc::clone(&self.records)
    }

    /// Answers as long as it is polled; who is connected then is answered on.
    pub(crate) async fn serve(self) {
        let routes = Router::new()
            .route("/transactions/{token}", get(find))
            .route("/transactions/{token}/related", get(related))
            .with_state((self.records, self.authorization));
        if let Err(error) = axum::serve(self.listener, routes).await {
            tracing::error!(%error, "the processor's API ended");
        }
    }
}

type Shared = State<(Arc<Records>, SecretString)>;

async fn find(
    State((records, authorization)): Shared,
    headers: HeaderMap,
    Path(token): Path<String>,
) -> Response {
    answer(&authorization, &headers, || records.find(&token))
}

/// Which page. Without the days the API looks back for 30, and most of this is simulated time.
#[derive(Deserialize)]
struct PageQuery {
    #[serde(default)]
    start_index: usize,
    count: usize,
    start_date: Date,
    end_date: Date,
}

/// The API gives no more.
const COUNT_MAX: usize = 100;

async fn related(
    State((records, authorization)): Shared,
    headers: HeaderMap,
    Path(token): Path<String>,
    Query(query): Query<PageQuery>,
) -> Response {
    if !(1..=COUNT_MAX).contains(&query.count) || query.end_date < query.start_date {
        return StatusCode::BAD_REQUEST.into_response();
    }
    answer(&authorization, &headers, || records.related(&token, query.start_index, query.count))
}

fn answer<T: Serialize>(
    expected: &SecretString,
    headers: &HeaderMap,
    find: impl FnOnce() -> Option<T>,
) -> Response {
    let given = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
    if given != Some(expected.expose_secret().as_bytes()) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    match find() {
        Some(found) => Json(found).into_response(),
        None => {
            let none = json!({"error_code": "404001", "error_message": "there is no such transaction"});
            (StatusCode::NOT_FOUND, Json(none)).into_response()
        }
    }
}
