//! What a person sees: `/v1/persons/{id}/wallets`, `/cards` and `/history`.
//!
//! They follow the ledger by its events, a moment later than the ledger itself. No decision reads them.

use axum::Json;
use axum::extract::State;
use bursar_core::card::LastFour;
use bursar_core::text::FreeText;
use bursar_core::{AccountId, CardId, CardStatus, Currency, DeclineReason, MessageId, OwnerId};
use bursar_documents::{HistoryEntry, PersonalCard, Wallet};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::view::decimal;
use super::{people, schema};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{CardOfPerson, Id, Params};
use crate::page::{Cursor, ListQuery, Listed};
use crate::problem::Problem;

/// A wallet of a person.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct WalletView {
    /// The account.
    #[schema(value_type = schema::AccountId)]
    id: AccountId,
    #[schema(value_type = schema::Currency)]
    currency: Currency,
    #[schema(value_type = schema::Decimal)]
    posted: String,
    #[schema(value_type = schema::Decimal)]
    held: String,
    #[schema(value_type = schema::Decimal)]
    available: String,
    /// The person's number of the change that made it so.
    sequence: i64,
}

/// A card of a person.
#[derive(Serialize, ToSchema)]
pub(super) struct PersonalCardView {
    #[schema(value_type = schema::CardId)]
    id: CardId,
    #[schema(value_type = schema::AccountId)]
    account: AccountId,
    #[schema(value_type = Option<String>)]
    last_four: Option<LastFour>,
    #[schema(value_type = schema::CardStatus)]
    status: CardStatus,
    /// How the person calls it.
    #[schema(value_type = Option<String>)]
    label: Option<FreeText>,
    /// The person's number of the change that made it so.
    sequence: i64,
}

/// A purchase of a person.
#[derive(Serialize, ToSchema)]
pub(super) struct HistoryView {
    /// That of the transaction.
    #[schema(value_type = schema::MessageId)]
    id: MessageId,
    #[schema(value_type = Option<schema::CardId>)]
    card: Option<CardId>,
    #[schema(value_type = Option<String>)]
    merchant: Option<FreeText>,
    #[schema(value_type = Option<String>)]
    category: Option<FreeText>,
    /// As of the transaction.
    status: String,
    #[schema(value_type = Option<schema::Decimal>)]
    amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
    #[schema(value_type = schema::Time)]
    began_at: Timestamp,
    /// The person's number of the newest message that it knows.
    sequence: i64,
}

/// How a person calls a card.
#[derive(Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Label {
    /// Null takes it.
    #[schema(value_type = Option<String>)]
    label: Option<FreeText>,
}

impl From<Wallet> for WalletView {
    fn from(of: Wallet) -> Self {
        let decimal = |minor| decimal(minor, of.currency);
        Self {
            id: of.id,
            currency: of.currency,
            posted: decimal(of.posted_minor),
            held: decimal(of.held_minor),
            available: decimal(of.available_minor),
            sequence: of.sequence,
        }
    }
}

impl From<PersonalCard> for PersonalCardView {
    fn from(of: PersonalCard) -> Self {
        let PersonalCard { state, label } = of;
        Self {
            id: state.id,
            account: state.account,
            last_four: state.last_four,
            status: state.status,
            label,
            sequence: state.sequence,
        }
    }
}

impl From<HistoryEntry> for HistoryView {
    fn from(of: HistoryEntry) -> Self {
        Self {
            id: of.root,
            card: of.card,
            merchant: of.merchant,
            category: of.category,
            status: of.status,
            amount: of.amount_minor.zip(of.currency).map(|(minor, currency)| decimal(minor, currency)),
            currency: of.currency,
            began_at: of.began_at,
            sequence: of.sequence,
        }
    }
}

/// A person's wallets.
#[utoipa::path(get, path = "/v1/persons/{id}/wallets", tag = "persons", params(("id" = schema::OwnerId, Path)),
    responses((status = 200, body = Listed<WalletView>, description = "All of them")))]
pub(super) async fn list_wallets(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
) -> Result<Json<Listed<WalletView>>, Problem> {
    people::find(&app, id).await?;
    let wallets = app.people().list_wallets(id).await?;
    Ok(Json(Listed { items: wallets.into_iter().map(WalletView::from).collect(), next: None }))
}

/// A person's cards.
#[utoipa::path(get, path = "/v1/persons/{id}/cards", tag = "persons", params(("id" = schema::OwnerId, Path)),
    responses((status = 200, body = Listed<PersonalCardView>, description = "All of them")))]
pub(super) async fn list_personal_cards(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
) -> Result<Json<Listed<PersonalCardView>>, Problem> {
    people::find(&app, id).await?;
    let cards = app.people().list_cards(id).await?;
    Ok(Json(Listed { items: cards.into_iter().map(PersonalCardView::from).collect(), next: None }))
}

/// Labels a card of a person, or takes its label.
#[utoipa::path(put, path = "/v1/persons/{id}/cards/{card}/label", tag = "persons",
    params(("id" = schema::OwnerId, Path), ("card" = schema::CardId, Path)), request_body = Label,
    responses((status = 200, body = Label, description = "The label")))]
pub(super) async fn label_card(
    State(app): State<App>,
    _: Operator,
    CardOfPerson { person, card }: CardOfPerson,
    Body(Label { label }): Body<Label>,
) -> Result<Json<Label>, Problem> {
    people::find(&app, person).await?;
    match app.people().label_card(person, card, label.clone()).await? {
        true => Ok(Json(Label { label })),
        false => Err(Problem::declined(DeclineReason::CardUnknown)),
    }
}

/// A person's purchases, those that began last first.
#[utoipa::path(get, path = "/v1/persons/{id}/history", tag = "persons",
    params(("id" = schema::OwnerId, Path), ListQuery),
    responses((status = 200, body = Listed<HistoryView>, description = "A page of purchases")))]
pub(super) async fn list_history(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<OwnerId>,
    Params(query): Params<ListQuery>,
) -> Result<Json<Listed<HistoryView>>, Problem> {
    let cursor = Cursor::<i64>::parse(query.limit, query.after.as_deref())?;
    people::find(&app, id).await?;
    let page = cursor.page_and_one();
    let entries = app.people().list_history(id, page.after, page.limit as usize).await?;
    Ok(Json(cursor.cut(entries, |entry| entry.position.to_string(), HistoryView::from)))
}
