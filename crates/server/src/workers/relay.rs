//! Publishes the outbox: leases events, has them confirmed by the broker, and marks them afterwards (O2).
//!
//! Any number of relays share an outbox. One that dies between publishing and marking leaves events that another
//! publishes again, under the same ids.

mod figures;
mod route;

use std::sync::Arc;
use std::time::Duration;

use bursar_broker::{Broker, Content, Outgoing, PublishError};
use bursar_store::{Outbox, StoreError, Waiting};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use figures::Figures;

/// Events that are published at once, at most.
const BATCH: u32 = 256;

/// How long a relay has an event for itself: whoever dies with it delays it by as much.
const LEASE: Duration = Duration::from_secs(30);

/// How long a broker or a store that is away is left alone; it doubles each time, up to the other.
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What a relay works with.
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    broker: Arc<dyn Broker>,
    /// Told after a commit of this process: there may be something.
    commits: watch::Receiver<()>,
    /// How often it looks without a word: for what another process committed, or died with.
    interval: Duration,
    figures: Arc<Figures>,
}

/// A relay at work, until it is stopped or dropped.
pub struct Relaying {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Relay {
    /// A relay from this outbox to this broker.
    #[must_use]
    pub fn new(
        outbox: Arc<dyn Outbox>,
        broker: Arc<dyn Broker>,
        commits: watch::Receiver<()>,
        interval: Duration,
    ) -> Self {
        Self { outbox, broker, commits, interval, figures: Arc::default() }
    }

    /// What it has done.
    #[must_use]
    pub fn figures(&self) -> Arc<Figures> {
        self.figures.clone()
    }

    /// Begins to publish.
    #[must_use]
    pub fn start(self) -> Relaying {
        let (stop, stopping) = watch::channel(false);
        Relaying { stop, task: tokio::spawn(self.run(stopping)) }
    }

    async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut pause = PAUSE;
        while !*stopping.borrow() {
            // Before the look: what is committed meanwhile is another.
            self.commits.borrow_and_update();
            match self.publish_some().await {
                Ok(done) => {
                    pause = PAUSE;
                    if matches!(done, Done::All) {
                        tokio::select! {
                            () = tokio::time::sleep(self.interval) => {}
                            Ok(()) = self.commits.changed() => {}
                            _ = stopping.wait_for(|stopping| *stopping) => {}
                        }
                    }
                }
                Err(trouble) => {
                    tracing::warn!("events wait in the outbox: {trouble}");
                    self.figures.failed();
                    // Who cannot publish does not try more often for more events.
                    let stop = stopping.wait_for(|stopping| *stopping);
                    let _ = tokio::time::timeout(pause, stop).await;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
    }

    /// Publishes what is there, a bounded number.
    async fn publish_some(&self) -> Result<Done, Trouble> {
        let events = self.outbox.lease(BATCH, LEASE).await?;
        if events.is_empty() {
            return Ok(Done::All);
        }
        let began = Instant::now();
        let results = self.broker.publish(events.iter().map(message).collect()).await;
        let mut published = Vec::with_capacity(events.len());
        let mut left = Vec::new();
        let mut trouble = None;
        for (event, result) in events.iter().zip(results) {
            match result {
                Ok(()) => published.push(event.position),
                Err(error) => {
                    left.push(event.position);
                    if matches!(error, PublishError::Away(_)) || trouble.is_none() {
                        trouble = Some(error);
                    }
                }
            }
        }
        let is_full = events.len() == BATCH as usize;
        if !published.is_empty() {
            self.figures.published(published.len(), began.elapsed());
            self.outbox.mark(published).await?;
        }
        match trouble {
            None => {}
            Some(trouble @ PublishError::Away(_)) => {
                self.outbox.release(left).await?;
                return Err(trouble.into());
            }
            // Those that are refused hold up no others: they wait until their lease ends.
            Some(trouble) => {
                tracing::warn!("{} events wait in the outbox: {trouble}", left.len());
                self.figures.failed();
            }
        }
        Ok(if is_full { Done::Some } else { Done::All })
    }
}

/// Whether there may be more.
enum Done {
    All,
    Some,
}

/// Why events wait.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Broker(#[from] PublishError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn message(event: &Waiting) -> Outgoing {
    let content = Content::new(event.event, &event.kind, event.payload.clone().into_bytes());
    let (exchange, key) = route::of(&event.kind);
    content.to(exchange, key)
}

impl Relaying {
    /// Leases no more, and finishes what it has.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        if (&mut self.task).await.is_err() {
            tracing::error!("the relay ended by a panic; the log has its place");
        }
    }
}

/// As if its process were killed.
impl Drop for Relaying {
    fn drop(&mut self) {
        self.task.abort();
    }
}
