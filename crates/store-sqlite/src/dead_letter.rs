//! Dead letters: changed by the writer, and read beside it.

use async_trait::async_trait;
use bursar_store::{
    DeadLetter, DeadLetterFilter, DeadLetterState, DeadLetters, NewDeadLetter, Page, Resolution, StoreError,
};
use jiff::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::change::FORGOTTEN_MAX;
use crate::ledger::SqliteLedger;
use crate::rows::{Blob16, FromWord, Micros, id, word};

const COLUMNS: &str =
    "id, message, queue, kind, body, reply_to, correlation_id, published_at, attempts, reason,
                       error_first, error_last, death, deaths, died_at, state, note, resolved_at";

#[async_trait]
impl DeadLetters for SqliteLedger {
    async fn bury(&self, letter: NewDeadLetter) -> Result<bool, StoreError> {
        self.change(move |connection, now| bury(connection, &letter, now)).await
    }

    async fn resolve(&self, letter: &DeadLetter, resolution: Resolution) -> Result<bool, StoreError> {
        let (id, deaths) = (letter.letter.id, letter.deaths);
        let resolve = move |connection: &Connection, now| {
            let update = "update dead_letters set state = ?3, note = ?4, resolved_at = ?5
                          where id = ?1 and deaths = ?2 and state = 'open'";
            let (state, note) = (resolution.state().as_str(), resolution.note());
            let resolved = params![Blob16(id), deaths, state, note, Micros(now)];
            Ok(connection.prepare_cached(update)?.execute(resolved)? > 0)
        };
        self.change(resolve).await
    }

    async fn forget_dead_letters(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let forget = move |connection: &Connection, _| {
            let delete = "delete from dead_letters where id in
                          (select id from dead_letters where resolved_at < ?1 order by resolved_at limit ?2)";
            connection.prepare_cached(delete)?.execute(params![Micros(before), limit.min(FORGOTTEN_MAX)])
        };
        Ok(self.change(forget).await? as u64)
    }

    async fn find_dead_letter(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let select = format!("select {COLUMNS} from dead_letters where id = ?1");
        let find = move |connection: &Connection| {
            connection.prepare_cached(&select)?.query_row([Blob16(id)], read).optional()
        };
        self.readers.read(find).await
    }

    async fn find_dead_letter_of(
        &self,
        message: Uuid,
        queue: &str,
    ) -> Result<Option<DeadLetter>, StoreError> {
        let select = format!("select {COLUMNS} from dead_letters where message = ?1 and queue = ?2");
        let queue = queue.to_owned();
        let find = move |connection: &Connection| {
            connection.prepare_cached(&select)?.query_row(params![Blob16(message), queue], read).optional()
        };
        self.readers.read(find).await
    }

    async fn list_dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: Page<Uuid>,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let filter = filter.clone();
        self.readers.read(move |connection| list(connection, &filter, page)).await
    }

    async fn count_dead_letters(&self) -> Result<u64, StoreError> {
        let count = |connection: &Connection| {
            let count = "select count(*) from dead_letters where state = 'open'";
            connection.prepare_cached(count)?.query_row([], |row| row.get::<_, i64>(0))
        };
        Ok(self.readers.read(count).await?.unsigned_abs())
    }
}

fn bury(connection: &Connection, letter: &NewDeadLetter, now: Timestamp) -> rusqlite::Result<bool> {
    let insert = "insert into dead_letters (id, message, queue, kind, body, reply_to, correlation_id, published_at,
                      attempts, reason, error_first, error_last, death, deaths_before, deaths, died_at, state)
                  values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, x'', 1, ?14, 'open')
                  on conflict (message, queue) do update set
                      kind = excluded.kind, body = excluded.body, reply_to = excluded.reply_to,
                      correlation_id = excluded.correlation_id, published_at = excluded.published_at,
                      attempts = excluded.attempts, reason = excluded.reason, error_first = excluded.error_first,
                      error_last = excluded.error_last, death = excluded.death,
                      deaths_before = cast(deaths_before || death as blob), deaths = deaths + 1,
                      died_at = excluded.died_at, state = excluded.state, note = null, resolved_at = null
                  where death <> excluded.death and instr(deaths_before, excluded.death) = 0";
    let buried = connection.prepare_cached(insert)?.execute(params![
        Blob16(letter.id),
        Blob16(letter.message),
        letter.queue,
        letter.kind,
        letter.body,
        letter.reply_to,
        letter.correlation_id,
        letter.published_at.map(Micros),
        letter.attempts,
        letter.reason,
        letter.error_first,
        letter.error_last,
        Blob16(letter.death),
        Micros(now)
    ])?;
    Ok(buried > 0)
}

fn list(
    connection: &Connection,
    filter: &DeadLetterFilter,
    page: Page<Uuid>,
) -> rusqlite::Result<Vec<DeadLetter>> {
    let columns = COLUMNS.replace("body", "x''");
    // A word of ours: as a parameter it would keep the index of those that are open from being used.
    let state = filter.state.map_or(String::new(), |state| format!("and state = '{}'", state.as_str()));
    let select = format!(
        "select {columns} from dead_letters where id > ?1 {state}
         and (?3 is null or queue = ?3) and (?4 is null or kind = ?4) and (?5 is null or reason = ?5)
         and (?6 is null or died_at >= ?6) and (?7 is null or died_at < ?7)
         order by id limit ?2"
    );
    let after = Blob16(page.after.unwrap_or(Uuid::nil()));
    let (from, to) = (filter.from.map(Micros), filter.to.map(Micros));
    let wanted = params![after, page.limit, filter.queue, filter.kind, filter.reason, from, to];
    connection.prepare_cached(&select)?.query_map(wanted, read)?.collect()
}

fn read(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    let damage = |why: String| FromSqlError::Other(why.into());
    Ok(DeadLetter {
        letter: NewDeadLetter {
            id: id(row, 0, |id| id)?,
            message: id(row, 1, |id| id)?,
            queue: row.get(2)?,
            kind: row.get(3)?,
            body: row.get(4)?,
            reply_to: row.get(5)?,
            correlation_id: row.get(6)?,
            published_at: row.get::<_, Option<Micros>>(7)?.map(|time| time.0),
            attempts: row.get(8)?,
            reason: row.get(9)?,
            error_first: row.get(10)?,
            error_last: row.get(11)?,
            death: id(row, 12, |id| id)?,
        },
        deaths: row.get(13)?,
        died_at: row.get::<_, Micros>(14)?.0,
        resolution: Resolution::of(word(row, 15)?, row.get(16)?).map_err(damage)?,
        resolved_at: row.get::<_, Option<Micros>>(17)?.map(|time| time.0),
    })
}

impl FromWord for DeadLetterState {
    fn from_column(text: &str) -> Option<Self> {
        Self::from_word(text)
    }
}
