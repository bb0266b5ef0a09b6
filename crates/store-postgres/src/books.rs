//! One snapshot of the database for `bursar check`, beside running servers or without one.

use bursar_core::journal::CustomerEntry;
use bursar_core::window::Counters;
use bursar_core::{
    Account, AccountId, Answer, Control, Currency, EventId, JournalId, Message, MessageId, Owner, Program,
};
use bursar_store::books::{Books, EventsForgotten, Merge};
use bursar_store::{Identity, StoreError};
use tokio_postgres::Row;

use crate::connection::Options;
use crate::rows::{Read, account, control, count, currency, get, id, message, owner, program, window, word};
use crate::session::Session;
use crate::{identity, schema};

/// How many rows are fetched at a time.
const FETCHED: u32 = 1_000;

/// A snapshot of a ledger, read only: later commits do not show. Its methods wait for the server.
pub struct PostgresBooks {
    pub(crate) session: Session,
}

impl PostgresBooks {
    /// Connects and takes the snapshot.
    ///
    /// # Errors
    /// There is no ledger, or it cannot be read.
    pub fn open(options: &Options) -> Result<Self, StoreError> {
        Self::open_as(options, "bursar check")
    }

    /// The same; `application` is how the server shows the connection.
    pub(crate) fn open_as(options: &Options, application: &'static str) -> Result<Self, StoreError> {
        let session = Session::open(options, application)?;
        session.execute("begin isolation level repeatable read read only")?;
        session.run(|client| async move { schema::compare(&client).await?.refuse_outdated() })?;
        Ok(Self { session })
    }

    fn list<T>(&self, select: &str, read: impl Fn(&Row) -> Read<T>) -> Result<Vec<T>, StoreError> {
        Ok(self.session.rows(select)?.iter().map(read).collect::<Read<_>>()?)
    }

    /// Shows each row, some at a time: a ledger may be larger than memory.
    fn walk(&self, select: &str, mut visit: impl FnMut(&Row) -> Read<()>) -> Result<(), StoreError> {
        self.session.rows(&format!("declare walk no scroll cursor for {select}"))?;
        loop {
            let rows = self.session.rows(&format!("fetch {FETCHED} from walk"))?;
            if rows.is_empty() {
                return self.session.execute("close walk");
            }
            rows.iter().try_for_each(&mut visit)?;
        }
    }
}

impl Books for PostgresBooks {
    fn identity(&mut self) -> Result<Identity, StoreError> {
        self.session.run(|client| async move { identity::read(&client).await })
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
                number: get(row, 1)?,
                amount_minor: get(row, 2)?,
                balance_after_minor: get(row, 3)?,
            };
            Ok((entry, id(row, 4, JournalId::new)?, id(row, 5, MessageId::new)?))
        })
    }

    fn program_entries(&mut self) -> Result<Vec<(JournalId, Currency, i64)>, StoreError> {
        let select = "select journal, currency, amount_minor from program_entries";
        self.list(select, |row| Ok((id(row, 0, JournalId::new)?, word(row, 1, currency)?, get(row, 2)?)))
    }

    fn messages(&mut self, visit: &mut dyn FnMut(Message, Answer)) -> Result<(), StoreError> {
        let select = format!(
            "select {}, answer_code, answer from messages order by owner nulls first, owner_sequence",
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
            visit(id(row, 0, EventId::new)?, id(row, 1, MessageId::new)?, get(row, 2)?);
            Ok(())
        })
    }

    fn events_forgotten(&mut self) -> Result<Option<EventsForgotten>, StoreError> {
        let forgotten = self.list("select until, events from forgotten_events", |row| {
            Ok(EventsForgotten { until: get(row, 0)?, events: count(row, 1)? })
        })?;
        Ok(forgotten.first().copied())
    }

    /// Grouped without the index that is there to have none.
    fn repeated_keys(&mut self) -> Result<Vec<MessageId>, StoreError> {
        let select = "select (array_agg(id order by id))[1] from messages
                      group by token || '', source || '', scope + 0, state || '' having count(*) > 1";
        self.list(select, |row| id(row, 0, MessageId::new))
    }

    /// A message's key is in its row.
    fn lost_keys(&mut self) -> Result<Vec<MessageId>, StoreError> {
        Ok(Vec::new())
    }

    /// The same.
    fn stray_keys(&mut self) -> Result<Vec<i64>, StoreError> {
        Ok(Vec::new())
    }
}
