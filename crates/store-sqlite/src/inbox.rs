//! The inbox: changed by the writer, and read beside it.

use std::time::Duration;

use async_trait::async_trait;
use bursar_store::{Clock, Counts, Inbox, Item, ItemKey, ItemState, NewItem, Page, Put, StoreError, later};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::error::before_commit;
use crate::ledger::SqliteLedger;
use crate::rows::{Blob16, FromWord, Micros, id, word};

const COLUMNS: &str = "id, kind, token, notice_state, content, state, failures, why_first, why, received_at,
                       due_at";

/// The folder is this process's alone: whoever had leases is gone.
pub(crate) fn end_leases(connection: &Connection, clock: &Clock) -> Result<(), StoreError> {
    let end = "update inbox set due_at = ?1 where state = 'waiting' and due_at > ?1";
    let ended = connection.execute(end, [Micros(clock.now())]);
    ended.map(|_| ()).map_err(|error| before_commit(&error))
}

#[async_trait]
impl Inbox for SqliteLedger {
    async fn put(&self, items: Vec<NewItem>) -> Result<Vec<Put>, StoreError> {
        self.change(move |connection, now| items.iter().map(|item| put(connection, item, now)).collect())
            .await
    }

    async fn take(&self, limit: u32, lease: Duration) -> Result<Vec<Item>, StoreError> {
        self.change(move |connection, now| take(connection, limit, (now, later(now, lease)))).await
    }

    async fn done(&self, ids: Vec<Uuid>) -> Result<(), StoreError> {
        let done = move |connection: &Connection, _| {
            let mut delete = connection.prepare_cached("delete from inbox where id = ?1")?;
            ids.iter().try_for_each(|id| delete.execute([Blob16(*id)]).map(|_| ()))
        };
        self.change(done).await
    }

    async fn failed(&self, item: &Item, why: &str) -> Result<bool, StoreError> {
        let (item, why) = (item.clone(), why.to_owned());
        self.change(move |connection, now| failed(connection, &item, &why, now)).await
    }

    async fn again(&self, id: Uuid, content: Option<Vec<u8>>) -> Result<bool, StoreError> {
        let again = move |connection: &Connection, now| {
            let update =
                "update inbox set state = 'waiting', failures = 0, why_first = null, why = null, due_at = ?2,
                          content = coalesce(?3, content) where id = ?1 and state <> 'waiting'";
            Ok(connection.prepare_cached(update)?.execute(params![Blob16(id), Micros(now), content])? > 0)
        };
        self.change(again).await
    }

    async fn dismiss(&self, id: Uuid) -> Result<bool, StoreError> {
        let dismiss = move |connection: &Connection, _| {
            let delete = "delete from inbox where id = ?1 and state <> 'waiting'";
            Ok(connection.prepare_cached(delete)?.execute([Blob16(id)])? > 0)
        };
        self.change(dismiss).await
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        self.readers.read(counts).await
    }

    async fn find_item(&self, id: Uuid) -> Result<Option<Item>, StoreError> {
        let select = format!("select {COLUMNS} from inbox where id = ?1");
        let find = move |connection: &Connection| {
            connection.prepare_cached(&select)?.query_row([Blob16(id)], read).optional()
        };
        self.readers.read(find).await
    }

    async fn list_items(&self, state: ItemState, page: Page<Uuid>) -> Result<Vec<Item>, StoreError> {
        let columns = COLUMNS.replace("content", "x''");
        let select = format!("select {columns} from inbox where state = ?1 and id > ?2 order by id limit ?3");
        let after = page.after.unwrap_or(Uuid::nil());
        let list = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(&select)?;
            statement.query_map(params![state.as_str(), Blob16(after), page.limit], read)?.collect()
        };
        self.readers.read(list).await
    }
}

fn put(connection: &Connection, item: &NewItem, now: Timestamp) -> rusqlite::Result<Put> {
    let ItemKey { kind, token, state } = &item.key;
    let insert =
        "insert into inbox (id, kind, token, notice_state, hash, content, state, why, received_at, due_at)
                  values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
                  on conflict (kind, token, notice_state, hash) do nothing";
    let stored = connection.prepare_cached(insert)?.execute(params![
        Blob16(item.id),
        kind,
        token,
        state,
        item.hash,
        item.content,
        item.state().as_str(),
        item.quarantined,
        Micros(now)
    ])?;
    if stored == 0 {
        return Ok(Put::Known);
    }
    let others = "select count(*) from inbox where kind = ?1 and token = ?2 and notice_state = ?3";
    let others: i64 = connection.prepare_cached(others)?.query_row([kind, token, state], |row| row.get(0))?;
    let is_changed = others > 1 && !token.is_empty();
    Ok(if is_changed { Put::Changed } else { Put::New })
}

fn take(
    connection: &Connection,
    limit: u32,
    (now, until): (Timestamp, Timestamp),
) -> rusqlite::Result<Vec<Item>> {
    let take = format!(
        "update inbox set due_at = ?2 where id in
         (select id from inbox where state = 'waiting' and due_at <= ?1 order by due_at, id limit ?3)
         returning {COLUMNS}"
    );
    let mut take = connection.prepare_cached(&take)?;
    take.query_map(params![Micros(now), Micros(until), limit], read)?.collect()
}

fn failed(connection: &Connection, item: &Item, why: &str, now: Timestamp) -> rusqlite::Result<bool> {
    let (state, due_at) = item.after_failure(now);
    let update =
        "update inbox set failures = failures + 1, why_first = coalesce(why_first, ?3), why = ?3, state = ?4,
                  due_at = ?5
                  where id = ?1 and due_at = ?2 and state = 'waiting'";
    let counted = connection.prepare_cached(update)?.execute(params![
        Blob16(item.id),
        Micros(item.due_at),
        why,
        state.as_str(),
        Micros(due_at)
    ])?;
    Ok(counted > 0)
}

fn counts(connection: &Connection) -> rusqlite::Result<Counts> {
    let mut select = connection.prepare_cached("select state, count(*) from inbox group by state")?;
    let mut rows = select.query([])?;
    let mut counts = Counts::default();
    while let Some(row) = rows.next()? {
        let count: i64 = row.get(1)?;
        counts = counts.with(word(row, 0)?, count.unsigned_abs());
    }
    Ok(counts)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Item> {
    Ok(Item {
        id: id(row, 0, |id| id)?,
        key: ItemKey { kind: row.get(1)?, token: row.get(2)?, state: row.get(3)? },
        content: row.get(4)?,
        state: word(row, 5)?,
        failures: row.get(6)?,
        why_first: row.get(7)?,
        why: row.get(8)?,
        received_at: row.get::<_, Micros>(9)?.0,
        due_at: row.get::<_, Micros>(10)?.0,
    })
}

impl FromWord for ItemState {
    fn from_column(text: &str) -> Option<Self> {
        Self::from_word(text)
    }
}
