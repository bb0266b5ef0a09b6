//! Authorizations: `/v1/authorizations`, whichever door they came by, and a door of its own that
//! is no processor's.

use std::time::Instant;

use axum::Json;
use axum::extract::State;
use bursar_authorizer::{Timeline, Unavailable, Wanted};
use bursar_core::command::{Actor, Amount, Authorize, GroupRef, Partial, Purpose};
use bursar_core::message::TransactionKind;
use bursar_core::text::{FreeText, Token};
use bursar_core::{
    Action, Answer, CardId, Channel, Country, Currency, Decided, DeclineReason, Encode, Mcc, Merchant,
    MessageId, OwnerId,
};
use bursar_processors::json::Object;
use bursar_store::{AuthorizationFilter, AuthorizationRecord, Stage};
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use super::amount::AmountText;
use super::schema;
use super::settle::{Stored, request, written};
use super::view::{AuthorizationDetail, AuthorizationView};
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{Arrived, Id, Params};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, Listed};
use crate::problem::{Code, Problem};

/// A purchase to fund.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewAuthorization {
    /// The card's token, or its id.
    #[schema(value_type = schema::Token)]
    card: Token,
    /// The user token of who used the card; if not given, whose card it is.
    #[schema(value_type = Option<schema::Token>)]
    cardholder: Option<Token>,
    /// Zero verifies the card and holds nothing.
    amount: AmountText,
    #[schema(value_type = schema::Currency)]
    currency: Currency,
    /// What kind of purchase; `purchase` if not given.
    #[serde(default)]
    #[schema(value_type = Option<Spending>, inline)]
    transaction: Spending,
    /// How much of the amount is cash; only of a purchase with cash back.
    cash_back_amount: Option<AmountText>,
    /// Whether the money goes at once, without a hold.
    #[serde(default)]
    capture: bool,
    /// Whether less will do. The program has to allow it, too.
    #[serde(default)]
    partial: bool,
    #[schema(value_type = Option<NewMerchant>)]
    merchant: Option<Object<NewMerchant>>,
}

/// What kind of purchase.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Spending {
    /// Goods or services.
    #[default]
    Purchase,
    /// A purchase with cash paid out on top; the amount includes it.
    CashBack,
    /// What is as good as cash.
    QuasiCash,
    /// Cash from a machine or a teller.
    Withdrawal,
}

impl From<Spending> for TransactionKind {
    fn from(spending: Spending) -> Self {
        match spending {
            Spending::Purchase => Self::Purchase,
            Spending::CashBack => Self::CashBack,
            Spending::QuasiCash => Self::QuasiCash,
            Spending::Withdrawal => Self::Withdrawal,
        }
    }
}

/// Where a purchase is made.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMerchant {
    /// The acquirer's id of the merchant.
    #[schema(value_type = Option<schema::Token>)]
    id: Option<Token>,
    #[schema(value_type = Option<schema::Mcc>)]
    mcc: Option<Mcc>,
    /// A card number in it is masked.
    #[schema(value_type = Option<String>)]
    name: Option<FreeText>,
    /// A card number in it is masked.
    #[schema(value_type = Option<String>)]
    city: Option<FreeText>,
    #[schema(value_type = Option<schema::Country>)]
    country: Option<Country>,
    /// The processor's groups of merchant categories that it is counted to.
    #[serde(default)]
    #[schema(value_type = Vec<schema::Token>)]
    groups: Vec<Token>,
    /// How the card is used.
    #[serde(default)]
    #[schema(value_type = Vec<schema::Channel>)]
    channels: Vec<Channel>,
}

impl From<NewMerchant> for Merchant {
    fn from(new: NewMerchant) -> Self {
        let NewMerchant { id, mcc, name, city, country, groups, channels } = new;
        Self { id, mcc, name, city, country, groups, channels }
    }
}

/// More for a purchase that is already held.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewIncrement {
    /// In addition to what is held. Zero asks for nothing and changes nothing.
    amount: AmountText,
    #[schema(value_type = schema::Currency)]
    currency: Currency,
}

/// Which authorizations, and which first.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AuthorizationQuery {
    /// Of this company or person.
    #[param(value_type = Option<schema::OwnerId>)]
    owner: Option<OwnerId>,
    /// Made with this card.
    #[param(value_type = Option<schema::CardId>)]
    card: Option<CardId>,
    /// Newest first if not given.
    #[serde(default)]
    #[param(value_type = Option<Order>, inline)]
    order: Order,
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Which authorizations come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Order {
    /// In the order of decision.
    Oldest,
    /// The other way round.
    #[default]
    Newest,
}

/// Decides one purchase and holds its amount. A decline is an answer too: 200.
#[utoipa::path(post, path = "/v1/authorizations", tag = "authorizations", request_body = NewAuthorization,
    responses((status = 200, body = AuthorizationView, description = "The decision")))]
pub(super) async fn create_authorization(
    State(app): State<App>,
    Arrived(mut timeline): Arrived,
    _: Operator,
    key: IdempotencyKey,
    Body(new): Body<NewAuthorization>,
) -> Result<Stored, Problem> {
    let cash_minor = read_cash_back(&new)?;
    let swipe = Swipe {
        method: "authorization",
        purpose: if new.capture { Purpose::Debit } else { Purpose::Hold },
        kind: new.transaction.into(),
        partial: new.partial.then_some(Partial { at_least_minor: cash_minor }),
        cash_minor,
        card: new.card,
        acting: new.cardholder,
        amount: new.amount.read(new.currency)?,
        merchant: new.merchant.map(|Object(merchant)| merchant.into()).unwrap_or_default(),
    };
    timeline.mark(Stage::Parse);
    decide(&app, key, swipe, timeline).await
}

/// Asks for more on an authorization that still holds money. A decline is an answer too: 200.
#[utoipa::path(post, path = "/v1/authorizations/{id}/increments", tag = "authorizations",
    params(("id" = schema::MessageId, Path)), request_body = NewIncrement,
    responses((status = 200, body = AuthorizationView, description = "The decision about the increment")))]
pub(super) async fn increment_authorization(
    State(app): State<App>,
    Arrived(mut timeline): Arrived,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<MessageId>,
    Body(new): Body<NewIncrement>,
) -> Result<Stored, Problem> {
    let amount = new.amount.read(new.currency)?;
    let record = find(&app, id).await?;
    let first = record.message.authorization;
    let first = first.ok_or(Problem::declined(DeclineReason::AuthorizationUnknown))?;
    let swipe = Swipe {
        method: "increment",
        purpose: Purpose::Increment(GroupRef::Message(id)),
        kind: TransactionKind::Purchase,
        partial: None,
        cash_minor: 0,
        card: first.card_token,
        acting: None,
        amount,
        merchant: first.merchant,
    };
    timeline.mark(Stage::Parse);
    decide(&app, key, swipe, timeline).await
}

/// An authorization or increment with its hold group and the answer that was sent.
#[utoipa::path(get, path = "/v1/authorizations/{id}", tag = "authorizations", params(("id" = schema::MessageId, Path)),
    responses((status = 200, body = AuthorizationDetail, description = "The authorization")))]
pub(super) async fn find_authorization(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<MessageId>,
) -> Result<Json<AuthorizationDetail>, Problem> {
    let record = find(&app, id).await?;
    let detail = AuthorizationDetail::new(&record);
    detail.map(Json).ok_or(Problem::declined(DeclineReason::AuthorizationUnknown))
}

/// Authorizations and increments, the newest first unless asked otherwise. A page may have fewer items than the
/// limit, or none, although `next` says that more follows.
#[utoipa::path(get, path = "/v1/authorizations", tag = "authorizations", params(AuthorizationQuery),
    responses((status = 200, body = Listed<AuthorizationView>, description = "A page of authorizations")))]
pub(super) async fn list_authorizations(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<AuthorizationQuery>,
) -> Result<Json<Listed<AuthorizationView>>, Problem> {
    let cursor = Cursor::parse(query.limit, query.after.as_deref())?;
    let filter = AuthorizationFilter {
        owner: query.owner,
        card: query.card,
        newest_first: query.order == Order::Newest,
    };
    let slice = app.ledger().list_authorizations(filter, cursor.page()).await?;
    let items = slice
        .items
        .iter()
        .filter_map(|listed| AuthorizationView::new(&listed.message, listed.stage_times))
        .collect();
    let next = slice.next.map(|position| position.to_string());
    Ok(Json(Listed { items, next }))
}

/// The cash part of a purchase with cash back: no more than all of it.
fn read_cash_back(new: &NewAuthorization) -> Result<i64, Problem> {
    let Some(text) = &new.cash_back_amount else { return Ok(0) };
    let invalid = |why| Problem::of_field(Code::InvalidField, "cash_back_amount", why);
    let cash = text
        .parse(new.currency)
        .map_err(|error| Problem::of_field(Code::InvalidAmount, "cash_back_amount", error))?;
    let all_minor = new.amount.read(new.currency)?.minor.unwrap_or(0);
    match (new.transaction, cash.minor, all_minor) {
        (Spending::CashBack, cash_minor, all_minor) if cash_minor <= all_minor => Ok(cash_minor),
        (Spending::CashBack, ..) => Err(invalid("this is more than the amount that it is part of")),
        _ => Err(invalid("only a transaction of the kind cash_back has one")),
    }
}

pub(super) async fn find(app: &App, id: MessageId) -> Result<AuthorizationRecord, Problem> {
    let record = app.ledger().find_authorization(id).await?;
    record.ok_or(Problem::declined(DeclineReason::AuthorizationUnknown))
}

/// A purchase or increment, before what its tokens mean was looked up.
struct Swipe {
    method: &'static str,
    purpose: Purpose,
    kind: TransactionKind,
    partial: Option<Partial>,
    card: Token,
    acting: Option<Token>,
    amount: Amount,
    cash_minor: i64,
    merchant: Merchant,
}

/// The way of a processor's swipe, stage by stage.
async fn decide(
    app: &App,
    key: IdempotencyKey,
    swipe: Swipe,
    mut timeline: Timeline,
) -> Result<Stored, Problem> {
    let deadline = timeline.began() + app.settings().jit_start;
    let card_token = card_token(app, swipe.card, deadline).await?;
    timeline.mark(Stage::CardLookup);
    let wanted = Wanted { acting: swipe.acting.as_ref(), paying: None, card: Some(&card_token) };
    let found = app.authorizer().look_up(wanted, deadline, &mut timeline).await?;
    let method = Token::new(swipe.method).map_err(|_| Problem::internal())?;
    let action = Action::Authorize(Box::new(Authorize {
        method,
        funding_token: None,
        purpose: swipe.purpose,
        kind: swipe.kind,
        card_token,
        route: found.route,
        acting: swipe.acting.map(|token| Actor { token, cardholder: found.acting }),
        paying: None,
        amount: swipe.amount,
        cash_minor: swipe.cash_minor,
        partial: swipe.partial,
        merchant: swipe.merchant,
        details: None,
        processor_time: None,
    }));
    let request = request(key, action, Box::new(DecisionAnswer), deadline, timeline);
    let settlement = app.authorizer().settle(request).await;
    let reply = settlement.reply.clone();
    app.authorizer().finish(settlement);
    Stored::of(reply)
}

/// The token of the card that is named by its id; any other text is a token itself.
async fn card_token(app: &App, card: Token, deadline: Instant) -> Result<Token, Problem> {
    let Ok(id) = card.as_str().parse::<CardId>() else {
        return Ok(card);
    };
    let finding = app.ledger().find_card(id);
    let found = tokio::time::timeout_at(deadline.into(), finding).await.map_err(|_| Unavailable::Late)??;
    Ok(found.map_or(card, |found| found.token))
}

/// 200 with the decision, approved and declined alike.
struct DecisionAnswer;

impl Encode for DecisionAnswer {
    fn encode(&self, decided: &Decided) -> Answer {
        written(200, AuthorizationView::new(&decided.message, None))
    }
}
