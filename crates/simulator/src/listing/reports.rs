//! What was booked of the processor's reports. They are found by what they belong to, a decision or an
//! entry, and read one by one: no list says where they stand in their owner's sequence.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use bursar_core::MessageId;
use serde::Deserialize;
use tokio::task::JoinSet;

use super::{Authorization, Entry, Purchase};
use crate::client::{CallError, Client};
use crate::history::History;

/// What was found of them.
#[derive(Default)]
pub(super) struct Told {
    pub(super) purchases: Vec<Purchase>,
    pub(super) reports: Vec<Authorization>,
}

/// A message with the hold group that it belongs to.
#[derive(Debug, Clone, Deserialize)]
struct Detail {
    #[serde(flatten)]
    message: Authorization,
    hold: Option<Purchase>,
}

/// How many are read at the same time.
const READERS: usize = 16;

/// Reads the purchases that there was a notice about, and every message of theirs that is no decision.
pub(super) async fn read(
    client: &Client,
    history: &History,
    listed: &[Authorization],
    entries: &[Entry],
) -> Result<Told, CallError> {
    if history.notices.is_empty() {
        return Ok(Told::default());
    }
    let noticed: HashSet<&str> = history
        .notices
        .iter()
        .flat_map(|notice| [Some(&*notice.token), notice.follows.as_deref()])
        .flatten()
        .collect();
    let decisions = listed.iter().filter(|listed| listed.is_decision());
    let mut known: HashSet<MessageId> = decisions.map(|decision| decision.id).collect();
    let of_notices = listed.iter().filter(|listed| noticed.contains(listed.token.as_str()));
    let mut wanted: Vec<MessageId> = of_notices.map(|listed| listed.id).collect();
    wanted.extend(entries.iter().map(|entry| entry.message).filter(|message| !known.contains(message)));
    wanted.sort_unstable();
    wanted.dedup();
    let mut told = Told::default();
    let mut groups: HashMap<MessageId, Purchase> = HashMap::new();
    while !wanted.is_empty() {
        known.extend(&wanted);
        for Detail { message, hold } in details(client, std::mem::take(&mut wanted)).await? {
            if let (Some(group), Some(hold)) = (message.group, hold) {
                let of_processor = hold.messages.iter().filter(|message| message.source != "api");
                wanted.extend(of_processor.map(|message| message.id).filter(|id| known.insert(*id)));
                groups.insert(group, hold);
            }
            if matches!(message.kind.as_str(), "report" | "claim") {
                told.reports.push(message);
            }
        }
    }
    told.purchases.extend(groups.into_values());
    Ok(told)
}

/// The messages with these ids, as far as they are about a card.
async fn details(client: &Client, ids: Vec<MessageId>) -> Result<Vec<Detail>, CallError> {
    let ids = Arc::new(Mutex::new(ids));
    let next = |ids: &Mutex<Vec<MessageId>>| ids.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut readers = JoinSet::new();
    for _ in 0..READERS {
        let (client, ids) = (client.clone(), Arc::clone(&ids));
        readers.spawn(async move {
            let mut found = Vec::new();
            while let Some(id) = next(&ids) {
                match client.get(&format!("/v1/authorizations/{id}")).await {
                    Ok(detail) => found.push(detail),
                    // What moved an operator's money.
                    Err(CallError::Refused { status: 404, .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(found)
        });
    }
    let mut details = Vec::new();
    while let Some(read) = readers.join_next().await {
        details.extend(read.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))?);
    }
    Ok(details)
}
