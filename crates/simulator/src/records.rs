//! What the processor has of transactions: it is told to whoever asks, as `GET /transactions/{token}` and what is
//! related to it.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::net::TcpListener;

use crate::history::Notice;

/// Every transaction, from the time on at which there was something to tell.
#[derive(Debug, Default)]
pub struct Records(Mutex<Held>);

#[derive(Debug, Default)]
struct Held {
    /// By their tokens.
    transactions: HashMap<Arc<str>, Transaction>,
    /// The tokens of each purchase by that of its first, in the order in which they came.
    purchases: HashMap<Arc<str>, Vec<Arc<str>>>,
    /// The purchases that somebody asked about, by their firsts.
    asked: HashSet<Arc<str>>,
    told: HashSet<Arc<str>>,
}

#[derive(Debug)]
struct Transaction {
    item: Box<RawValue>,
    first: Arc<str>,
}

/// A page of transactions.
#[derive(Debug, Serialize)]
pub(crate) struct Page {
    count: usize,
    start_index: usize,
    end_index: usize,
    is_more: bool,
    data: Vec<Box<RawValue>>,
}

impl Records {
    /// Takes it in. Whether its purchase has been asked about already: then nobody will ask again soon.
    pub(crate) fn add(&self, notice: &Notice) -> Result<bool, serde_json::Error> {
        let item = notice.json()?;
        let mut held = self.held();
        let follows = notice.follows.as_ref();
        let first = follows.and_then(|token| held.transactions.get(token).map(|of| Arc::clone(&of.first)));
        let first = first.or_else(|| follows.cloned()).unwrap_or_else(|| Arc::clone(&notice.token));
        let tokens = held.purchases.entry(Arc::clone(&first)).or_default();
        if !tokens.contains(&notice.token) {
            tokens.push(Arc::clone(&notice.token));
        }
        let was_asked = held.asked.contains(&first);
        held.transactions.insert(Arc::clone(&notice.token), Transaction { item, first });
        Ok(was_asked)
    }

    /// Whether somebody was told of this transaction.
    pub(crate) fn has_told(&self, token: &str) -> bool {
        self.held().told.contains(token)
    }

    pub(crate) fn find(&self, token: &str) -> Option<Box<RawValue>> {
        let mut held = self.held();
        let (token, transaction) = held.transactions.get_key_value(token)?;
        let (token, item) = (Arc::clone(token), transaction.item.clone());
        held.told.insert(token);
        Some(item)
    }

    pub(crate) fn related(&self, token: &str, start: usize, count: usize) -> Option<Page> {
        let mut held = self.held();
        let first = Arc::clone(&held.transactions.get(token)?.first);
        let others: Vec<Arc<str>> =
            held.purchases.get(&first)?.iter().filter(|other| ***other != *token).cloned().collect();
        let page: Vec<&Arc<str>> = others.iter().skip(start).take(count).collect();
        let is_more = start + page.len() < others.len();
        let data = page.iter().filter_map(|token| held.transactions.get(*token)).map(|of| of.item.clone());
        let data: Vec<Box<RawValue>> = data.collect();
        held.told.extend(page.into_iter().cloned());
        if !is_more {
            held.asked.insert(first);
        }
        Some(Page {
            count: data.len(),
            start_index: start,
            end_index: start + data.len().max(1) - 1,
            is_more,
            data,
        })
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The processor's API, on a port of its own.
pub struct Api {
    listener: TcpListener,
    address: SocketAddr,
    authorization: SecretString,
    records: Arc<Records>,
}

impl Api {
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

    /// Answers until it is dropped.
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

/// Which page; the days that are asked for say nothing here.
#[derive(Deserialize)]
struct PageQuery {
    #[serde(default)]
    start_index: usize,
    #[serde(default = "per_page")]
    count: usize,
}

/// What the API gives if nobody asks for more.
const fn per_page() -> usize {
    5
}

async fn related(
    State((records, authorization)): Shared,
    headers: HeaderMap,
    Path(token): Path<String>,
    Query(query): Query<PageQuery>,
) -> Response {
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
    find().map_or_else(|| StatusCode::NOT_FOUND.into_response(), |found| Json(found).into_response())
}

#[cfg(test)]
mod tests;
