//! Dead letters: a statement, and so a transaction, each change.

use async_trait::async_trait;
use bursar_store::{
    DeadLetter, DeadLetterFilter, DeadLetterState, DeadLetters, NewDeadLetter, Page, Resolution, StoreError,
};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::ledger::{Parameter, PostgresLedger};
use crate::rows::{Damage, Read, count, get, number, storable, word};

const COLUMNS: &str =
    "id, message, queue, kind, body, reply_to, correlation_id, published_at, attempts, reason,
                       error_first, error_last, death, deaths, died_at, state, note, resolved_at";

#[async_trait]
impl DeadLetters for PostgresLedger {
    async fn bury(&self, letter: NewDeadLetter) -> Result<bool, StoreError> {
        let insert = "
            insert into dead_letters (id, message, queue, kind, body, reply_to, correlation_id, published_at, attempts,
                reason, error_first, error_last, death, deaths_before, deaths, died_at, state)
            values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, '', 1, $14, 'open')
            on conflict (message, queue) do update set
                kind = excluded.kind, body = excluded.body, reply_to = excluded.reply_to,
                correlation_id = excluded.correlation_id, published_at = excluded.published_at,
                attempts = excluded.attempts, reason = excluded.reason, error_first = excluded.error_first,
                error_last = excluded.error_last, death = excluded.death,
                deaths_before = dead_letters.deaths_before || uuid_send(dead_letters.death),
                deaths = dead_letters.deaths + 1, died_at = excluded.died_at,
                state = excluded.state, note = null, resolved_at = null
            where dead_letters.death <> excluded.death
            and position(uuid_send(excluded.death) in dead_letters.deaths_before) = 0
            returning id";
        let NewDeadLetter { id, message, body, published_at, death, .. } = &letter;
        let (queue, kind, reason) =
            (storable(&letter.queue), storable(&letter.kind), storable(&letter.reason));
        let (first, last) = (storable(&letter.error_first), storable(&letter.error_last));
        let reply_to = letter.reply_to.as_deref().map(storable);
        let correlation_id = letter.correlation_id.as_deref().map(storable);
        let (attempts, now) = (i64::from(letter.attempts), self.now());
        #[rustfmt::skip]
        let parameters: [Parameter<'_>; 14] = [
            id, message, &queue, &kind, body, &reply_to, &correlation_id, published_at, &attempts, &reason, &first,
            &last, death, &now,
        ];
        Ok(!self.query(insert, &parameters).await?.is_empty())
    }

    async fn resolve(&self, letter: &DeadLetter, resolution: Resolution) -> Result<bool, StoreError> {
        let update = "update dead_letters set state = $3, note = $4, resolved_at = $5
                      where id = $1 and deaths = $2 and state = 'open' returning id";
        let (deaths, state, now) = (i64::from(letter.deaths), resolution.state().as_str(), self.now());
        let note = resolution.note().map(storable);
        let resolved = self.query(update, &[&letter.letter.id, &deaths, &state, &note, &now]).await?;
        Ok(!resolved.is_empty())
    }

    async fn forget_dead_letters(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let delete = "
            with forgotten as (
                delete from dead_letters where id = any(array(
                    select id from dead_letters where resolved_at < $1 order by resolved_at limit $2
                    for update skip locked))
                returning id
            )
            select count(*) from forgotten";
        let rows = self.query(delete, &[&before, &i64::from(limit)]).await?;
        Ok(rows.first().map(|row| count(row, 0)).transpose()?.unwrap_or_default())
    }

    async fn find_dead_letter(&self, id: Uuid) -> Result<Option<DeadLetter>, StoreError> {
        let select = format!("select {COLUMNS} from dead_letters where id = $1");
        Ok(self.query(&select, &[&id]).await?.first().map(read).transpose()?)
    }

    async fn find_dead_letter_of(
        &self,
        message: Uuid,
        queue: &str,
    ) -> Result<Option<DeadLetter>, StoreError> {
        let select = format!("select {COLUMNS} from dead_letters where message = $1 and queue = $2");
        Ok(self.query(&select, &[&message, &storable(queue)]).await?.first().map(read).transpose()?)
    }

    async fn list_dead_letters(
        &self,
        filter: &DeadLetterFilter,
        page: Page<Uuid>,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let columns = COLUMNS.replace("body", "''::bytea");
        // A word of ours: as a parameter it would keep the index of those that are open from being used.
        let state = filter.state.map_or(String::new(), |state| format!("and state = '{}'", state.as_str()));
        let select = format!(
            "select {columns} from dead_letters where id > $1 {state}
             and ($3::text is null or queue = $3) and ($4::text is null or kind = $4)
             and ($5::text is null or reason = $5) and ($6::timestamptz is null or died_at >= $6)
             and ($7::timestamptz is null or died_at < $7)
             order by id limit $2"
        );
        let (after, limit) = (page.after.unwrap_or(Uuid::nil()), i64::from(page.limit));
        let DeadLetterFilter { from, to, .. } = filter;
        // As they were kept.
        let [queue, kind, reason] =
            [&filter.queue, &filter.kind, &filter.reason].map(|text| text.as_deref().map(storable));
        let rows = self.query(&select, &[&after, &limit, &queue, &kind, &reason, from, to]).await?;
        Ok(rows.iter().map(read).collect::<Read<_>>()?)
    }

    async fn count_dead_letters(&self) -> Result<u64, StoreError> {
        let rows = self.query("select count(*) from dead_letters where state = 'open'", &[]).await?;
        Ok(rows.first().map(|row| count(row, 0)).transpose()?.unwrap_or_default())
    }
}

fn read(row: &Row) -> Read<DeadLetter> {
    Ok(DeadLetter {
        letter: NewDeadLetter {
            id: get(row, 0)?,
            message: get(row, 1)?,
            queue: get(row, 2)?,
            kind: get(row, 3)?,
            body: get(row, 4)?,
            reply_to: get(row, 5)?,
            correlation_id: get(row, 6)?,
            published_at: get(row, 7)?,
            attempts: number(row, 8)?,
            reason: get(row, 9)?,
            error_first: get(row, 10)?,
            error_last: get(row, 11)?,
            death: get(row, 12)?,
        },
        deaths: number(row, 13)?,
        died_at: get(row, 14)?,
        resolution: Resolution::of(word(row, 15, DeadLetterState::from_word)?, get(row, 16)?)
            .map_err(Damage)?,
        resolved_at: get(row, 17)?,
    })
}
