//! The schema of the database, and what brings it up to date.

use bursar_store::StoreError;
use bursar_store::schema::{Applied, Known, Migration, Schema};
use tokio_postgres::{Client, Row};

use crate::connection::{Options, connect};
use crate::error::{before_commit, words};
use crate::rows::{Read, get};

mod migrations {
    refinery::embed_migrations!("migrations");
}

/// Held while the schema is brought up to date: instances that start at once do it one after another.
const MIGRATING: i64 = 0x62_75_72_73_61_72;

/// How long a step waits for a table that somebody uses. Whoever comes after it waits behind it: better
/// no start now than swipes without a decision.
const LOCK_TIMEOUT: &str = "set lock_timeout = '2s'";

/// How long a start waits for another one that brings the schema up to date.
const PATIENCE: &str = "set lock_timeout = '60s'";

/// Where the schema is. Changes nothing.
///
/// # Errors
/// [`StoreError::NewerSchema`], [`StoreError::OtherSchema`], or why the database cannot be read.
pub async fn schema(options: &Options) -> Result<Schema, StoreError> {
    let (client, connection) = connect(options, "bursar migrate").await?;
    let connection = tokio::spawn(connection);
    let schema = compare(&client).await;
    drop(client);
    let _ = connection.await;
    schema
}

/// Brings the schema up to date; what ran is what was pending in the schema that is returned.
///
/// # Errors
/// As those of [`schema`]: then nothing is touched.
pub async fn migrate(options: &Options) -> Result<Schema, StoreError> {
    let failed = |error: tokio_postgres::Error| before_commit(&error);
    let (mut client, connection) = connect(options, "bursar migrate").await?;
    let connection = tokio::spawn(connection);
    let mut migrated = compare(&client).await;
    if migrated.as_ref().is_ok_and(|schema| !schema.pending.is_empty()) {
        client.batch_execute(PATIENCE).await.map_err(failed)?;
        client.execute("select pg_advisory_lock($1)", &[&MIGRATING]).await.map_err(failed)?;
        client.batch_execute(LOCK_TIMEOUT).await.map_err(failed)?;
        migrated = bring_up_to_date(&mut client).await;
    }
    // With the connection the lock goes, too.
    drop(client);
    let _ = connection.await;
    migrated
}

async fn bring_up_to_date(client: &mut Client) -> Result<Schema, StoreError> {
    let found = compare(client).await?;
    if found.pending.is_empty() {
        // A server that only reads has nothing to do here, and is told so by the probe.
        return Ok(found);
    }
    let runner = migrations::migrations::runner();
    let migrated = runner.set_abort_divergent(true).set_abort_missing(true).run_async(client).await;
    migrated.map(|_| found).map_err(|error| {
        StoreError::Unavailable(format!("the schema cannot be brought up to date: {}", cause(&error)))
    })
}

/// The server's words, which lie under those of who asked it.
fn cause(error: &(dyn std::error::Error + 'static)) -> String {
    let from_server = error.downcast_ref().map(words);
    from_server.or_else(|| error.source().map(cause)).unwrap_or_else(|| error.to_string())
}

/// Where the schema is.
pub(crate) async fn compare(client: &Client) -> Result<Schema, StoreError> {
    let failed = |error: tokio_postgres::Error| before_commit(&error);
    let exists = "select to_regclass('refinery_schema_history') is not null";
    let applied = match client.query_one(exists, &[]).await.map_err(failed)?.get(0) {
        true => {
            let select = "select version::bigint, name, coalesce(checksum, '') from refinery_schema_history
                          order by version";
            client.query(select, &[]).await.map_err(failed)?
        }
        false => Vec::new(),
    };
    let applied: Vec<Applied> = applied.iter().map(read).collect::<Read<_>>()?;
    Schema::compare(known(), &applied)
}

fn read(row: &Row) -> Read<Applied> {
    Ok(Applied { version: get(row, 0)?, name: get(row, 1)?, checksum: get(row, 2)? })
}

fn known() -> Vec<Known> {
    let known = |of: &refinery::Migration| Known {
        migration: Migration {
            version: i64::from(of.version()),
            name: of.name().to_owned(),
            sql: of.sql().unwrap_or_default().to_owned(),
        },
        checksum: of.checksum().to_string(),
    };
    migrations::migrations::runner().get_migrations().iter().map(known).collect()
}
