//! Authorizations, one or many, and messages without effect.

use bursar_core::message::ActionKind;
use bursar_core::{CardId, MessageId, OwnerId};
use bursar_store::{
    AuthorizationFilter, AuthorizationRecord, ListedMessage, Page, STAGES, Slice, StageTimes,
};
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::load::read_group;
use crate::rows::{Blob16, message};

pub(super) fn find_authorization(
    connection: &Connection,
    id: MessageId,
) -> rusqlite::Result<Option<AuthorizationRecord>> {
    let select = format!("select {}, answer_code, answer from messages where id = ?1", message::COLUMNS);
    let read = |row: &Row<'_>| Ok((message::read(row)?, message::read_answer(row, message::WIDTH)?));
    let found = connection.prepare_cached(&select)?.query_row([Blob16(id.uuid())], read).optional()?;
    let Some((message, answer)) = found.filter(|(message, _)| message.authorization.is_some()) else {
        return Ok(None);
    };
    let group = match &message.group {
        Some(group) => read_group(connection, group.root)?,
        None => None,
    };
    let stage_times = find_stage_times(connection, id)?;
    Ok(Some(AuthorizationRecord { message, answer, group, stage_times }))
}

/// Walks the messages in the order of their commits and keeps what is wanted, a bounded number a
/// call: an index by owner or card would be written at random places by every decision.
pub(super) fn list_authorizations(
    connection: &Connection,
    filter: AuthorizationFilter,
    page: Page<i64>,
) -> rusqlite::Result<Slice<ListedMessage>> {
    let (compare, order, start) = match filter.newest_first {
        true => ("<", "desc", i64::MAX),
        false => (">", "asc", 0),
    };
    let select = format!(
        "select {}, position from messages where position {compare} ?1 order by position {order} limit ?2",
        message::COLUMNS
    );
    let mut statement = connection.prepare_cached(&select)?;
    let mut rows = statement.query(params![page.after.unwrap_or(start), Slice::SCANNED_MAX])?;
    let mut slice = Slice { items: Vec::new(), next: None };
    let mut scanned = 0;
    while let Some(row) = rows.next()? {
        let position = row.get(message::WIDTH)?;
        scanned += 1;
        if is_wanted(row, filter)? {
            let message = message::read(row)?;
            let stage_times = find_stage_times(connection, message.id)?;
            slice.items.push(ListedMessage { position, message, stage_times });
        }
        if slice.items.len() as u64 >= u64::from(page.limit) || scanned >= Slice::SCANNED_MAX {
            slice.next = Some(position);
            break;
        }
    }
    Ok(slice)
}

/// Looks only at the columns that it needs: most rows are passed over.
fn is_wanted(row: &Row<'_>, filter: AuthorizationFilter) -> rusqlite::Result<bool> {
    let kind = row.get_ref(6)?.as_str()?;
    if kind != ActionKind::Authorize.as_str() && kind != ActionKind::Increment.as_str() {
        return Ok(false);
    }
    let is = |column: usize, wanted: Option<Uuid>| -> rusqlite::Result<bool> {
        let Some(wanted) = wanted else { return Ok(true) };
        Ok(row.get_ref(column)?.as_blob_or_null()? == Some(&wanted.as_bytes()[..]))
    };
    Ok(is(7, filter.owner.map(OwnerId::uuid))? && is(16, filter.card.map(CardId::uuid))?)
}

pub(super) fn list_records(connection: &Connection, page: Page<i64>) -> rusqlite::Result<Vec<ListedMessage>> {
    let select = format!(
        "select {}, position from messages where method is not null and position < ?1
         order by position desc limit ?2",
        message::COLUMNS
    );
    let mut statement = connection.prepare_cached(&select)?;
    let before = page.after.unwrap_or(i64::MAX);
    let rows = statement.query_map(params![before, page.limit], |row| {
        let position = row.get(message::WIDTH)?;
        Ok(ListedMessage { position, message: message::read(row)?, stage_times: None })
    })?;
    rows.collect()
}

fn find_stage_times(connection: &Connection, id: MessageId) -> rusqlite::Result<Option<StageTimes>> {
    let select = "select parse, user_lookup, card_lookup, limits_lookup, queue_wait, load, decision, \"commit\", answer
                  from stage_times where message = ?1";
    let read = |row: &Row<'_>| {
        let mut us = [0; STAGES.len()];
        for (place, us) in us.iter_mut().enumerate() {
            *us = row.get(place)?;
        }
        Ok(StageTimes::from_us(us))
    };
    connection.prepare_cached(select)?.query_row([Blob16(id.uuid())], read).optional()
}
