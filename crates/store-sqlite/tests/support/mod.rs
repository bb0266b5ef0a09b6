//! What these tests do behind the ledger's back.

use bursar_testkit::SqlitePlace;
use rusqlite::Connection;

/// A connection of its own to the ledger's file, without the triggers that keep rows as they are.
pub(crate) fn behind_the_back(place: &SqlitePlace) -> Connection {
    let connection = Connection::open(place.file()).expect("the ledger's file");
    let drop_triggers = "drop trigger if exists messages_are_append_only;
                         drop trigger if exists messages_are_kept;
                         drop trigger if exists entries_are_append_only;
                         drop trigger if exists entries_are_kept;
                         drop trigger if exists program_entries_are_append_only;
                         drop trigger if exists program_entries_are_kept;
                         drop trigger if exists merges_are_append_only;
                         drop trigger if exists merges_are_kept;
                         pragma foreign_keys = off;";
    connection.execute_batch(drop_triggers).expect("a schema with triggers");
    connection
}

/// Changes rows by hand: at least one has to change.
pub(crate) fn change(place: &SqlitePlace, statement: &str) {
    let changed = behind_the_back(place).execute(statement, []).expect(statement);
    assert!(changed > 0, "{statement} changed nothing");
}
