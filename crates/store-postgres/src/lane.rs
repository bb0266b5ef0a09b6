//! A transaction of a lane: on what is remembered, in one flight, or under locks, in two.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_core::decide::history_since;
use bursar_core::{Outcome, OwnerId, Work, decide_batch};
use bursar_store::{Batch, Clock, Member, Settled, StoreError, Transacted, later};
use deadpool_postgres::Client;
use jiff::Timestamp;

use crate::caution::Caution;
use crate::clock::ServerClock;
use crate::error::{SILENT, before_commit};
use crate::ledger::{Clean, flight};
use crate::load::{self, Loaded, Stop};
use crate::memory::Memory;
use crate::pools::Pool;
use crate::save::{self, Committed, Save};

/// How often a batch is decided because others were in its way. Each time more of its messages are
/// answered. The first may be a bold one, and one of them may wait for an owner that somebody holds.
const TRIES: usize = 4;

/// An owner's history is read where a limit begins to count: as long as it takes, within this.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(30);

/// What an attempt takes for granted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// That owners are as this instance remembers them, and that no message was answered before. Their
    /// versions and the unique key say where that is wrong, and it is mostly right.
    Bold,
    /// Nothing: it waits for owners that others hold, but for these, for which it waited lately.
    Careful(HashSet<OwnerId>),
    /// As careful, and waits for nobody.
    Sparing,
}

impl Mood {
    /// Whether it leaves out the owner if somebody else holds it.
    pub(crate) fn spares(&self, owner: OwnerId) -> bool {
        match self {
            Self::Bold => false,
            Self::Careful(waited_for) => waited_for.contains(&owner),
            Self::Sparing => true,
        }
    }

    fn after_crossing(self) -> Self {
        match self {
            Self::Bold => Self::Careful(HashSet::new()),
            other => other,
        }
    }
}

/// How an attempt ended that no error ended: no transaction is open.
enum Attempt {
    Done(Transacted),
    /// Nothing is written: somebody was there before, or a bold one does not do.
    Crossed(StoreError),
    /// Nothing is written: somebody else holds an owner.
    Held(StoreError),
}

/// What a transaction needs to know of its ledger.
pub(crate) struct Lane {
    pub(crate) clock: Clock,
    pub(crate) server_clock: ServerClock,
    pub(crate) memory: Memory,
    pub(crate) caution: Arc<Caution>,
    pub(crate) flight_timeout: Duration,
}

/// What an attempt decides on.
struct Ground {
    loaded: Loaded,
    /// Whether it is remembered: no lock is held yet.
    is_recalled: bool,
    /// Which members are not decided: they have no time left, or somebody else holds their owner.
    left_out: Vec<bool>,
    /// A history that was read begins where windows do at this time: nothing is decided at an earlier one.
    read_at: Timestamp,
}

impl Lane {
    pub(crate) async fn transact(&self, pool: &Pool, batch: &Batch) -> Result<Transacted, StoreError> {
        let began = Instant::now();
        let mut last = StoreError::Unavailable(SILENT.into());
        let owners = batch.members.iter().filter_map(|member| member.work.command.owner());
        let waited_for = self.caution.held_of(owners);
        let is_careful = self.caution.is_raised() || !waited_for.is_empty();
        let mut mood = if is_careful { Mood::Careful(waited_for) } else { Mood::Bold };
        for _ in 0..TRIES {
            let client = Clean::take(pool).await?;
            let attempt = self.attempt(&client, batch, began, &mood).await?;
            if mood == Mood::Bold && !matches!(attempt, Attempt::Done(_)) {
                self.caution.raise();
            }
            client.give_back();
            (last, mood) = match attempt {
                Attempt::Done(transacted) => {
                    self.caution.ease();
                    return Ok(transacted);
                }
                Attempt::Crossed(why) => (why, mood.after_crossing()),
                Attempt::Held(why) => (why, Mood::Sparing),
            };
        }
        Err(last)
    }

    async fn attempt(
        &self,
        client: &Client,
        batch: &Batch,
        began: Instant,
        mood: &Mood,
    ) -> Result<Attempt, StoreError> {
        let works: Vec<&Work> = batch.members.iter().map(|member| &member.work).collect();
        let life = self.memory.life();
        let ground = match self.recall(batch, &works, mood) {
            Some(recalled) => recalled,
            None => match self.load(client, batch, &works, mood).await {
                Ok(loaded) => loaded,
                Err(Stop::Held(why)) => {
                    self.roll_back(client).await?;
                    return Ok(Attempt::Held(why));
                }
                Err(Stop::Failed(error)) => return Err(error),
            },
        };
        let Ground { mut loaded, is_recalled, left_out, read_at } = ground;
        let (now, ready) = (self.clock.now().max(read_at), Instant::now());
        let settled = decide(batch, &mut loaded, &left_out, now)?;
        let decided = Instant::now();
        let has_failed = |settled: &Settled| matches!(settled, Settled::Done(Outcome::Failed(_)));
        if *mood == Mood::Bold && settled.iter().any(has_failed) {
            // What cannot be decided now may have been answered before, and is not inserted either.
            if !is_recalled {
                self.roll_back(client).await?;
            }
            return Ok(Attempt::Crossed(StoreError::Unavailable("a row cannot be read".into())));
        }
        let save = Save {
            state: &loaded.state,
            settled: &settled,
            stage_times: &batch.stage_times,
            times_are_new: *mood == Mood::Bold,
            only_at: is_recalled.then_some(&loaded.versions),
            only_before: self
                .server_clock
                .now()
                .saturating_add(self.flight_timeout)
                .unwrap_or(Timestamp::MAX),
            leased_until: batch.lease.map(|lease| later(now, lease)),
        };
        // The server stops its clock before it commits: whoever waits needs one of his own.
        let unknown = StoreError::Unknown(SILENT.into());
        match flight(self.flight_timeout, unknown, save::commit(client, save)).await? {
            Committed::Yes(leased) => {
                if is_recalled {
                    self.caution.met_nobody();
                }
                self.memory.keep(&works, loaded.state, &loaded.versions, life);
                Ok(Attempt::Done(Transacted { settled, leased, began, loaded: ready, decided }))
            }
            Committed::Crossed(why) => Ok(Attempt::Crossed(why)),
            Committed::Moved => {
                self.caution.met_another();
                let moved = "another instance decides about the same owners";
                Ok(Attempt::Crossed(StoreError::Unavailable(moved.into())))
            }
            Committed::TooLate => {
                // Or the server's clock was set.
                let silent = StoreError::Unavailable(SILENT.into());
                flight(self.flight_timeout, silent, self.server_clock.compare(client)).await?;
                Ok(Attempt::Crossed(StoreError::Unavailable("the server came to it too late".into())))
            }
        }
    }

    /// Ends the transaction, by the server's word: the connection is as good as before.
    async fn roll_back(&self, client: &Client) -> Result<(), StoreError> {
        let ended = async { client.batch_execute("rollback").await.map_err(|error| before_commit(&error)) };
        flight(self.flight_timeout, StoreError::Unavailable(SILENT.into()), ended).await
    }

    /// What is remembered, for a bold attempt that needs nothing else.
    fn recall(&self, batch: &Batch, works: &[&Work], mood: &Mood) -> Option<Ground> {
        // Nothing is inserted for a late member, so no unique key would tell that it was answered.
        if *mood != Mood::Bold || batch.past(Instant::now()).next().is_some() {
            return None;
        }
        let loaded = self.memory.recall(works)?;
        let left_out = vec![false; works.len()];
        Some(Ground { loaded, is_recalled: true, left_out, read_at: Timestamp::MIN })
    }

    /// Locks and reads.
    async fn load(
        &self,
        client: &Client,
        batch: &Batch,
        works: &[&Work],
        mood: &Mood,
    ) -> Result<Ground, Stop> {
        let silent = || StoreError::Unavailable(SILENT.into());
        let begin = load::begin(client, &self.memory, works, mood);
        let mut loaded = flight(self.flight_timeout, Stop::Failed(silent()), begin).await?;
        if *mood == Mood::Sparing {
            self.caution.note_held(&loaded.held);
        }
        let mut left_out = self.left_out(client, batch, &mut loaded, mood).await?;
        let now = self.clock.now();
        let (mut changed, mut has_history) = (HashSet::new(), false);
        for work in batch.in_time(&left_out) {
            if let Some((owner, since)) = history_since(&loaded.state, &work.command, now, &mut changed) {
                let read = load::history(client, &mut loaded.state, owner, since, HISTORY_TIMEOUT);
                flight(HISTORY_TIMEOUT, silent(), read).await?;
                has_history = true;
            }
        }
        if has_history {
            // It may have taken longer than others of the batch can wait.
            left_out = self.left_out(client, batch, &mut loaded, mood).await?;
        }
        Ok(Ground { loaded, is_recalled: false, left_out, read_at: now })
    }

    /// Which members have no time left, or an owner that somebody else holds.
    async fn left_out(
        &self,
        client: &Client,
        batch: &Batch,
        loaded: &mut Loaded,
        mood: &Mood,
    ) -> Result<Vec<bool>, StoreError> {
        let now = Instant::now();
        if *mood == Mood::Bold {
            // Nothing is inserted for a late member, so no unique key would tell that it was answered.
            let past: Vec<&Work> = batch.past(now).collect();
            let silent = StoreError::Unavailable(SILENT.into());
            flight(self.flight_timeout, silent, load::answers(client, &mut loaded.state, &past)).await?;
        }
        let late = batch.late(&loaded.state, now);
        let is_held = |work: &Work| is_held(loaded, work);
        Ok(batch.members.iter().zip(late).map(|(member, late)| late || is_held(&member.work)).collect())
    }
}

/// Whether somebody else holds its owner. What was answered stays so.
fn is_held(loaded: &Loaded, work: &Work) -> bool {
    let is_answered = || loaded.state.answered.contains_key(&work.command.key);
    work.command.owner().is_some_and(|owner| loaded.held.contains(&owner)) && !is_answered()
}

fn decide(
    batch: &Batch,
    loaded: &mut Loaded,
    left_out: &[bool],
    now: Timestamp,
) -> Result<Vec<Settled>, StoreError> {
    // A panic is the doing of some member's data, and must not look like a commit that is unknown.
    let decide = AssertUnwindSafe(|| decide_batch(&mut loaded.state, batch.in_time(left_out), now));
    let panicked = |_| StoreError::BadData("a panic while deciding; the log has its place".into());
    let mut outcomes = catch_unwind(decide).map_err(panicked)?.into_iter();
    let settle = |(member, is_left_out): (&Arc<Member>, &bool)| match is_left_out {
        false => outcomes.next().map_or(Settled::Late, Settled::Done),
        true if is_held(loaded, &member.work) => Settled::Held,
        true => Settled::Late,
    };
    Ok(batch.members.iter().zip(left_out).map(settle).collect())
}
