//! Both ends of a copy: a database that is read, and a database that is filled.

mod columns;

use bursar_store::books::Books;
use bursar_store::copy::{Row, Side, Source, TABLES, Table, Target, Value};
use bursar_store::{Identity, StoreError};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::books::PostgresBooks;
use crate::connection::{Options, SERVER};
use crate::error::before_commit;
use crate::rows::{count, get};
use crate::session::Session;
use crate::{guards, identity, schema};
use columns::{delete, insert, select};

/// How the server shows the connections of a copy.
const APPLICATION: &str = "bursar copy";

/// Held by the one copy that fills the database.
const COPYING: i64 = 0x62_75_72_73_61_73;

/// A ledger in a database, to be read. Servers may run on it meanwhile; that is found out at the end.
pub struct PostgresSource {
    books: PostgresBooks,
    /// What each table has in the snapshot.
    contents: Vec<Contents>,
}

/// Tables whose rows change without a row more. Whatever changes another one adds a message.
const CHANGING: [&str; 7] = [
    "outbox",
    "forgotten_events",
    "sweeps",
    "dead_letters",
    "endpoints",
    "notifications",
    "transaction_records",
];

/// What a table has, to be compared.
#[derive(PartialEq, Eq)]
struct Contents {
    rows: u64,
    /// A sum over all of them, of a table whose rows change.
    sum: String,
}

impl PostgresSource {
    /// Connects and takes the snapshot.
    ///
    /// # Errors
    /// There is no ledger, or it cannot be read.
    pub fn open(options: &Options) -> Result<Self, StoreError> {
        let books = PostgresBooks::open_as(options, APPLICATION)?;
        let contents = contents(&books.session)?;
        Ok(Self { books, contents })
    }
}

fn contents(session: &Session) -> Result<Vec<Contents>, StoreError> {
    let content = |table: &Table| {
        let sum = match CHANGING.contains(&table.name) {
            true => format!("sum(hashtextextended(row({})::text, 0))", table.list()),
            false => "0".to_owned(),
        };
        let rows = session.rows(&format!("select count(*), coalesce({sum}, 0)::text from {}", table.name))?;
        let row = rows.first().ok_or_else(|| StoreError::Corrupt("no count".into()))?;
        Ok(Contents { rows: count(row, 0)?, sum: get(row, 1)? })
    };
    TABLES.iter().map(content).collect()
}

/// How many connections of Bursars that serve the database has.
async fn servers(client: &Client) -> Result<i64, StoreError> {
    let select = "select count(*) from pg_stat_activity
                  where datname = current_database() and application_name = $1";
    let count = client.query_one(select, &[&SERVER]).await.map_err(|error| before_commit(&error))?;
    Ok(get(&count, 0)?)
}

impl Side for PostgresSource {
    fn identity(&mut self) -> Result<Identity, StoreError> {
        self.books.identity()
    }

    fn rows(
        &mut self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        select(&self.books.session, table, after, limit)
    }
}

impl Source for PostgresSource {
    fn books(&mut self) -> &mut dyn Books {
        &mut self.books
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        let place = TABLES.iter().position(|of| of == table);
        Ok(place.and_then(|place| self.contents.get(place)).map(|of| of.rows).unwrap_or_default())
    }

    fn moved_on(&mut self) -> Result<Option<String>, StoreError> {
        let session = &self.books.session;
        session.execute("commit")?;
        // First who could write, then what was written: nobody is between the two.
        let servers = session.run(|client| async move { servers(&client).await })?;
        if servers > 0 {
            return Ok(Some(format!("{servers} connections of servers are open on the source's database")));
        }
        if contents(session)? != self.contents {
            return Ok(Some("something was committed in the source's database meanwhile".to_owned()));
        }
        let rows = session.rows("select count(*) from inbox")?;
        let count = rows.first().map(|row| get(row, 0)).transpose()?;
        Ok(bursar_store::copy::left_behind(count.unwrap_or(0)))
    }
}

/// A database that is filled with a ledger. No other copy fills it meanwhile, and no server runs on it.
pub struct PostgresTarget {
    session: Session,
    options: Options,
}

impl PostgresTarget {
    /// Connects, and makes the schema if nothing is there.
    ///
    /// # Errors
    /// Another copy or a server has the database, or it is none that this Bursar could fill. Then nothing
    /// was written.
    pub fn open(options: &Options) -> Result<Self, StoreError> {
        let session = Session::open(options, APPLICATION)?;
        let is_blank = session.run(|client| async move {
            guards::check(&client).await?;
            lock(&client).await?;
            refuse_servers(&client).await?;
            is_blank(&client).await
        })?;
        if is_blank {
            let options = options.clone();
            session.run(|_| async move { schema::migrate(&options).await })?;
        }
        Ok(Self { session, options: options.clone() })
    }
}

/// One copy at a time. The server may hear late that the last one was killed.
async fn lock(client: &Client) -> Result<(), StoreError> {
    let failed = |error: tokio_postgres::Error| before_commit(&error);
    client.batch_execute("set lock_timeout = '3s'").await.map_err(failed)?;
    if client.execute("select pg_advisory_lock($1)", &[&COPYING]).await.is_err() {
        return Err(StoreError::InUse("the target's database, by a copy that fills it,".into()));
    }
    client.batch_execute("set lock_timeout = 0").await.map_err(failed)
}

/// Whether there is nothing at all. A ledger of an older schema is nobody's unfinished copy, and not empty
/// either.
async fn is_blank(client: &Client) -> Result<bool, StoreError> {
    let schema = schema::compare(client).await?;
    if schema.found > 0 {
        return schema.refuse_outdated().map(|()| false);
    }
    let count = "select count(*) from pg_class
                 where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p')";
    let count = client.query_one(count, &[]).await.map_err(|error| before_commit(&error))?;
    match get::<i64>(&count, 0)? {
        0 => Ok(true),
        _ => Err(StoreError::Unavailable(
            "the target's database has tables of something else; name one of its own".into(),
        )),
    }
}

async fn refuse_servers(client: &Client) -> Result<(), StoreError> {
    match servers(client).await? {
        0 => Ok(()),
        count => {
            Err(StoreError::InUse(format!("the target's database, with {count} connections of a server,")))
        }
    }
}

async fn begin(client: &Client, source: Uuid) -> Result<(), StoreError> {
    refuse_servers(client).await?;
    let mark = "update identity set copy_of = $1, copied_at = null where id = 1";
    client.execute(mark, &[&source]).await.map(|_| ()).map_err(|error| before_commit(&error))
}

impl Side for PostgresTarget {
    fn identity(&mut self) -> Result<Identity, StoreError> {
        self.session.run(|client| async move { identity::read(&client).await })
    }

    fn rows(
        &mut self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        select(&self.session, table, after, limit)
    }
}

impl Target for PostgresTarget {
    /// Whoever opens the ledger waits for the mark; whoever had opened it shows among the connections.
    fn begin(&mut self, source: Uuid) -> Result<(), StoreError> {
        self.session.run(move |client| async move {
            let failed = |error: tokio_postgres::Error| before_commit(&error);
            let lock = "begin; lock table identity in access exclusive mode";
            client.batch_execute(lock).await.map_err(failed)?;
            let begun = begin(&client, source).await;
            let end = if begun.is_ok() { "commit" } else { "rollback" };
            client.batch_execute(end).await.map_err(failed)?;
            begun
        })
    }

    fn write(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), StoreError> {
        let insert = insert(table, rows)?;
        self.session.run(|client| async move { insert.execute(&client).await }).map(|_| ())
    }

    fn remove(&mut self, table: &'static Table, keys: Vec<Row>) -> Result<(), StoreError> {
        self.session.run(move |client| async move { delete(&client, table, keys).await })
    }

    /// Positions go on behind the last, and plans know how large the tables are.
    fn complete(&mut self) -> Result<(), StoreError> {
        for table in TABLES {
            if table.is_numbered() {
                self.session.rows(&format!(
                    "select setval(pg_get_serial_sequence('{0}', 'position'), max(position)) from {0}",
                    table.name
                ))?;
            }
            self.session.execute(&format!("analyze {}", table.name))?;
        }
        Ok(())
    }

    fn books(&mut self) -> Result<Box<dyn Books>, StoreError> {
        Ok(Box::new(PostgresBooks::open_as(&self.options, APPLICATION)?))
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        self.session.execute("update identity set copied_at = clock_timestamp() where id = 1")
    }
}
