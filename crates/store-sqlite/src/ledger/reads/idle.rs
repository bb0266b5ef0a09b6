//! Hold groups of which nothing was heard for long.

use bursar_core::message::Source;
use bursar_core::{Mcc, Merchant, MessageId, ProgramId};
use bursar_store::{IdleGroup, IdleSlice, Page, Sweep};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::rows::{Blob16, Micros, id};

/// Whether a message may have moved anything in its group: a decision by its effect, a report in any case.
const MOVES: &str = "(effect <> 'none' or source = ?2)";

const REPORT: &str = Source::MarqetaReport.as_str();

/// Walks the messages in the order of their commits, up to the first that is younger.
pub(super) fn list_idle(
    connection: &Connection,
    before: Timestamp,
    page: Page<i64>,
) -> rusqlite::Result<IdleSlice> {
    let select = format!(
        "select position, at, id, root, root is not null and {MOVES} from messages
         where position > ?1 order by position limit ?3"
    );
    let mut statement = connection.prepare_cached(&select)?;
    let after = page.after.unwrap_or(0);
    let mut rows = statement.query(params![after, REPORT, page.limit])?;
    let mut slice = IdleSlice { groups: Vec::new(), position: after, has_more: false };
    let mut looked_at = 0;
    while let Some(row) = rows.next()? {
        if row.get::<_, Micros>(1)?.0 > before {
            return Ok(slice);
        }
        looked_at += 1;
        slice.position = row.get(0)?;
        if row.get::<_, Option<bool>>(4)?.unwrap_or(false) {
            slice.groups.extend(find_if_last(connection, row)?);
        }
    }
    slice.has_more = looked_at >= page.limit;
    Ok(slice)
}

/// The group of a message that may have moved something, if none after it did.
fn find_if_last(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<Option<IdleGroup>> {
    let (position, last, root) = (row.get(0)?, id(row, 2, MessageId::new)?, id(row, 3, MessageId::new)?);
    let later = format!(
        "select 1 from messages where root = ?1 and root <> id and position > ?3 and {MOVES} limit 1"
    );
    let parameters = params![Blob16(root.uuid()), REPORT, position];
    if connection.prepare_cached(&later)?.exists(parameters)? {
        return Ok(None);
    }
    let first = "select program, merchant, source = ?2 or exists (select 1 from messages as other
                     where other.root = ?1 and other.root <> other.id and other.source = ?2)
                 from messages join owners on owners.id = messages.owner
                 join accounts on accounts.id = messages.account and open_holds > 0 where messages.id = ?1";
    let mut statement = connection.prepare_cached(first)?;
    let mut rows = statement.query(params![Blob16(root.uuid()), REPORT])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let program = id(row, 0, ProgramId::new)?;
    let mcc = read_mcc(row.get_ref(1)?.as_str_or_null()?);
    Ok(Some(IdleGroup { position, last, root, program, mcc, is_reported: row.get(2)? }))
}

/// Of a merchant that cannot be read none: who reads its message is told.
fn read_mcc(merchant: Option<&str>) -> Option<Mcc> {
    serde_json::from_str::<Merchant>(merchant?).ok()?.mcc
}

pub(super) fn list_sweeps(connection: &Connection) -> rusqlite::Result<Vec<Sweep>> {
    let mut statement = connection.prepare_cached("select days, position from sweeps order by days")?;
    statement.query_map([], |row| Ok(Sweep { days: row.get(0)?, position: row.get(1)? }))?.collect()
}
