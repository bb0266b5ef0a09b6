//! L5: what was decided and moved stays as it is, whoever asks the database to change it.

use bursar_store::contract::given::{self, usd};
use bursar_store::contract::{Place, assert_books_are_right};
use bursar_testkit::PostgresPlace;
use tokio_postgres::{Client, NoTls};

/// A connection of an operator's.
async fn by_hand(place: &PostgresPlace) -> Client {
    let (client, connection) = tokio_postgres::connect(&place.url(), NoTls).await.expect("connected");
    tokio::spawn(connection);
    client
}

/// Why the server does not do this.
async fn refused(operator: &Client, statement: &str) -> String {
    let refused = operator.batch_execute(statement).await.expect_err(statement);
    refused.as_db_error().map(|error| error.message().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn messages_and_entries_are_neither_changed_nor_removed() {
    let place = PostgresPlace::new();
    given::merged_groups(place.open().as_ref()).await;
    let operator = by_hand(&place).await;
    for (table, change) in [
        ("messages", "answer_code = 0"),
        ("entries", "amount_minor = 0"),
        ("program_entries", "amount_minor = 0"),
        ("links", "scope = 1"),
        ("merges", "root = merged"),
    ] {
        for statement in [
            format!("update {table} set {change}"),
            format!("delete from {table}"),
            format!("truncate {table}"),
        ] {
            let why = refused(&operator, &statement).await;
            assert_eq!(why, format!("{table} are append-only"), "{statement}");
        }
    }
    assert_books_are_right(place.books());
}

#[tokio::test]
async fn a_table_that_entries_refer_to_does_not_take_them_with_it() {
    let place = PostgresPlace::new();
    given::account(place.open().as_ref(), usd("100.00")).await;
    let operator = by_hand(&place).await;
    for table in ["programs", "owners", "accounts"] {
        let why = refused(&operator, &format!("truncate {table} cascade")).await;
        assert!(why.ends_with("entries are append-only"), "{table}: {why}");
    }
    assert_books_are_right(place.books());
}
