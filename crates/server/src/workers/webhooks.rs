//! `webhook-queue`: the word that something is due in the inbox, to whichever worker is free.
//!
//! The inbox stays the truth of what processors reported; the queue carries ids. So a word that is lost, or comes twice,
//! costs a look and nothing else, and while the broker is away workers look into the inbox by themselves.

use std::sync::Arc;

use async_trait::async_trait;
use bursar_broker::{
    Content, Death, Exchange, Outgoing, PublishError, Queue, Reason, Verdict, publish_all, publish_one,
};
use bursar_store::{Item, ItemState, RUNS_MAX, StoreError};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::queue::{Away, Pace, Work, consume, of_store};
use super::task::{Task, stopped};
use crate::app::App;

/// Words that wait to be published, at most; for more than that workers look by themselves.
const WORDS_MAX: usize = 4_096;

/// Words that are published at once, at most.
const BATCH: usize = 256;

/// A word costs its consumer next to nothing.
const PACE: Pace = Pace::new(4, 256);

const KIND: &str = "webhook";

/// What is said of an item of the inbox.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Word {
    /// It is due.
    pub(crate) item: Uuid,
    /// It is dead, and is to be tried as if it had just come.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) again: bool,
}

/// Items of which workers are to be told.
pub(crate) struct Words {
    sender: mpsc::Sender<Uuid>,
    receiver: std::sync::Mutex<Option<mpsc::Receiver<Uuid>>>,
}

impl Default for Words {
    fn default() -> Self {
        let (sender, receiver) = mpsc::channel(WORDS_MAX);
        Self { sender, receiver: std::sync::Mutex::new(Some(receiver)) }
    }
}

/// Has workers told that these items are due. Nobody waits for that.
pub(crate) fn tell(app: &App, items: impl IntoIterator<Item = Uuid>) {
    for item in items {
        if app.words().sender.try_send(item).is_err() {
            app.signals().wake();
        }
    }
}

/// Begins to publish what is to be told. `None` if it was begun before.
pub(crate) fn start_telling(app: &App) -> Option<Task> {
    let mut place = app.words().receiver.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (receiver, app) = (place.take()?, app.clone());
    Some(Task::start("the publisher of webhooks", |stopping| tell_all(app, receiver, stopping)))
}

async fn tell_all(app: App, mut items: mpsc::Receiver<Uuid>, mut stopping: watch::Receiver<bool>) {
    let mut is_told = false;
    loop {
        let mut batch = Vec::with_capacity(BATCH);
        tokio::select! {
            _ = items.recv_many(&mut batch, BATCH) => {}
            () = stopped(&mut stopping) => return,
        }
        let words = batch.into_iter().map(|item| message(&Word { item, again: false }));
        let published = publish_all(app.broker().as_ref(), words.collect()).await;
        let Err(error) = published else {
            is_told = false;
            continue;
        };
        app.signals().wake();
        if !std::mem::replace(&mut is_told, true) {
            tracing::warn!("workers look into the inbox by themselves, for nobody can tell them: {error}");
        }
    }
}

fn message(word: &Word) -> Outgoing {
    content(word).to(Exchange::Transactions, "transaction.webhook")
}

fn content(word: &Word) -> Content {
    let body = serde_json::json!(word).to_string();
    Content::new(word.item, KIND, body.into_bytes())
}

/// Lays an item whose last run failed with the dead letters: replayed there, it is tried again.
///
/// # Errors
/// It is not known to be there: it must not be dead yet.
pub(crate) async fn bury(app: &App, item: &Item, why: &str) -> Result<(), PublishError> {
    let mut content = content(&Word { item: item.id, again: true });
    content.death = Some(Death {
        id: Uuid::now_v7(),
        queue: Queue::Webhook,
        attempts: RUNS_MAX,
        error_first: item.why_first.clone().unwrap_or_else(|| why.to_owned()),
        error_last: why.to_owned(),
        reason: Some(Reason::Exhausted),
    });
    let letter = content.to(Exchange::Transactions, Queue::Webhook.dead_key().unwrap_or_default());
    publish_one(app.broker().as_ref(), letter).await
}

/// Begins to consume `webhook-queue`.
pub(crate) fn start(app: &App) -> Task {
    let work = Arc::new(Webhooks(app.clone()));
    consume(app.broker().as_ref(), Queue::Webhook, PACE, work, app.consumed().clone())
}

struct Webhooks(App);

#[async_trait]
impl Work for Webhooks {
    async fn work(&self, content: &Content) -> Result<Verdict, Away> {
        let Some(word) = read(content) else {
            let why = "no JSON object with the id of an item of the inbox as `item`";
            return Ok(Verdict::Dead(why.to_owned()));
        };
        if word.again
            && let Err(error) = revive(&self.0, word.item).await
        {
            return of_store(&error);
        }
        self.0.signals().wake();
        Ok(Verdict::Done)
    }

    async fn work_together(&self, contents: &[&Content]) -> Result<bool, Away> {
        let is_plain = contents.iter().all(|content| read(content).is_some_and(|word| !word.again));
        if is_plain {
            self.0.signals().wake();
        }
        Ok(is_plain)
    }
}

/// A dead item is due again. One that waits for an operator is not: nobody could read it.
async fn revive(app: &App, item: Uuid) -> Result<(), StoreError> {
    let found = app.inbox().find_item(item).await?;
    if found.is_some_and(|item| item.state == ItemState::Dead) {
        app.inbox().again(item, None).await?;
    }
    Ok(())
}

pub(crate) fn read(content: &Content) -> Option<Word> {
    serde_json::from_slice(&content.body).ok()
}
