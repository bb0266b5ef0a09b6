//! `events-queue`: finds the endpoints that want an event, and stores what is to be sent to each.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bursar_broker::{Content, Queue, Verdict, matches};
use bursar_core::{CardId, OwnerId, ProgramId};
use bursar_store::{Endpoint, NewNotification, Page, StoreError};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Notify;
use uuid::Uuid;

use super::courtesy::Courtesy;
use super::people::{self, Decided, Following};
use super::queue::{Away, Pace, Work, consume, of_store};
use super::relay::route;
use super::task::Task;
use super::transaction_records::persons;
use crate::app::App;

/// Notifications of several events are stored in one transaction.
const PACE: Pace = Pace { at_once: 1, batch: 256, apart: Duration::from_millis(25) };

/// Told when something is to be sent.
#[derive(Default)]
pub(crate) struct Due(Notify);

impl Due {
    pub(crate) fn wake(&self) {
        self.0.notify_one();
    }

    pub(crate) async fn woken(&self) {
        self.0.notified().await;
    }
}

/// Begins to consume `events-queue`.
pub(crate) fn start(app: &App) -> Task {
    let work = Arc::new(Notifier(app.clone()));
    consume(app.broker().as_ref(), Queue::Events, PACE, work, app.consumed().clone())
}

struct Notifier(App);

/// What is read of an event; the rest is passed on as it is.
#[derive(Deserialize)]
struct Happened<'a> {
    at: Timestamp,
    owner: Option<OwnerId>,
    #[serde(borrow)]
    object: Option<Object<'a>>,
}

#[derive(Deserialize)]
struct Object<'a> {
    id: &'a str,
}

/// What an endpoint is sent, by the Standard Webhooks specification.
#[derive(Serialize)]
struct Payload<'a> {
    r#type: &'a str,
    timestamp: Timestamp,
    data: &'a RawValue,
}

#[async_trait]
impl Work for Notifier {
    async fn work(&self, content: &Content) -> Result<Verdict, Away> {
        match self.tell(&[content]).await {
            Ok(()) => Ok(Verdict::Done),
            Err(Trouble::Unreadable(why)) => Ok(Verdict::Dead(why)),
            Err(Trouble::Store(error)) => of_store(&error),
            Err(Trouble::People(trouble)) => trouble.verdict(),
        }
    }

    async fn work_together(&self, contents: &[&Content]) -> Result<bool, Away> {
        match self.tell(contents).await {
            Err(Trouble::Store(error)) => of_store(&error).map(|_| false),
            Err(Trouble::People(trouble)) => trouble.verdict().map(|_| false),
            notified => Ok(notified.is_ok()),
        }
    }

    fn courtesy(&self) -> Option<Courtesy> {
        Some(self.0.courtesy())
    }
}

enum Trouble {
    Unreadable(String),
    Store(StoreError),
    People(people::Trouble),
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Notifier {
    async fn tell(&self, contents: &[&Content]) -> Result<(), Trouble> {
        self.notify(contents).await?;
        // Last: endpoints are told also while documents are away.
        self.show_cards(contents).await
    }

    /// Shows persons what became of their cards.
    async fn show_cards(&self, contents: &[&Content]) -> Result<(), Trouble> {
        let mut events = Vec::new();
        for content in contents {
            let Happened { owner, object, at } = happened(content)?;
            let is_card = object.is_some_and(|object| object.id.parse::<CardId>().is_ok());
            events.extend(owner.filter(|_| is_card).map(|owner| Decided { owner, at }));
        }
        let persons = persons(&self.0, events.iter().map(|event| event.owner).collect()).await?;
        Following::of(&self.0).cards_of(persons, &events).await.map_err(Trouble::People)
    }

    async fn notify(&self, contents: &[&Content]) -> Result<(), Trouble> {
        let endpoints = self.endpoints().await?;
        let mut notifications = Vec::new();
        for content in contents {
            let happened = happened(content)?;
            if let Some(object) = &happened.object {
                self.forget(object);
            }
            if endpoints.is_empty() {
                continue;
            }
            let Some(program) = self.program(&happened).await? else { continue };
            let (_, key) = route::of(&content.kind);
            let wants = |of: &&Endpoint| of.is_on && of.program == program && is_wanted(&of.events, key);
            for endpoint in endpoints.iter().filter(wants) {
                notifications.push(notification(endpoint, content, key, happened.at)?);
            }
        }
        if notifications.is_empty() {
            return Ok(());
        }
        self.0.store().notify(notifications).await?;
        self.0.due().wake();
        Ok(())
    }

    /// What is cached of an object that changed: whoever committed it may have died before it could say so.
    fn forget(&self, object: &Object<'_>) {
        let cache = self.0.cache();
        if let Ok(id) = object.id.parse() {
            cache.reported_cardholder(id);
        } else if let Ok(id) = object.id.parse() {
            cache.reported_control(id);
        }
    }

    /// Every endpoint: they are few, and read once a batch.
    async fn endpoints(&self) -> Result<Vec<Endpoint>, StoreError> {
        let mut endpoints = Vec::new();
        let mut page = Page { after: None, limit: 1_000 };
        loop {
            let found = self.0.store().list_endpoints(None, page).await?;
            page.after = found.last().map(|endpoint| endpoint.id);
            let is_last = found.len() < page.limit as usize;
            endpoints.extend(found);
            if is_last {
                return Ok(endpoints);
            }
        }
    }

    /// Whose event it is; `None` for what belongs to no program, as a swipe with a card that nobody knows.
    async fn program(&self, happened: &Happened<'_>) -> Result<Option<ProgramId>, StoreError> {
        let Some(owner) = happened.owner else {
            return Ok(happened.object.as_ref().and_then(|object| object.id.parse().ok()));
        };
        Ok(self.0.known().owner(self.0.ledger(), owner).await?.map(|owner| owner.program))
    }
}

/// The parser's own words would have what is in it.
fn unreadable(error: &serde_json::Error) -> Trouble {
    Trouble::Unreadable(format!("no event: line {}, column {}", error.line(), error.column()))
}

fn happened<'a>(content: &'a Content) -> Result<Happened<'a>, Trouble> {
    serde_json::from_slice(&content.body).map_err(|error| unreadable(&error))
}

/// Whether an event of this type is one of those.
pub(crate) fn is_wanted(patterns: &[String], key: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, key))
}

fn notification(
    endpoint: &Endpoint,
    content: &Content,
    key: &str,
    timestamp: Timestamp,
) -> Result<NewNotification, Trouble> {
    let data: &RawValue = serde_json::from_slice(&content.body).map_err(|error| unreadable(&error))?;
    let payload = Payload { r#type: key, timestamp, data };
    Ok(NewNotification {
        id: Uuid::now_v7(),
        endpoint: endpoint.id,
        event: content.id,
        kind: key.to_owned(),
        body: serde_json::to_vec(&payload).map_err(|error| unreadable(&error))?,
    })
}

/// Every type that an event can have.
pub(crate) fn types() -> Vec<&'static str> {
    let mut types: Vec<&str> =
        bursar_core::message::ActionKind::ALL.iter().map(|kind| route::of(kind.as_str()).1).collect();
    types.sort_unstable();
    types.dedup();
    types
}
