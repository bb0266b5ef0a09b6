//! How each noun is read from its row and written to it.
//!
//! A row that cannot be read is an [`Unreadable`](bursar_core::state::Unreadable) with its id:
//! never a panic, never a silent default.

pub(crate) mod account;
pub(crate) mod card;
pub(crate) mod cardholder;
pub(crate) mod control;
pub(crate) mod message;
pub(crate) mod owner;
pub(crate) mod program;
pub(crate) mod window;

use std::str::FromStr;

use bursar_core::Currency;
use bursar_core::text::Token;
use jiff::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Row, RowIndex};
use uuid::Uuid;

/// An id in a column of 16 bytes.
pub(crate) struct Blob16(pub(crate) Uuid);

impl ToSql for Blob16 {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(&self.0.as_bytes()[..]))
    }
}

impl FromSql for Blob16 {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        Uuid::from_slice(bytes).map(Self).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// A time in a column of microseconds.
pub(crate) struct Micros(pub(crate) Timestamp);

impl ToSql for Micros {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.as_microsecond()))
    }
}

impl FromSql for Micros {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let time = Timestamp::from_microsecond(value.as_i64()?);
        time.map(Self).map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// A column of text that is read by the rules of its type.
pub(crate) struct Word<T>(pub(crate) T);

/// A type that reads itself from a column's text.
pub(crate) trait FromWord: Sized {
    fn from_column(text: &str) -> Option<Self>;
}

impl<T: FromWord> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = value.as_str()?;
        let unknown = || FromSqlError::Other(format!("{text:?} is no known word here").into());
        T::from_column(text).map(Self).ok_or_else(unknown)
    }
}

macro_rules! from_word {
    ($($name:ty),+) => {$(
        impl FromWord for $name {
            fn from_column(text: &str) -> Option<Self> {
                Self::from_word(text)
            }
        }
    )+};
}

from_word!(
    bursar_core::OwnerKind,
    bursar_core::OwnerStatus,
    bursar_core::CardholderStatus,
    bursar_core::CardStatus,
    bursar_core::ControlStatus,
    bursar_core::DeclineReason,
    bursar_core::DiscrepancyKind,
    bursar_core::message::ActionKind,
    bursar_core::message::Source,
    bursar_core::message::TransactionKind
);

impl FromWord for Currency {
    fn from_column(text: &str) -> Option<Self> {
        Self::from_str(text).ok()
    }
}

impl FromWord for Token {
    fn from_column(text: &str) -> Option<Self> {
        Self::new(text).ok()
    }
}

/// An id column.
pub(crate) fn id<I: RowIndex, T>(row: &Row<'_>, index: I, new: impl Fn(Uuid) -> T) -> rusqlite::Result<T> {
    row.get::<_, Blob16>(index).map(|id| new(id.0))
}

/// An id column that may be empty.
pub(crate) fn id_opt<I: RowIndex, T>(
    row: &Row<'_>,
    index: I,
    new: impl Fn(Uuid) -> T,
) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<Blob16>>(index)?.map(|id| new(id.0)))
}

/// A column that is read by the rules of its type.
pub(crate) fn word<I: RowIndex, T: FromWord>(row: &Row<'_>, index: I) -> rusqlite::Result<T> {
    row.get::<_, Word<T>>(index).map(|word| word.0)
}

/// The same, where the column may be empty.
pub(crate) fn word_opt<I: RowIndex, T: FromWord>(row: &Row<'_>, index: I) -> rusqlite::Result<Option<T>> {
    Ok(row.get::<_, Option<Word<T>>>(index)?.map(|word| word.0))
}
