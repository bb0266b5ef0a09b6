//! L5: what was decided and moved stays as it is, whoever asks the file to change it.

use bursar_store::contract::given;
use bursar_testkit::{Place, SqlitePlace, assert_books_are_right};
use rusqlite::Connection;

#[tokio::test]
async fn messages_and_entries_are_neither_changed_nor_removed() {
    let place = SqlitePlace::new();
    given::merged_groups(place.open().as_ref()).await;
    let operator = Connection::open(place.file()).expect("the ledger's file");
    for (table, change) in [
        ("messages", "answer_code = 0"),
        ("entries", "amount_minor = 0"),
        ("program_entries", "amount_minor = 0"),
        ("links", "scope = 1"),
        ("merges", "root = merged"),
    ] {
        for statement in [format!("update {table} set {change}"), format!("delete from {table}")] {
            let refused = operator.execute(&statement, []).expect_err(&statement).to_string();
            assert_eq!(refused, format!("{table} are append-only"), "{statement}");
        }
    }
    assert_books_are_right(place.books());
}
