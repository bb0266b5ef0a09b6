//! Each kind of difference turns the verification red and is named.

use bursar_store::copy::{Column, Kind, Report, TABLES, Table};
use bursar_store_sqlite::SqliteLedger;
use bursar_testkit::SqlitePlace;
use rusqlite::Connection;

use crate::given_ledger::{assert_finished, copy, open, rich};

/// A ledger and its finished copy.
async fn copied() -> (SqlitePlace, SqlitePlace) {
    let (source, target) = (SqlitePlace::new(), SqlitePlace::new());
    rich(&source).await;
    assert_finished(&copy(&mut source.source(), &mut target.target().expect("empty")).expect("copied"));
    (source, target)
}

/// Changes the target by hand.
fn damage(target: &SqlitePlace, statement: &str) {
    let connection = Connection::open(target.file()).expect("the ledger's file");
    let free = "drop trigger if exists messages_are_append_only; drop trigger if exists messages_are_kept;
                drop trigger if exists entries_are_append_only; drop trigger if exists entries_are_kept;
                drop trigger if exists program_entries_are_append_only;
                drop trigger if exists program_entries_are_kept;
                drop trigger if exists links_are_append_only; drop trigger if exists links_are_kept;
                drop trigger if exists merges_are_append_only; drop trigger if exists merges_are_kept;
                pragma foreign_keys = off; pragma ignore_check_constraints = on;";
    connection.execute_batch(free).expect("a schema with triggers");
    assert_eq!(connection.execute(statement, []).expect(statement), 1, "{statement}");
}

fn compared(source: &SqlitePlace, target: &SqlitePlace) -> Report {
    let report = copy(&mut source.source(), &mut target.target().expect("a copy")).expect("compared");
    assert!(!report.is_finished(), "{report:#?}");
    report
}

/// Which row is the first of the table.
fn first_of(table: &Table) -> String {
    let key: Vec<&str> = table.key_columns().iter().map(|column| column.name).collect();
    let key = key.join(", ");
    format!("({key}) = (select {key} from {} order by {key} limit 1)", table.name)
}

fn another(Column { name, kind }: &Column) -> String {
    match kind {
        Kind::Id => "randomblob(16)".to_owned(),
        Kind::Bytes => "x'07'".to_owned(),
        Kind::Text => format!("coalesce(\"{name}\", '') || '?'"),
        Kind::Integer | Kind::Small | Kind::Time => format!("coalesce(\"{name}\", 0) + 1"),
        Kind::Flag => format!("1 - \"{name}\""),
    }
}

#[tokio::test]
async fn another_value_in_any_column_of_any_table_is_named() {
    let (source, target) = copied().await;
    let whole = std::fs::read(target.file()).expect("all is in the file");
    for table in TABLES {
        for column in &table.columns[table.key..] {
            std::fs::write(target.file(), &whole).expect("as it was");
            let (name, value) = (column.name, another(column));
            damage(
                &target,
                &format!("update {} set \"{name}\" = {value} where {}", table.name, first_of(table)),
            );
            let named = compared(&source, &target).differences.named;
            let is_it = |of: &String| of.starts_with(table.name) && of.ends_with(&format!("other {name}"));
            assert!(named.iter().any(is_it), "{} {name}: {named:?}", table.name);
            for log in ["db-wal", "db-shm"] {
                let _ = std::fs::remove_file(target.file().with_extension(log));
            }
        }
    }
}

#[tokio::test]
async fn a_row_that_is_gone_and_one_that_is_too_many_are_named() {
    let (source, target) = copied().await;
    damage(&target, "delete from outbox where position = 3");
    damage(&target, "insert into windows (subject, scope, taken) values (randomblob(16), 'card', '')");
    let named = compared(&source, &target).differences.named;
    assert!(named.contains(&"outbox position 3: not in the target".to_owned()), "{named:?}");
    let is_extra = |of: &String| of.starts_with("windows subject") && of.ends_with("only in the target");
    assert!(named.iter().any(is_extra), "{named:?}");
    assert!(named.iter().any(|of| of.contains("events in the source and")), "{named:?}");
}

/// What a store derives for itself is no row of the source; the check is for that.
#[tokio::test]
async fn a_key_that_is_lost_is_found_by_the_check() {
    let (source, target) = copied().await;
    damage(&target, "delete from keys_old where position = 4");
    let report = compared(&source, &target);
    assert_eq!(report.differences.count, 0);
    assert!(report.target.findings.iter().any(|finding| finding.rule == "M1"), "{report:#?}");
}

#[tokio::test]
async fn damage_to_an_unfinished_copy_keeps_it_unfinished() {
    let (source, target) = (SqlitePlace::new(), SqlitePlace::new());
    rich(&source).await;
    let running = open(&source);
    assert!(!copy(&mut source.source(), &mut target.target().expect("empty")).expect("copied").is_finished());
    drop(running);
    damage(&target, "update messages set answer = x'07' where position = 2");
    // What may change is written again, and is no difference.
    damage(&target, &format!("update accounts set held_minor = 7 where {}", first_of(&TABLES[2])));
    let report = compared(&source, &target);
    assert_eq!(report.differences.named, ["messages position 2: other answer"]);
    let refused = SqliteLedger::open(target.folder(), target.options()).err();
    assert!(refused.is_some_and(|why| why.to_string().contains("unfinished copy")));
}
