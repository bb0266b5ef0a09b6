//! L5: what was decided and moved stays as it is, whoever asks the file to change it.

use bursar_store::contract::given::{self, usd};
use bursar_testkit::{Place, SqlitePlace, assert_books_are_right};
use rusqlite::Connection;

#[tokio::test]
async fn messages_and_entries_are_neither_changed_nor_removed() {
    let place = SqlitePlace::new();
    given::account(place.open().as_ref(), usd("100.00")).await;
    let operator = Connection::open(place.file()).expect("the ledger's file");
    for (table, column) in
        [("messages", "answer_code"), ("entries", "amount_minor"), ("program_entries", "amount_minor")]
    {
        for statement in
            [format!("update {table} set {column} = {column} + 1"), format!("delete from {table}")]
        {
            let refused = operator.execute(&statement, []).expect_err(&statement).to_string();
            assert_eq!(refused, format!("{table} are append-only"), "{statement}");
        }
    }
    assert_books_are_right(place.books());
}
