//! Hold groups: those that commands refer to, those of an owner's history, and one for a reader.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::time::Duration;

use bursar_core::command::{GroupRef, Link, LinkKind};
use bursar_core::control::Scope;
use bursar_core::{AccountId, CardId, CardholderId, HoldGroup, MessageId, MessageKey, OwnerId, State};
use bursar_store::StoreError;
use deadpool_postgres::Client;
use futures_util::future::try_join;
use jiff::Timestamp;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row};

use super::wanted::{GroupRefs, LinkArrays};
use super::{Found, Scopes, query, scope_selects};
use crate::error::before_commit;
use crate::rows::{Read, account, currency, get, id, message, word};

/// The messages that began the groups which are referred to, or parts of them: by id, by key or by link.
const ROOTS: &str = "select root from messages where id = any($1)
    union select root from messages where (token, source, scope, state) in
    (select * from unnest($2::text[], $3::text[], $4::bigint[], $5::text[]))
    union select root from links where (value, kind, scope) in
    (select * from unnest($6::text[], $7::text[], $8::bigint[]))";

/// `part`: all parts of the groups that `roots` names, each with the first, which it is a part of. The planner
/// takes recursion for very many rows, so each look-up by an index is one of its own, which it cannot join
/// otherwise (`offset 0`).
fn with_parts(roots: &str) -> String {
    format!(
        "with recursive named (root) as materialized ({roots}),
         whole (root) as (
             select root from named
             union select further.root from whole
             cross join lateral (select root from merges where merged = whole.root offset 0) as further
         ),
         part (first, root) as (
             select root, root from whole where (select merged from merges where merged = whole.root) is null
             union all select part.first, more.merged from part
             cross join lateral (select merged from merges where root = part.root offset 0) as more
         )"
    )
}

/// The members of the groups that `roots` names: only groups that are about a card of ours.
fn select_members(roots: &str) -> String {
    format!(
        "{}
         select first.id, first.owner, first.card, first.cardholder, first.account, accounts.currency,
         part.root, {}
         from part
         cross join lateral (
             select * from messages where id = part.first and card is not null and cardholder is not null offset 0
         ) as first
         cross join lateral (select currency from accounts where id = first.account offset 0) as accounts
         cross join lateral (
             select * from messages where id = part.root
             union all select * from messages where root = part.root and root <> id
         ) as member",
        with_parts(roots),
        message::GROUP_COLUMNS
    )
}

/// What was read of links: the message that began the group, or the part of it, which each names.
pub(super) async fn links(client: &Client, refs: &GroupRefs<'_>) -> Result<Found, Error> {
    let select = "select value, kind, scope, root from links where (value, kind, scope) in
                  (select * from unnest($1::text[], $2::text[], $3::bigint[]))";
    let LinkArrays { values, kinds, scopes } = &refs.links;
    query(client, select, !values.is_empty(), &[values, kinds, scopes]).await
}

fn parameters<'a>(refs: &'a GroupRefs<'_>) -> [&'a (dyn ToSql + Sync); 8] {
    let GroupRefs { ids, keys, links, .. } = refs;
    [ids, &keys.tokens, &keys.sources, &keys.scopes, &keys.states, &links.values, &links.kinds, &links.scopes]
}

pub(super) async fn members(client: &Client, refs: &GroupRefs<'_>) -> Result<Found, Error> {
    query(client, &select_members(ROOTS), !refs.refs.is_empty(), &parameters(refs)).await
}

pub(super) async fn accounts(client: &Client, refs: &GroupRefs<'_>) -> Result<Found, Error> {
    let select = format!(
        "select {} from accounts where id in (select account from messages where id in ({ROOTS}))",
        account::COLUMNS
    );
    query(client, &select, !refs.refs.is_empty(), &parameters(refs)).await
}

pub(super) async fn scopes(client: &Client, refs: &GroupRefs<'_>) -> Result<Scopes, Error> {
    let subjects = format!(
        "any(array({} select unnest(array[card, cardholder, owner]) from part
         cross join lateral (select * from messages where id = part.root offset 0) as begun))",
        with_parts(ROOTS)
    );
    let (controls, windows) = scope_selects(&subjects);
    let is_wanted = !refs.refs.is_empty();
    let parameters = parameters(refs);
    try_join(
        query(client, &controls, is_wanted, &parameters),
        query(client, &windows, is_wanted, &parameters),
    )
    .await
}

/// Adds every hold group of the owner that has a message since then.
///
/// # Errors
/// A group cannot be read: a limit that counts too little would approve too much.
pub(crate) async fn history(
    client: &Client,
    state: &mut State,
    owner: OwnerId,
    since: Timestamp,
    timeout: Duration,
) -> Result<(), StoreError> {
    let failed = |error: Error| before_commit(&error);
    let roots = "select distinct root from messages where owner = $1 and at >= $2 and root is not null";
    // In this transaction only: it reads what the owner did since then, however much that is.
    let patience = format!("set local statement_timeout = {}", timeout.as_millis());
    let (owner, select) = (owner.uuid(), select_members(roots));
    let parameters: [&(dyn ToSql + Sync); 2] = [&owner, &since];
    let read = query(client, &select, true, &parameters);
    let ((), rows) = try_join(client.batch_execute(&patience), read).await.map_err(failed)?;
    let groups = Groups::read(&rows).map_err(|damage| StoreError::BadData(damage.0))?;
    for (root, group) in groups.groups {
        for message in &group.messages {
            state.group_refs.insert(GroupRef::Message(message.id), root);
        }
        state.groups.entry(root).or_insert(group);
    }
    Ok(())
}

/// A group by the message that began it; `None` if that one was about no card of ours.
pub(crate) async fn read_group(client: &Client, root: MessageId) -> Result<Read<Option<HoldGroup>>, Error> {
    let rows = query(client, &select_members("select $1::uuid as root"), true, &[&root.uuid()]).await?;
    Ok(Groups::read(&rows).map(|groups| groups.groups.into_values().next()))
}

/// Groups by the messages that began them, as far as those were about cards of ours.
pub(crate) async fn read_groups(
    client: &Client,
    roots: &[MessageId],
) -> Result<Read<HashMap<MessageId, HoldGroup>>, Error> {
    let roots: Vec<_> = roots.iter().map(|root| root.uuid()).collect();
    let rows = query(client, &select_members("select unnest($1::uuid[]) as root"), true, &[&roots]).await?;
    Ok(Groups::read(&rows).map(|groups| groups.groups))
}

/// Groups as they were read, and which message has which key.
#[derive(Default)]
pub(crate) struct Groups {
    groups: HashMap<MessageId, HoldGroup>,
    keys: HashMap<MessageKey, MessageId>,
    /// Which group a part belongs to, by the message that began it.
    parts: HashMap<MessageId, MessageId>,
    links: HashMap<Link, MessageId>,
}

impl Groups {
    pub(super) fn read(rows: &[Row]) -> Read<Self> {
        let mut groups = Self::default();
        rows.iter().try_for_each(|row| groups.add(row))?;
        Ok(groups)
    }

    fn add(&mut self, row: &Row) -> Read<()> {
        let root = id(row, 0, MessageId::new)?;
        self.parts.insert(id(row, 6, MessageId::new)?, root);
        let member = message::read_group_message(row, 7)?;
        self.keys.insert(member.key.clone(), root);
        match self.groups.entry(root) {
            Entry::Occupied(mut known) => known.get_mut().messages.push(member),
            Entry::Vacant(new) => {
                new.insert(HoldGroup {
                    root,
                    owner: id(row, 1, OwnerId::new)?,
                    card: id(row, 2, CardId::new)?,
                    cardholder: id(row, 3, CardholderId::new)?,
                    account: id(row, 4, AccountId::new)?,
                    currency: word(row, 5, currency)?,
                    messages: vec![member],
                });
            }
        }
        Ok(())
    }

    pub(super) fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.groups.values().flat_map(HoldGroup::scopes)
    }

    /// Adds what the links name.
    pub(super) fn add_links(&mut self, rows: &[Row]) -> Read<()> {
        for row in rows {
            let kind = word(row, 1, LinkKind::from_word)?;
            let link = Link { scope: get(row, 2)?, kind, value: get::<String>(row, 0)?.into() };
            self.links.insert(link, id(row, 3, MessageId::new)?);
        }
        Ok(())
    }

    /// Puts the groups, and what each reference means.
    pub(super) fn put(self, state: &mut State, refs: &GroupRefs<'_>) {
        for reference in &refs.refs {
            let root = match reference {
                GroupRef::Message(id) => {
                    let has = |group: &&HoldGroup| group.messages.iter().any(|message| message.id == *id);
                    self.groups.values().find(has).map(|group| group.root)
                }
                GroupRef::Key(key) => self.keys.get(key).copied(),
                GroupRef::Link(link) => self.links.get(link).and_then(|root| self.parts.get(root)).copied(),
            };
            if let Some(root) = root {
                state.group_refs.insert((*reference).clone(), root);
            }
        }
        for group in self.groups.values() {
            for message in &group.messages {
                state.group_refs.insert(GroupRef::Message(message.id), group.root);
            }
        }
        state.groups.extend(self.groups);
    }
}
