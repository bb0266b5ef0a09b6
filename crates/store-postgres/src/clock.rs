//! The server's clock, by which all instances on a database decide, whatever their machines' clocks say.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bursar_store::StoreError;
use deadpool_postgres::Client;
use jiff::Timestamp;

use crate::error::{SILENT, before_commit};
use crate::ledger::{Clean, flight};
use crate::pools::Pool;

/// How often it is compared with the monotonic clock here: until then they may drift some milliseconds apart.
const COMPARED_EVERY: Duration = Duration::from_secs(30);

/// An answer that took longer tells too little, unless the clock is beyond all that it leaves open.
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
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if compared.tells_more_than(&last) {
            *last = compared;
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
    fn tells_more_than(&self, last: &Self) -> bool {
        let apart = last.at(self.here).duration_until(self.server).unsigned_abs();
        self.round_trip <= ROUND_TRIP_MAX || self.round_trip < last.round_trip || apart > self.round_trip
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn compared(here: Instant, server_ms: i64, round_trip_ms: u64) -> Compared {
        let server = Timestamp::from_millisecond(server_ms).expect("a time");
        Compared { server, here, round_trip: Duration::from_millis(round_trip_ms) }
    }

    #[test]
    fn a_slow_answer_counts_where_the_clock_was_set_or_the_last_was_slower() {
        let here = Instant::now();
        let last = compared(here, 10_000, 10);
        for (server_ms, round_trip_ms, counts) in
            [(10_100, 200, true), (10_100, 300, false), (10_400, 300, true), (9_600, 300, true)]
        {
            let now = compared(here, server_ms, round_trip_ms);
            assert_eq!(now.tells_more_than(&last), counts, "{server_ms} after {round_trip_ms}");
        }
        assert!(compared(here, 10_100, 300).tells_more_than(&compared(here, 10_000, 3_000)));
    }
}
