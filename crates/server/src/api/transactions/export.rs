//! The list as CSV (RFC 4180), page after page: what is in memory is a page, however long the list is.

use std::io;

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use bursar_core::text::Token;
use bursar_store::{Page, Slice};
use bytes::Bytes;

use super::filter::Wanted;
use super::read;
use super::view::{Flag, TransactionView};
use crate::app::App;
use crate::problem::Problem;

/// How many lines are read at a time.
const PAGE: u32 = 500;

const HEADER: [&str; 24] = [
    "id",
    "began_at",
    "status",
    "kind",
    "owner",
    "cardholder",
    "card",
    "card_token",
    "account",
    "merchant_id",
    "merchant_name",
    "merchant_city",
    "merchant_country",
    "mcc",
    "amount",
    "currency",
    "held",
    "posted",
    "given_back",
    "pending_credit",
    "account_currency",
    "merchant_amount",
    "merchant_currency",
    "flags",
];

/// The first page is read before the answer begins, so that a ledger that cannot be read is a 503.
pub(super) async fn stream(app: App, wanted: Wanted) -> Result<Response, Problem> {
    let first = read(&app, &wanted, Page { after: None, limit: PAGE }).await?;
    let export = Export { app, wanted, next: first.next };
    let lines = lines(&first, true).map_err(|error| defect(&error))?;
    let rest = futures_util::stream::try_unfold((export, Some(lines)), |(mut export, first)| async move {
        let lines = match first {
            Some(lines) => Some(lines),
            None => export.more().await?,
        };
        Ok::<_, io::Error>(lines.map(|lines| (lines, (export, None))))
    });
    let mut response = Response::new(Body::from_stream(rest));
    let headers = response.headers_mut();
    let text = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
    headers.insert(header::CONTENT_TYPE, text);
    let file = HeaderValue::from_static("attachment; filename=\"transactions.csv\"");
    headers.insert(header::CONTENT_DISPOSITION, file);
    Ok(response)
}

struct Export {
    app: App,
    wanted: Wanted,
    next: Option<i64>,
}

impl Export {
    /// The lines of the next page that has some; `None` at the end. An error breaks the connection off.
    async fn more(&mut self) -> io::Result<Option<Bytes>> {
        while let Some(after) = self.next {
            let page = Page { after: Some(after), limit: PAGE };
            let slice = read(&self.app, &self.wanted, page).await.map_err(broken_off)?;
            self.next = slice.next;
            if !slice.items.is_empty() {
                return lines(&slice, false).map(Some);
            }
        }
        Ok(None)
    }
}

fn broken_off(problem: Problem) -> io::Error {
    io::Error::other(format!("the export is broken off: {}", problem.status()))
}

fn defect(error: &io::Error) -> Problem {
    tracing::error!("lines of an export could not be written: {error}");
    Problem::internal()
}

fn lines(slice: &Slice<(i64, TransactionView)>, with_header: bool) -> io::Result<Bytes> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if with_header {
        writer.write_record(HEADER)?;
    }
    for (_, view) in &slice.items {
        writer.write_record(line(view))?;
    }
    writer.into_inner().map(Bytes::from).map_err(|error| io::Error::other(error.to_string()))
}

/// In the order of [`HEADER`].
fn line(view: &TransactionView) -> [String; HEADER.len()] {
    let merchant = &view.merchant;
    let books = view.books.as_ref();
    let flags: Vec<&str> = view.flags.iter().copied().map(Flag::as_str).collect();
    [
        view.id.to_string(),
        view.began_at.to_string(),
        view.status.as_str().to_owned(),
        view.kind.as_str().to_owned(),
        view.owner.map(|id| id.to_string()).unwrap_or_default(),
        view.cardholder.map(|id| id.to_string()).unwrap_or_default(),
        view.card.map(|id| id.to_string()).unwrap_or_default(),
        text(view.card_token.as_str()),
        view.account.map(|id| id.to_string()).unwrap_or_default(),
        text(merchant.id.as_ref().map_or("", Token::as_str)),
        text(merchant.name.as_ref().map_or("", |name| name.as_str())),
        text(merchant.city.as_ref().map_or("", |city| city.as_str())),
        text(merchant.country.as_ref().map_or("", |country| country.as_str())),
        merchant.mcc.map(|mcc| mcc.as_str().to_owned()).unwrap_or_default(),
        view.amount.clone().unwrap_or_default(),
        view.currency.map(|currency| currency.code().to_owned()).unwrap_or_default(),
        books.map(|books| books.held.clone()).unwrap_or_default(),
        books.map(|books| books.posted.clone()).unwrap_or_default(),
        books.map(|books| books.given_back.clone()).unwrap_or_default(),
        books.map(|books| books.pending_credit.clone()).unwrap_or_default(),
        books.map(|books| books.account_currency.code().to_owned()).unwrap_or_default(),
        view.merchant_amount.clone().unwrap_or_default(),
        text(view.merchant_currency.as_deref().unwrap_or_default()),
        flags.join(" "),
    ]
}

/// A text that somebody else wrote. A spreadsheet takes one that begins like this for a formula, and runs it.
fn text(text: &str) -> String {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => format!("'{text}"),
        false => text.to_owned(),
    }
}
