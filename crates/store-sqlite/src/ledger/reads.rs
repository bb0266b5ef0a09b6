//! The reads of the port.

use async_trait::async_trait;
use bursar_core::command::Route;
use bursar_core::control::Scope;
use bursar_core::journal::CustomerEntry;
use bursar_core::message::ActionKind;
use bursar_core::text::Token;
use bursar_core::window::Counters;
use bursar_core::{
    Account, AccountId, Card, CardId, Cardholder, CardholderId, Control, ControlId, JournalId, MessageId,
    Owner, OwnerId, OwnerKind, Program, ProgramId,
};
use bursar_store::{
    AuthorizationFilter, AuthorizationRecord, Clock, ControlFilter, Entry, ListedMessage, Page, Reader,
    STAGES, Slice, Spending, StageTimes, StoreError, Totals,
};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use uuid::Uuid;

use super::SqliteLedger;
use crate::load::{read_controls, read_counters, read_group};
use crate::rows::{Blob16, Micros, account, card, cardholder, control, id, message, owner, program};

/// Where a kind of row is and how it is read.
struct Table<T> {
    name: &'static str,
    columns: &'static str,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
}

const PROGRAMS: Table<Program> = Table { name: "programs", columns: program::COLUMNS, read: program::read };
const OWNERS: Table<Owner> = Table { name: "owners", columns: owner::COLUMNS, read: owner::read };
const ACCOUNTS: Table<Account> = Table { name: "accounts", columns: account::COLUMNS, read: account::read };
const CARDHOLDERS: Table<Cardholder> =
    Table { name: "cardholders", columns: cardholder::COLUMNS, read: cardholder::read };
const CARDS: Table<Card> = Table { name: "cards", columns: card::COLUMNS, read: card::read };

const CONTROLS: Table<Control> = Table { name: "controls", columns: control::COLUMNS, read: control::read };

impl<T> Table<T> {
    fn find(&self, connection: &Connection, column: &str, key: impl Params) -> rusqlite::Result<Option<T>> {
        let select = format!("select {} from {} where {column} = ?1", self.columns, self.name);
        connection.prepare_cached(&select)?.query_row(key, self.read).optional()
    }

    /// Rows after an id, in the order of their ids; `filter` names a column, and what it must be.
    fn list(
        &self,
        connection: &Connection,
        filter: Option<(&str, &dyn rusqlite::ToSql)>,
        after: Option<Uuid>,
        limit: u32,
    ) -> rusqlite::Result<Vec<T>> {
        let after = Blob16(after.unwrap_or(Uuid::nil()));
        let condition = filter.map_or(String::new(), |(column, _)| format!("and {column} = ?3"));
        let select = format!(
            "select {} from {} where id > ?1 {condition} order by id limit ?2",
            self.columns, self.name
        );
        let mut statement = connection.prepare_cached(&select)?;
        let rows = match filter {
            Some((_, wanted)) => statement.query_map(params![after, limit, wanted], self.read)?,
            None => statement.query_map(params![after, limit], self.read)?,
        };
        rows.collect()
    }

    fn list_of_owner(
        &self,
        connection: &Connection,
        owner: Option<OwnerId>,
        after: Option<Uuid>,
        limit: u32,
    ) -> rusqlite::Result<Vec<T>> {
        let owner = owner.map(|owner| Blob16(owner.uuid()));
        let filter = owner.as_ref().map(|owner| ("owner", owner as &dyn rusqlite::ToSql));
        self.list(connection, filter, after, limit)
    }
}

#[async_trait]
impl Reader for SqliteLedger {
    async fn find_program(&self, id: ProgramId) -> Result<Option<Program>, StoreError> {
        self.readers.read(move |connection| PROGRAMS.find(connection, "id", [Blob16(id.uuid())])).await
    }

    async fn list_programs(&self, page: Page<ProgramId>) -> Result<Vec<Program>, StoreError> {
        let after = page.after.map(ProgramId::uuid);
        self.readers.read(move |connection| PROGRAMS.list(connection, None, after, page.limit)).await
    }

    async fn find_owner(&self, id: OwnerId) -> Result<Option<Owner>, StoreError> {
        self.readers.read(move |connection| OWNERS.find(connection, "id", [Blob16(id.uuid())])).await
    }

    async fn list_owners(&self, kind: OwnerKind, page: Page<OwnerId>) -> Result<Vec<Owner>, StoreError> {
        let after = page.after.map(OwnerId::uuid);
        let read = move |connection: &Connection| {
            OWNERS.list(connection, Some(("kind", &kind.as_str())), after, page.limit)
        };
        self.readers.read(read).await
    }

    async fn find_cardholder(&self, id: CardholderId) -> Result<Option<Cardholder>, StoreError> {
        self.readers.read(move |connection| CARDHOLDERS.find(connection, "id", [Blob16(id.uuid())])).await
    }

    async fn find_cardholder_by_token(&self, token: &Token) -> Result<Option<Cardholder>, StoreError> {
        let token = token.clone();
        self.lookups.read(move |connection| CARDHOLDERS.find(connection, "token", [token.as_str()])).await
    }

    async fn list_cardholders(
        &self,
        owner: Option<OwnerId>,
        page: Page<CardholderId>,
    ) -> Result<Vec<Cardholder>, StoreError> {
        let after = page.after.map(CardholderId::uuid);
        let read =
            move |connection: &Connection| CARDHOLDERS.list_of_owner(connection, owner, after, page.limit);
        self.readers.read(read).await
    }

    async fn find_card(&self, id: CardId) -> Result<Option<Card>, StoreError> {
        self.readers.read(move |connection| CARDS.find(connection, "id", [Blob16(id.uuid())])).await
    }

    async fn find_route(&self, token: &Token) -> Result<Option<Route>, StoreError> {
        let token = token.clone();
        let read = move |connection: &Connection| CARDS.find(connection, "token", [token.as_str()]);
        let card = self.lookups.read(read).await?;
        let route = |card: Card| Route {
            card: card.id,
            owner: card.owner,
            cardholder: card.cardholder,
            account: card.account,
        };
        Ok(card.map(route))
    }

    async fn list_cards(&self, owner: Option<OwnerId>, page: Page<CardId>) -> Result<Vec<Card>, StoreError> {
        let after = page.after.map(CardId::uuid);
        self.readers.read(move |connection| CARDS.list_of_owner(connection, owner, after, page.limit)).await
    }

    async fn find_control(&self, id: ControlId) -> Result<Option<Control>, StoreError> {
        self.readers.read(move |connection| CONTROLS.find(connection, "id", [Blob16(id.uuid())])).await
    }

    async fn list_controls(
        &self,
        filter: ControlFilter,
        page: Page<ControlId>,
    ) -> Result<Vec<Control>, StoreError> {
        self.readers.read(move |connection| list_controls(connection, filter, page)).await
    }

    async fn find_spending(&self, scope: Scope) -> Result<Option<Spending>, StoreError> {
        let clock = self.clock.clone();
        self.readers.read(move |connection| find_spending(connection, scope, &clock)).await
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.readers.read(move |connection| ACCOUNTS.find(connection, "id", [Blob16(id.uuid())])).await
    }

    async fn list_accounts(
        &self,
        owner: Option<OwnerId>,
        page: Page<AccountId>,
    ) -> Result<Vec<Account>, StoreError> {
        let after = page.after.map(AccountId::uuid);
        self.readers
            .read(move |connection| ACCOUNTS.list_of_owner(connection, owner, after, page.limit))
            .await
    }

    async fn list_entries(&self, account: AccountId, page: Page<i64>) -> Result<Vec<Entry>, StoreError> {
        let read = move |connection: &Connection| {
            let select =
                "select account, number, amount_minor, balance_after_minor, journal, message, at from entries
                          where account = ?1 and number > ?2 order by number limit ?3";
            let mut statement = connection.prepare_cached(select)?;
            let after = page.after.unwrap_or(0);
            statement.query_map(params![Blob16(account.uuid()), after, page.limit], read_entry)?.collect()
        };
        self.readers.read(read).await
    }

    async fn find_authorization(&self, id: MessageId) -> Result<Option<AuthorizationRecord>, StoreError> {
        self.readers.read(move |connection| find_authorization(connection, id)).await
    }

    async fn list_authorizations(
        &self,
        filter: AuthorizationFilter,
        page: Page<i64>,
    ) -> Result<Slice<ListedMessage>, StoreError> {
        self.readers.read(move |connection| list_authorizations(connection, filter, page)).await
    }

    async fn list_records(&self, page: Page<i64>) -> Result<Vec<ListedMessage>, StoreError> {
        let select = format!(
            "select {}, position from messages where method is not null and position < ?1
             order by position desc limit ?2",
            message::COLUMNS
        );
        let read = move |connection: &Connection| {
            let mut statement = connection.prepare_cached(&select)?;
            let before = page.after.unwrap_or(i64::MAX);
            let rows = statement.query_map(params![before, page.limit], |row| {
                let position = row.get(message::WIDTH)?;
                Ok(ListedMessage { position, message: message::read(row)?, stage_times: None })
            })?;
            rows.collect()
        };
        self.readers.read(read).await
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let select = "select coalesce(sum(open_holds), 0) from accounts";
        let read = move |connection: &Connection| {
            let open_holds = connection.prepare_cached(select)?.query_row([], |row| row.get(0))?;
            Ok(Totals { open_holds })
        };
        self.readers.read(read).await
    }
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        entry: CustomerEntry {
            account: id(row, 0, AccountId::new)?,
            number: row.get(1)?,
            amount_minor: row.get(2)?,
            balance_after_minor: row.get(3)?,
        },
        journal: id(row, 4, JournalId::new)?,
        message: id(row, 5, MessageId::new)?,
        at: row.get::<_, Micros>(6)?.0,
    })
}

fn list_controls(
    connection: &Connection,
    filter: ControlFilter,
    page: Page<ControlId>,
) -> rusqlite::Result<Vec<Control>> {
    let Some(scope) = filter.scope else {
        return CONTROLS.list_of_owner(connection, filter.owner, page.after.map(ControlId::uuid), page.limit);
    };
    // A scope has few.
    let is_wanted = |control: &Control| {
        page.after.is_none_or(|after| control.id > after)
            && filter.owner.is_none_or(|owner| control.owner == owner)
    };
    let found = read_controls(connection, scope)?.into_iter().filter(is_wanted);
    Ok(found.take(page.limit as usize).collect())
}

fn find_spending(connection: &Connection, scope: Scope, clock: &Clock) -> rusqlite::Result<Option<Spending>> {
    let (owner, scopes) = match scope {
        Scope::Owner(id) => (Some(id), vec![scope]),
        Scope::Cardholder(id) => match CARDHOLDERS.find(connection, "id", [Blob16(id.uuid())])? {
            Some(holder) => (Some(holder.owner), vec![scope, Scope::Owner(holder.owner)]),
            None => (None, Vec::new()),
        },
        Scope::Card(id) => match CARDS.find(connection, "id", [Blob16(id.uuid())])? {
            Some(card) => {
                (Some(card.owner), vec![scope, Scope::Cardholder(card.cardholder), Scope::Owner(card.owner)])
            }
            None => (None, Vec::new()),
        },
    };
    let Some(owner) =
        owner.map(|id| OWNERS.find(connection, "id", [Blob16(id.uuid())])).transpose()?.flatten()
    else {
        return Ok(None);
    };
    let Some(program) = PROGRAMS.find(connection, "id", [Blob16(owner.program.uuid())])? else {
        return Ok(None);
    };
    let mut controls = Vec::new();
    for scope in scopes {
        let counters = read_counters(connection, scope)?.unwrap_or(Counters::new(scope));
        for control in read_controls(connection, scope)? {
            let counter = counters.find(control.id).cloned().unwrap_or_default();
            controls.push((control, counter));
        }
    }
    Ok(Some(Spending { at: clock.now().max(owner.last_at), zone: program.time_zone, controls }))
}

fn find_authorization(
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

/// Walks the messages in the order of their commits and keeps what is wanted, a bounded number a
/// call: an index by owner or card would be written at random places by every decision.
fn list_authorizations(
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
