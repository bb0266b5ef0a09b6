//! Both ends of a copy: a file that is read, and a file that is filled.

mod columns;

use std::path::{Path, PathBuf};

use bursar_store::books::Books;
use bursar_store::copy::{Row, Side, Source, Table, Target, Value};
use bursar_store::{Identity, StoreError};
use jiff::Timestamp;
use rusqlite::{Connection, TransactionBehavior};
use uuid::Uuid;

use crate::books::SqliteBooks;
use crate::connection::{Synchronous, Tuning, keep_log_on_close, open_writer};
use crate::error::{before_commit, of_read};
use crate::folder::DataFolder;
use crate::{identity, schema};
use columns::{Heads, delete, insert, select};

/// The ledger of a data folder, to be read. No server starts on the folder meanwhile; one that runs
/// already is found out at the end.
pub struct SqliteSource {
    books: SqliteBooks,
    folder: PathBuf,
    /// `None` while a server has it.
    lock: Option<DataFolder>,
    /// Changes when anybody commits after the snapshot.
    data_version: i64,
}

impl SqliteSource {
    /// Takes the snapshot, and the folder if no server has it.
    ///
    /// # Errors
    /// There is no ledger, it cannot be read, or SQLite finds the file damaged.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let books = SqliteBooks::open(folder)?;
        let data_version = data_version(&books.connection)?;
        let lock = take_unless_in_use(folder)?;
        Ok(Self { books, folder: folder.to_owned(), lock, data_version })
    }
}

fn take_unless_in_use(folder: &Path) -> Result<Option<DataFolder>, StoreError> {
    match DataFolder::take(folder) {
        Ok(lock) => Ok(Some(lock)),
        Err(StoreError::InUse(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

fn data_version(connection: &Connection) -> Result<i64, StoreError> {
    let version = connection.query_row("pragma data_version", [], |row| row.get(0));
    version.map_err(|error| of_read(&error))
}

impl Side for SqliteSource {
    fn identity(&mut self) -> Result<Identity, StoreError> {
        self.books.identity()
    }

    fn rows(
        &mut self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        select(&self.books.connection, table, after, limit)
    }
}

impl Source for SqliteSource {
    fn books(&mut self) -> &mut dyn Books {
        &mut self.books
    }

    fn count(&mut self, table: &'static Table) -> Result<u64, StoreError> {
        let select = format!("select count(*) from {}", table.name);
        let count = self.books.connection.query_row(&select, [], |row| row.get::<_, i64>(0));
        Ok(count.map_err(|error| of_read(&error))?.unsigned_abs())
    }

    fn moved_on(&mut self) -> Result<Option<String>, StoreError> {
        if self.lock.is_none() {
            self.lock = take_unless_in_use(&self.folder)?;
        }
        let folder = self.folder.display();
        if self.lock.is_none() {
            return Ok(Some(format!("a server runs on {folder}")));
        }
        let connection = &self.books.connection;
        connection.execute_batch("commit").map_err(|error| of_read(&error))?;
        if data_version(connection)? != self.data_version {
            return Ok(Some(format!("something was committed in {folder} meanwhile")));
        }
        let count = connection.query_row("select count(*) from inbox", [], |row| row.get(0));
        Ok(bursar_store::copy::left_behind(count.map_err(|error| of_read(&error))?))
    }
}

/// The ledger of a data folder, to be filled. Nobody else has the folder meanwhile.
pub struct SqliteTarget {
    connection: Connection,
    heads: Option<Heads>,
    folder: DataFolder,
}

impl SqliteTarget {
    /// Takes the folder, and makes it and the schema if nothing is there.
    ///
    /// # Errors
    /// [`StoreError::InUse`], or the file is none that this Bursar could fill. Then nothing was written.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let folder = DataFolder::take(folder)?;
        let tuning = Tuning { synchronous: Synchronous::Full, cache_kib: 262_144 };
        let file = DataFolder::ledger_file(folder.path());
        refuse_other_file(folder.path())?;
        let mut connection = open_writer(&file, tuning, true)?;
        schema::bring_up_to_date(&mut connection)?;
        let prepare = || {
            // Nobody waits for an answer here: each commit may do what a server does beside its own.
            connection.pragma_update(None, "wal_autocheckpoint", 20_000)?;
            keep_log_on_close(&connection, false)
        };
        prepare().map_err(|error| before_commit(&error))?;
        Ok(Self { connection, heads: None, folder })
    }
}

/// A ledger of an older schema is nobody's unfinished copy, and not empty either.
fn refuse_other_file(folder: &Path) -> Result<(), StoreError> {
    let schema = schema::schema(folder)?;
    let file = DataFolder::ledger_file(folder);
    if schema.found > 0 {
        return schema.refuse_outdated();
    }
    if std::fs::metadata(&file).is_ok_and(|metadata| metadata.len() > 0)
        && !schema::is_blank(&crate::connection::open_reader(&file)?)?
    {
        return Err(StoreError::Unavailable(format!(
            "{} is a database of something else; name an empty folder",
            file.display()
        )));
    }
    Ok(())
}

impl SqliteTarget {
    /// Runs it in a transaction of its own.
    fn commit(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Result<(), StoreError> {
        let run = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            work(&transaction)?;
            transaction.commit()
        };
        run().map_err(|error| before_commit(&error))
    }
}

impl Side for SqliteTarget {
    fn identity(&mut self) -> Result<Identity, StoreError> {
        identity::read(&self.connection)
    }

    fn rows(
        &mut self,
        table: &'static Table,
        after: Option<&[Value]>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        select(&self.connection, table, after, limit)
    }
}

impl Target for SqliteTarget {
    fn begin(&mut self, source: Uuid) -> Result<(), StoreError> {
        self.commit(|connection| identity::begin_copy(connection, source))
    }

    fn write(&mut self, table: &'static Table, rows: Vec<Row>) -> Result<(), StoreError> {
        let mut heads = match self.heads.take() {
            Some(heads) => heads,
            None => Heads::read(&self.connection).map_err(|error| of_read(&error))?,
        };
        self.commit(|connection| insert(connection, table, &rows, &mut heads))?;
        self.heads = Some(heads);
        Ok(())
    }

    fn remove(&mut self, table: &'static Table, keys: Vec<Row>) -> Result<(), StoreError> {
        self.commit(|connection| delete(connection, table, &keys))
    }

    /// All keys are old ones: nobody waits for them to get there.
    fn complete(&mut self) -> Result<(), StoreError> {
        const KEYS: &str = "
            delete from keys_young; delete from keys_grown; delete from keys_old;
            insert into keys_old (key, position)
                select message_key(token, source, scope, state), position from messages order by 1;";
        const LAST: &str = "
            update owners set last_position = last.position from (
                select owner, max(position) as position from messages where owner is not null group by owner
            ) as last where owners.id = last.owner;";
        const WORDS: &str = "
            insert into record_words (record_words) values ('delete-all');
            insert into record_words (rowid, words) select position, words from transaction_records;";
        self.commit(|connection| [KEYS, LAST, WORDS].iter().try_for_each(|of| connection.execute_batch(of)))
    }

    fn books(&mut self) -> Result<Box<dyn Books>, StoreError> {
        Ok(Box::new(SqliteBooks::open(self.folder.path())?))
    }

    fn finish(&mut self) -> Result<(), StoreError> {
        self.commit(|connection| identity::finish_copy(connection, Timestamp::now()))?;
        let folded = self.connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(()));
        folded.map_err(|error| before_commit(&error))
    }
}
