//! Transactions: `/v1/transactions`, one purchase each: a hold group with everything that became of it.

mod export;
mod filter;
mod timeline;
mod view;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use bursar_core::{DeclineReason, MessageId};
use bursar_store::{Page, Purchase, Slice};

use self::filter::Wanted;
pub(super) use self::filter::{TransactionFilter, TransactionQuery};
pub(super) use self::timeline::TransactionDetail;
pub(crate) use self::view::TransactionView;
use super::schema;
use crate::app::App;
use crate::auth::Operator;
use crate::cached::{self, Loaded};
use crate::extract::{Id, Params};
use crate::page::{Cursor, Listed};
use crate::problem::Problem;

/// How many purchases are opened for one answer where only their books tell whether they are wanted.
const OPENED_MAX: u32 = 1_000;

/// Purchases, those that began last first. A page may have fewer items than the limit, or none, although `next`
/// says that more follows.
#[utoipa::path(get, path = "/v1/transactions", tag = "transactions", params(TransactionQuery),
    responses((status = 200, body = Listed<TransactionView>, description = "A page of transactions")))]
pub(super) async fn list_transactions(
    State(app): State<App>,
    _: Operator,
    Params(query): Params<TransactionQuery>,
) -> Result<Json<Listed<TransactionView>>, Problem> {
    let cursor = Cursor::<i64>::parse(query.limit, query.after.as_deref())?;
    let Slice { items, next } = read(&app, &query.wanted()?, cursor.page()).await?;
    let items = items.into_iter().map(|(_, view)| view).collect();
    Ok(Json(Listed { items, next: next.map(|position| position.to_string()) }))
}

/// All purchases that are wanted as CSV, those that began last first, without a limit. It is sent while it is
/// read; should the ledger fail in the middle, the connection is broken off: what has an end is whole.
#[utoipa::path(get, path = "/v1/transactions.csv", tag = "transactions", params(TransactionFilter),
    responses((status = 200, body = String, content_type = "text/csv", description = "A line a transaction")))]
pub(super) async fn export_transactions(
    State(app): State<App>,
    _: Operator,
    Params(filter): Params<TransactionFilter>,
) -> Result<Response, Problem> {
    export::stream(app, filter.wanted()?).await
}

/// A purchase with its messages as a timeline. Any message of it may be named.
#[utoipa::path(get, path = "/v1/transactions/{id}", tag = "transactions", params(("id" = schema::MessageId, Path)),
    responses((status = 200, body = TransactionDetail, description = "The transaction")))]
pub(super) async fn find_transaction(
    State(app): State<App>,
    _: Operator,
    Id(id): Id<MessageId>,
) -> Result<Response, Problem> {
    let loading = async {
        let purchase = find(&app, id).await?;
        let view = TransactionDetail::new(&purchase).ok_or_else(Problem::internal)?;
        // What is said of a group names the message that began it.
        let may_be_kept = purchase.root == id && view.is_final();
        Ok(Loaded { view, may_be_kept })
    };
    cached::answer(&app.cache().transactions, id.uuid(), loading).await
}

pub(super) async fn find(app: &App, id: MessageId) -> Result<Purchase, Problem> {
    let found = app.ledger().find_purchase(id).await?;
    found.ok_or(Problem::declined(DeclineReason::AuthorizationUnknown))
}

/// A part of the list: what the ledger finds, and of that what is wanted by its books.
async fn read(app: &App, wanted: &Wanted, page: Page<i64>) -> Result<Slice<(i64, TransactionView)>, Problem> {
    let limit = if wanted.is_of_books() { OPENED_MAX } else { page.limit };
    let Slice { items, mut next } =
        app.ledger().list_purchases(&wanted.of_ledger, Page { limit, ..page }).await?;
    let mut found = Vec::new();
    for purchase in items {
        let position = purchase.position;
        let Some(view) = TransactionView::new(&purchase) else { continue };
        if !wanted.wants(&view) {
            continue;
        }
        if found.len() as u64 >= u64::from(page.limit) {
            next = found.last().map(|(position, _)| *position);
            break;
        }
        found.push((position, view));
    }
    Ok(Slice { items: found, next })
}
