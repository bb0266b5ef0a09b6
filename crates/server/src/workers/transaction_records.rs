//! `transaction-processing-queue`: keeps the record of every purchase up to date.
//!
//! An event says that something happened, and to what; the record is made of what the ledger says of that now. So it is
//! the same however often, and in which order, events come, and one that is older than what is kept is passed over.

mod merchant;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bursar_broker::{Content, Queue, Verdict};
use bursar_core::mcc_group::category;
use bursar_core::{Card, CardId, MessageId, Owner, OwnerId};
use bursar_store::{Purchase, StoreError, TransactionRecord};
use serde::Deserialize;

use super::courtesy::Courtesy;
use super::queue::{Away, Pace, Work, consume, of_store};
use super::task::Task;
use crate::api::TransactionView;
use crate::app::App;
use crate::search;

/// Purchases of several events are read and kept together, for each time costs as much again. One batch at once: what it
/// reads with is the API's too.
const PACE: Pace = Pace { at_once: 1, batch: 128, gathers: Duration::from_millis(25) };

/// Begins to consume `transaction-processing-queue`.
pub(crate) fn start(app: &App) -> Task {
    let work = Arc::new(Records(app.clone()));
    consume(app.broker().as_ref(), Queue::TransactionProcessing, PACE, work, app.consumed().clone())
}

struct Records(App);

/// What is read of an event.
#[derive(Deserialize)]
pub(crate) struct Reported {
    /// The message that it reports.
    pub(crate) message: MessageId,
    /// The hold group that it belongs to.
    pub(crate) group: Option<MessageId>,
    /// Hold groups that are a part of that one from now on.
    #[serde(default)]
    pub(crate) merged: Vec<MessageId>,
}

#[async_trait]
impl Work for Records {
    async fn work(&self, content: &Content) -> Result<Verdict, Away> {
        match reported(content) {
            Err(why) => Ok(Verdict::Dead(why)),
            Ok(reported) => match self.keep(vec![reported]).await {
                Ok(()) => Ok(Verdict::Done),
                Err(error) => of_store(&error),
            },
        }
    }

    async fn work_together(&self, contents: &[&Content]) -> Result<bool, Away> {
        let reported = contents.iter().map(|content| reported(content)).collect::<Result<Vec<Reported>, _>>();
        let Ok(reported) = reported else { return Ok(false) };
        match self.keep(reported).await {
            Ok(()) => Ok(true),
            Err(error) => of_store(&error).map(|_| false),
        }
    }

    fn courtesy(&self) -> Option<Courtesy> {
        Some(self.0.courtesy())
    }
}

/// What the event says. The parser's own words would have what is in it.
pub(crate) fn reported(content: &Content) -> Result<Reported, String> {
    serde_json::from_slice(&content.body)
        .map_err(|error| format!("no event with a message: line {}, column {}", error.line(), error.column()))
}

impl Records {
    async fn keep(&self, reported: Vec<Reported>) -> Result<(), StoreError> {
        let named = reported.iter().map(|of| of.group.unwrap_or(of.message));
        let named: Vec<MessageId> = named.collect();
        let purchases = self.0.ledger().find_purchases(&named).await?;
        let mut records = BTreeMap::new();
        let mut labels = Labels { app: &self.0, owners: HashMap::new(), cards: HashMap::new() };
        for purchase in purchases {
            let Some(record) = labels.record(&purchase).await? else { continue };
            for merged in merged_into(&purchase, &reported) {
                records.insert(merged, part_of(&record, merged));
            }
            records.insert(purchase.root, record);
        }
        if records.is_empty() {
            return Ok(());
        }
        self.0.store().keep_records(records.into_values().collect()).await
    }
}

/// The record of a purchase that is a part of this one by now. It has no place in a list: a number below zero, of its id.
fn part_of(record: &TransactionRecord, merged: MessageId) -> TransactionRecord {
    let number = i64::try_from(merged.uuid().as_u128() & (u128::from(u64::MAX) >> 1)).unwrap_or(i64::MAX);
    TransactionRecord {
        root: merged,
        position: number.saturating_neg(),
        merged_into: Some(record.root),
        ..record.clone()
    }
}

/// What the events say to be a part of this purchase by now.
fn merged_into(purchase: &Purchase, reported: &[Reported]) -> Vec<MessageId> {
    let is_of_it = |id: MessageId| purchase.messages.iter().any(|message| message.id == id);
    let merged = reported.iter().flat_map(|of| of.merged.iter().copied());
    merged.filter(|merged| *merged != purchase.root && is_of_it(*merged)).collect()
}

/// How people call owners and cards; each is read once.
struct Labels<'a> {
    app: &'a App,
    owners: HashMap<OwnerId, Option<Owner>>,
    cards: HashMap<CardId, Option<Card>>,
}

impl Labels<'_> {
    /// The purchase's record; `None` if it is about no card.
    async fn record(&mut self, purchase: &Purchase) -> Result<Option<TransactionRecord>, StoreError> {
        let Some(view) = TransactionView::new(purchase) else { return Ok(None) };
        let owner_label = self.owner(view.owner).await?;
        let card_label = self.card(view.card).await?;
        let merchant_raw = view.merchant.name.as_ref().map(|name| name.as_str().to_owned());
        let mut record = TransactionRecord {
            root: purchase.root,
            position: purchase.position,
            sequence: sequence(purchase),
            merged_into: None,
            owner: view.owner,
            owner_label,
            cardholder: view.cardholder,
            card: view.card,
            card_label,
            account: view.account,
            merchant: merchant_raw.as_deref().and_then(merchant::clean),
            merchant_raw,
            city: view.merchant.city.as_ref().map(|city| city.as_str().to_owned()),
            mcc: view.merchant.mcc,
            category: view.merchant.mcc.map(|mcc| category(mcc).to_owned()),
            status: view.status.as_str().to_owned(),
            amount_minor: view.amount_minor,
            currency: view.currency,
            began_at: view.began_at,
            words: Vec::new(),
        };
        record.words = words_of(&record);
        Ok(Some(record))
    }

    async fn owner(&mut self, id: Option<OwnerId>) -> Result<Option<String>, StoreError> {
        let Some(id) = id else { return Ok(None) };
        if !self.owners.contains_key(&id) {
            let found = self.app.ledger().find_owner(id).await?;
            self.owners.insert(id, found);
        }
        Ok(self.owners[&id].as_ref().map(|owner| owner.name.as_str().to_owned()))
    }

    /// `Card •1234`, as it is printed on statements.
    async fn card(&mut self, id: Option<CardId>) -> Result<Option<String>, StoreError> {
        let Some(id) = id else { return Ok(None) };
        if !self.cards.contains_key(&id) {
            let found = self.app.ledger().find_card(id).await?;
            self.cards.insert(id, found);
        }
        let card = self.cards[&id].as_ref();
        Ok(card.map(|card| match card.last_four {
            Some(last_four) => format!("Card •{}", last_four.as_str()),
            None => format!("Card {}", card.token),
        }))
    }
}

/// Grows with every message of the purchase, those of no owner too.
fn sequence(purchase: &Purchase) -> i64 {
    let last = purchase.messages.iter().filter_map(|message| message.owner_sequence).max().unwrap_or(0);
    last.saturating_add(i64::try_from(purchase.messages.len()).unwrap_or(i64::MAX))
}

fn words_of(record: &TransactionRecord) -> Vec<String> {
    let texts = [
        record.merchant.as_deref(),
        record.merchant_raw.as_deref(),
        record.city.as_deref(),
        record.category.as_deref(),
        record.owner_label.as_deref(),
        record.card_label.as_deref(),
        record.mcc.as_ref().map(|mcc| mcc.as_str()),
        record.currency.as_ref().map(|currency| currency.code()),
    ];
    search::words(texts.into_iter().flatten())
}
