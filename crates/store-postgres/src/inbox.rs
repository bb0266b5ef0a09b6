//! The inbox: a statement, and so a transaction, each change. Instances pass over what another takes.

use std::time::Duration;

use async_trait::async_trait;
use bursar_store::{Counts, Inbox, Item, ItemKey, ItemState, NewItem, Page, Put, StoreError, later};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::ledger::PostgresLedger;
use crate::rows::{Read, count, get, number, word};

const COLUMNS: &str = "id, kind, token, notice_state, content, state, failures, why_first, why, received_at,
                       due_at";

#[async_trait]
impl Inbox for PostgresLedger {
    async fn put(&self, items: Vec<NewItem>) -> Result<Vec<Put>, StoreError> {
        // The others that it looks for are those from before the statement, or of the same key in it.
        let insert = "
            with given as (
                select * from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::bytea[],
                    $7::text[], $8::text[])
                as of (id, kind, token, notice_state, hash, content, state, why)
            ), stored as (
                insert into inbox (id, kind, token, notice_state, hash, content, state, why, received_at, due_at)
                select given.*, $9::timestamptz, $9::timestamptz from given
                on conflict (kind, token, notice_state, hash) do nothing
                returning id, kind, token, notice_state
            )
            select id, stored.token <> '' and (
                exists (select 1 from inbox where (inbox.kind, inbox.token, inbox.notice_state)
                    = (stored.kind, stored.token, stored.notice_state))
                or exists (select 1 from stored as of where (of.kind, of.token, of.notice_state)
                    = (stored.kind, stored.token, stored.notice_state) and of.id < stored.id))
            from stored";
        let column = |of: fn(&NewItem) -> String| items.iter().map(of).collect::<Vec<String>>();
        let ids: Vec<Uuid> = items.iter().map(|item| item.id).collect();
        let kinds = column(|item| item.key.kind.clone());
        let tokens = column(|item| item.key.token.clone());
        let notice_states = column(|item| item.key.state.clone());
        let hashes: Vec<&[u8]> = items.iter().map(|item| item.hash.as_slice()).collect();
        let contents: Vec<&[u8]> = items.iter().map(|item| item.content.as_slice()).collect();
        let states = column(|item| item.state().as_str().to_owned());
        let whys: Vec<Option<&str>> = items.iter().map(|item| item.quarantined.as_deref()).collect();
        let now = self.now();
        let rows = self
            .query(insert, &[&ids, &kinds, &tokens, &notice_states, &hashes, &contents, &states, &whys, &now])
            .await?;
        let stored: Vec<(Uuid, bool)> =
            rows.iter().map(|row| Ok((get(row, 0)?, get(row, 1)?))).collect::<Read<_>>()?;
        let put = |id: &Uuid| match stored.iter().find(|(stored, _)| stored == id) {
            None => Put::Known,
            Some((_, true)) => Put::Changed,
            Some((_, false)) => Put::New,
        };
        Ok(ids.iter().map(put).collect())
    }

    async fn take(&self, limit: u32, lease: Duration) -> Result<Vec<Item>, StoreError> {
        // An array, so that the rows are chosen once, whatever the plan.
        let take = format!(
            "update inbox set due_at = $2 where id = any(array(
             select id from inbox where state = 'waiting' and due_at <= $1 order by due_at, id limit $3
             for update skip locked))
             returning {COLUMNS}"
        );
        let now = self.now();
        let rows = self.query(&take, &[&now, &later(now, lease), &i64::from(limit)]).await?;
        Ok(rows.iter().map(read).collect::<Read<_>>()?)
    }

    async fn done(&self, ids: Vec<Uuid>) -> Result<(), StoreError> {
        self.query("delete from inbox where id = any($1)", &[&ids]).await.map(|_| ())
    }

    async fn failed(&self, item: &Item, why: &str) -> Result<bool, StoreError> {
        let now = self.now();
        let (state, due_at) = item.after_failure(now);
        let update = "update inbox set failures = failures + 1, why_first = coalesce(why_first, $3), why = $3, state = $4,
                      due_at = $5
                      where id = $1 and due_at = $2 and state = 'waiting' returning id";
        let failed = self.query(update, &[&item.id, &item.due_at, &why, &state.as_str(), &due_at]).await?;
        Ok(!failed.is_empty())
    }

    async fn again(&self, id: Uuid, content: Option<Vec<u8>>) -> Result<bool, StoreError> {
        let update =
            "update inbox set state = 'waiting', failures = 0, why_first = null, why = null, due_at = $2,
                      content = coalesce($3, content) where id = $1 and state <> 'waiting' returning id";
        Ok(!self.query(update, &[&id, &self.now(), &content]).await?.is_empty())
    }

    async fn dismiss(&self, id: Uuid) -> Result<bool, StoreError> {
        let delete = "delete from inbox where id = $1 and state <> 'waiting' returning id";
        Ok(!self.query(delete, &[&id]).await?.is_empty())
    }

    async fn counts(&self) -> Result<Counts, StoreError> {
        let rows = self.query("select state, count(*) from inbox group by state", &[]).await?;
        let counted = rows.iter().map(|row| Ok((word(row, 0, ItemState::from_word)?, count(row, 1)?)));
        let counted: Vec<(ItemState, u64)> = counted.collect::<Read<_>>()?;
        Ok(counted.into_iter().fold(Counts::default(), |counts, (state, count)| counts.with(state, count)))
    }

    async fn find_item(&self, id: Uuid) -> Result<Option<Item>, StoreError> {
        let select = format!("select {COLUMNS} from inbox where id = $1");
        Ok(self.query(&select, &[&id]).await?.first().map(read).transpose()?)
    }

    async fn list_items(&self, state: ItemState, page: Page<Uuid>) -> Result<Vec<Item>, StoreError> {
        let columns = COLUMNS.replace("content", "''::bytea");
        let select = format!("select {columns} from inbox where state = $1 and id > $2 order by id limit $3");
        let (after, limit) = (page.after.unwrap_or(Uuid::nil()), i64::from(page.limit));
        let rows = self.query(&select, &[&state.as_str(), &after, &limit]).await?;
        Ok(rows.iter().map(read).collect::<Read<_>>()?)
    }
}

fn read(row: &Row) -> Read<Item> {
    Ok(Item {
        id: get(row, 0)?,
        key: ItemKey { kind: get(row, 1)?, token: get(row, 2)?, state: get(row, 3)? },
        content: get(row, 4)?,
        state: word(row, 5, ItemState::from_word)?,
        failures: number(row, 6)?,
        why_first: get(row, 7)?,
        why: get(row, 8)?,
        received_at: get(row, 9)?,
        due_at: get(row, 10)?,
    })
}
