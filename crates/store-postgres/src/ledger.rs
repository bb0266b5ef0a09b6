//! The ledger: its lanes' transactions, and reads beside them.

mod reads;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bursar_store::{Batch, Clock, Ledger, PoolUse, StoreError, Sweep, Transacted};
use deadpool_postgres::{Client, Object};
use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::caution::Caution;
use crate::clock::ServerClock;
use crate::connection::Options;
use crate::error::{SILENT, before_commit};
use crate::lane::Lane;
use crate::memory::Memory;
use crate::pools::{Pool, Pools};
use crate::schema::migrate;
use crate::{guards, identity};

pub(crate) use reads::Parameter;

/// A ledger in a PostgreSQL database.
pub struct PostgresLedger {
    pools: Pools,
    lanes: NonZeroUsize,
    /// How long a lane waits for a flight, at most: a link that hangs says nothing.
    flight_timeout: Duration,
    /// How long a read takes, at most.
    read_timeout: Duration,
    clock: Clock,
    server_clock: ServerClock,
    timekeeper: JoinHandle<()>,
    memory: Memory,
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
        let memory = Memory::default();
        let pools = Pools::open(&options, &memory).await?;
        let read_timeout = options.connect_timeout + options.statement_timeout;
        let first = async {
            let client = pools.readers.get().await?;
            identity::read(&client).await?.refuse_unfinished()?;
            ServerClock::compared(&client).await
        };
        let server_clock = flight(read_timeout, StoreError::Unavailable(SILENT.into()), first).await?;
        // The server ends a statement by itself before that.
        let flight_timeout = options.lane_timeout + options.lock_timeout;
        let keeping = server_clock.clone().keep(pools.lookups.clone(), flight_timeout);
        let server_time = server_clock.clone();
        Ok(Self {
            pools,
            lanes: NonZeroUsize::new(options.lanes).unwrap_or(NonZeroUsize::MIN),
            flight_timeout,
            read_timeout,
            clock: options.clock.unwrap_or_else(|| Clock::new(move || server_time.now())),
            server_clock,
            timekeeper: tokio::spawn(keeping),
            memory,
            caution: Arc::default(),
            runtime: Handle::current(),
        })
    }
}

impl PostgresLedger {
    /// The store's time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}

impl Drop for PostgresLedger {
    fn drop(&mut self) {
        self.timekeeper.abort();
    }
}

#[async_trait]
impl Ledger for PostgresLedger {
    fn lanes(&self) -> NonZeroUsize {
        self.lanes
    }

    /// Where other instances decide about the same owners: the server works for all of them, and fewer transactions with
    /// more in each are less work.
    fn prefers_one_lane(&self) -> bool {
        self.caution.has_company()
    }

    fn pools(&self) -> Vec<PoolUse> {
        self.pools.uses()
    }

    /// A task of its own: a caller that goes away cancels nothing.
    async fn transact(&self, batch: Batch) -> Result<Transacted, StoreError> {
        let lane = Lane {
            clock: self.clock.clone(),
            server_clock: self.server_clock.clone(),
            memory: self.memory.clone(),
            caution: Arc::clone(&self.caution),
            flight_timeout: self.flight_timeout,
        };
        let pool = self.pools.writers.clone();
        let task = self.runtime.spawn(async move { lane.transact(&pool, &batch).await });
        task.await.unwrap_or_else(|error| {
            Err(StoreError::Unknown(format!("the transaction ended in mid-air: {error}")))
        })
    }

    async fn keep_sweep(&self, sweep: Sweep) -> Result<(), StoreError> {
        self.keep(sweep).await
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

/// Waits for a flight no longer than this.
pub(crate) async fn flight<T, E>(
    limit: Duration,
    silent: E,
    flight: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    tokio::time::timeout(limit, flight).await.unwrap_or(Err(silent))
}

/// A connection that goes back to the pool only after a transaction that ended well: whatever else
/// becomes of it, it is closed, and the server rolls back.
pub(crate) struct Clean(Option<Client>);

impl Clean {
    pub(crate) async fn take(pool: &Pool) -> Result<Self, StoreError> {
        pool.get().await.map(|client| Self(Some(client)))
    }

    pub(crate) fn give_back(mut self) {
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
