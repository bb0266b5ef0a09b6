//! The server's clock, by which all instances on a database decide, whatever their machines' clocks say.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bursar_store::StoreError;
use deadpool_postgres::Client;
use jiff::Timestamp;

use crate::error::{SILENT, before_commit};
use crate::ledger::{Clean, flight};
use crate::pools::Pool;

/// How often it is compared with the monotonic clock here: what these may drift apart until then is less
/// than a millisecond.
const COMPARED_EVERY: Duration = Duration::from_secs(30);

/// An answer that took longer tells too little.
const ROUND_TRIP_MAX: Duration = Duration::from_millis(250);

/// The server's clock as it was last compared.
#[derive(Clone)]
pub(crate) struct ServerClock(Arc<Mutex<Compared>>);

#[derive(Debug, Clone, Copy)]
struct Compared {
    server: Timestamp,
    here: Instant,
    round_trip: Duration,
}

impl ServerClock {
    /// Compares for the first time.
    ///
    /// # Errors
    /// The server's.
    pub(crate) async fn compared(client: &Client) -> Result<Self, StoreError> {
        Ok(Self(Arc::new(Mutex::new(compare(client).await?))))
    }

    pub(crate) fn now(&self) -> Timestamp {
        let compared = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        compared.at(Instant::now())
    }

    /// Compares again: it may have been set, or another server be there.
    pub(crate) async fn compare(&self, client: &Client) -> Result<(), StoreError> {
        let compared = compare(client).await?;
        if compared.round_trip <= ROUND_TRIP_MAX {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = compared;
        }
        Ok(())
    }

    /// Compares now and then.
    pub(crate) async fn keep(self, pool: Pool, limit: Duration) {
        loop {
            tokio::time::sleep(COMPARED_EVERY).await;
            let compared = async {
                let client = Clean::take(&pool).await?;
                self.compare(&client).await?;
                client.give_back();
                Ok(())
            };
            let silent = StoreError::Unavailable(SILENT.into());
            // What was compared last is good for long.
            let _: Result<(), StoreError> = flight(limit, silent, compared).await;
        }
    }
}

impl Compared {
    fn at(self, now: Instant) -> Timestamp {
        let since = now.duration_since(self.here);
        bursar_core::time::whole_microseconds(self.server.saturating_add(since).unwrap_or(Timestamp::MAX))
    }
}

async fn compare(client: &Client) -> Result<Compared, StoreError> {
    let statement = client.prepare_cached("select clock_timestamp()").await;
    let statement = statement.map_err(|error| before_commit(&error))?;
    let asked = Instant::now();
    let row = client.query_one(&statement, &[]).await.map_err(|error| before_commit(&error))?;
    let round_trip = asked.elapsed();
    Ok(Compared { server: row.get(0), here: asked + round_trip / 2, round_trip })
}
