//! What several statements read of one moment.

use bursar_store::StoreError;
use deadpool_postgres::Client;
use futures_util::future::try_join;
use tokio_postgres::Row;

use super::Parameter;
use crate::error::before_commit;
use crate::ledger::Clean;
use crate::load;
use crate::pools::Pool;

/// A transaction that only reads, on a connection that nobody else has: what is committed after its first
/// statement does not show. One that is dropped before its end closes its connection.
pub(super) struct Snapshot(Clean);

impl Snapshot {
    /// Begins, and runs the first statement in the same flight.
    pub(super) async fn begin(
        pool: &Pool,
        select: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<(Self, Vec<Row>), StoreError> {
        let client = Clean::take(pool).await?;
        // The order in which futures are polled first is the order on the wire.
        let begun = client.batch_execute("begin isolation level repeatable read read only");
        let rows = load::query(&client, select, true, parameters);
        let ((), rows) = try_join(begun, rows).await.map_err(|error| before_commit(&error))?;
        Ok((Self(client), rows))
    }

    /// The rows of a statement.
    pub(super) async fn query(
        &self,
        select: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        load::query(&self.0, select, true, parameters).await.map_err(|error| before_commit(&error))
    }

    /// For reads that lanes make, too.
    pub(super) fn client(&self) -> &Client {
        &self.0
    }

    /// Ends it; the connection is good for another.
    pub(super) async fn end(self) -> Result<(), StoreError> {
        self.0.batch_execute("commit").await.map_err(|error| before_commit(&error))?;
        self.0.give_back();
        Ok(())
    }
}
