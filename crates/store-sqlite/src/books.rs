//! One snapshot of the file for `bursar check`, beside a running server or without one.

use std::path::Path;

use bursar_core::journal::CustomerEntry;
use bursar_core::window::Counters;
use bursar_core::{
    Account, AccountId, Answer, Control, Currency, EventId, JournalId, Message, MessageId, Owner, Program,
};
use bursar_store::books::{Books, EventsForgotten, Merge};
use bursar_store::{Identity, StoreError};
use rusqlite::{Connection, Row};

use crate::connection::open_reader;
use crate::error::of_read;
use crate::folder::DataFolder;
use crate::rows::{Micros, account, control, id, message, owner, program, window, word};
use crate::{identity, keys, schema};

/// A snapshot of a ledger, read only: later commits do not show.
pub struct SqliteBooks {
    pub(crate) connection: Connection,
}

impl SqliteBooks {
    /// Opens the ledger of a data folder and takes the snapshot.
    ///
    /// # Errors
    /// There is no ledger, it cannot be read, or SQLite finds the file damaged.
    pub fn open(folder: &Path) -> Result<Self, StoreError> {
        let file = DataFolder::ledger_file(folder);
        if !file.exists() {
            let problem =
                format!("there is no ledger at {}; name the folder or the database of one", file.display());
            return Err(StoreError::Unavailable(problem));
        }
        let books = Self { connection: open_reader(&file)? };
        books.query_one("begin")?;
        let found: String =
            books.read(|connection| connection.query_row("pragma quick_check", [], |row| row.get(0)))?;
        schema::compare(&books.connection)?.refuse_outdated()?;
        match found.as_str() {
            "ok" => Ok(books),
            damage => {
                let first = damage.lines().take(3).collect::<Vec<_>>().join("; ");
                let more = damage.lines().count().saturating_sub(3);
                let advice = "keep the folder as it is and restore a backup (docs/operations.md)";
                Err(StoreError::Corrupt(format!("{}: {first} ({more} lines more); {advice}", file.display())))
            }
        }
    }

    fn query_one(&self, statement: &str) -> Result<(), StoreError> {
        self.read(|connection| connection.execute_batch(statement))
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        read(&self.connection).map_err(|error| of_read(&error))
    }

    fn list<T>(
        &self,
        select: &str,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        self.read(|connection| connection.prepare(select)?.query_map([], |row| read(row))?.collect())
    }

    fn walk(
        &self,
        select: &str,
        mut visit: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), StoreError> {
        self.read(|connection| {
            let mut statement = connection.prepare(select)?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                visit(row)?;
            }
            Ok(())
        })
    }
}

impl Books for SqliteBooks {
    fn identity(&mut self) -> Result<Identity, StoreError> {
        identity::read(&self.connection)
    }

    fn owners(&mut self) -> Result<Vec<Owner>, StoreError> {
        self.list(&format!("select {} from owners", owner::COLUMNS), owner::read)
    }

    fn programs(&mut self) -> Result<Vec<Program>, StoreError> {
        self.list(&format!("select {} from programs", program::COLUMNS), program::read)
    }

    fn controls(&mut self) -> Result<Vec<Control>, StoreError> {
        self.list(&format!("select {} from controls order by id", control::COLUMNS), control::read)
    }

    fn counters(&mut self) -> Result<Vec<Counters>, StoreError> {
        self.list(&format!("select {} from windows", window::COLUMNS), window::read)
    }

    fn accounts(&mut self) -> Result<Vec<Account>, StoreError> {
        self.list(&format!("select {} from accounts", account::COLUMNS), account::read)
    }

    fn entries(&mut self) -> Result<Vec<(CustomerEntry, JournalId, MessageId)>, StoreError> {
        let select =
            "select account, number, amount_minor, balance_after_minor, journal, message from entries
                      order by account, number";
        self.list(select, |row| {
            let entry = CustomerEntry {
                account: id(row, 0, AccountId::new)?,
                number: row.get(1)?,
                amount_minor: row.get(2)?,
                balance_after_minor: row.get(3)?,
            };
            Ok((entry, id(row, 4, JournalId::new)?, id(row, 5, MessageId::new)?))
        })
    }

    fn program_entries(&mut self) -> Result<Vec<(JournalId, Currency, i64)>, StoreError> {
        let select = "select journal, currency, amount_minor from program_entries";
        self.list(select, |row| Ok((id(row, 0, JournalId::new)?, word(row, 1)?, row.get(2)?)))
    }

    fn messages(&mut self, visit: &mut dyn FnMut(Message, Answer)) -> Result<(), StoreError> {
        let select = format!(
            "select {}, answer_code, answer from messages order by owner, owner_sequence",
            message::COLUMNS
        );
        self.walk(&select, |row| {
            visit(message::read(row)?, message::read_answer(row, message::WIDTH)?);
            Ok(())
        })
    }

    fn merges(&mut self) -> Result<Vec<Merge>, StoreError> {
        self.list("select merged, root, message from merges", |row| {
            Ok(Merge {
                merged: id(row, 0, MessageId::new)?,
                root: id(row, 1, MessageId::new)?,
                message: id(row, 2, MessageId::new)?,
            })
        })
    }

    fn events(&mut self, visit: &mut dyn FnMut(EventId, MessageId, Option<i64>)) -> Result<(), StoreError> {
        self.walk("select event, message, owner_sequence from outbox", |row| {
            visit(id(row, 0, EventId::new)?, id(row, 1, MessageId::new)?, row.get(2)?);
            Ok(())
        })
    }

    fn events_forgotten(&mut self) -> Result<Option<EventsForgotten>, StoreError> {
        let forgotten = self.list("select until, events from forgotten_events", |row| {
            let (Micros(until), events) = (row.get(0)?, row.get::<_, i64>(1)?);
            Ok(EventsForgotten { until, events: events.unsigned_abs() })
        })?;
        Ok(forgotten.first().copied())
    }

    fn repeated_keys(&mut self) -> Result<Vec<MessageId>, StoreError> {
        let select = "select min(id) from messages not indexed group by token, source, scope, state
                      having count(*) > 1";
        self.list(select, |row| id(row, 0, MessageId::new))
    }

    fn lost_keys(&mut self) -> Result<Vec<MessageId>, StoreError> {
        self.list(keys::LOST, |row| id(row, 0, MessageId::new))
    }

    fn stray_keys(&mut self) -> Result<Vec<i64>, StoreError> {
        self.list(keys::STRAY, |row| row.get(0))
    }
}
