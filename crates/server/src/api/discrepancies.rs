//! Discrepancies: `/v1/discrepancies`, where the processor and Bursar say different things.

use axum::Json;
use axum::extract::State;
use bursar_core::command::Close;
use bursar_core::message::Source;
use bursar_core::text::{FreeText, Token};
use bursar_core::{
    Action, Currency, Decided, DeclineReason, Discrepancy, DiscrepancyKind, MessageId, OwnerId,
};
use bursar_store::{DiscrepancyFilter, ListedDiscrepancy, Page};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::schema;
use super::settle::{Stored, granted, settle};
use super::view::decimal;
use crate::app::App;
use crate::auth::Operator;
use crate::body::Body;
use crate::extract::{Id, Params};
use crate::idempotency::IdempotencyKey;
use crate::page::{Cursor, Listed};
use crate::problem::{Code, Problem};

/// Where the processor and Bursar say different things of a transaction.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DiscrepancyView {
    /// The message that brought it.
    #[schema(value_type = schema::MessageId)]
    id: MessageId,
    #[schema(value_type = schema::DiscrepancyKind)]
    kind: DiscrepancyKind,
    status: Status,
    /// What differs, and what was done about it.
    what: &'static str,
    /// Why it could not be booked, if it could not.
    #[schema(value_type = Option<schema::DeclineReason>)]
    reason: Option<DeclineReason>,
    /// The door by which the message came.
    #[schema(value_type = schema::MessageSource)]
    source: Source,
    /// The processor's token of the transaction.
    #[schema(value_type = schema::Token)]
    token: Token,
    #[schema(value_type = Option<schema::OwnerId>)]
    owner: Option<OwnerId>,
    /// The message's number among those of its owner.
    owner_sequence: Option<i64>,
    #[schema(value_type = Option<schema::Token>)]
    card_token: Option<Token>,
    /// The authorization that it is about: the one that began the hold group.
    #[schema(value_type = Option<schema::MessageId>)]
    authorization: Option<MessageId>,
    /// What the processor reports; null if that was no amount.
    #[schema(value_type = Option<schema::Decimal>)]
    amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
    /// What the repair changed; null where there was none.
    repair: Option<RepairView>,
    #[schema(value_type = schema::Time)]
    found_at: Timestamp,
    /// What was done, in the words of whoever closed it.
    #[schema(value_type = Option<String>)]
    closing: Option<FreeText>,
    /// What can be done by a POST.
    actions: Vec<String>,
}

/// What a repair changed in the account.
#[derive(Debug, Serialize, ToSchema)]
struct RepairView {
    /// The account's.
    #[schema(value_type = schema::Currency)]
    currency: Currency,
    /// More is held by so much, or less.
    #[schema(value_type = schema::Decimal)]
    held: String,
    /// Credits less debits.
    #[schema(value_type = schema::Decimal)]
    posted: String,
    #[schema(value_type = schema::Decimal)]
    pending_credit: String,
}

/// Where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Status {
    /// Somebody has to decide what to do.
    Open,
    /// The books are as the processor says.
    Repaired,
    /// Somebody said that nothing is left to do.
    Closed,
}

impl DiscrepancyView {
    fn new(listed: ListedDiscrepancy, can_ask: bool) -> Self {
        let ListedDiscrepancy { message, discrepancy, closing, .. } = listed;
        let kind = discrepancy.kind;
        let status = match (&closing, kind.is_repaired()) {
            (Some(_), _) => Status::Closed,
            (None, true) => Status::Repaired,
            (None, false) => Status::Open,
        };
        let (of, recorded) = (message.authorization, message.recorded);
        let minor =
            of.as_ref().map_or(recorded.as_ref().and_then(|of| of.amount_minor), |of| of.amount_minor);
        let currency = of.as_ref().map_or(recorded.as_ref().and_then(|of| of.currency), |of| of.currency);
        let authorization = message.group.map(|group| group.root);
        Self {
            actions: match status {
                Status::Open => actions(message.id, authorization, can_ask),
                Status::Repaired | Status::Closed => Vec::new(),
            },
            id: message.id,
            kind,
            status,
            what: what(kind),
            reason: message.declined,
            source: message.key.source,
            token: message.key.token,
            owner: message.owner,
            owner_sequence: message.owner_sequence,
            card_token: of.map(|of| of.card_token).or(recorded.and_then(|of| of.card_token)),
            authorization,
            amount: minor.zip(currency).map(|(minor, currency)| decimal(minor, currency)),
            currency,
            repair: RepairView::new(&discrepancy),
            found_at: message.at,
            closing,
        }
    }
}

impl RepairView {
    fn new(discrepancy: &Discrepancy) -> Option<Self> {
        let currency = discrepancy.currency.filter(|_| discrepancy.kind.is_repaired())?;
        Some(Self {
            held: decimal(discrepancy.held_minor, currency),
            posted: decimal(discrepancy.posted_minor, currency),
            pending_credit: decimal(discrepancy.pending_credit_minor, currency),
            currency,
        })
    }
}

fn what(kind: DiscrepancyKind) -> &'static str {
    match kind {
        DiscrepancyKind::Adopted => {
            "the processor approved what we declined or were not asked about: it is booked"
        }
        DiscrepancyKind::Overruled => {
            "the processor refused what we approved: nothing is held or posted for it"
        }
        DiscrepancyKind::TooLate => "our approval came too late: nothing is held or posted for it",
        DiscrepancyKind::Unparsable => {
            "the processor could not read our approval: nothing is held or posted for it"
        }
        DiscrepancyKind::OtherAmount => {
            "the processor approved another amount than we did: its amount is booked"
        }
        DiscrepancyKind::Guessed => {
            "the processor does not say which purchase it is of: it is booked with one of the same card, approval code \
             and merchant"
        }
        DiscrepancyKind::OtherAnswer => {
            "the processor heard another answer than is stored here: look for who else answers it"
        }
        DiscrepancyKind::Unconfirmed => {
            "the processor has not said a word of this hold: ask it, and release the hold if it knows of none"
        }
        DiscrepancyKind::Denied => {
            "the processor says that it knows no such transaction: release the hold, unless it finds it"
        }
        DiscrepancyKind::NotBooked => {
            "what the processor reports could not be booked: correct the account by hand"
        }
        DiscrepancyKind::Unknown => {
            "nobody has said what this does, or it names no card that is known: see GET /v1/records"
        }
    }
}

/// Of one that is open.
fn actions(id: MessageId, authorization: Option<MessageId>, can_ask: bool) -> Vec<String> {
    let of_hold = |action: &str| Some(format!("/v1/authorizations/{}/{action}", authorization?));
    let ask = of_hold("inquiries").filter(|_| can_ask);
    let close = format!("/v1/discrepancies/{id}/closings");
    [ask, of_hold("reversals"), Some(close)].into_iter().flatten().collect()
}

/// Which discrepancies.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct DiscrepancyQuery {
    /// Only those that somebody has to decide about.
    #[serde(default)]
    open: bool,
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

/// Where the processor and Bursar say different things, newest first: what was repaired, to the cent, or what
/// somebody has to decide.
#[utoipa::path(get, path = "/v1/discrepancies", tag = "discrepancies", params(DiscrepancyQuery),
    responses((status = 200, body = Listed<DiscrepancyView>, description = "A page of discrepancies")))]
pub(super) async fn list_discrepancies(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<DiscrepancyQuery>,
) -> Result<Json<Listed<DiscrepancyView>>, Problem> {
    let cursor = Cursor::parse(query.limit, query.after.as_deref())?;
    let filter = DiscrepancyFilter { only_open: query.open, ..DiscrepancyFilter::default() };
    let found = app.ledger().list_discrepancies(filter, cursor.page_and_one()).await?;
    let view = |listed| DiscrepancyView::new(listed, app.processor().is_some());
    Ok(Json(cursor.cut(found, |listed| listed.position.to_string(), view)))
}

/// That nothing is left to do about a discrepancy.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewClosing {
    /// What was done, for whoever looks at it later. A card number in it is masked.
    #[schema(value_type = String)]
    note: FreeText,
}

/// A discrepancy that was closed.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ClosingView {
    #[schema(value_type = schema::MessageId)]
    message: MessageId,
    #[schema(value_type = schema::MessageId)]
    discrepancy: MessageId,
    #[schema(value_type = String)]
    note: FreeText,
    #[schema(value_type = schema::Time)]
    at: Timestamp,
}

impl ClosingView {
    fn of(decided: &Decided) -> Option<Self> {
        let closing = decided.closings.first()?;
        let (message, at) = (decided.message.id, decided.message.at);
        Some(Self { message, discrepancy: closing.discrepancy, note: closing.note.clone(), at })
    }
}

/// Closes a discrepancy: nothing is left to do about it. It moves no money; the first note stays.
#[utoipa::path(post, path = "/v1/discrepancies/{id}/closings", tag = "discrepancies",
    params(("id" = schema::MessageId, Path)), request_body = NewClosing,
    responses((status = 200, body = ClosingView, description = "It is closed")))]
pub(super) async fn close_discrepancy(
    State(app): State<App>,
    _: Operator,
    key: IdempotencyKey,
    Id(id): Id<MessageId>,
    Body(new): Body<NewClosing>,
) -> Result<Stored, Problem> {
    if new.note.as_str().is_empty() {
        return Err(Problem::of_field(Code::InvalidField, "note", "says what was done; it is empty"));
    }
    let filter = DiscrepancyFilter { message: Some(id), only_open: false };
    let found = app.ledger().list_discrepancies(filter, Page { after: None, limit: 1 }).await?;
    let Some(found) = found.first() else {
        return Err(Problem::new(Code::NotFound, format!("there is no discrepancy {id}")));
    };
    let close = Close { owner: found.message.owner, discrepancy: id, note: new.note };
    settle(&app, key, Action::Close(close), granted(ClosingView::of)).await
}
