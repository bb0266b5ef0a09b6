//! The way of events from the commits of this process to its relay: leased to it as they are written, so that it need not
//! look for them.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bursar_store::Waiting;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// How long a relay has an event for itself: whoever dies with it delays it by as much.
pub const LEASE: Duration = Duration::from_secs(30);

/// What waited longer for the relay is left to whoever leases it next: to publish it takes its time as well.
const FRESH: Duration = Duration::from_secs(20);

/// Commits whose events wait for the relay, at most: those of more are for whoever looks for them.
const WAITING_MAX: usize = 64;

/// Where commits leave their events, and a relay that works takes them. Cheap to clone.
#[derive(Clone, Default)]
pub struct Handover(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// To the relay that takes them now.
    relay: Mutex<Option<mpsc::Sender<Commit>>>,
    /// Told after a commit whose events are nobody's.
    commits: watch::Sender<()>,
}

/// A commit, by what it left.
#[derive(Debug)]
pub struct Commit {
    /// Its events.
    pub events: Vec<Waiting>,
    /// When it was told of.
    pub at: Instant,
    /// Their lease began then, or later.
    since: Instant,
}

/// A relay's end. What it leaves in there is leased for nothing.
pub struct Handed(mpsc::Receiver<Commit>);

/// There is place for the events of one commit.
pub(crate) struct Place {
    permit: mpsc::OwnedPermit<Commit>,
    since: Instant,
}

impl Handover {
    /// From now on events come here, until this is dropped or somebody else begins to take them.
    #[must_use]
    pub fn take(&self) -> Handed {
        let (relay, handed) = mpsc::channel(WAITING_MAX);
        *self.0.relay.lock().unwrap_or_else(PoisonError::into_inner) = Some(relay);
        Handed(handed)
    }

    /// Told after a commit whose events have to be looked for.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<()> {
        self.0.commits.subscribe()
    }

    /// A place for what the next commit leaves, if somebody takes it.
    pub(crate) fn place(&self) -> Option<Place> {
        let relay = self.0.relay.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let permit = relay?.try_reserve_owned().ok()?;
        Some(Place { permit, since: Instant::now() })
    }

    /// There was a commit: its events, if there was a place for them.
    pub(crate) fn committed(&self, place: Option<Place>, events: Vec<Waiting>) {
        match place {
            None => {
                self.0.commits.send_replace(());
            }
            Some(_) if events.is_empty() => {}
            Some(Place { permit, since }) => {
                permit.send(Commit { events, at: Instant::now(), since });
            }
        }
    }
}

impl Handed {
    /// The next commit; waits for it. None will come if somebody else takes them.
    pub async fn next(&mut self) -> Option<Commit> {
        self.0.recv().await.map(Commit::in_time)
    }

    /// One that was already.
    pub fn waiting(&mut self) -> Option<Commit> {
        self.0.try_recv().ok().map(Commit::in_time)
    }

    /// Takes no more; what was left, once every commit that had a place has ended.
    pub async fn close(mut self) -> Vec<Waiting> {
        self.0.close();
        let mut left = Vec::new();
        while let Some(Commit { events, .. }) = self.next().await {
            left.extend(events);
        }
        left
    }
}

impl Commit {
    /// No event that may be another's before it is published.
    fn in_time(mut self) -> Self {
        if self.since.elapsed() >= FRESH {
            self.events.clear();
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn event(position: i64) -> Waiting {
        Waiting { position, event: Uuid::nil(), kind: "load".to_owned(), payload: "{}".to_owned() }
    }

    #[tokio::test]
    async fn events_go_to_who_takes_them_and_nobody_need_look_for_them() {
        let handover = Handover::default();
        let commits = handover.commits();
        let mut handed = handover.take();
        handover.committed(handover.place(), vec![event(1), event(2)]);
        assert_eq!(handed.next().await.map(|commit| commit.events), Some(vec![event(1), event(2)]));
        assert!(!commits.has_changed().expect("it goes on"));
    }

    #[tokio::test]
    async fn where_nobody_takes_them_or_too_many_wait_there_is_no_place_and_a_word_to_look() {
        let handover = Handover::default();
        assert!(handover.place().is_none());
        let handed = handover.take();
        let places: Vec<_> = std::iter::from_fn(|| handover.place()).collect();
        assert_eq!(places.len(), WAITING_MAX);
        let commits = handover.commits();
        handover.committed(handover.place(), Vec::new());
        assert!(commits.has_changed().expect("it goes on"));
        drop((places, handed));
        assert!(handover.place().is_none(), "who took them is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn what_waited_too_long_is_left_to_others() {
        let handover = Handover::default();
        let mut handed = handover.take();
        handover.committed(handover.place(), vec![event(1)]);
        tokio::time::advance(FRESH).await;
        handover.committed(handover.place(), vec![event(2)]);
        assert_eq!(handed.next().await.map(|commit| commit.events), Some(Vec::new()));
        assert_eq!(handed.waiting().map(|commit| commit.events), Some(vec![event(2)]));
    }

    #[tokio::test]
    async fn who_takes_no_more_gets_what_a_commit_under_way_leaves() {
        let handover = Handover::default();
        let handed = handover.take();
        handover.committed(handover.place(), vec![event(1)]);
        let under_way = handover.place();
        let ends = async {
            tokio::task::yield_now().await;
            assert!(handover.place().is_none());
            handover.committed(under_way, vec![event(2)]);
        };
        let (left, ()) = tokio::join!(handed.close(), ends);
        assert_eq!(left, vec![event(1), event(2)]);
    }
}
