//! Hold groups of which nothing was heard for long, and decisions that nobody has confirmed.

use bursar_core::message::Source;
use bursar_core::{Mcc, Merchant, MessageId, ProgramId};
use bursar_store::{IdleGroup, IdleSlice, Page, StoreError, Sweep};
use jiff::{SignedDuration, Timestamp};
use tokio_postgres::Row;

use super::PostgresLedger;
use crate::rows::{Damage, Read, get, id};

/// Of the account of the message that began a group: it holds something now.
const HOLDS: &str = "join accounts on accounts.id = first.account and accounts.open_holds > 0";

/// Whether a message may have moved anything in its group: a decision by its effect, a report in any case.
const MOVES: &str = "effect <> 'none' or source = $4";

/// No message of its group moved anything after the one that was looked at.
const IS_LAST: &str = "select from messages as later where later.root = old.root and later.root <> later.id
    and later.position > old.position and (later.effect <> 'none' or later.source = $4)";

/// Whether a message is a decision that moved something.
const DECIDES: &str = "effect <> 'none' and source = $5";

/// A report of the transaction that was decided.
const IS_REPORTED: &str = "select from messages as report where report.root = old.root
    and report.root <> report.id and report.source = $4 and report.token = old.token";

/// Walks the messages in the order of their positions, up to the first that is younger: where it came to and
/// how many it looked at, and with that the group of each message that is wanted and to which no other belongs.
fn select(wanted: &str, account: &str, other: &str) -> String {
    format!(
        "with looked_at as materialized (
            select position, id, root, token, at, {wanted} as is_wanted from messages
            where position > $1 order by position limit $2
        ), old as materialized (
            select * from looked_at where position <
                coalesce((select min(position) from looked_at where at > $3), 9223372036854775807)
        ), found as (
            select old.position, old.id, old.root, owners.program, first.merchant
            from old join messages as first on first.id = old.root join owners on owners.id = first.owner
            {account} where old.is_wanted and not exists ({other})
        )
        select walked.position, walked.count, found.position, found.id, found.root, found.program, found.merchant
        from (select max(position) as position, count(*) from old) as walked left join found on true
        order by found.position"
    )
}

impl PostgresLedger {
    pub(super) async fn idle(
        &self,
        at_least: SignedDuration,
        page: Page<i64>,
    ) -> Result<IdleSlice, StoreError> {
        let (after, limit) = (page.after.unwrap_or(0), i64::from(page.limit));
        let (before, report) = (self.before(at_least), Source::MarqetaReport.as_str());
        let rows = self.query(&select(MOVES, HOLDS, IS_LAST), &[&after, &limit, &before, &report]).await?;
        Ok(read(&rows, after, limit)?)
    }

    pub(super) async fn unconfirmed(
        &self,
        at_least: SignedDuration,
        page: Page<i64>,
    ) -> Result<IdleSlice, StoreError> {
        let (after, limit) = (page.after.unwrap_or(0), i64::from(page.limit));
        let before = self.before(at_least);
        let (report, decision) = (Source::MarqetaReport.as_str(), Source::MarqetaJit.as_str());
        let select = select(DECIDES, "", IS_REPORTED);
        let rows = self.query(&select, &[&after, &limit, &before, &report, &decision]).await?;
        Ok(read(&rows, after, limit)?)
    }

    fn before(&self, at_least: SignedDuration) -> Timestamp {
        self.clock.now().saturating_sub(at_least).unwrap_or(Timestamp::MIN)
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
        message: id(row, 3, MessageId::new)?,
        root: id(row, 4, MessageId::new)?,
        program: id(row, 5, ProgramId::new)?,
        mcc: read_mcc(get(row, 6)?),
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
