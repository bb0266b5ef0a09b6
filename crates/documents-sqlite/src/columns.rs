//! Columns that are read by the rules of their types.

use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Error, Row};
use uuid::Uuid;

/// An id of 16 bytes.
pub(crate) fn id<T>(row: &Row<'_>, column: &str, new: fn(Uuid) -> T) -> rusqlite::Result<T> {
    row.get::<_, [u8; 16]>(column).map(|bytes| new(Uuid::from_bytes(bytes)))
}

/// An id of 16 bytes, or none.
pub(crate) fn optional_id<T>(row: &Row<'_>, column: &str, new: fn(Uuid) -> T) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(|bytes| new(Uuid::from_bytes(bytes))))
}

/// A time in microseconds.
pub(crate) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    Timestamp::from_microsecond(row.get(column)?).map_err(|_| unreadable(column))
}

/// A text that is one of a type's words.
pub(crate) fn word<T>(row: &Row<'_>, column: &str, read: impl Fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    read(&row.get::<_, String>(column)?).ok_or_else(|| unreadable(column))
}

/// The same, or nothing.
pub(crate) fn optional_word<T>(
    row: &Row<'_>,
    column: &str,
    read: impl Fn(&str) -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| read(&text).ok_or_else(|| unreadable(column))).transpose()
}

/// The value itself is not told: nobody knows what it is.
fn unreadable(column: &str) -> Error {
    Error::FromSqlConversionFailure(0, Type::Text, format!("the value of {column} is none of those").into())
}
