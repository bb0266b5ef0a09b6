//! Accounts: `/v1/accounts`, their balances, entries, loads and unloads.

use axum::Json;
use axum::extract::State;
use bursar_core::command::{Direction, Transfer};
use bursar_core::message::ActionKind;
use bursar_core::{
    Account, AccountId, Action, Currency, Decided, DeclineReason, JournalId, MessageId, OwnerId,
};
use bursar_store::Entry;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::amount::AmountText;
use super::schema;
use super::settle::{Stored, created, settle};
use super::view::decimal;
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{Id, Params};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, ListQuery, Listed, OwnedQuery};
use crate::problem::Problem;

/// An account with its balances.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct AccountView {
    #[schema(value_type = schema::AccountId)]
    id: AccountId,
    #[schema(value_type = schema::OwnerId)]
    owner: OwnerId,
    #[schema(value_type = schema::Currency)]
    currency: Currency,
    /// Sum of its entries.
    #[schema(value_type = schema::Decimal)]
    posted: String,
    /// Held for authorizations that have not cleared.
    #[schema(value_type = schema::Decimal)]
    held: String,
    /// Approved credit that has not cleared.
    #[schema(value_type = schema::Decimal)]
    pending_credit: String,
    /// How far below zero it may go.
    #[schema(value_type = schema::Decimal)]
    credit_line: String,
    /// What may be spent: posted less held plus the credit line.
    #[schema(value_type = Option<schema::Decimal>)]
    available: Option<String>,
    /// Authorizations that hold something now.
    open_holds: i64,
    /// Number of its entries.
    entries: i64,
}

impl From<&Account> for AccountView {
    fn from(account: &Account) -> Self {
        let decimal = |minor| decimal(minor, account.currency);
        Self {
            id: account.id,
            owner: account.owner,
            currency: account.currency,
            posted: decimal(account.posted_minor),
            held: decimal(account.held_minor),
            pending_credit: decimal(account.pending_credit_minor),
            credit_line: decimal(account.credit_line_minor),
            available: account.available_minor().map(decimal),
            open_holds: account.open_holds,
            entries: account.entries,
        }
    }
}

/// Money to move.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewTransfer {
    /// Above zero.
    amount: AmountText,
    /// The account's.
    #[schema(value_type = schema::Currency)]
    currency: Currency,
}

/// Money that was moved between an account and the program's funding account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TransferView {
    #[schema(value_type = schema::MessageId)]
    message: MessageId,
    #[schema(value_type = schema::TransferKind)]
    kind: ActionKind,
    /// The owner's number of it.
    owner_sequence: i64,
    /// When it was decided.
    #[schema(value_type = schema::Time)]
    at: Timestamp,
    #[schema(value_type = schema::Decimal)]
    amount: String,
    #[schema(value_type = schema::Currency)]
    currency: Currency,
    /// The account after it.
    account: AccountView,
}

impl TransferView {
    fn of(decided: &Decided) -> Option<Self> {
        let journal = decided.journal.as_ref()?;
        let size_minor = journal.customer.amount_minor.checked_abs()?;
        Some(Self {
            message: decided.message.id,
            kind: decided.message.kind,
            owner_sequence: decided.message.owner_sequence?,
            at: decided.message.at,
            amount: decimal(size_minor, journal.currency),
            currency: journal.currency,
            account: AccountView::from(decided.account.as_ref()?),
        })
    }
}

/// An entry of an account.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryView {
    /// 1 for the account's first entry, without gaps.
    number: i64,
    /// Credits are positive.
    #[schema(value_type = schema::Decimal)]
    amount: String,
    /// The posted balance after it.
    #[schema(value_type = schema::Decimal)]
    balance_after: String,
    #[schema(value_type = schema::Currency)]
    currency: Currency,
    #[schema(value_type = schema::JournalId)]
    journal: JournalId,
    /// The message that moved the money.
    #[schema(value_type = schema::MessageId)]
    message: MessageId,
    #[schema(value_type = schema::Time)]
    at: Timestamp,
}

impl EntryView {
    fn new(entry: &Entry, currency: Currency) -> Self {
        Self {
            number: entry.entry.number,
            amount: decimal(entry.entry.amount_minor, currency),
            balance_after: decimal(entry.entry.balance_after_minor, currency),
            currency,
            journal: entry.journal,
            message: entry.message,
            at: entry.at,
        }
    }
}

/// All accounts, of one owner if given.
#[utoipa::path(get, path = "/v1/accounts", tag = "accounts", params(OwnedQuery),
    responses((status = 200, body = Listed<AccountView>, description = "A page of accounts")))]
pub(super) async fn list_accounts(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<OwnedQuery>,
) -> Result<Json<Listed<AccountView>>, Problem> {
    let cursor = Cursor::parse(query.limit, query.after.as_deref())?;
    let accounts = app.ledger().list_accounts(query.owner, cursor.page_and_one()).await?;
    let view = |account: Account| AccountView::from(&account);
    Ok(Json(cursor.cut(accounts, |account| account.id.to_string(), view)))
}

/// An account with its balances.
#[utoipa::path(get, path = "/v1/accounts/{id}", tag = "accounts", params(("id" = schema::AccountId, Path)),
    responses((status = 200, body = AccountView, description = "The account")))]
pub(super) async fn find_account(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<AccountId>,
) -> Result<Json<AccountView>, Problem> {
    let account = find(&app, id).await?;
    Ok(Json(AccountView::from(&account)))
}

/// Moves money from the program's funding account into an account.
#[utoipa::path(post, path = "/v1/accounts/{id}/loads", tag = "accounts", params(("id" = schema::AccountId, Path)),
    request_body = NewTransfer, responses((status = 201, body = TransferView, description = "What was moved")))]
pub(super) async fn load_account(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<AccountId>,
    Body(new): Body<NewTransfer>,
) -> Result<Stored, Problem> {
    transfer(&app, key, id, Direction::Load, new).await
}

/// Moves available money from an account back to the program's funding account.
#[utoipa::path(post, path = "/v1/accounts/{id}/unloads", tag = "accounts", params(("id" = schema::AccountId, Path)),
    request_body = NewTransfer, responses((status = 201, body = TransferView, description = "What was moved")))]
pub(super) async fn unload_account(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<AccountId>,
    Body(new): Body<NewTransfer>,
) -> Result<Stored, Problem> {
    transfer(&app, key, id, Direction::Unload, new).await
}

/// The entries of an account, oldest first.
#[utoipa::path(get, path = "/v1/accounts/{id}/entries", tag = "accounts",
    params(("id" = schema::AccountId, Path), ListQuery),
    responses((status = 200, body = Listed<EntryView>, description = "A page of entries")))]
pub(super) async fn list_entries(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<AccountId>,
    Params(query): Params<ListQuery>,
) -> Result<Json<Listed<EntryView>>, Problem> {
    let cursor = Cursor::parse(query.limit, query.after.as_deref())?;
    let currency = find(&app, id).await?.currency;
    let entries = app.ledger().list_entries(id, cursor.page_and_one()).await?;
    let view = |entry: Entry| EntryView::new(&entry, currency);
    Ok(Json(cursor.cut(entries, |entry| entry.entry.number.to_string(), view)))
}

async fn transfer(
    app: &App,
    key: IdempotencyKey,
    id: AccountId,
    direction: Direction,
    new: NewTransfer,
) -> Result<Stored, Problem> {
    let amount = new.amount.read_above_zero(new.currency)?;
    let account = find(app, id).await?;
    let action =
        Action::Transfer(Transfer { direction, owner: Some(account.owner), account: account.id, amount });
    settle(app, key, action, created(TransferView::of)).await
}

async fn find(app: &App, id: AccountId) -> Result<Account, Problem> {
    let account = app.ledger().find_account(id).await?;
    account.ok_or(Problem::declined(DeclineReason::AccountUnknown))
}
