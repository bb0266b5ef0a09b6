//! Hold groups of which nothing was heard for long.

use bursar_core::message::Source;
use bursar_core::{Mcc, Merchant, MessageId, ProgramId};
use bursar_store::{IdleGroup, IdleSlice, Page, StoreError, Sweep};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;

use super::PostgresLedger;
use crate::rows::{Damage, Read, get, id};

/// Walks the messages in the order of their positions, up to the first that is younger: where it came to and
/// how many it looked at, and with that each group of which no message moved anything after the one that was
/// looked at.
const SELECT: &str = "
    with looked_at as materialized (
        select position, id, root, at, effect <> 'none' or source = $4 as moves from messages
        where position > $1 order by position limit $2
    ), old as materialized (
        select * from looked_at where position <
            coalesce((select min(position) from looked_at where at > $3), 9223372036854775807)
    ), found as (
        select old.position, old.id, old.root, owners.program, first.merchant,
            first.source = $4 or exists (
                select from messages as other where other.root = old.root and other.root <> other.id
                and other.source = $4
            ) as is_reported
        from old join messages as first on first.id = old.root join owners on owners.id = first.owner
        join accounts on accounts.id = first.account and accounts.open_holds > 0
        where old.moves and not exists (
            select from messages as later where later.root = old.root and later.root <> later.id
            and later.position > old.position and (later.effect <> 'none' or later.source = $4)
        )
    )
    select walked.position, walked.count, found.position, found.id, found.root, found.program, found.merchant,
        found.is_reported
    from (select max(position) as position, count(*) from old) as walked left join found on true
    order by found.position";

impl PostgresLedger {
    pub(super) async fn idle(
        &self,
        at_least: SignedDuration,
        page: Page<i64>,
    ) -> Result<IdleSlice, StoreError> {
        let before = self.clock.now().saturating_sub(at_least).unwrap_or(Timestamp::MIN);
        let (after, limit) = (page.after.unwrap_or(0), i64::from(page.limit));
        let rows = self.query(SELECT, &[&after, &limit, &before, &Source::MarqetaReport.as_str()]).await?;
        Ok(read(&rows, after, limit)?)
    }

    pub(in crate::ledger) async fn keep(&self, sweep: Sweep) -> Result<(), StoreError> {
        let insert = "insert into sweeps (days, position) values ($1, $2)
                      on conflict (days) do update set position = greatest(sweeps.position, excluded.position)";
        self.query(insert, &[&i64::from(sweep.days), &sweep.position]).await.map(|_| ())
    }

    pub(super) async fn sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        let rows = self.query("select days, position from sweeps order by days", &[]).await?;
        Ok(rows.iter().map(read_sweep).collect::<Read<_>>()?)
    }
}

fn read(rows: &[Row], after: i64, limit: i64) -> Read<IdleSlice> {
    let Some(first) = rows.first() else {
        return Ok(IdleSlice { groups: Vec::new(), position: after, has_more: false });
    };
    let position = get::<Option<i64>>(first, 0)?.unwrap_or(after);
    let has_more = get::<i64>(first, 1)? >= limit;
    let groups = rows.iter().filter_map(|row| read_group(row).transpose()).collect::<Read<_>>()?;
    Ok(IdleSlice { groups, position, has_more })
}

/// `None` of the row that says that there is none.
fn read_group(row: &Row) -> Read<Option<IdleGroup>> {
    let Some(position) = get(row, 2)? else { return Ok(None) };
    Ok(Some(IdleGroup {
        position,
        last: id(row, 3, MessageId::new)?,
        root: id(row, 4, MessageId::new)?,
        program: id(row, 5, ProgramId::new)?,
        mcc: read_mcc(get(row, 6)?),
        is_reported: get(row, 7)?,
    }))
}

/// Of a merchant that cannot be read none: who reads its message is told.
fn read_mcc(merchant: Option<&str>) -> Option<Mcc> {
    serde_json::from_str::<Merchant>(merchant?).ok()?.mcc
}

fn read_sweep(row: &Row) -> Read<Sweep> {
    let days: i64 = get(row, 0)?;
    let number = u16::try_from(days).map_err(|_| Damage(format!("{days} is no number of days")))?;
    Ok(Sweep { days: number, position: get(row, 1)? })
}
