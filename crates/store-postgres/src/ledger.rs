//! The ledger: lanes that lock, load, decide, save and commit in two flights, and reads beside them.

mod reads;

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use bursar_core::decide::history_since;
use bursar_core::{Work, decide_batch};
use bursar_store::{Batch, Clock, Ledger, Member, Settled, StoreError, Transacted};
use deadpool_postgres::{Client, Object, Pool};
use tokio::runtime::Handle;

use crate::connection::{Options, migrate};
use crate::error::{before_commit, no_connection};
use crate::save::Committed;
use crate::{guards, load, save};

/// How often a batch is decided because others were in its way. Each time more of its messages are
/// answered, so it ends.
const TRIES: usize = 8;

/// A ledger in a PostgreSQL database.
pub struct PostgresLedger {
    readers: Pool,
    writers: Pool,
    lanes: NonZeroUsize,
    clock: Clock,
    /// Where connections live: whoever calls may be on a runtime that knows no sockets.
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
        Ok(Self {
            readers: options.readers()?,
            writers: options.writers()?,
            lanes: NonZeroUsize::new(options.lanes).unwrap_or(NonZeroUsize::MIN),
            clock: options.clock,
            runtime: Handle::current(),
        })
    }

    async fn reader(&self) -> Result<Client, StoreError> {
        self.readers.get().await.map_err(no_connection)
    }
}

#[async_trait]
impl Ledger for PostgresLedger {
    fn lanes(&self) -> NonZeroUsize {
        self.lanes
    }

    /// A task of its own: a caller that goes away cancels nothing.
    async fn transact(&self, batch: Batch) -> Result<Transacted, StoreError> {
        let (pool, clock) = (self.writers.clone(), self.clock.clone());
        let task = self.runtime.spawn(async move { transact(&pool, &clock, &batch).await });
        task.await.unwrap_or_else(|error| {
            Err(StoreError::Unknown(format!("the transaction ended in mid-air: {error}")))
        })
    }

    async fn probe(&self) -> Result<(), StoreError> {
        let (pool, now) = (self.writers.clone(), self.clock.now());
        let task = self.runtime.spawn(async move {
            let client = pool.get().await.map_err(no_connection)?;
            guards::check(&client).await?;
            let beat = "insert into heartbeat (id, at) values (1, $1)
                        on conflict (id) do update set at = excluded.at";
            client.execute(beat, &[&now]).await.map_err(|error| before_commit(&error))?;
            Ok(())
        });
        task.await.unwrap_or_else(|error| Err(StoreError::Unavailable(error.to_string())))
    }
}

async fn transact(pool: &Pool, clock: &Clock, batch: &Batch) -> Result<Transacted, StoreError> {
    let began = Instant::now();
    for _ in 0..TRIES {
        let client = Clean::take(pool).await?;
        match attempt(&client, clock, batch, began).await? {
            Some(transacted) => {
                client.give_back();
                return Ok(transacted);
            }
            // Its connection ends here, and with it the transaction.
            None => continue,
        }
    }
    Err(StoreError::Unavailable("others keep getting in the way of this batch".into()))
}

/// A connection that goes back to the pool only after a transaction that ended well: whatever else
/// becomes of it, it is closed, and the server rolls back.
struct Clean(Option<Client>);

impl Clean {
    async fn take(pool: &Pool) -> Result<Self, StoreError> {
        pool.get().await.map(|client| Self(Some(client))).map_err(no_connection)
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

/// `None` if another transaction was in the way, and this one was rolled back.
async fn attempt(
    client: &Client,
    clock: &Clock,
    batch: &Batch,
    began: Instant,
) -> Result<Option<Transacted>, StoreError> {
    let works: Vec<&Work> = batch.members.iter().map(|member| &member.work).collect();
    let mut state = load::begin(client, &works).await?;
    let locked = Instant::now();
    let is_past = |member: &Member| member.deadline.is_some_and(|deadline| deadline <= locked);
    // A batch whose commit is unknown comes again: what it did commit is answered, late or not.
    let is_late =
        |member: &Arc<Member>| is_past(member) && !state.answered.contains_key(&member.work.command.key);
    let late: Vec<bool> = batch.members.iter().map(is_late).collect();
    let members = || batch.members.iter().zip(&late);
    let in_time = || members().filter(|(_, late)| !**late).map(|(member, _)| &member.work);
    let now = clock.now();
    let mut changed = HashSet::new();
    for work in in_time() {
        if let Some((owner, since)) = history_since(&state, &work.command, now, &mut changed) {
            let read = load::history(client, &mut state, owner, since).await;
            read.map_err(|error| before_commit(&error))?.map_err(|damage| StoreError::BadData(damage.0))?;
        }
    }
    let loaded = Instant::now();
    // A panic is the doing of some member's data, and must not look like a commit that is unknown.
    let decide = AssertUnwindSafe(|| decide_batch(&mut state, in_time(), now));
    let panicked = |_| StoreError::BadData("a panic while deciding; the log has its place".into());
    let mut outcomes = catch_unwind(decide).map_err(panicked)?.into_iter();
    let settle = |(_, late): (_, &bool)| match late {
        true => Settled::Late,
        false => outcomes.next().map_or(Settled::Late, Settled::Done),
    };
    let settled: Vec<Settled> = members().map(settle).collect();
    let decided = Instant::now();
    match save::commit(client, &state, &settled, &batch.stage_times).await? {
        Committed::Yes => Ok(Some(Transacted { settled, began, loaded, decided })),
        Committed::Crossed => Ok(None),
    }
}
