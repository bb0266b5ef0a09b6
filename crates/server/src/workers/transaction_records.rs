//! `transaction-processing-queue`: keeps the record of every purchase up to date.
//!
//! An event says that something happened, and to what; the record is made of what the ledger says of that now. So it is
//! the same however often, and in which order, events come, and one that is older than what is kept is passed over.
//!
//! Persons are shown the same purchases, and their wallets: documents that are away have messages wait.

mod merchant;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bursar_broker::{Content, Queue, Verdict};
use bursar_core::mcc_group::category;
use bursar_core::{CardId, MessageId, OwnerId};
use bursar_store::{Purchase, StoreError, TransactionRecord};
use jiff::Timestamp;
use serde::Deserialize;

use super::courtesy::Courtesy;
use super::people::{Decided, Following, Trouble, entry};
use super::queue::{Away, Pace, Work, consume};
use super::task::Task;
use crate::api::TransactionView;
use crate::app::App;
use crate::search;

/// Purchases of several events are read and kept together, for each time costs as much again. One batch at once: what it
/// reads with is the API's too.
const PACE: Pace = Pace { at_once: 1, batch: 128, apart: Duration::from_millis(25) };

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
    /// Whom it is about.
    #[serde(default)]
    pub(crate) owner: Option<OwnerId>,
    /// The hold group that it belongs to.
    pub(crate) group: Option<MessageId>,
    /// When it was decided.
    pub(crate) at: Timestamp,
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
                Err(trouble) => trouble.verdict(),
            },
        }
    }

    async fn work_together(&self, contents: &[&Content]) -> Result<bool, Away> {
        let reported = contents.iter().map(|content| reported(content)).collect::<Result<Vec<Reported>, _>>();
        let Ok(reported) = reported else { return Ok(false) };
        match self.keep(reported).await {
            Ok(()) => Ok(true),
            Err(trouble) => trouble.verdict().map(|_| false),
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
    async fn keep(&self, reported: Vec<Reported>) -> Result<(), Trouble> {
        let named = reported.iter().map(|of| of.group.unwrap_or(of.message));
        let named: Vec<MessageId> = named.collect();
        let purchases = self.0.ledger().find_purchases(&named).await?;
        let mut records = BTreeMap::new();
        for purchase in purchases {
            let Some(record) = record(&self.0, &purchase).await? else { continue };
            for merged in merged_into(&purchase, &reported) {
                records.insert(merged, part_of(&record, merged));
            }
            records.insert(purchase.root, record);
        }
        let records: Vec<TransactionRecord> = records.into_values().collect();
        if !records.is_empty() {
            self.0.store().keep_records(records.clone()).await?;
        }
        self.show(&reported, &records).await
    }

    /// Shows persons what is about them.
    async fn show(&self, reported: &[Reported], records: &[TransactionRecord]) -> Result<(), Trouble> {
        let named = reported.iter().filter_map(|of| of.owner).chain(records.iter().filter_map(|of| of.owner));
        let persons = persons(&self.0, named.collect()).await?;
        if persons.is_empty() {
            return Ok(());
        }
        let entries = records.iter().filter_map(entry).filter(|entry| persons.contains(&entry.person));
        let entries = entries.collect();
        let events = reported.iter().filter_map(|of| Some(Decided { owner: of.owner?, at: of.at }));
        let events: Vec<Decided> = events.collect();
        Following::of(&self.0).money(persons, entries, &events).await
    }
}

/// Those of these owners that are persons.
pub(super) async fn persons(app: &App, owners: BTreeSet<OwnerId>) -> Result<BTreeSet<OwnerId>, StoreError> {
    let mut persons = BTreeSet::new();
    for id in owners {
        if app.known().owner(app.ledger(), id).await?.is_some_and(|owner| owner.is_person()) {
            persons.insert(id);
        }
    }
    Ok(persons)
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

/// The purchase's record; `None` if it is about no card.
async fn record(app: &App, purchase: &Purchase) -> Result<Option<TransactionRecord>, StoreError> {
    let Some(mut record) = bare_record(purchase) else { return Ok(None) };
    (record.owner_label, record.card_label) = labels(app, record.owner, record.card).await?;
    record.words = words_of(&record);
    Ok(Some(record))
}

/// The record without labels, and without the words that it is found by.
pub(super) fn bare_record(purchase: &Purchase) -> Option<TransactionRecord> {
    let view = TransactionView::new(purchase)?;
    let merchant_raw = view.merchant.name.as_ref().map(|name| name.as_str().to_owned());
    Some(TransactionRecord {
        root: purchase.root,
        position: purchase.position,
        sequence: sequence(purchase),
        merged_into: None,
        owner: view.owner,
        owner_label: None,
        cardholder: view.cardholder,
        card: view.card,
        card_label: None,
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
    })
}

/// What people call its owner and its card.
async fn labels(
    app: &App,
    owner: Option<OwnerId>,
    card: Option<CardId>,
) -> Result<(Option<String>, Option<String>), StoreError> {
    let owner = match owner {
        Some(id) => app.known().owner(app.ledger(), id).await?,
        None => None,
    };
    let card = match card {
        Some(id) => app.known().card_label(app.ledger(), id).await?,
        None => None,
    };
    Ok((owner.map(|owner| owner.name.to_string()), card.map(|label| label.to_string())))
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
