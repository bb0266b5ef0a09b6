//! A sweep: one walk along the messages, which keeps its position in the ledger.

use std::time::{Duration, Instant};

use bursar_core::hold_days::Days;
use bursar_store::{IdleGroup, IdleSlice, Page, StoreError, Sweep};
use jiff::SignedDuration;

use super::{Failure, Sweeper};

/// How long it rests between two slices, at most.
const REST_MAX: Duration = Duration::from_secs(1);

/// Groups that a sweep leaves behind because they cannot be looked at themselves, at most.
const LEFT_MAX: usize = 100;

/// What a sweep looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Limit {
    /// Holds that are so old.
    Days(Days),
    /// Decisions that should be confirmed by now.
    Unconfirmed,
}

impl Limit {
    pub(super) fn from_number(number: u16) -> Option<Self> {
        match number {
            Sweep::UNCONFIRMED => Some(Self::Unconfirmed),
            number => Days::new(number.into()).ok().map(Self::Days),
        }
    }

    const fn number(self) -> u16 {
        match self {
            Self::Days(days) => days.number(),
            Self::Unconfirmed => Sweep::UNCONFIRMED,
        }
    }
}

/// How far a sweep of this instance has come.
#[derive(Default)]
pub(super) struct Walk {
    position: i64,
    /// What it passed and has to look at again: the ledger keeps no position beyond the first of them.
    left: Vec<IdleGroup>,
    /// What it passed while the processor could not be asked about it.
    waiting: Option<Waiting>,
}

/// Groups that wait for the processor's word.
struct Waiting {
    /// The first of them: nor does the ledger keep a position beyond it.
    first: IdleGroup,
    count: usize,
}

impl Walk {
    pub(super) fn go_on_at(&mut self, position: i64) {
        self.position = self.position.max(position);
    }

    /// Groups that have to be looked at again.
    pub(super) fn left(&self) -> usize {
        self.left.len() + self.waiting.as_ref().map_or(0, |waiting| waiting.count)
    }

    /// Up to where nothing has to be looked at again.
    fn settled(&self) -> i64 {
        let waiting = self.waiting.iter().map(|waiting| &waiting.first);
        let first = self.left.iter().chain(waiting).map(|group| group.position.saturating_sub(1)).min();
        first.map_or(self.position, |before| before.min(self.position))
    }

    fn pass(&mut self, group: &IdleGroup) {
        self.position = self.position.max(group.position);
    }

    fn wait(&mut self, group: IdleGroup) {
        self.pass(&group);
        match &mut self.waiting {
            Some(waiting) => {
                waiting.count += 1;
                if group.position < waiting.first.position {
                    waiting.first = group;
                }
            }
            None => self.waiting = Some(Waiting { first: group, count: 1 }),
        }
    }

    /// The run ends: what is behind the walk would be forgotten otherwise.
    fn put_back(&mut self, groups: impl Iterator<Item = IdleGroup>) {
        let position = self.position;
        self.left.extend(groups.filter(|group| group.position <= position));
    }
}

impl Sweeper {
    pub(super) async fn sweep(&self, limit: Limit, walk: &mut Walk) -> Result<(), StoreError> {
        let mut kept = walk.settled();
        self.go_back(limit, walk).await?;
        let left = std::mem::take(&mut walk.left);
        self.look_at_all(limit, left, walk).await?;
        loop {
            let began = Instant::now();
            let page = Page { after: Some(walk.position), limit: self.settings.slice };
            let slice = self.list(limit, page).await?;
            self.look_at_all(limit, slice.groups, walk).await?;
            walk.go_on_at(slice.position);
            if walk.settled() > kept {
                kept = walk.settled();
                self.ledger().keep_sweep(Sweep { days: limit.number(), position: kept }).await?;
            }
            if !slice.has_more {
                return Ok(());
            }
            // Who has much to catch up with leaves half of the time to the decisions.
            tokio::time::sleep(began.elapsed().min(REST_MAX)).await;
        }
    }

    /// Begins again at the first that waits for the processor's word, if that can be asked now.
    async fn go_back(&self, limit: Limit, walk: &mut Walk) -> Result<(), StoreError> {
        let Some(waiting) = walk.waiting.take() else { return Ok(()) };
        match self.look_at(limit, &waiting.first).await {
            Err(Failure::Away(_)) => walk.waiting = Some(waiting),
            Err(Failure::Run(error)) => {
                walk.waiting = Some(waiting);
                return Err(error);
            }
            Ok(()) | Err(Failure::Group(_)) => {
                walk.position = walk.position.min(waiting.first.position.saturating_sub(1));
            }
        }
        Ok(())
    }

    async fn list(&self, limit: Limit, page: Page<i64>) -> Result<IdleSlice, StoreError> {
        let asked = self.settings.unconfirmed_after;
        match limit {
            Limit::Days(days) => self.ledger().list_idle(days.duration(), page).await,
            Limit::Unconfirmed => {
                let age = SignedDuration::try_from(asked).unwrap_or(SignedDuration::MAX);
                self.ledger().list_unconfirmed(age, page).await
            }
        }
    }

    /// Looks at each; where one cannot be looked at by its own fault, or for want of the processor's word, it is
    /// left for the next run.
    async fn look_at_all(
        &self,
        limit: Limit,
        groups: Vec<IdleGroup>,
        walk: &mut Walk,
    ) -> Result<(), StoreError> {
        let mut groups = groups.into_iter();
        let mut away: Option<String> = None;
        while let Some(group) = groups.next() {
            match self.look_at(limit, &group).await {
                Ok(()) => walk.pass(&group),
                Err(Failure::Away(why)) => {
                    away = Some(why);
                    walk.wait(group);
                }
                Err(Failure::Group(why)) => {
                    let root = group.root;
                    tracing::warn!(hold.id = %root, "the hold of {root} cannot be looked at, and stays: {why}");
                    if walk.left.len() >= LEFT_MAX {
                        walk.put_back(std::iter::once(group).chain(groups));
                        let why = format!("{LEFT_MAX} holds cannot be looked at; the log says why");
                        return Err(StoreError::Corrupt(why));
                    }
                    walk.pass(&group);
                    walk.left.push(group);
                }
                Err(Failure::Run(error)) => {
                    walk.put_back(std::iter::once(group).chain(groups));
                    return Err(error);
                }
            }
        }
        if let Some(why) = away {
            tracing::warn!("holds wait for the word of their processor, which cannot be asked now: {why}");
        }
        Ok(())
    }

    /// Has a sweep of so many days look at what it has not reached yet. One that nobody needed before begins with the
    /// oldest message; it is known before the one that passes the group now keeps its position.
    pub(super) async fn look_again_after(&self, days: Days) -> Result<(), StoreError> {
        match self.sweeps.contains_key(&Limit::Days(days)) {
            true => Ok(()),
            false => self.ledger().keep_sweep(Sweep { days: days.number(), position: 0 }).await,
        }
    }
}
