//! The list of tables and columns is that of both schemas: what a migration adds is copied too.

use std::collections::BTreeSet;

use bursar_store::copy::TABLES;
use bursar_testkit::{PostgresPlace, SqlitePlace};
use rusqlite::Connection;

/// What a store keeps beside the ledger.
const BESIDE: [&str; 12] = [
    "heartbeat",
    "identity",
    "inbox",
    "keys_young",
    "keys_grown",
    "keys_old",
    "record_words",
    "record_words_config",
    "record_words_data",
    "record_words_docsize",
    "record_words_idx",
    "refinery_schema_history",
];

/// What the embedded store derives, and what counts only for instances that run: a target has none.
const DERIVED: [&str; 4] =
    ["messages.previous", "owners.last_position", "owners.controls_version", "outbox.leased_until"];

fn listed() -> BTreeSet<String> {
    let columns = TABLES.iter().flat_map(|table| table.columns.iter().map(move |of| (table.name, of.name)));
    columns.map(|(table, column)| format!("{table}.{column}")).collect()
}

fn is_of_the_ledger(column: &str) -> bool {
    let table = column.split('.').next().unwrap_or_default();
    !BESIDE.contains(&table) && !DERIVED.contains(&column)
}

#[test]
fn every_column_of_the_embedded_ledger_is_copied() {
    let place = SqlitePlace::new();
    drop(place.target().expect("a new ledger"));
    let file = Connection::open(place.file()).expect("the ledger's file");
    let select = "select tables.name || '.' || columns.name from sqlite_schema as tables,
                  pragma_table_info(tables.name) as columns where tables.type = 'table'";
    let mut statement = file.prepare(select).expect("a schema");
    let columns = statement.query_map([], |row| row.get::<_, String>(0)).expect("columns");
    let columns: BTreeSet<String> = columns.map(|column| column.expect("a name")).collect();
    assert_eq!(
        columns.into_iter().filter(|column| is_of_the_ledger(column)).collect::<BTreeSet<_>>(),
        listed()
    );
}

#[test]
fn every_column_of_the_ledger_on_postgres_is_copied() {
    let place = PostgresPlace::new();
    drop(place.target().expect("a new ledger"));
    let columns = place.texts(
        "select table_name || '.' || column_name from information_schema.columns where table_schema = 'public'",
    );
    assert_eq!(
        columns.into_iter().filter(|column| is_of_the_ledger(column)).collect::<BTreeSet<_>>(),
        listed()
    );
}
