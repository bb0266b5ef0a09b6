//! How each noun is read from its row.
//!
//! A row that cannot be read is a [`Damage`], which becomes an
//! [`Unreadable`](bursar_core::state::Unreadable) with its id: never a panic, never a silent default.

pub(crate) mod account;
pub(crate) mod card;
pub(crate) mod cardholder;
pub(crate) mod control;
pub(crate) mod message;
pub(crate) mod owner;
pub(crate) mod program;
pub(crate) mod window;

use std::borrow::Cow;

use bursar_core::Currency;
use bursar_core::text::Token;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

/// Why a row cannot be read.
#[derive(Debug)]
pub(crate) struct Damage(pub(crate) String);

impl From<tokio_postgres::Error> for Damage {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(crate::error::words(&error))
    }
}

impl From<serde_json::Error> for Damage {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

pub(crate) type Read<T> = Result<T, Damage>;

/// A column as it is.
pub(crate) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: usize) -> Read<T> {
    Ok(row.try_get(column)?)
}

/// An id column.
pub(crate) fn id<T>(row: &Row, column: usize, new: impl Fn(Uuid) -> T) -> Read<T> {
    get(row, column).map(new)
}

/// An id column that may be empty.
pub(crate) fn id_opt<T>(row: &Row, column: usize, new: impl Fn(Uuid) -> T) -> Read<Option<T>> {
    Ok(get::<Option<Uuid>>(row, column)?.map(new))
}

/// A column of 64 bits with a number that takes 32.
pub(crate) fn number(row: &Row, column: usize) -> Read<u32> {
    u32::try_from(get::<i64>(row, column)?).map_err(|error| Damage(error.to_string()))
}

/// A column of 64 bits with how many there are of something.
pub(crate) fn count(row: &Row, column: usize) -> Read<u64> {
    u64::try_from(get::<i64>(row, column)?).map_err(|error| Damage(error.to_string()))
}

/// A column of text that is read by the rules of its type.
pub(crate) fn word<T>(row: &Row, column: usize, read: impl Fn(&str) -> Option<T>) -> Read<T> {
    let text = get::<&str>(row, column)?;
    read(text).ok_or_else(|| Damage(format!("{text:?} is no known word here")))
}

/// The same, where the column may be empty.
pub(crate) fn word_opt<T>(row: &Row, column: usize, read: impl Fn(&str) -> Option<T>) -> Read<Option<T>> {
    match get::<Option<&str>>(row, column)? {
        None => Ok(None),
        Some(_) => word(row, column, read).map(Some),
    }
}

pub(crate) fn token(text: &str) -> Option<Token> {
    Token::new(text).ok()
}

pub(crate) fn currency(text: &str) -> Option<Currency> {
    Currency::parse(text).ok()
}

/// Text without what PostgreSQL cannot store: words of others may have it, and are kept all the same.
pub(crate) fn storable(text: &str) -> Cow<'_, str> {
    match text.contains('\0') {
        true => Cow::Owned(text.replace('\0', "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}
