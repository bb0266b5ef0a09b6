//! Works off the inbox: takes what is due, a bounded number at once, and books it by the authorizer.
//!
//! To do an item twice does no harm, for the ledger knows it again; so a lease that ends too early, or a `done`
//! that is lost, costs work and nothing else.

use std::collections::HashMap;
use std::time::Duration;

use bursar_store::{Inbox, Item, StoreError};
use tokio::sync::{Notify, watch};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};
use uuid::Uuid;

use super::book::{self, Trouble};
use super::task::{Task, pause, stopped};
use super::webhooks;
use crate::app::App;

/// Items that are worked on at once, at most.
const CONCURRENCY: usize = 64;

/// How long nobody else gets an item that is worked on: whoever dies with it delays it by as much.
const LEASE: Duration = Duration::from_secs(5);

/// How long an item waits for a store that is away, at a time, and in all: less than the lease, which then ends by
/// itself.
const AWAY: Duration = Duration::from_millis(250);
const AWAY_MAX: Duration = Duration::from_secs(4);

/// Who waits for whom.
pub(crate) struct Signals {
    /// Something was put.
    put: Notify,
    /// Something was worked off.
    worked: watch::Sender<()>,
}

impl Default for Signals {
    fn default() -> Self {
        Self { put: Notify::new(), worked: watch::Sender::new(()) }
    }
}

impl Signals {
    /// Something is due.
    pub(crate) fn wake(&self) {
        self.put.notify_one();
    }

    /// Waits until nothing in the inbox is to be worked off any more.
    pub(crate) async fn drained(&self, inbox: &dyn Inbox) -> Result<(), StoreError> {
        let mut worked = self.worked.subscribe();
        while inbox.counts().await?.waiting > 0 {
            // The sender is here.
            let _ = worked.changed().await;
        }
        Ok(())
    }
}

/// Begins to consume.
pub(crate) fn start(app: &App) -> Task {
    let app = app.clone();
    Task::keep("the consumer of the inbox", move |stopping| Consumer::new(app.clone(), stopping).run())
}

struct Consumer {
    app: App,
    /// What became of each item.
    at_work: JoinSet<Result<(), Trouble>>,
    items: HashMap<Id, Item>,
    stopping: watch::Receiver<bool>,
}

impl Consumer {
    fn new(app: App, stopping: watch::Receiver<bool>) -> Self {
        Self { app, at_work: JoinSet::new(), items: HashMap::new(), stopping }
    }

    async fn run(mut self) {
        let (app, mut stopping) = (self.app.clone(), self.stopping.clone());
        let mut ticks = interval(app.settings().inbox_poll);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut may_be_due = true;
        loop {
            let free = CONCURRENCY - self.at_work.len();
            if may_be_due && free > 0 {
                tokio::select! {
                    taken = self.take(free) => may_be_due = taken,
                    () = stopped(&mut stopping) => break,
                }
            }
            tokio::select! {
                () = stopped(&mut stopping) => break,
                Some(ended) = self.at_work.join_next_with_id() => self.settle(ended).await,
                () = app.signals().put.notified() => may_be_due = true,
                _ = ticks.tick() => may_be_due = true,
            }
        }
        while let Some(ended) = self.at_work.join_next_with_id().await {
            self.settle(ended).await;
        }
    }

    /// Takes so many, if they are due. Whether there may be more.
    async fn take(&mut self, free: usize) -> bool {
        match self.app.inbox().take(u32::try_from(free).unwrap_or(u32::MAX), LEASE).await {
            Ok(items) => {
                let may_be_more = items.len() == free;
                for item in items {
                    let work = work_off(self.app.clone(), item.clone(), self.stopping.clone());
                    self.items.insert(self.at_work.spawn(work).id(), item);
                }
                may_be_more
            }
            Err(error) => {
                tracing::warn!("the inbox cannot be worked off now: {error}");
                false
            }
        }
    }

    /// Tells the inbox what became of this one, and of all others that ended meanwhile.
    async fn settle(&mut self, first: Result<(Id, Result<(), Trouble>), JoinError>) {
        let mut ended = vec![first];
        ended.extend(std::iter::from_fn(|| self.at_work.try_join_next_with_id()));
        let mut done: Vec<Uuid> = Vec::with_capacity(ended.len());
        for ended in ended {
            let (id, worked) = match ended {
                Ok(ended) => ended,
                Err(panic) => (panic.id(), Err(Trouble::Failed("a panic; the log has its place".into()))),
            };
            let Some(item) = self.items.remove(&id) else { continue };
            match worked {
                Ok(()) => done.push(item.id),
                Err(Trouble::Failed(why)) => self.fail(&item, &why).await,
                // Its lease ends by itself.
                Err(Trouble::Away(_) | Trouble::Behind) => {}
            }
        }
        if !done.is_empty()
            && let Err(error) = self.app.inbox().done(done).await
        {
            tracing::warn!("what was worked off stays in the inbox, and is done again: {error}");
        }
        self.app.signals().worked.send_replace(());
    }

    /// After its last run it is a dead letter first and dead then: in between it is one more run, and never is it
    /// nowhere.
    async fn fail(&self, item: &Item, why: &str) {
        let id = item.id;
        match item.pause() {
            Some(pause) => tracing::warn!("item {id} of the inbox failed, next try in {pause:?}: {why}"),
            None => {
                if let Err(error) = webhooks::bury(&self.app, item, why).await {
                    tracing::error!("item {id} of the inbox is tried once more, and no dead letter: {error}");
                    return;
                }
                tracing::error!("item {id} of the inbox is dead, see GET /v1/inbox/items?state=dead: {why}");
            }
        }
        if let Err(error) = self.app.inbox().failed(item, why).await {
            tracing::warn!("that item {id} of the inbox failed could not be stored: {error}");
        }
    }
}

/// Works on an item until it is worked off or fails. That a store is away is not its fault: it waits for that, but
/// not for ever, and not behind somebody who has its owner: others need the place.
async fn work_off(app: App, item: Item, mut stopping: watch::Receiver<bool>) -> Result<(), Trouble> {
    let mut is_told = false;
    let until = Instant::now() + AWAY_MAX;
    loop {
        match book::work_off(&app, &item).await {
            Err(Trouble::Away(why)) if !*stopping.borrow() && Instant::now() < until => {
                if !is_told {
                    tracing::warn!("item {} of the inbox waits for the store: {why}", item.id);
                }
                is_told = true;
                pause(&mut stopping, AWAY).await;
            }
            worked => return worked,
        }
    }
}
