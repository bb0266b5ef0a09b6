//! Which ledger the database keeps.

use bursar_store::{Identity, StoreError};
use tokio_postgres::{Client, Row};

use crate::error::before_commit;
use crate::rows::get;

pub(crate) const SELECT: &str = "select ledger, copy_of, copied_at from identity where id = 1";

/// Reads it. A ledger without one is damaged.
pub(crate) async fn read(client: &Client) -> Result<Identity, StoreError> {
    of(client.query_opt(SELECT, &[]).await.map_err(|error| before_commit(&error))?)
}

pub(crate) fn of(row: Option<Row>) -> Result<Identity, StoreError> {
    let row = row.ok_or_else(|| StoreError::Corrupt("the ledger's identity is not there".into()))?;
    Ok(Identity { id: get(&row, 0)?, copy_of: get(&row, 1)?, copied_at: get(&row, 2)? })
}
