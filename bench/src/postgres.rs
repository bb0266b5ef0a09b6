//! PostgreSQL: a database for each server that is measured, and what one transaction an authorization does
//! on the same server without any Bursar.

use std::path::PathBuf;
use std::time::Duration;

use tokio::process::Command;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use crate::Error;

/// A database that is made empty, and dropped in the end.
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// `server` is the URL of any database of the server, of a role that may make others.
    pub(crate) async fn create(server: &str) -> Result<Self, Error> {
        let name = format!("bursar_bench_{}", Uuid::new_v4().simple());
        connect(server).await?.batch_execute(&format!("create database {name}")).await?;
        Ok(Self { server: server.to_owned(), name })
    }

    pub(crate) fn url(&self) -> String {
        let (server, _) = self.server.rsplit_once('/').unwrap_or((&self.server, ""));
        format!("{server}/{}", self.name)
    }

    /// Has the server do now what it would begin at some time in the next load: clean up what earlier ones left, and write it.
    pub(crate) async fn tidy(&self) -> Result<(), Error> {
        let client = connect(&self.url()).await?;
        for statement in ["vacuum (analyze)", "checkpoint"] {
            client.batch_execute(statement).await?;
        }
        Ok(())
    }

    pub(crate) async fn drop(self) -> Result<(), Error> {
        let drop = format!("drop database {} with (force)", self.name);
        Ok(connect(&self.server).await?.batch_execute(&drop).await?)
    }
}

async fn connect(url: &str) -> Result<Client, Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Authorizations a second, each a transaction of its own: lock, check, update, two inserts, commit. The
/// rows are of about the size of Bursar's; there are no rules, no windows, no HTTP.
pub(crate) async fn one_transaction_each(
    server: &str,
    accounts: usize,
    clients: u32,
    time: Duration,
) -> Result<f64, Error> {
    let database = Database::create(server).await?;
    let tables = include_str!("one_transaction_each/tables.sql").replace(":accounts", &accounts.to_string());
    connect(&database.url()).await?.batch_execute(&tables).await?;
    let script = tempfile::Builder::new().suffix(".sql").tempfile()?;
    std::fs::write(script.path(), include_str!("one_transaction_each/authorization.sql"))?;
    let output = Command::new(pgbench())
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2", &format!("--client={clients}")])
        .args([format!("--time={}", time.as_secs()), format!("--define=accounts={accounts}")])
        .arg("--file")
        .arg(script.path())
        .arg(database.url())
        .output()
        .await
        .map_err(|error| format!("pgbench cannot be started ({error}); it comes with PostgreSQL"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let rate = text.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    let words = || format!("pgbench printed no rate:\n{text}{}", String::from_utf8_lossy(&output.stderr));
    let rate = rate.ok_or_else(words)?;
    database.drop().await?;
    Ok(rate)
}

/// Debian keeps it beside the server.
fn pgbench() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let programs = versions.map(|version| version.path().join("bin/pgbench"));
    programs.filter(|program| program.exists()).max().unwrap_or_else(|| PathBuf::from("pgbench"))
}
