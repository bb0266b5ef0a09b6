//! Authorizations, one or many, and messages without effect.

use bursar_core::message::ActionKind;
use bursar_core::{CardId, MessageId, OwnerId};
use bursar_store::{
    AuthorizationFilter, AuthorizationRecord, ListedMessage, Page, STAGES, Slice, StageTimes, StoreError,
};
use tokio_postgres::Row;

use super::snapshot::Snapshot;
use super::{Parameter, PostgresLedger};
use crate::error::before_commit;
use crate::load;
use crate::rows::{Damage, Read, get, message};

impl PostgresLedger {
    /// Of one moment, with its hold group.
    pub(super) async fn authorization(
        &self,
        id: MessageId,
    ) -> Result<Option<AuthorizationRecord>, StoreError> {
        let select = format!(
            "select {}, answer_code, messages.answer, {STAGE_COLUMNS} from messages
             left join stage_times on message = id where id = $1",
            message::COLUMNS
        );
        let (snapshot, rows) = Snapshot::begin(&self.pools.readers, &select, &[&id.uuid()]).await?;
        let record = match rows.first() {
            Some(row) => record(&snapshot, row).await?,
            None => None,
        };
        snapshot.end().await?;
        Ok(record)
    }

    /// A page, and where it ends, of one moment: a message that is committed between a look at the page and
    /// one at its end would be passed over for ever.
    pub(super) async fn authorizations(
        &self,
        filter: AuthorizationFilter,
        page: Page<i64>,
    ) -> Result<Slice<ListedMessage>, StoreError> {
        let walk = Walk::of(filter, page);
        // The inner part looks at a bounded number of messages, whatever of them is wanted.
        let select = format!(
            "select {}, position, {STAGE_COLUMNS} from
             (select * from messages where position {compare} $1 order by position {order} limit $2) as looked_at
             left join stage_times on stage_times.message = looked_at.id
             where kind in ($3, $4) and ($5::uuid is null or owner = $5) and ($6::uuid is null or card = $6)
             order by position {order} limit $7",
            message::COLUMNS,
            compare = walk.compare,
            order = walk.order,
        );
        let limit = i64::from(page.limit);
        let (owner, card) = (filter.owner.map(OwnerId::uuid), filter.card.map(CardId::uuid));
        let kinds = (ActionKind::Authorize.as_str(), ActionKind::Increment.as_str());
        let parameters: [Parameter<'_>; 7] =
            [&walk.after, &LOOKED_AT, &kinds.0, &kinds.1, &owner, &card, &limit];
        let (snapshot, rows) = Snapshot::begin(&self.pools.readers, &select, &parameters).await?;
        let read = |row: &Row| -> Read<ListedMessage> {
            Ok(ListedMessage {
                position: get(row, message::WIDTH)?,
                message: message::read(row)?,
                stage_times: read_stage_times(row, message::WIDTH + 1)?,
            })
        };
        let items = rows.iter().map(read).collect::<Read<Vec<_>>>()?;
        let next = match items.last() {
            Some(last) if items.len() as u64 >= u64::from(page.limit) => Some(last.position),
            _ => walk.end(&snapshot).await?,
        };
        snapshot.end().await?;
        Ok(Slice { items, next })
    }

    pub(super) async fn records(&self, page: Page<i64>) -> Result<Vec<ListedMessage>, StoreError> {
        let select = format!(
            "select {}, position from messages where method is not null and position < $1
             order by position desc limit $2",
            message::COLUMNS
        );
        let (before, limit) = (page.after.unwrap_or(i64::MAX), i64::from(page.limit));
        let rows = self.query(&select, &[&before, &limit]).await?;
        let read = |row: &Row| -> Read<ListedMessage> {
            let position = get(row, message::WIDTH)?;
            Ok(ListedMessage { position, message: message::read(row)?, stage_times: None })
        };
        Ok(rows.iter().map(read).collect::<Read<_>>()?)
    }
}

async fn record(snapshot: &Snapshot, row: &Row) -> Result<Option<AuthorizationRecord>, StoreError> {
    let message = message::read(row)?;
    if message.authorization.is_none() {
        return Ok(None);
    }
    let group = match &message.group {
        Some(group) => {
            let read = load::read_group(snapshot.client(), group.root).await;
            read.map_err(|error| before_commit(&error))??
        }
        None => None,
    };
    let answer = message::read_answer(row, message::WIDTH)?;
    let stage_times = read_stage_times(row, message::WIDTH + 2)?;
    Ok(Some(AuthorizationRecord { message, answer, group, stage_times }))
}

/// How many messages a call looks at, at most.
const LOOKED_AT: i64 = Slice::SCANNED_MAX as i64;

/// Which way a list walks the messages, and from where.
struct Walk {
    compare: &'static str,
    order: &'static str,
    after: i64,
}

impl Walk {
    fn of(filter: AuthorizationFilter, page: Page<i64>) -> Self {
        let (compare, order, start) = match filter.newest_first {
            true => ("<", "desc", i64::MAX),
            false => (">", "asc", 0),
        };
        Self { compare, order, after: page.after.unwrap_or(start) }
    }

    /// Where a list goes on that has found too few among all that it may look at; `None` at the end.
    async fn end(&self, snapshot: &Snapshot) -> Result<Option<i64>, StoreError> {
        let select = format!(
            "select position from messages where position {} $1 order by position {}
             offset $2::bigint - 1 limit 1",
            self.compare, self.order
        );
        let rows = snapshot.query(&select, &[&self.after, &LOOKED_AT]).await?;
        Ok(rows.first().map(|row| get(row, 0)).transpose()?)
    }
}

/// In the order of the stages.
const STAGE_COLUMNS: &str = "parse, user_lookup, card_lookup, limits_lookup, queue_wait, load, decision, commit, \
                             stage_times.answer";

/// The times, from the columns that begin at `column`.
fn read_stage_times(row: &Row, column: usize) -> Read<Option<StageTimes>> {
    let mut us = [0; STAGES.len()];
    for (place, us) in us.iter_mut().enumerate() {
        let Some(stored) = get::<Option<i64>>(row, column + place)? else { return Ok(None) };
        *us = u32::try_from(stored).map_err(|_| Damage(format!("{stored} is no time of a stage")))?;
    }
    Ok(Some(StageTimes::from_us(us)))
}
