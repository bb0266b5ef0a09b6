//! What the processor has of transactions: it is told to whoever asks, as `GET /transactions/{token}` and what is
//! related to it.

mod api;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::value::RawValue;

pub use api::ProcessorApi;

use crate::history::Notice;

/// Every transaction, from the time on at which there was something to tell.
#[derive(Debug, Default)]
pub struct Records(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By their tokens.
    transactions: HashMap<Arc<str>, Transaction>,
    /// The tokens of each purchase by that of its first, in the order in which they came.
    purchases: HashMap<Arc<str>, Vec<Arc<str>>>,
    /// The purchases that somebody asked about, by their firsts.
    asked: HashSet<Arc<str>>,
    told: HashSet<Arc<str>>,
    /// What was asked about too early.
    missed: HashSet<Box<str>>,
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
        let mut inner = self.inner();
        let follows = notice.follows.as_ref();
        let first = follows.and_then(|token| inner.transactions.get(token).map(|of| Arc::clone(&of.first)));
        let first = first.or_else(|| follows.cloned()).unwrap_or_else(|| Arc::clone(&notice.token));
        let tokens = inner.purchases.entry(Arc::clone(&first)).or_default();
        if !tokens.contains(&notice.token) {
            tokens.push(Arc::clone(&notice.token));
        }
        let was_asked = inner.asked.contains(&first) || inner.missed.contains(&*first);
        inner.transactions.insert(Arc::clone(&notice.token), Transaction { item, first });
        Ok(was_asked)
    }

    /// Whether somebody was told of this transaction.
    pub(crate) fn has_told(&self, token: &str) -> bool {
        self.inner().told.contains(token)
    }

    pub(crate) fn find(&self, token: &str) -> Option<Box<RawValue>> {
        let mut inner = self.inner();
        let Some((token, transaction)) = inner.transactions.get_key_value(token) else {
            inner.missed.insert(token.into());
            return None;
        };
        let (token, item) = (Arc::clone(token), transaction.item.clone());
        inner.told.insert(token);
        Some(item)
    }

    pub(crate) fn related(&self, token: &str, start: usize, count: usize) -> Option<Page> {
        let mut inner = self.inner();
        let first = Arc::clone(&inner.transactions.get(token)?.first);
        let others: Vec<Arc<str>> =
            inner.purchases.get(&first)?.iter().filter(|other| ***other != *token).cloned().collect();
        let page: Vec<&Arc<str>> = others.iter().skip(start).take(count).collect();
        let is_more = start.saturating_add(page.len()) < others.len();
        let data = page.iter().filter_map(|token| inner.transactions.get(*token)).map(|of| of.item.clone());
        let data: Vec<Box<RawValue>> = data.collect();
        inner.told.extend(page.into_iter().cloned());
        if !is_more {
            inner.asked.insert(first);
        }
        Some(Page {
            count: data.len(),
            start_index: start,
            end_index: start.saturating_add(data.len().saturating_sub(1)),
            is_more,
            data,
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
