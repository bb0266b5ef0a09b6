//! The ledger: lanes that lock, load, decide, save and commit in two flights, and reads beside them.

mod reads;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bursar_core::decide::history_since;
use bursar_core::{Outcome, State, Work, decide_batch};
use bursar_store::{Batch, Clock, Ledger, PoolUse, Settled, StoreError, Transacted};
use deadpool_postgres::{Client, Object};
use tokio::runtime::Handle;

use crate::caution::Caution;
use crate::connection::Options;
use crate::error::{SILENT, before_commit};
use crate::load::ControlsCache;
use crate::pools::{Pool, Pools};
use crate::save::Committed;
use crate::schema::migrate;
use crate::{guards, identity, load, save};

/// How often a batch is decided because others were in its way. Each time more of its messages are
/// answered. The first may be a bold one.
const TRIES: usize = 4;

/// An owner's history is read where a limit begins to count: as long as it takes, within this.
const HISTORY_TIMEOUT: Duration = Duration::from_secs(30);

/// A ledger in a PostgreSQL database.
pub struct PostgresLedger {
    pools: Pools,
    lanes: NonZeroUsize,
    /// How long a lane waits for a flight, at most: a link that hangs says nothing.
    flight_timeout: Duration,
    /// How long a read takes, at most.
    read_timeout: Duration,
    clock: Clock,
    controls: ControlsCache,
    caution: Arc<Caution>,
    /// Where lanes' connections live: a lane's own runtime knows no sockets.
    runtime: Handle,
}

impl PostgresLedger {
    /// Brings the schema up to date and connects. Call it on the runtime whose sockets it shall use.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], or why the database cannot be used. A server whose settings are unsafe
    /// is one that can be read: [`Ledger::probe`] refuses it.
    pub async fn open(options: Options) -> Result<Self, StoreError> {
        migrate(&options).await?;
        let pools = Pools::open(&options).await?;
        let client = pools.readers.get().await?;
        identity::read(&client).await?.refuse_unfinished()?;
        drop(client);
        Ok(Self {
            pools,
            lanes: NonZeroUsize::new(options.lanes).unwrap_or(NonZeroUsize::MIN),
            // The server ends a statement by itself before that.
            flight_timeout: options.lane_timeout + options.lock_timeout,
            read_timeout: options.connect_timeout + options.statement_timeout,
            clock: options.clock,
            controls: ControlsCache::default(),
            caution: Arc::default(),
            runtime: Handle::current(),
        })
    }
}

#[async_trait]
impl Ledger for PostgresLedger {
    fn lanes(&self) -> NonZeroUsize {
        self.lanes
    }

    fn pools(&self) -> Vec<PoolUse> {
        self.pools.uses()
    }

    /// A task of its own: a caller that goes away cancels nothing.
    async fn transact(&self, batch: Batch) -> Result<Transacted, StoreError> {
        let lane = Lane {
            clock: self.clock.clone(),
            controls: self.controls.clone(),
            caution: Arc::clone(&self.caution),
            flight_timeout: self.flight_timeout,
        };
        let pool = self.pools.writers.clone();
        let task = self.runtime.spawn(async move { lane.transact(&pool, &batch).await });
        task.await.unwrap_or_else(|error| {
            Err(StoreError::Unknown(format!("the transaction ended in mid-air: {error}")))
        })
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let (pool, now, limit) = (self.pools.writers.clone(), self.clock.now(), self.flight_timeout);
        let probe = async move {
            let client = Clean::take(&pool).await?;
            if let Err(error) = guards::check_ledger(&client).await {
                // The lanes' connections were made before: no decision is made over them any more.
                pool.retain(|_, _| false);
                return Err(error);
            }
            let beat = "insert into heartbeat (id, at) values (1, $1)
                        on conflict (id) do update set at = excluded.at";
            client.execute(beat, &[&now]).await.map_err(|error| before_commit(&error))?;
            client.give_back();
            Ok(())
        };
        let task = self.runtime.spawn(tokio::time::timeout(limit, probe));
        let silent = || StoreError::Unavailable(SILENT.into());
        task.await.map_err(|error| StoreError::Unavailable(error.to_string()))?.map_err(|_| silent())?
    }
}

/// What a transaction needs to know of its ledger.
struct Lane {
    clock: Clock,
    controls: ControlsCache,
    caution: Arc<Caution>,
    flight_timeout: Duration,
}

/// What an attempt takes for granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// That no message of the batch was answered before: the unique key says where that is wrong, and it is
    /// mostly right.
    Bold,
    Careful,
}

/// How an attempt ended that no error ended.
enum Attempt {
    Done(Transacted),
    /// Somebody was there before, and this one was rolled back.
    Crossed(StoreError),
}

impl Lane {
    async fn transact(&self, pool: &Pool, batch: &Batch) -> Result<Transacted, StoreError> {
        let began = Instant::now();
        let mut last = StoreError::Unavailable(SILENT.into());
        let mut mood = if self.caution.is_raised() { Mood::Careful } else { Mood::Bold };
        for _ in 0..TRIES {
            let client = Clean::take(pool).await?;
            match self.attempt(&client, batch, began, mood).await? {
                Attempt::Done(transacted) => {
                    client.give_back();
                    return Ok(transacted);
                }
                // Its connection ends here.
                Attempt::Crossed(why) => last = why,
            }
            self.caution.raise();
            mood = Mood::Careful;
        }
        Err(last)
    }

    async fn attempt(
        &self,
        client: &Client,
        batch: &Batch,
        began: Instant,
        mood: Mood,
    ) -> Result<Attempt, StoreError> {
        let works: Vec<&Work> = batch.members.iter().map(|member| &member.work).collect();
        let silent = || StoreError::Unavailable(SILENT.into());
        let begin = load::begin(client, &self.controls, &works, mood == Mood::Careful);
        let mut state = flight(self.flight_timeout, silent(), begin).await?;
        let mut late = self.late(client, &mut state, batch, mood).await?;
        let now = self.clock.now();
        let (mut changed, mut has_history) = (HashSet::new(), false);
        for work in batch.in_time(&late) {
            if let Some((owner, since)) = history_since(&state, &work.command, now, &mut changed) {
                let read = load::history(client, &mut state, owner, since, HISTORY_TIMEOUT);
                flight(HISTORY_TIMEOUT, silent(), read).await?;
                has_history = true;
            }
        }
        if has_history {
            // It may have taken longer than others of the batch can wait.
            late = self.late(client, &mut state, batch, mood).await?;
        }
        let loaded = Instant::now();
        // A panic is the doing of some member's data, and must not look like a commit that is unknown.
        let decide = AssertUnwindSafe(|| decide_batch(&mut state, batch.in_time(&late), now));
        let panicked = |_| StoreError::BadData("a panic while deciding; the log has its place".into());
        let mut outcomes = catch_unwind(decide).map_err(panicked)?.into_iter();
        let settle = |(_, late): (_, &bool)| match late {
            true => Settled::Late,
            false => outcomes.next().map_or(Settled::Late, Settled::Done),
        };
        let settled: Vec<Settled> = batch.members.iter().zip(&late).map(settle).collect();
        let decided = Instant::now();
        let has_failed = |settled: &Settled| matches!(settled, Settled::Done(Outcome::Failed(_)));
        if mood == Mood::Bold && settled.iter().any(has_failed) {
            // What cannot be decided now may have been answered before, and is not inserted either.
            return Ok(Attempt::Crossed(StoreError::Unavailable("a row cannot be read".into())));
        }
        // The server stops its clock before it commits: whoever waits needs one of his own.
        let unknown = StoreError::Unknown(SILENT.into());
        let commit = save::commit(client, &state, &settled, &batch.stage_times, mood == Mood::Bold);
        match flight(self.flight_timeout, unknown, commit).await? {
            Committed::Yes => Ok(Attempt::Done(Transacted { settled, began, loaded, decided })),
            Committed::Crossed(why) => Ok(Attempt::Crossed(why)),
        }
    }
}

impl Lane {
    /// Which members have no time left now.
    async fn late(
        &self,
        client: &Client,
        state: &mut State,
        batch: &Batch,
        mood: Mood,
    ) -> Result<Vec<bool>, StoreError> {
        let now = Instant::now();
        if mood == Mood::Bold {
            // Nothing is inserted for a late member, so no unique key would tell that it was answered.
            let past: Vec<&Work> = batch.past(now).collect();
            let silent = StoreError::Unavailable(SILENT.into());
            flight(self.flight_timeout, silent, load::answers(client, state, &past)).await?;
        }
        Ok(batch.late(state, now))
    }
}

/// Waits for a flight no longer than this.
async fn flight<T>(
    limit: Duration,
    silent: StoreError,
    flight: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    tokio::time::timeout(limit, flight).await.unwrap_or(Err(silent))
}

/// A connection that goes back to the pool only after a transaction that ended well: whatever else
/// becomes of it, it is closed, and the server rolls back.
struct Clean(Option<Client>);

impl Clean {
    async fn take(pool: &Pool) -> Result<Self, StoreError> {
        pool.get().await.map(|client| Self(Some(client)))
    }

    fn give_back(mut self) {
        self.0.take();
    }
}

impl std::ops::Deref for Clean {
    type Target = Client;

    fn deref(&self) -> &Client {
        match &self.0 {
            Some(client) => client,
            None => unreachable!("it is taken by who consumes it"),
        }
    }
}

impl Drop for Clean {
    fn drop(&mut self) {
        if let Some(client) = self.0.take() {
            drop(Object::take(client));
        }
    }
}
