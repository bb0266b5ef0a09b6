//! The pools of connections: for reads, for the tokens of swipes, and for transactions.

#[cfg(test)]
mod tests;

use std::time::Duration;

use bursar_store::{PoolUse, StoreError};
use deadpool_postgres::{
    Client, Hook, HookError, Manager, ManagerConfig, PoolBuilder, QueueMode, RecyclingMethod, Runtime,
    Timeouts,
};
use futures_util::future::join_all;
use tokio::task::JoinHandle;

use crate::connection::{Options, SERVER};
use crate::error::{SILENT, no_connection};
use crate::memory::Memory;
use crate::{guards, tls};

/// What a pool is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Reads,
    Lookups,
    Lanes,
}

/// Connections for one purpose.
#[derive(Clone)]
pub(crate) struct Pool {
    purpose: Purpose,
    pool: deadpool_postgres::Pool,
}

impl Pool {
    /// A connection, when one is free or made: within the times of the pool.
    pub(crate) async fn get(&self) -> Result<Client, StoreError> {
        self.pool.get().await.map_err(|error| no_connection(error, self.purpose))
    }
}

impl std::ops::Deref for Pool {
    type Target = deadpool_postgres::Pool;

    fn deref(&self) -> &Self::Target {
        &self.pool
    }
}

pub(crate) struct Pools {
    pub(crate) readers: Pool,
    /// Apart from the others, so that no swipe waits behind long lists.
    pub(crate) lookups: Pool,
    /// The lanes' own, and one for the heartbeat.
    pub(crate) writers: Pool,
    reaper: JoinHandle<()>,
}

impl Pools {
    /// Opens what is always open, so that the first swipe does not wait for it. What cannot be opened now is
    /// tried again, and its reason told, when it is needed.
    ///
    /// # Errors
    /// The URL cannot be read.
    pub(crate) async fn open(options: &Options, memory: &Memory) -> Result<Self, StoreError> {
        let (readers, lookups) = (readers(options)?, lookups(options)?);
        let writers = writers(options, memory.clone())?;
        for (pool, count) in
            [(&readers, options.readers_min), (&lookups, options.lookups), (&writers, options.lanes + 1)]
        {
            let opened = join_all((0..count).map(|_| pool.get())).await;
            drop(opened);
        }
        let reaper = tokio::spawn(reap(readers.clone(), options.readers_min, options.idle_timeout));
        Ok(Self { readers, lookups, writers, reaper })
    }

    pub(crate) fn uses(&self) -> Vec<PoolUse> {
        let pools = [("reads", &self.readers), ("lookups", &self.lookups), ("lanes", &self.writers)];
        let of = |(pool, of): (&'static str, &Pool)| {
            let status = of.status();
            PoolUse {
                pool,
                max: status.max_size,
                total: status.size,
                idle: status.available,
                waiting: status.waiting,
            }
        };
        pools.map(of).to_vec()
    }
}

impl Drop for Pools {
    fn drop(&mut self) {
        self.reaper.abort();
    }
}

/// Closes connections that nobody used for so long, but for so many.
async fn reap(pool: Pool, keep: usize, idle: Duration) {
    let mut ticks = tokio::time::interval((idle / 4).max(Duration::from_millis(1)));
    loop {
        ticks.tick().await;
        let mut open = pool.status().size;
        pool.retain(|_, metrics| {
            let stays = open <= keep || metrics.last_used() < idle;
            open -= usize::from(!stays);
            stays
        });
    }
}

fn readers(options: &Options) -> Result<Pool, StoreError> {
    let timeout = options.statement_timeout.as_millis();
    // The inbox is changed over them, and what it takes is acknowledged. To compile a statement takes longer than to
    // run it, however much the planner expects of it.
    let settings = format!("-c jit=off -c statement_timeout={timeout} -c synchronous_commit=on");
    let limits = Limits { wait: options.connect_timeout, create: options.connect_timeout };
    build(Purpose::Reads, pool(options, &settings, options.readers_max, limits)?)
}

fn lookups(options: &Options) -> Result<Pool, StoreError> {
    let timeout = options.lane_timeout.as_millis();
    let settings =
        format!("-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c statement_timeout={timeout}");
    build(Purpose::Lookups, pool(options, &settings, options.lookups, Limits::of_swipes(options))?)
}

/// Each statement is planned once a connection: to plan one anew for each batch takes longer than to run it.
/// A plan that was made while the tables were small must not read large ones from one end to the other. No
/// connection is used on which a commit could be lost: settings can differ from one to the next.
fn writers(options: &Options, memory: Memory) -> Result<Pool, StoreError> {
    let settings = format!(
        "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off \
         -c statement_timeout={} -c lock_timeout={} -c idle_in_transaction_session_timeout={} -c tcp_user_timeout={}",
        options.lane_timeout.as_millis(),
        options.lock_timeout.as_millis(),
        options.lane_timeout.as_millis(),
        // Whom the server sends to may be gone: it waits for him no longer, and lets his locks go.
        options.lane_timeout.as_millis(),
    );
    // The time to make a connection does not count for it: a link may hang just then.
    let limit = options.lane_timeout + options.lock_timeout;
    let is_safe = Hook::async_fn(move |client, _| {
        memory.forget_all();
        Box::pin(async move {
            let checked = tokio::time::timeout(limit, guards::check_ledger(client)).await;
            checked.unwrap_or_else(|_| Err(StoreError::Unavailable(SILENT.into()))).map_err(|error| {
                match error {
                    StoreError::Unavailable(why) => HookError::message(why),
                    other => HookError::message(other.to_string()),
                }
            })
        })
    });
    let pool = pool(options, &settings, options.lanes + 1, Limits::of_swipes(options))?;
    build(Purpose::Lanes, pool.post_create(is_safe))
}

/// How long a pool lets somebody wait.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// For one of its connections to be free.
    wait: Duration,
    /// For another one to be made.
    create: Duration,
}

impl Limits {
    /// Those where swipes wait, who have no more time than that.
    fn of_swipes(options: &Options) -> Self {
        let longest = options.connect_timeout;
        Self {
            wait: options.lane_timeout.min(longest),
            create: (options.lane_timeout + options.lock_timeout).min(longest),
        }
    }
}

fn pool(options: &Options, settings: &str, size: usize, limits: Limits) -> Result<PoolBuilder, StoreError> {
    let mut config = options.config(SERVER, limits.create)?;
    let given = config.get_options().map(str::to_owned).unwrap_or_default();
    config.options(format!("{given} {settings}"));
    let recycling_method = RecyclingMethod::Fast;
    let tls = tls::connector(options.ca_file.as_deref())?;
    let manager = Manager::from_config(config, tls, ManagerConfig { recycling_method });
    let (wait, create) = (Some(limits.wait), Some(limits.create));
    let timeouts = Timeouts { wait, create, recycle: create };
    // The last one used knows most statements; those that nobody needs stay idle and can be closed.
    let pool = deadpool_postgres::Pool::builder(manager).max_size(size).queue_mode(QueueMode::Lifo);
    Ok(pool.runtime(Runtime::Tokio1).timeouts(timeouts))
}

fn build(purpose: Purpose, pool: PoolBuilder) -> Result<Pool, StoreError> {
    let built = pool.build().map(|pool| Pool { purpose, pool });
    built.map_err(|error| StoreError::Unavailable(error.to_string()))
}
