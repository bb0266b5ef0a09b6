//! Neutral rows, read from tables and written to them.

use std::collections::HashMap;

use bursar_store::StoreError;
use bursar_store::copy::{Kind, Row, Table, Value};
use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, params_from_iter};
use uuid::Uuid;

use crate::error::of_read;
use crate::rows::Blob16;

/// Rows behind a key, in its order.
pub(super) fn select(
    connection: &Connection,
    table: &'static Table,
    after: Option<&[Value]>,
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let select = table.select(after.is_some(), limit, '?', |column| column.name.to_owned());
    let read = || -> rusqlite::Result<Vec<Row>> {
        let mut statement = connection.prepare_cached(&select)?;
        let mut rows = statement.query(params_from_iter(after.unwrap_or_default().iter().map(Stored)))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let columns = table.columns.iter().enumerate();
            found.push(columns.map(|(place, of)| read(row, place, of.kind)).collect::<Result<_, _>>()?);
        }
        Ok(found)
    };
    read().map_err(|error| match of_read(&error) {
        StoreError::Corrupt(why) => StoreError::Corrupt(format!("{}: {why}", table.name)),
        error => error,
    })
}

fn read(row: &rusqlite::Row<'_>, place: usize, kind: Kind) -> rusqlite::Result<Value> {
    let value = match kind {
        Kind::Id => row.get::<_, Option<Blob16>>(place)?.map(|id| Value::Id(id.0)),
        Kind::Text => row.get::<_, Option<String>>(place)?.map(Value::Text),
        Kind::Bytes => row.get::<_, Option<Vec<u8>>>(place)?.map(Value::Bytes),
        Kind::Integer | Kind::Small | Kind::Time => row.get::<_, Option<i64>>(place)?.map(Value::Integer),
        Kind::Flag => row.get::<_, Option<bool>>(place)?.map(Value::Flag),
    };
    Ok(value.unwrap_or(Value::Null))
}

/// A value as this file keeps it.
struct Stored<'a>(&'a Value);

impl ToSql for Stored<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self.0 {
            Value::Null => None::<i64>.to_sql(),
            Value::Id(id) => Ok(ToSqlOutput::from(&id.as_bytes()[..])),
            Value::Text(text) => text.to_sql(),
            Value::Bytes(bytes) => bytes.to_sql(),
            Value::Integer(number) => number.to_sql(),
            Value::Flag(is_so) => is_so.to_sql(),
        }
    }
}

/// Where each owner's last message is: the next one says so.
pub(super) struct Heads(HashMap<Uuid, i64>);

impl Heads {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let select = "select owner, max(position) from messages where owner is not null group by owner";
        let mut statement = connection.prepare(select)?;
        let heads = statement.query_map([], |row| Ok((row.get::<_, Blob16>(0)?.0, row.get(1)?)))?;
        heads.collect::<rusqlite::Result<_>>().map(Self)
    }

    /// The position of the owner's message before this one, which is now its last.
    fn follow(&mut self, owner: &Value, position: &Value) -> Option<i64> {
        match (owner, position) {
            (Value::Id(owner), Value::Integer(position)) => self.0.insert(*owner, *position),
            _ => None,
        }
    }
}

/// Writes rows, in the order of their keys.
pub(super) fn insert(
    connection: &Connection,
    table: &'static Table,
    rows: &[Row],
    heads: &mut Heads,
) -> rusqlite::Result<()> {
    let is_messages = table.name == "messages";
    let owner = table.columns.iter().position(|column| column.name == "owner").unwrap_or_default();
    let previous = if is_messages { ", previous" } else { "" };
    let width = table.columns.len() + usize::from(is_messages);
    let marks: Vec<String> = (1..=width).map(|number| format!("?{number}")).collect();
    let insert = format!(
        "insert into {} ({}{previous}) values ({}) {}",
        table.name,
        table.list(),
        marks.join(", "),
        table.on_conflict()
    );
    let mut insert = connection.prepare_cached(&insert)?;
    for row in rows {
        for (value, number) in row.iter().zip(1..) {
            insert.raw_bind_parameter(number, Stored(value))?;
        }
        if is_messages {
            insert.raw_bind_parameter(width, heads.follow(&row[owner], &row[0]))?;
        }
        insert.raw_execute()?;
    }
    Ok(())
}

/// Removes the rows with these keys.
pub(super) fn delete(connection: &Connection, table: &'static Table, keys: &[Row]) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached(&table.delete('?'))?;
    keys.iter().try_for_each(|key| delete.execute(params_from_iter(key.iter().map(Stored))).map(|_| ()))
}
