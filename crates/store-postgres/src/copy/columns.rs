//! Neutral rows, read from tables and written to them.

use bursar_store::StoreError;
use bursar_store::copy::{Column, Kind, Row, Table, Value};
use jiff::Timestamp;
use tokio_postgres::Client;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::error::before_commit;
use crate::rows::{Read, get};
use crate::save::Insert;
use crate::session::Session;

/// Rows behind a key, in its order.
pub(super) fn select(
    session: &Session,
    table: &'static Table,
    after: Option<&[Value]>,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let select = table.select(after.is_some(), limit, '$', compared);
    let after: Vec<Value> = after.unwrap_or_default().to_vec();
    session.run(|client| async move {
        let key: Vec<Box<dyn ToSql + Sync + Send>> = after.into_iter().map(parameter).collect();
        let key: Vec<&(dyn ToSql + Sync)> = key.iter().map(|of| &**of as &(dyn ToSql + Sync)).collect();
        let rows = client.query(&select, &key).await.map_err(|error| before_commit(&error))?;
        let rows = rows.iter().map(|row| read_row(row, table)).collect::<Read<Vec<Row>>>();
        rows.map_err(|damage| StoreError::Corrupt(format!("{}: {}", table.name, damage.0)))
    })
}

/// Removes the rows with these keys, in one transaction.
pub(super) async fn delete(client: &Client, table: &'static Table, keys: Vec<Row>) -> Result<(), StoreError> {
    let failed = |error: tokio_postgres::Error| before_commit(&error);
    let delete = client.prepare(&table.delete('$')).await.map_err(failed)?;
    client.batch_execute("begin").await.map_err(failed)?;
    for key in keys {
        let key: Vec<Box<dyn ToSql + Sync + Send>> = key.into_iter().map(parameter).collect();
        let key: Vec<&(dyn ToSql + Sync)> = key.iter().map(|of| &**of as &(dyn ToSql + Sync)).collect();
        client.execute(&delete, &key).await.map_err(failed)?;
    }
    client.batch_execute("commit").await.map_err(failed)
}

/// Text is in the order of its bytes, as everywhere else, whatever the database's language is.
fn compared(column: &Column) -> String {
    match column.kind {
        Kind::Text => format!("{} collate \"C\"", column.name),
        _ => column.name.to_owned(),
    }
}

/// A value of a key.
fn parameter(value: Value) -> Box<dyn ToSql + Sync + Send> {
    match value {
        Value::Id(id) => Box::new(id),
        Value::Text(text) => Box::new(text),
        Value::Integer(number) => Box::new(number),
        Value::Flag(is_so) => Box::new(is_so),
        Value::Bytes(bytes) => Box::new(bytes),
        Value::Null => Box::new(None::<String>),
    }
}

fn read_row(row: &tokio_postgres::Row, table: &Table) -> Read<Row> {
    table.columns.iter().enumerate().map(|(place, column)| read(row, place, column.kind)).collect()
}

fn read(row: &tokio_postgres::Row, place: usize, kind: Kind) -> Read<Value> {
    let value = match kind {
        Kind::Id => get::<Option<Uuid>>(row, place)?.map(Value::Id),
        Kind::Text => get::<Option<String>>(row, place)?.map(Value::Text),
        Kind::Bytes => get::<Option<Vec<u8>>>(row, place)?.map(Value::Bytes),
        Kind::Integer => get::<Option<i64>>(row, place)?.map(Value::Integer),
        Kind::Small => get::<Option<i32>>(row, place)?.map(|number| Value::Integer(number.into())),
        Kind::Flag => get::<Option<bool>>(row, place)?.map(Value::Flag),
        Kind::Time => get::<Option<Timestamp>>(row, place)?.map(|at| Value::Integer(at.as_microsecond())),
    };
    Ok(value.unwrap_or(Value::Null))
}

/// The type of a column, as SQL names it.
fn type_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Id => "uuid",
        Kind::Text => "text",
        Kind::Bytes => "bytea",
        Kind::Integer => "bigint",
        Kind::Small => "int",
        Kind::Flag => "bool",
        Kind::Time => "timestamptz",
    }
}

/// The rows as arrays, one a column.
pub(super) fn insert(table: &'static Table, rows: Vec<Row>) -> Result<Insert<'static>, StoreError> {
    let types: Vec<&str> = table.columns.iter().map(|column| type_of(column.kind)).collect();
    let numbered = if table.is_numbered() { " overriding system value" } else { "" };
    let target = format!("{} ({}){numbered}", table.name, table.list());
    let mut insert = Insert::new(&target, &types, &table.on_conflict());
    let mut rows: Vec<std::vec::IntoIter<Value>> = rows.into_iter().map(Row::into_iter).collect();
    for column in table.columns {
        let values = rows.iter_mut().map(|row| row.next().unwrap_or(Value::Null));
        let bad =
            |value: Value| StoreError::BadData(format!("{}.{} cannot be {value}", table.name, column.name));
        insert = match column.kind {
            Kind::Id => column_of(insert, values, |value| match value {
                Value::Id(id) => Ok(id),
                other => Err(other),
            }),
            Kind::Text => column_of(insert, values, |value| match value {
                Value::Text(text) => Ok(text),
                other => Err(other),
            }),
            Kind::Bytes => column_of(insert, values, |value| match value {
                Value::Bytes(bytes) => Ok(bytes),
                other => Err(other),
            }),
            Kind::Flag => column_of(insert, values, |value| match value {
                Value::Flag(is_so) => Ok(is_so),
                other => Err(other),
            }),
            Kind::Integer => column_of(insert, values, number),
            Kind::Small => column_of(insert, values, |value| {
                number(value).and_then(|of| i32::try_from(of).map_err(|_| Value::Integer(of)))
            }),
            Kind::Time => column_of(insert, values, |value| {
                number(value).and_then(|of| Timestamp::from_microsecond(of).map_err(|_| Value::Integer(of)))
            }),
        }
        .map_err(bad)?;
    }
    Ok(insert)
}

fn number(value: Value) -> Result<i64, Value> {
    match value {
        Value::Integer(number) => Ok(number),
        other => Err(other),
    }
}

/// Adds a column, or tells the value that does not belong there.
fn column_of<T: ToSql + Sync + Send + 'static>(
    insert: Insert<'static>,
    values: impl Iterator<Item = Value>,
    take: impl Fn(Value) -> Result<T, Value>,
) -> Result<Insert<'static>, Value> {
    let values = values.map(|value| if value == Value::Null { Ok(None) } else { take(value).map(Some) });
    Ok(insert.column(values.collect::<Result<Vec<Option<T>>, Value>>()?.into_iter()))
}
