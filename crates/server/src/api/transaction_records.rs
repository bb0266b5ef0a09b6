//! Transaction records: `/v1/transaction-records`, purchases to look for in.
//!
//! They follow the ledger by its events: a moment later than `/v1/transactions`, which is the ledger itself.

use axum::Json;
use axum::extract::State;
use bursar_core::{AccountId, CardId, CardholderId, Currency, Mcc, MessageId, OwnerId};
use bursar_store::{RecordFilter, TransactionRecord};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::schema;
use super::view::decimal;
use crate::app::App;
use crate::auth::Operator;
use crate::extract::{Id, Params};
use crate::page::{Cursor, Listed};
use crate::problem::{Code, Problem};
use crate::search;

/// Words that are looked for at once, at most.
const WORDS_MAX: usize = 10;

/// A purchase, as people look for it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct TransactionRecordView {
    /// That of the transaction: `/v1/transactions/{id}` has all of it.
    #[schema(value_type = schema::MessageId)]
    id: MessageId,
    /// As of the transaction.
    status: String,
    #[schema(value_type = schema::Time)]
    began_at: Timestamp,
    /// The merchant's name without what terminals add to it.
    merchant: Option<String>,
    /// As it came.
    merchant_raw: Option<String>,
    city: Option<String>,
    #[schema(value_type = Option<schema::Mcc>)]
    mcc: Option<Mcc>,
    /// What such merchants sell, in a word: `groceries`.
    category: Option<String>,
    #[schema(value_type = Option<schema::OwnerId>)]
    owner: Option<OwnerId>,
    /// The company's name, or the operator's reference of the person.
    owner_label: Option<String>,
    #[schema(value_type = Option<schema::CardholderId>)]
    cardholder: Option<CardholderId>,
    #[schema(value_type = Option<schema::CardId>)]
    card: Option<CardId>,
    /// `Card •1234`.
    card_label: Option<String>,
    #[schema(value_type = Option<schema::AccountId>)]
    account: Option<AccountId>,
    /// As of the transaction.
    #[schema(value_type = Option<schema::Decimal>)]
    amount: Option<String>,
    #[schema(value_type = Option<schema::Currency>)]
    currency: Option<Currency>,
    /// The owner's number of the newest message that it knows.
    owner_sequence: i64,
}

/// Which records: those for which all is so that is asked.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct TransactionRecordQuery {
    /// Words, or how they begin, in any order: of merchant, city, category, owner, card, MCC or currency. Accents and
    /// capitals do not count.
    #[param(example = "starb coffee")]
    search: Option<String>,
    /// Of this company or person.
    #[param(value_type = Option<schema::OwnerId>)]
    owner: Option<OwnerId>,
    /// With this card.
    #[param(value_type = Option<schema::CardId>)]
    card: Option<CardId>,
    /// Of this category.
    #[param(example = "groceries")]
    category: Option<String>,
    /// Begun then or later.
    #[param(value_type = Option<schema::Time>)]
    from: Option<Timestamp>,
    /// Begun before.
    #[param(value_type = Option<schema::Time>)]
    to: Option<Timestamp>,
    /// At most so many items; 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The `next` of the page before.
    after: Option<String>,
}

impl TransactionRecordQuery {
    fn filter(&self) -> Result<RecordFilter, Problem> {
        let words = search::words(self.search.as_deref());
        if words.len() > WORDS_MAX {
            let why = format!("these are more than {WORDS_MAX} words");
            return Err(Problem::of_field(Code::InvalidQuery, "search", why));
        }
        let is_asked = self.search.as_deref().is_some_and(|text| !text.trim().is_empty());
        if is_asked && words.is_empty() {
            return Err(Problem::of_field(Code::InvalidQuery, "search", "there is no word in this"));
        }
        Ok(RecordFilter {
            words,
            owner: self.owner,
            card: self.card,
            category: self.category.clone(),
            from: self.from,
            to: self.to,
        })
    }
}

impl TransactionRecordView {
    fn new(of: TransactionRecord) -> Self {
        Self {
            id: of.root,
            status: of.status,
            began_at: of.began_at,
            merchant: of.merchant,
            merchant_raw: of.merchant_raw,
            city: of.city,
            mcc: of.mcc,
            category: of.category,
            owner: of.owner,
            owner_label: of.owner_label,
            cardholder: of.cardholder,
            card: of.card,
            card_label: of.card_label,
            account: of.account,
            amount: of.amount_minor.zip(of.currency).map(|(minor, currency)| decimal(minor, currency)),
            currency: of.currency,
            owner_sequence: of.sequence,
        }
    }
}

/// Records, those of purchases that began last first.
#[utoipa::path(get, path = "/v1/transaction-records", tag = "transactions", params(TransactionRecordQuery),
    responses((status = 200, body = Listed<TransactionRecordView>, description = "A page of records")))]
pub(super) async fn list_transaction_records(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<TransactionRecordQuery>,
) -> Result<Json<Listed<TransactionRecordView>>, Problem> {
    let cursor = Cursor::<i64>::parse(query.limit, query.after.as_deref())?;
    let records = app.store().search_records(&query.filter()?, cursor.page_and_one()).await?;
    Ok(Json(cursor.cut(records, |of| of.position.to_string(), TransactionRecordView::new)))
}

/// The record of a transaction, named by the message that began it.
#[utoipa::path(get, path = "/v1/transaction-records/{id}", tag = "transactions",
    params(("id" = schema::MessageId, Path)),
    responses((status = 200, body = TransactionRecordView, description = "The record")))]
pub(super) async fn find_transaction_record(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<MessageId>,
) -> Result<Json<TransactionRecordView>, Problem> {
    let mut found = app.store().find_record(id).await?;
    // What became a part of another purchase is found with it; no more than once, for that one is a part of none.
    if let Some(into) = found.as_ref().and_then(|record| record.merged_into) {
        found = app.store().find_record(into).await?;
    }
    let unknown = || Problem::new(Code::NotFound, "there is no such record yet, or no such transaction");
    found.map(TransactionRecordView::new).map(Json).ok_or_else(unknown)
}
