//! The reads of the port.

mod authorizations;
mod discrepancies;
mod idle;
mod purchases;
mod snapshot;
mod spending;

use std::time::Duration;

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
use futures_util::future::try_join;
use jiff::SignedDuration;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::{Clean, PostgresLedger, SILENT, flight};
use crate::error::before_commit;
use crate::identity;
use crate::load;
use crate::pools::Pool;
use crate::rows::{Read, account, card, cardholder, control, get, id, message, owner, program};
use crate::save::Insert;

/// Where a kind of row is and how it is read.
struct Table<T> {
    name: &'static str,
    columns: &'static str,
    read: fn(&Row) -> Read<T>,
}

const PROGRAMS: Table<Program> = Table { name: "programs", columns: program::COLUMNS, read: program::read };
const OWNERS: Table<Owner> = Table { name: "owners", columns: owner::COLUMNS, read: owner::read };
const ACCOUNTS: Table<Account> = Table { name: "accounts", columns: account::COLUMNS, read: account::read };
const CARDHOLDERS: Table<Cardholder> =
    Table { name: "cardholders", columns: cardholder::COLUMNS, read: cardholder::read };
const CARDS: Table<Card> = Table { name: "cards", columns: card::COLUMNS, read: card::read };
const CONTROLS: Table<Control> = Table { name: "controls", columns: control::COLUMNS, read: control::read };

pub(crate) type Parameter<'a> = &'a (dyn ToSql + Sync);

impl PostgresLedger {
    /// The rows of a statement. One round trip, after the first on a connection.
    pub(crate) async fn query(
        &self,
        select: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.within_time(query(&self.pools.readers, select, parameters)).await
    }

    /// The rows of a statement that the server ends after this time. Planned each time for what is asked: a plan for
    /// whatever may be asked reads all that there is where few things are.
    pub(crate) async fn search(
        &self,
        select: &str,
        parameters: &[Parameter<'_>],
        longest: Duration,
    ) -> Result<Vec<Row>, StoreError> {
        let read = async {
            let client = Clean::take(&self.pools.readers).await?;
            let begin = format!(
                "begin read only; set local plan_cache_mode = force_custom_plan; set local statement_timeout = {}",
                longest.as_millis()
            );
            // The order in which futures are polled first is the order on the wire.
            let begun = client.batch_execute(&begin);
            let rows = load::query(&client, select, true, parameters);
            let ((), rows) = try_join(begun, rows).await.map_err(|error| before_commit(&error))?;
            client.batch_execute("commit").await.map_err(|error| before_commit(&error))?;
            client.give_back();
            Ok(rows)
        };
        self.within_time(read).await
    }

    /// Writes rows beside decisions, in a transaction of their own.
    pub(crate) async fn insert(&self, insert: Insert<'_>) -> Result<(), StoreError> {
        let write = async {
            let client = Clean::take(&self.pools.readers).await?;
            insert.execute_prepared(&client).await?;
            client.give_back();
            Ok(())
        };
        self.within_time(write).await
    }

    /// The server ends a statement by itself; one that hangs ends nothing, and whoever reads has a limit
    /// of his own.
    async fn within_time<T>(
        &self,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        flight(self.read_timeout, StoreError::Unavailable(SILENT.into()), read).await
    }

    /// A row that a swipe waits for.
    async fn look_up<T>(&self, table: &Table<T>, token: &Token) -> Result<Option<T>, StoreError> {
        let select = format!("select {} from {} where token = $1", table.columns, table.name);
        let parameters: [Parameter<'_>; 1] = [&token.as_str()];
        let rows = query(&self.pools.lookups, &select, &parameters);
        let rows = flight(self.flight_timeout, StoreError::Unavailable(SILENT.into()), rows).await?;
        Ok(rows.first().map(table.read).transpose()?)
    }

    async fn find<T>(
        &self,
        table: &Table<T>,
        column: &str,
        key: Parameter<'_>,
    ) -> Result<Option<T>, StoreError> {
        let select = format!("select {} from {} where {column} = $1", table.columns, table.name);
        let rows = self.query(&select, &[key]).await?;
        Ok(rows.first().map(table.read).transpose()?)
    }

    /// Rows after an id, in the order of their ids; `filter` names a column, and what it must be.
    async fn list<T>(
        &self,
        table: &Table<T>,
        filter: Option<(&str, Parameter<'_>)>,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<T>, StoreError> {
        let (after, limit) = (after.unwrap_or(Uuid::nil()), i64::from(limit));
        let condition = filter.map_or(String::new(), |(column, _)| format!("and {column} = $3"));
        let select = format!(
            "select {} from {} where id > $1 {condition} order by id limit $2",
            table.columns, table.name
        );
        let rows = match filter {
            Some((_, wanted)) => self.query(&select, &[&after, &limit, wanted]).await?,
            None => self.query(&select, &[&after, &limit]).await?,
        };
        Ok(rows.iter().map(table.read).collect::<Read<_>>()?)
    }

    async fn list_of_owner<T>(
        &self,
        table: &Table<T>,
        owner: Option<OwnerId>,
        after: Option<Uuid>,
        limit: u32,
    ) -> Result<Vec<T>, StoreError> {
        let owner = owner.map(OwnerId::uuid);
        self.list(table, owner.as_ref().map(|owner| ("owner", owner as Parameter<'_>)), after, limit).await
    }
}

#[async_trait]
impl Reader for PostgresLedger {
    async fn find_program(&self, id: ProgramId) -> Result<Option<Program>, StoreError> {
        self.find(&PROGRAMS, "id", &id.uuid()).await
    }

    async fn list_programs(&self, page: Page<ProgramId>) -> Result<Vec<Program>, StoreError> {
        self.list(&PROGRAMS, None, page.after.map(ProgramId::uuid), page.limit).await
    }

    async fn find_owner(&self, id: OwnerId) -> Result<Option<Owner>, StoreError> {
        self.find(&OWNERS, "id", &id.uuid()).await
    }

    async fn find_owner_by_token(&self, token: &Token) -> Result<Option<Owner>, StoreError> {
        self.find(&OWNERS, "token", &token.as_str()).await
    }

    async fn list_owners(&self, kind: OwnerKind, page: Page<OwnerId>) -> Result<Vec<Owner>, StoreError> {
        self.list(&OWNERS, Some(("kind", &kind.as_str())), page.after.map(OwnerId::uuid), page.limit).await
    }

    async fn find_cardholder(&self, id: CardholderId) -> Result<Option<Cardholder>, StoreError> {
        self.find(&CARDHOLDERS, "id", &id.uuid()).await
    }

    async fn find_cardholder_by_token(&self, token: &Token) -> Result<Option<Cardholder>, StoreError> {
        self.look_up(&CARDHOLDERS, token).await
    }

    async fn list_cardholders(
        &self,
        owner: Option<OwnerId>,
        page: Page<CardholderId>,
    ) -> Result<Vec<Cardholder>, StoreError> {
        self.list_of_owner(&CARDHOLDERS, owner, page.after.map(CardholderId::uuid), page.limit).await
    }

    async fn find_card(&self, id: CardId) -> Result<Option<Card>, StoreError> {
        self.find(&CARDS, "id", &id.uuid()).await
    }

    async fn find_route(&self, token: &Token) -> Result<Option<Route>, StoreError> {
        let route = |card: Card| Route {
            card: card.id,
            owner: card.owner,
            cardholder: card.cardholder,
            account: card.account,
        };
        Ok(self.look_up(&CARDS, token).await?.map(route))
    }

    async fn list_cards(&self, owner: Option<OwnerId>, page: Page<CardId>) -> Result<Vec<Card>, StoreError> {
        self.list_of_owner(&CARDS, owner, page.after.map(CardId::uuid), page.limit).await
    }

    async fn find_control(&self, id: ControlId) -> Result<Option<Control>, StoreError> {
        self.find(&CONTROLS, "id", &id.uuid()).await
    }

    async fn list_controls(
        &self,
        filter: ControlFilter,
        page: Page<ControlId>,
    ) -> Result<Vec<Control>, StoreError> {
        let Some(scope) = filter.scope else {
            let after = page.after.map(ControlId::uuid);
            return self.list_of_owner(&CONTROLS, filter.owner, after, page.limit).await;
        };
        let found = self.controls_of(scope).await?.into_iter();
        // A scope has few.
        let is_wanted = |control: &Control| {
            page.after.is_none_or(|after| control.id > after)
                && filter.owner.is_none_or(|owner| control.owner == owner)
        };
        Ok(found.filter(is_wanted).take(page.limit as usize).collect())
    }

    async fn find_spending(&self, scope: Scope) -> Result<Option<Spending>, StoreError> {
        self.within_time(self.spending(scope)).await
    }

    async fn find_account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        self.find(&ACCOUNTS, "id", &id.uuid()).await
    }

    async fn list_accounts(
        &self,
        owner: Option<OwnerId>,
        page: Page<AccountId>,
    ) -> Result<Vec<Account>, StoreError> {
        self.list_of_owner(&ACCOUNTS, owner, page.after.map(AccountId::uuid), page.limit).await
    }

    async fn list_entries(&self, account: AccountId, page: Page<i64>) -> Result<Vec<Entry>, StoreError> {
        let select =
            "select account, number, amount_minor, balance_after_minor, journal, message, at from entries
                      where account = $1 and number > $2 order by number limit $3";
        let (after, limit) = (page.after.unwrap_or(0), i64::from(page.limit));
        let rows = self.query(select, &[&account.uuid(), &after, &limit]).await?;
        Ok(rows.iter().map(read_entry).collect::<Read<_>>()?)
    }

    async fn find_authorization(&self, id: MessageId) -> Result<Option<AuthorizationRecord>, StoreError> {
        self.within_time(self.authorization(id)).await
    }

    async fn find_message(&self, key: &MessageKey) -> Result<Option<Message>, StoreError> {
        let select = format!(
            "select {} from messages where token = $1 and source = $2 and scope = $3 and state = $4",
            message::COLUMNS
        );
        let (token, source, state) = (key.token.as_str(), key.source.as_str(), &*key.state);
        let rows = self.query(&select, &[&token, &source, &key.scope, &state]).await?;
        Ok(rows.first().map(message::read).transpose()?)
    }

    async fn list_authorizations(
        &self,
        filter: AuthorizationFilter,
        page: Page<i64>,
    ) -> Result<Slice<ListedMessage>, StoreError> {
        self.within_time(self.authorizations(filter, page)).await
    }

    async fn find_purchase(&self, message: MessageId) -> Result<Option<Purchase>, StoreError> {
        self.within_time(self.purchase(message)).await
    }

    async fn find_purchases(&self, messages: &[MessageId]) -> Result<Vec<Purchase>, StoreError> {
        self.within_time(self.purchases_with(messages)).await
    }

    async fn list_purchases(
        &self,
        filter: &PurchaseFilter,
        page: Page<i64>,
    ) -> Result<Slice<Purchase>, StoreError> {
        self.within_time(self.purchases(filter, page)).await
    }

    async fn list_records(&self, page: Page<i64>) -> Result<Vec<ListedMessage>, StoreError> {
        self.records(page).await
    }

    async fn list_discrepancies(
        &self,
        filter: DiscrepancyFilter,
        page: Page<i64>,
    ) -> Result<Vec<ListedDiscrepancy>, StoreError> {
        self.discrepancies(filter, page).await
    }

    async fn list_idle(&self, at_least: SignedDuration, page: Page<i64>) -> Result<IdleSlice, StoreError> {
        self.idle(at_least, page).await
    }

    async fn list_unconfirmed(
        &self,
        at_least: SignedDuration,
        page: Page<i64>,
    ) -> Result<IdleSlice, StoreError> {
        self.unconfirmed(at_least, page).await
    }

    async fn list_sweeps(&self) -> Result<Vec<Sweep>, StoreError> {
        self.sweeps().await
    }

    async fn identity(&self) -> Result<Identity, StoreError> {
        identity::of(self.query(identity::SELECT, &[]).await?.pop())
    }

    async fn totals(&self) -> Result<Totals, StoreError> {
        let rows = self.query("select coalesce(sum(open_holds), 0)::bigint from accounts", &[]).await?;
        let open_holds = rows.first().map(|row| get(row, 0)).transpose()?;
        Ok(Totals { open_holds: open_holds.unwrap_or(0) })
    }
}

/// A caller who gives up closes the connection: a query still runs on it.
async fn query(pool: &Pool, select: &str, parameters: &[Parameter<'_>]) -> Result<Vec<Row>, StoreError> {
    let client = Clean::take(pool).await?;
    let rows = load::query(&client, select, true, parameters).await.map_err(|error| before_commit(&error))?;
    client.give_back();
    Ok(rows)
}

fn read_entry(row: &Row) -> Read<Entry> {
    Ok(Entry {
        entry: CustomerEntry {
            account: id(row, 0, AccountId::new)?,
            number: get(row, 1)?,
            amount_minor: get(row, 2)?,
            balance_after_minor: get(row, 3)?,
        },
        journal: id(row, 4, JournalId::new)?,
        message: id(row, 5, MessageId::new)?,
        at: get(row, 6)?,
    })
}
