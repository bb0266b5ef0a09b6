//! Hold groups of which nothing was heard for long, and decisions that nobody has confirmed.

use bursar_core::message::Source;
use bursar_core::{Mcc, Merchant, MessageId, ProgramId};
use bursar_store::{IdleGroup, IdleSlice, Page, Sweep};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::rows::{Blob16, Micros, id};

const DECISION: &str = Source::MarqetaJit.as_str();
const REPORT: &str = Source::MarqetaReport.as_str();

/// Whether a message may have moved anything in its group: a decision by its effect, a report in any case.
const MOVES: &str = "(effect <> 'none' or source = ?2)";

/// Of the message that began a group. The account holds something now.
const HOLDING: &str = "select program, merchant from messages join owners on owners.id = messages.owner
    join accounts on accounts.id = messages.account and open_holds > 0 where messages.id = ?1";

/// Of the message that began a group.
const ANY: &str = "select program, merchant from messages join owners on owners.id = messages.owner
    where messages.id = ?1";

/// Groups by the last of their messages that may have moved anything.
pub(super) fn list_idle(
    connection: &Connection,
    before: Timestamp,
    page: Page<i64>,
) -> rusqlite::Result<IdleSlice> {
    let later = format!(
        "select 1 from messages where root = ?1 and root <> id and {MOVES} and position > ?3 limit 1"
    );
    walk(connection, (MOVES, REPORT), before, page, |row| {
        let (position, root) = (row.get::<_, i64>(0)?, id(row, 3, MessageId::new)?);
        let parameters = params![Blob16(root.uuid()), REPORT, position];
        match connection.prepare_cached(&later)?.exists(parameters)? {
            true => Ok(None),
            false => find_group(connection, HOLDING, row),
        }
    })
}

/// Groups by decisions of whose transactions there is no report.
pub(super) fn list_unconfirmed(
    connection: &Connection,
    before: Timestamp,
    page: Page<i64>,
) -> rusqlite::Result<IdleSlice> {
    let decides = "(effect <> 'none' and source = ?2)";
    let report =
        "select 1 from messages where root = ?1 and root <> id and source = ?2 and token = ?3 limit 1";
    walk(connection, (decides, DECISION), before, page, |row| {
        let (root, token) = (id(row, 3, MessageId::new)?, row.get::<_, String>(5)?);
        match connection.prepare_cached(report)?.exists(params![Blob16(root.uuid()), REPORT, token])? {
            true => Ok(None),
            false => find_group(connection, ANY, row),
        }
    })
}

/// Walks the messages in the order of their commits, up to the first that is younger, and looks closer at those of
/// groups that are wanted: `?2` in the condition is the source.
fn walk(
    connection: &Connection,
    (wanted, source): (&str, &str),
    before: Timestamp,
    page: Page<i64>,
    mut look: impl FnMut(&Row<'_>) -> rusqlite::Result<Option<IdleGroup>>,
) -> rusqlite::Result<IdleSlice> {
    let select = format!(
        "select position, at, id, root, root is not null and {wanted}, token from messages
         where position > ?1 order by position limit ?3"
    );
    let mut statement = connection.prepare_cached(&select)?;
    let after = page.after.unwrap_or(0);
    let mut rows = statement.query(params![after, source, page.limit])?;
    let mut slice = IdleSlice { groups: Vec::new(), position: after, has_more: false };
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        if row.get::<_, Micros>(1)?.0 > before {
            return Ok(slice);
        }
        looked_at += 1;
        slice.position = row.get(0)?;
        if row.get::<_, Option<bool>>(4)?.unwrap_or(false) {
            slice.groups.extend(look(row)?);
        }
    }
    slice.has_more = looked_at >= page.limit;
    Ok(slice)
}

/// The group of a message, as the one that began it tells.
fn find_group(connection: &Connection, first: &str, row: &Row<'_>) -> rusqlite::Result<Option<IdleGroup>> {
    let (position, message, root) = (row.get(0)?, id(row, 2, MessageId::new)?, id(row, 3, MessageId::new)?);
    let mut statement = connection.prepare_cached(first)?;
    let mut rows = statement.query([Blob16(root.uuid())])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let program = id(row, 0, ProgramId::new)?;
    Ok(Some(IdleGroup { position, message, root, program, mcc: read_mcc(row.get_ref(1)?.as_str_or_null()?) }))
}

/// Of a merchant that cannot be read none: who reads its message is told.
fn read_mcc(merchant: Option<&str>) -> Option<Mcc> {
    serde_json::from_str::<Merchant>(merchant?).ok()?.mcc
}

pub(super) fn list_sweeps(connection: &Connection) -> rusqlite::Result<Vec<Sweep>> {
    let mut statement = connection.prepare_cached("select days, position from sweeps order by days")?;
    statement.query_map([], |row| Ok(Sweep { days: row.get(0)?, position: row.get(1)? }))?.collect()
}
