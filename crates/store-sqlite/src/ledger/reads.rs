//! The reads of the port.

mod authorizations;
mod discrepancies;
mod idle;
mod purchases;
mod spending;

use async_trait::async_trait;
use bursar_core::command::Route;
use bursar_core::control::Scope;
use bursar_core::journal::CustomerEntry;
use bursar_core::text::Token;
use bursar_core::{
    Account, AccountId, Card, CardId, Cardholder, CardholderId, Control, ControlId, JournalId, Message,
    MessageId, MessageKey, Owner, OwnerId, OwnerKind, Program, ProgramId,
};
use bursar_store::{
    AuthorizationFilter, AuthorizationRecord, ControlFilter, DiscrepancyFilter, Entry, Identity, IdleSlice,
    ListedDiscrepancy, ListedMessage, Page, Purchase, PurchaseFilter, Reader, Slice, Spending, StoreError,
    Sweep, Totals,
};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use uuid::Uuid;

use super::SqliteLedger;
use crate::identity;
use crate::keys;
use crate::rows::{Blob16, Micros, account, card, cardholder, control, id, message, owner, program};
use authorizations::{find_authorization, list_authorizations, list_records};
use discrepancies::list_discrepancies;
use idle::{list_idle, list_sweeps, list_unconfirmed};
use purchases::{find_purchase, find_purchases, list_purchases};
use spending::{find_spending, list_controls};

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

    async fn find_owner_by_token(&self, token: &Token) -> Result<Option<Owner>, StoreError> {
        let token = token.clone();
        self.readers.read(move |connection| OWNERS.find(connection, "token", [token.as_str()])).await
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

    async fn find_message(&self, key: &MessageKey) -> Result<Option<Message>, StoreError> {
        let key = key.clone();
        self.readers
            .read(move |connection| keys::find(connection, &key, message::COLUMNS, message::read))
            .await
    }

    async fn list_authorizations(
        &self,
        filter: AuthorizationFilter,
        page: Page<i64>,
    ) -> Result<Slice<ListedMessage>, StoreError> {
        self.readers.read(move |connection| list_authorizations(connection, filter, page)).await
    }

    async fn find_purchase(&self, message: MessageId) -> Result<Option<Purchase>, StoreError> {
        self.readers.read(move |connection| find_purchase(connection, message)).await
    }

    async fn find_purchases(&self, messages: &[MessageId]) -> Result<Vec<Purchase>, StoreError> {
        let messages = messages.to_vec();
        self.readers.read(move |connection| find_purchases(connection, &messages)).await
    }

    async fn list_purchases(
        &self,
        filter: &PurchaseFilter,
        page: Page<i64>,
    ) -> Result<Slice<Purchase>, StoreError> {
        let filter = filter.clone();
        self.readers.read(move |connection| list_purchases(connection, &filter, page)).await
    }

    async fn list_records(&self, page: Page<i64>) -> Result<Vec<ListedMessage>, StoreError> {
        self.readers.read(move |connection| list_records(connection, page)).await
    }

    async fn list_discrepancies(
        &self,
        filter: DiscrepancyFilter,
        page: Page<i64>,
    ) -> Result<Vec<ListedDiscrepancy>, StoreError> {
        self.readers.read(move |connection| list_discrepancies(connection, filter, page)).await
    }

    async fn list_idle(&self, at_least: SignedDuration, page: Page<i64>) -> Result<IdleSlice, StoreError> {
        let before = self.clock.now().saturating_sub(at_least).unwrap_or(Timestamp::MIN);
        self.readers.read(move |connection| list_idle(connection, before, page)).await
    }

    async fn list_unconfirmed(
        &self,
        at_least: SignedDuration,
        page: Page<i64>,
    ) -> Result<IdleSlice, StoreError> {
        let before = self.clock.now().saturating_sub(at_least).unwrap_or(Timestamp::MIN);
        self.readers.read(move |connection| list_unconfirmed(connection, before, page)).await
    }

    async fn list_sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        self.readers.read(list_sweeps).await
    }

    async fn identity(&self) -> Result<Identity, StoreError> {
        self.readers.read(identity::find).await
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
