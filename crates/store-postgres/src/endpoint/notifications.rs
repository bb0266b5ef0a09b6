//! What is sent to endpoints, and what came of it.

use std::time::Duration;

use bursar_store::{
    Attempt, NewNotification, Notification, NotificationStanding, NotificationState, Page, StoreError, later,
};
use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::ledger::PostgresLedger;
use crate::rows::{Damage, Read, count, get, number, storable};

const COLUMNS: &str = "id, endpoint, event, kind, body, state, due_at, failures, created_at";
const WIDTH: usize = 9;

/// How many are looked at for one that is taken: others may have the first.
const SEEN: usize = 4;

impl PostgresLedger {
    pub(super) async fn put_notifications(
        &self,
        mut notifications: Vec<NewNotification>,
    ) -> Result<(), StoreError> {
        let insert = "
            insert into notifications (id, endpoint, event, kind, body, state, due_at, created_at)
            select given.id, endpoint, event, kind, body, 'due', $6::timestamptz, $6::timestamptz
            from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::bytea[])
                with ordinality as given (id, endpoint, event, kind, body, place)
            where endpoint in (select endpoints.id from endpoints) order by place
            on conflict (endpoint, event) do nothing";
        notifications.sort_by_key(|new| (new.endpoint, new.event));
        let ids: Vec<Uuid> = notifications.iter().map(|new| new.id).collect();
        let endpoints: Vec<Uuid> = notifications.iter().map(|new| new.endpoint).collect();
        let events: Vec<Uuid> = notifications.iter().map(|new| new.event).collect();
        let kinds: Vec<&str> = notifications.iter().map(|new| new.kind.as_str()).collect();
        let bodies: Vec<&[u8]> = notifications.iter().map(|new| new.body.as_slice()).collect();
        self.query(insert, &[&ids, &endpoints, &events, &kinds, &bodies, &self.now()]).await.map(|_| ())
    }

    pub(super) async fn due_notifications(
        &self,
        limit: u32,
        lease: Duration,
        busy: &[Uuid],
    ) -> Result<Vec<Notification>, StoreError> {
        // Of each endpoint by itself: what waits for one that is off or busy may be much, and is not passed. Only then
        // they are locked, those that are still due, and only as many as are wanted: what one merely looks at is for
        // others to take.
        let take = format!(
            "with seen as materialized (
                 select first.id, first.due_at from endpoints cross join lateral (
                     select id, due_at from notifications
                     where endpoint = endpoints.id and state = 'due' and due_at <= $1
                     order by due_at, id limit $3::bigint * {SEEN}
                 ) as first
                 where endpoints.is_on and endpoints.id <> all ($4)
                 order by first.due_at, first.id limit $3::bigint * {SEEN}
             ), due as materialized (
                 select of.id, of.due_at from seen join notifications as of on of.id = seen.id
                 where of.state = 'due' and of.due_at <= $1
                 order by seen.due_at, seen.id limit $3::bigint for update of of skip locked
             ), taken as (
                 update notifications set due_at = $2 from due where notifications.id = due.id
                 returning notifications.*, due.due_at as was_due_at
             )
             select {COLUMNS} from taken order by was_due_at, id"
        );
        let now = self.now();
        let rows = self.query(&take, &[&now, &later(now, lease), &i64::from(limit), &busy]).await?;
        Ok(rows.iter().map(read).collect::<Read<_>>()?)
    }

    pub(super) async fn log_attempt(
        &self,
        notification: &Notification,
        attempt: &Attempt,
        next: NotificationState,
    ) -> Result<(), StoreError> {
        let Some(leased_until) = notification.state.due_at() else { return Ok(()) };
        // Whoever comes after this one waits for its row, and so finds its attempt.
        let update = "
            with attempted as (
                update notifications set state = $3, due_at = $4, failures = failures + $5
                where id = $1 and due_at = $2 and state = 'due' returning id
            )
            insert into attempts (notification, number, at, took_ms, status, error)
            select id, 1 + coalesce((select max(number) from attempts where notification = $1), 0), $6, $7, $8, $9
            from attempted";
        let id = notification.notification.id;
        let (state, failures) = (next.as_str(), i64::from(attempt.error.is_some()));
        let (took_ms, status) = (i64::from(attempt.took_ms), attempt.status.map(i32::from));
        let error = attempt.error.as_deref().map(storable);
        let due_at = next.due_at();
        self.query(
            update,
            &[&id, &leased_until, &state, &due_at, &failures, &attempt.at, &took_ms, &status, &error],
        )
        .await
        .map(|_| ())
    }

    /// With its log, in one statement: both are of one moment.
    pub(super) async fn notification(
        &self,
        id: Uuid,
    ) -> Result<Option<(Notification, Vec<Attempt>)>, StoreError> {
        let select = format!(
            "select {COLUMNS}, attempts.at, took_ms, status, error from notifications
             left join attempts on attempts.notification = id
             where id = $1 and endpoint in (select endpoints.id from endpoints) order by number"
        );
        let rows = self.query(&select, &[&id]).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let attempts = rows.iter().map(read_attempt).collect::<Read<Vec<_>>>()?;
        Ok(Some((read(first)?, attempts.into_iter().flatten().collect())))
    }

    pub(super) async fn notifications_to(
        &self,
        endpoint: Uuid,
        state: Option<NotificationStanding>,
        page: Page<Uuid>,
    ) -> Result<Vec<Notification>, StoreError> {
        let columns = COLUMNS.replace("body", "''::bytea");
        let select = format!(
            "select {columns} from notifications
             where endpoint = $1 and id < $2 and ($3::text is null or state = $3)
             and exists (select 1 from endpoints where endpoints.id = $1) order by id desc limit $4"
        );
        let state = state.map(NotificationStanding::as_str);
        let (before, limit) = (page.after.unwrap_or(Uuid::max()), i64::from(page.limit));
        let rows = self.query(&select, &[&endpoint, &before, &state, &limit]).await?;
        Ok(rows.iter().map(read).collect::<Read<_>>()?)
    }

    pub(super) async fn forget_old_notifications(
        &self,
        before: Timestamp,
        limit: u32,
    ) -> Result<u64, StoreError> {
        // Endpoints that are gone are found one by one along the index: there may be none, and many notifications.
        let delete = "
            with recursive named (endpoint) as (
                (select endpoint from notifications order by endpoint limit 1)
                union all
                select (select endpoint from notifications where endpoint > named.endpoint
                        order by endpoint limit 1) from named where endpoint is not null
            ), old as (
                (select id from notifications where created_at < $1 order by created_at limit $2)
                union
                (select of_gone.id from named cross join lateral (
                     select id from notifications where endpoint = named.endpoint limit $2
                 ) as of_gone
                 where not exists (select 1 from endpoints where endpoints.id = named.endpoint) limit $2)
            ), forgotten as (
                delete from notifications where id = any(array(
                    select id from notifications where id = any(array(select id from old limit $2))
                    for update skip locked))
                returning id
            )
            select count(*) from forgotten";
        let rows = self.query(delete, &[&before, &i64::from(limit)]).await?;
        Ok(rows.first().map(|row| count(row, 0)).transpose()?.unwrap_or_default())
    }

    pub(super) async fn waiting_notifications(&self) -> Result<(u64, Option<Timestamp>), StoreError> {
        // Of each endpoint by itself, as those that are taken.
        let select = "
            select coalesce(sum(waiting.count), 0)::bigint, min(waiting.due_at)
            from endpoints cross join lateral (
                select count(*), min(due_at) as due_at from notifications
                where endpoint = endpoints.id and state = 'due'
            ) as waiting
            where is_on";
        let rows = self.query(select, &[]).await?;
        let counted = rows.first().map(|row| Ok((count(row, 0)?, get(row, 1)?)));
        Ok(counted.transpose().map_err(|damage: Damage| StoreError::from(damage))?.unwrap_or_default())
    }
}

fn read(row: &Row) -> Read<Notification> {
    let (state, due_at) = (get::<&str>(row, 5)?, get(row, 6)?);
    let unknown = || Damage(format!("no notification is {state:?}, due at {due_at:?}"));
    Ok(Notification {
        notification: NewNotification {
            id: get(row, 0)?,
            endpoint: get(row, 1)?,
            event: get(row, 2)?,
            kind: get(row, 3)?,
            body: get(row, 4)?,
        },
        state: NotificationState::from_word(state, due_at).ok_or_else(unknown)?,
        failures: number(row, 7)?,
        created_at: get(row, 8)?,
    })
}

/// The attempt behind the notification's columns; `None` where there is none.
fn read_attempt(row: &Row) -> Read<Option<Attempt>> {
    let Some(at) = get(row, WIDTH)? else { return Ok(None) };
    let status: Option<i32> = get(row, WIDTH + 2)?;
    let status = status.map(u16::try_from).transpose().map_err(|error| Damage(error.to_string()))?;
    Ok(Some(Attempt { at, took_ms: number(row, WIDTH + 1)?, status, error: get(row, WIDTH + 3)? }))
}
