//! Cards: `/v1/cards`. A card's number is never taken: its token and last four digits stand for it.

use axum::Json;
use axum::extract::State;
use bursar_core::card::LastFour;
use bursar_core::command::{CreateCard, MoveCard};
use bursar_core::text::Token;
use bursar_core::{AccountId, Action, Card, CardId, CardStatus, CardholderId, DeclineReason, OwnerId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::settle::{self, Stored, created, granted, settle};
use super::transition::{Transition, TransitionView};
use super::{cardholders, schema};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{Id, Params};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, Listed, OwnedQuery};
use crate::problem::Problem;

/// A new card.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCard {
    /// Who may use it.
    #[schema(value_type = schema::CardholderId)]
    cardholder: CardholderId,
    /// The account it draws on, of the same owner.
    #[schema(value_type = schema::AccountId)]
    account: AccountId,
    /// The processor's card token; the id if not given.
    #[schema(value_type = Option<schema::Token>)]
    token: Option<Token>,
    /// The last four digits of its number.
    #[schema(value_type = Option<String>, pattern = r"^\d{4}$")]
    last_four: Option<LastFour>,
    /// First status, unactivated or active; unactivated if not given.
    #[serde(default = "unactivated")]
    #[schema(value_type = Option<schema::CardStatus>)]
    status: CardStatus,
}

const fn unactivated() -> CardStatus {
    CardStatus::Unactivated
}

/// A card.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CardView {
    #[schema(value_type = schema::CardId)]
    id: CardId,
    #[schema(value_type = schema::OwnerId)]
    owner: OwnerId,
    #[schema(value_type = schema::CardholderId)]
    cardholder: CardholderId,
    #[schema(value_type = schema::AccountId)]
    account: AccountId,
    #[schema(value_type = schema::Token)]
    token: Token,
    #[schema(value_type = Option<String>)]
    last_four: Option<LastFour>,
    #[schema(value_type = schema::CardStatus)]
    status: CardStatus,
}

impl From<&Card> for CardView {
    fn from(card: &Card) -> Self {
        Self {
            id: card.id,
            owner: card.owner,
            cardholder: card.cardholder,
            account: card.account,
            token: card.token.clone(),
            last_four: card.last_four,
            status: card.status,
        }
    }
}

/// Creates a card of a cardholder.
#[utoipa::path(post, path = "/v1/cards", tag = "cards", request_body = NewCard,
    responses((status = 201, body = CardView, description = "The card")))]
pub(super) async fn create_card(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Body(new): Body<NewCard>,
) -> Result<Stored, Problem> {
    let cardholder = cardholders::find(&app, new.cardholder).await?;
    let action = Action::CreateCard(CreateCard {
        owner: Some(cardholder.owner),
        cardholder: cardholder.id,
        account: new.account,
        token: new.token,
        last_four: new.last_four,
        status: new.status,
    });
    let view = |decided: &_| settle::card(decided).map(CardView::from);
    settle(&app, key, action, created(view)).await
}

/// A card.
#[utoipa::path(get, path = "/v1/cards/{id}", tag = "cards", params(("id" = schema::CardId, Path)),
    responses((status = 200, body = CardView, description = "The card")))]
pub(super) async fn find_card(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<CardId>,
) -> Result<Json<CardView>, Problem> {
    let card = find(&app, id).await?;
    Ok(Json(CardView::from(&card)))
}

/// All cards, of one owner if given.
#[utoipa::path(get, path = "/v1/cards", tag = "cards", params(OwnedQuery),
    responses((status = 200, body = Listed<CardView>, description = "A page of cards")))]
pub(super) async fn list_cards(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<OwnedQuery>,
) -> Result<Json<Listed<CardView>>, Problem> {
    let cursor = Cursor::parse(query.limit, query.after.as_deref())?;
    let cards = app.ledger().list_cards(query.owner, cursor.page_and_one()).await?;
    let view = |card: Card| CardView::from(&card);
    Ok(Json(cursor.cut(cards, |card| card.id.to_string(), view)))
}

/// Changes a card's status. Terminated is final.
#[utoipa::path(post, path = "/v1/cards/{id}/transitions", tag = "cards", params(("id" = schema::CardId, Path)),
    request_body = Transition<schema::CardStatus>,
    responses((status = 200, body = TransitionView, description = "The status now")))]
pub(super) async fn move_card(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<CardId>,
    Body(to): Body<Transition<CardStatus>>,
) -> Result<Stored, Problem> {
    let card = find(&app, id).await?;
    let action = Action::MoveCard(MoveCard {
        owner: Some(card.owner),
        card: card.id,
        to: to.status,
        reported_at: None,
    });
    settle(&app, key, action, granted(TransitionView::of)).await
}

async fn find(app: &App, id: CardId) -> Result<Card, Problem> {
    let card = app.ledger().find_card(id).await?;
    card.ok_or(Problem::declined(DeclineReason::CardUnknown))
}
