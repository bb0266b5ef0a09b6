//! What an owner's hold groups took since some time: read once, when a limit begins to count.

use std::collections::HashMap;

use bursar_core::hold_group::GroupMessage;
use bursar_core::{AccountId, CardId, CardholderId, Currency, HoldGroup, MessageId, OwnerId, State};
use jiff::Timestamp;
use rusqlite::types::FromSqlError;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::groups::{any_merged, put, read_group};
use crate::rows::{Blob16, Micros, id, id_opt, message, word};

/// Adds every hold group of the owner that has a message since then. Walks the owner's messages back
/// from the last, so it costs what the owner did, however much others did.
pub(super) fn load(
    connection: &Connection,
    state: &mut State,
    owner: OwnerId,
    since: Timestamp,
) -> rusqlite::Result<()> {
    let currencies = currencies(connection, owner)?;
    let mut walked: HashMap<MessageId, Walked> = HashMap::new();
    walk(connection, owner, since, |row| {
        if let Some(root) = id_opt(row, FIRST, MessageId::new)? {
            walked.entry(root).or_default().add(row, root)?;
        }
        Ok(())
    })?;
    // Of a group that began before, and of one that is a part of another, not all was walked.
    let is_whole = !any_merged(connection)?;
    for (root, walked) in walked {
        if state.groups.contains_key(&root) {
            continue;
        }
        let group = match walked.began && is_whole {
            true => walked.group(root, owner, &currencies),
            false => read_group(connection, root)?,
        };
        if let Some(group) = group.filter(|group| !state.groups.contains_key(&group.root)) {
            put(state, group);
        }
    }
    Ok(())
}

/// How many columns come before what a message says about its group.
const BEFORE: usize = 1;
const FIRST: usize = BEFORE + message::GROUP_WIDTH;

/// Shows the owner's messages since then, the newest first. A chain that breaks is an error: a limit
/// that counts too little would approve too much.
fn walk(
    connection: &Connection,
    owner: OwnerId,
    since: Timestamp,
    mut visit: impl FnMut(&Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let last = "select last_position from owners where id = ?1";
    let last = connection.prepare_cached(last)?.query_row([Blob16(owner.uuid())], |row| row.get(0));
    let mut next: Option<i64> = last.optional()?.flatten();
    let one = format!(
        "select previous, {}, root, card, cardholder, account, owner_sequence from messages
         where position = ?1 and owner = ?2",
        message::GROUP_COLUMNS
    );
    let mut one = connection.prepare_cached(&one)?;
    while let Some(position) = next {
        let broken = || {
            FromSqlError::Other(
                format!("the message before position {position} of {owner} is not there").into(),
            )
        };
        let mut rows = one.query(params![position, Blob16(owner.uuid())])?;
        let row = rows.next()?.ok_or_else(broken)?;
        if row.get::<_, Micros>(BEFORE + 4)?.0 < since {
            break;
        }
        visit(row)?;
        next = row.get(0)?;
        if next.is_none() && row.get::<_, i64>(FIRST + 4)? != 1 {
            return Err(broken().into());
        }
    }
    Ok(())
}

fn currencies(connection: &Connection, owner: OwnerId) -> rusqlite::Result<HashMap<AccountId, Currency>> {
    let mut statement = connection.prepare_cached("select id, currency from accounts where owner = ?1")?;
    let read = |row: &Row<'_>| Ok((id(row, 0, AccountId::new)?, word(row, 1)?));
    statement.query_map([Blob16(owner.uuid())], read)?.collect()
}

/// What was walked of a group.
#[derive(Default)]
struct Walked {
    messages: Vec<GroupMessage>,
    /// Whether the message that began it was among them: then so were all.
    began: bool,
    card: Option<CardId>,
    cardholder: Option<CardholderId>,
    account: Option<AccountId>,
}

impl Walked {
    fn add(&mut self, row: &Row<'_>, root: MessageId) -> rusqlite::Result<()> {
        let message = message::read_group_message(row, BEFORE)?;
        if message.id == root {
            self.began = true;
            self.card = id_opt(row, FIRST + 1, CardId::new)?;
            self.cardholder = id_opt(row, FIRST + 2, CardholderId::new)?;
            self.account = id_opt(row, FIRST + 3, AccountId::new)?;
        }
        self.messages.push(message);
        Ok(())
    }

    /// `None` if it was about no card of ours.
    fn group(
        self,
        root: MessageId,
        owner: OwnerId,
        currencies: &HashMap<AccountId, Currency>,
    ) -> Option<HoldGroup> {
        let account = self.account?;
        Some(HoldGroup {
            root,
            owner,
            card: self.card?,
            cardholder: self.cardholder?,
            account,
            currency: *currencies.get(&account)?,
            messages: self.messages,
        })
    }
}
