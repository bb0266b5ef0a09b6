//! An event that a relay has to publish.

use bursar_authorizer::Commit;
use bursar_broker::{Content, Outgoing};
use bursar_store::{EventKey, Waiting};
use tokio::time::Instant;

use super::route;

/// One that is leased to this relay.
pub(super) struct Event {
    pub(super) waiting: Waiting,
    /// When its commit was told of; not known of one that was looked for.
    pub(super) committed: Option<Instant>,
}

impl Event {
    /// Those of a commit of this process.
    pub(super) fn handed(commit: Commit) -> impl Iterator<Item = Self> {
        let committed = Some(commit.at);
        commit.events.into_iter().map(move |waiting| Self { waiting, committed })
    }

    /// One that nobody handed over.
    pub(super) const fn found(waiting: Waiting) -> Self {
        Self { waiting, committed: None }
    }

    pub(super) const fn key(&self) -> EventKey {
        self.waiting.key()
    }

    pub(super) fn message(&self) -> Outgoing {
        let Waiting { event, kind, payload, .. } = &self.waiting;
        let (exchange, key) = route::of(kind);
        Content::new(*event, kind, payload.clone().into_bytes()).to(exchange, key)
    }
}
