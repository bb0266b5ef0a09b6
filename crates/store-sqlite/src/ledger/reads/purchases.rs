//! Purchases, one or many.

use std::collections::BTreeSet;

use bursar_core::command::GroupRef;
use bursar_core::{AccountId, CardId, CardholderId, Merchant, Message, MessageId, OwnerId};
use bursar_store::{Page, Purchase, PurchaseFilter, Slice, keys_of_transactions};
use jiff::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};
use uuid::Uuid;

use crate::keys;
use crate::load::{find_root, first, is_part, read_whole};
use crate::rows::{Blob16, Micros, id, message};

/// What is looked at of every message that is passed; the first says where the owner's message before is.
const LOOK: &str = "previous, position, id, root, card, cardholder, account, at, merchant, owner";

pub(super) fn find_purchase(connection: &Connection, id: MessageId) -> rusqlite::Result<Option<Purchase>> {
    let Some(mut purchase) = find_purchases(connection, &[id])?.pop() else { return Ok(None) };
    for key in keys_of_transactions(&purchase.messages) {
        let kept = keys::find(connection, &key, message::COLUMNS, message::read)?;
        purchase.kept.extend(kept.filter(|kept| kept.group.is_none()));
    }
    Ok(Some(purchase))
}

/// Those that the messages belong to, each once.
pub(super) fn find_purchases(connection: &Connection, ids: &[MessageId]) -> rusqlite::Result<Vec<Purchase>> {
    let mut roots = BTreeSet::new();
    for id in ids {
        if let Some(root) = find_root(connection, &GroupRef::Message(*id))? {
            roots.insert(first(connection, root)?);
        }
    }
    let mut position = connection.prepare_cached("select position from messages where id = ?1")?;
    let mut read = |root: MessageId| {
        let position = position.query_row([Blob16(root.uuid())], |row| row.get(0))?;
        read_purchase(connection, position, root)
    };
    roots.into_iter().map(&mut read).collect()
}

fn read_purchase(connection: &Connection, position: i64, root: MessageId) -> rusqlite::Result<Purchase> {
    let group = read_whole(connection, root)?;
    let members = match &group {
        Some(group) => group.messages.iter().map(|member| member.id).collect(),
        None => vec![root],
    };
    let select = format!("select {} from messages where id = ?1", message::COLUMNS);
    let mut statement = connection.prepare_cached(&select)?;
    let read = |id: MessageId| statement.query_row([Blob16(id.uuid())], message::read);
    let messages: Vec<Message> = members.into_iter().map(read).collect::<rusqlite::Result<_>>()?;
    let root = group.as_ref().map_or(root, |group| group.root);
    Ok(Purchase { position, root, group, messages, kept: Vec::new() })
}

/// Newest first: the owner's messages along their chain, or all, a bounded number a call.
pub(super) fn list_purchases(
    connection: &Connection,
    filter: &PurchaseFilter,
    page: Page<i64>,
) -> rusqlite::Result<Slice<Purchase>> {
    let mut found: Vec<(i64, MessageId)> = Vec::new();
    let next = walk(connection, filter, page.after, |row| {
        let at = row.get::<_, Micros>(7)?.0;
        if filter.ends_before(at) {
            return Ok(Step::Ended);
        }
        let root = id(row, 2, MessageId::new)?;
        if is_wanted(row, at, filter)? && !is_part(connection, root)? {
            found.push((row.get(1)?, root));
        }
        Ok(if found.len() as u64 >= u64::from(page.limit) { Step::Enough } else { Step::On })
    })?;
    let mut items = Vec::with_capacity(found.len());
    for (position, id) in found {
        items.push(read_purchase(connection, position, id)?);
    }
    Ok(Slice { items, next })
}

/// What became of a look at a message.
enum Step {
    /// The one before it is looked at.
    On,
    /// The list goes on behind it another time.
    Enough,
    /// Nothing before it can be wanted.
    Ended,
}

/// Shows messages, the newest first; says where the next call goes on.
fn walk(
    connection: &Connection,
    filter: &PurchaseFilter,
    after: Option<i64>,
    visit: impl FnMut(&Row<'_>) -> rusqlite::Result<Step>,
) -> rusqlite::Result<Option<i64>> {
    match filter.owner {
        Some(owner) => walk_chain(connection, owner, after, visit),
        None => walk_all(connection, after, visit),
    }
}

fn walk_all(
    connection: &Connection,
    after: Option<i64>,
    mut visit: impl FnMut(&Row<'_>) -> rusqlite::Result<Step>,
) -> rusqlite::Result<Option<i64>> {
    let select = format!("select {LOOK} from messages where position < ?1 order by position desc limit ?2");
    let mut statement = connection.prepare_cached(&select)?;
    let mut rows = statement.query(params![after.unwrap_or(i64::MAX), Slice::SCANNED_MAX])?;
    let mut scanned = 0;
    while let Some(row) = rows.next()? {
        let position = row.get(1)?;
        scanned += 1;
        match visit(row)? {
            Step::Ended => return Ok(None),
            Step::On if scanned < Slice::SCANNED_MAX => {}
            Step::On | Step::Enough => return Ok(Some(position)),
        }
    }
    Ok(None)
}

/// A cursor of another list may name no message of the owner's: then the chain is followed to where it goes on.
fn walk_chain(
    connection: &Connection,
    owner: OwnerId,
    after: Option<i64>,
    mut visit: impl FnMut(&Row<'_>) -> rusqlite::Result<Step>,
) -> rusqlite::Result<Option<i64>> {
    let select = format!("select {LOOK} from messages where position = ?1 and owner = ?2");
    let mut statement = connection.prepare_cached(&select)?;
    let mut next = begin_chain(connection, owner, after)?;
    let mut scanned = 0;
    while let Some(position) = next {
        let mut rows = statement.query(params![position, Blob16(owner.uuid())])?;
        let broken = || {
            FromSqlError::Other(format!("the message at position {position} of {owner} is not there").into())
        };
        let row = rows.next()?.ok_or_else(broken)?;
        scanned += 1;
        let step = match after {
            Some(after) if position >= after => Step::On,
            _ => visit(row)?,
        };
        match step {
            Step::Ended => return Ok(None),
            Step::On if scanned < Slice::SCANNED_MAX => {}
            Step::On | Step::Enough => return Ok(Some(position)),
        }
        next = row.get(0)?;
    }
    Ok(None)
}

/// Behind the message at the cursor, if that is the owner's; else at the owner's last.
fn begin_chain(connection: &Connection, owner: OwnerId, after: Option<i64>) -> rusqlite::Result<Option<i64>> {
    if let Some(after) = after {
        let before = "select previous from messages where position = ?1 and owner = ?2";
        let before = connection
            .prepare_cached(before)?
            .query_row(params![after, Blob16(owner.uuid())], |row| row.get::<_, Option<i64>>(0));
        if let Some(before) = before.optional()? {
            return Ok(before);
        }
    }
    let last = "select last_position from owners where id = ?1";
    let last = connection.prepare_cached(last)?.query_row([Blob16(owner.uuid())], |row| row.get(0));
    Ok(last.optional()?.flatten())
}

/// Whether the message began a purchase that is wanted. Looks at the cheapest first.
fn is_wanted(row: &Row<'_>, at: Timestamp, filter: &PurchaseFilter) -> rusqlite::Result<bool> {
    let bytes =
        |column: usize| -> rusqlite::Result<Option<&[u8]>> { Ok(row.get_ref(column)?.as_blob_or_null()?) };
    if bytes(3)?.is_none() || bytes(3)? != bytes(2)? {
        return Ok(false);
    }
    let is = |column: usize, wanted: Option<Uuid>| -> rusqlite::Result<bool> {
        let Some(wanted) = wanted else { return Ok(true) };
        Ok(bytes(column)? == Some(&wanted.as_bytes()[..]))
    };
    let is_about = is(9, filter.owner.map(OwnerId::uuid))?
        && is(4, filter.card.map(CardId::uuid))?
        && is(5, filter.cardholder.map(CardholderId::uuid))?
        && is(6, filter.account.map(AccountId::uuid))?;
    let is_then = filter.from.is_none_or(|from| at >= from) && filter.to.is_none_or(|to| at < to);
    if !is_about || !is_then {
        return Ok(false);
    }
    if filter.merchant.is_none() && filter.mccs.is_empty() {
        return Ok(true);
    }
    let Some(merchant) = row.get_ref(8)?.as_str_or_null()? else { return Ok(false) };
    let merchant: Merchant =
        serde_json::from_str(merchant).map_err(|error| FromSqlError::Other(Box::new(error)))?;
    Ok(filter.wants_mcc(&merchant) && filter.wants_merchant(&merchant))
}
