//! Targets that a copy may not touch.

use std::time::{Duration, Instant};

use bursar_store::copy::CopyError;
use bursar_store::{Ledger, StoreError};
use bursar_store_sqlite::SqliteLedger;
use bursar_testkit::given::{self, usd};
use bursar_testkit::{Place, PostgresPlace, SqlitePlace};
use rusqlite::Connection;

use crate::given_ledger::{assert_finished, copy, every_row, open, rich};

fn words(refused: CopyError) -> String {
    match refused {
        CopyError::Refused(why) => why,
        other => panic!("no refusal: {other}"),
    }
}

#[tokio::test]
async fn a_target_with_a_ledger_of_its_own_is_refused_and_stays_as_it_was() {
    let (first, file, database) = (SqlitePlace::new(), SqlitePlace::new(), PostgresPlace::new());
    rich(&first).await;
    rich(&file).await;
    let before = every_row(&file);
    let why = words(copy(&mut first.source(), &mut file.target().expect("a ledger")).expect_err("its own"));
    assert!(why.contains("not empty") && why.contains("nothing was written"), "{why}");
    assert_eq!(every_row(&file), before);
    drop(open(&file));

    given::account(database.open().as_ref(), usd("1.00")).await;
    // The server hears of the end of a ledger's connections when it is over.
    let patience = Instant::now() + Duration::from_secs(60);
    let mut target = loop {
        match database.target() {
            Err(StoreError::InUse(_)) if Instant::now() < patience => std::thread::yield_now(),
            target => break target.expect("a ledger that nobody has"),
        }
    };
    let why = words(copy(&mut first.source(), &mut target).expect_err("its own"));
    assert!(why.contains("not empty"), "{why}");
    assert_eq!(database.number("select count(*) from identity where copy_of is not null"), 0);
}

#[tokio::test]
async fn an_unfinished_copy_of_another_ledger_is_refused() {
    let (one, other, target) = (SqlitePlace::new(), SqlitePlace::new(), SqlitePlace::new());
    rich(&one).await;
    rich(&other).await;
    let running = open(&one);
    assert!(!copy(&mut one.source(), &mut target.target().expect("empty")).expect("beside it").is_finished());
    drop(running);
    let before = every_row(&target);
    let why = words(copy(&mut other.source(), &mut target.target().expect("a copy")).expect_err("another"));
    assert!(why.contains("unfinished copy of another ledger"), "{why}");
    assert_eq!(every_row(&target), before);
    assert_finished(&copy(&mut one.source(), &mut target.target().expect("a copy")).expect("its own"));
    let why = words(copy(&mut other.source(), &mut target.target().expect("a copy")).expect_err("another"));
    assert!(why.contains("not empty"), "{why}");
}

#[tokio::test]
async fn a_source_is_not_copied_onto_itself() {
    let (first, database) = (SqlitePlace::new(), PostgresPlace::new());
    rich(&first).await;
    assert_finished(&copy(&mut first.source(), &mut database.target().expect("empty")).expect("copied"));
    let mut onto_itself = database.target().expect("a ledger");
    let why = words(copy(&mut database.source(), &mut onto_itself).expect_err("itself"));
    assert!(why.contains("the source itself"), "{why}");
}

#[tokio::test]
async fn a_second_copy_into_the_same_target_is_refused_while_the_first_runs() {
    let (file, database) = (SqlitePlace::new(), PostgresPlace::new());
    let (_filled, _filling) = (file.target().expect("empty"), database.target().expect("empty"));
    for second in [file.target().err(), database.target().err()] {
        assert!(matches!(second, Some(StoreError::InUse(_))), "{second:?}");
    }
    let server = SqliteLedger::open(file.folder(), file.options()).err();
    assert!(matches!(server, Some(StoreError::InUse(_))), "{server:?}");
}

/// Between the opening of a target and its mark the source is checked, which takes its time.
#[tokio::test]
async fn a_server_that_opened_the_empty_target_just_before_its_mark_is_noticed() {
    let (first, database) = (SqlitePlace::new(), PostgresPlace::new());
    rich(&first).await;
    let mut target = database.target().expect("empty");
    let server = database.open_ledger();
    let refused = copy(&mut first.source(), &mut target).expect_err("a server is there");
    assert!(matches!(&refused, CopyError::Target(StoreError::InUse(_))), "{refused}");
    assert_eq!(server.probe().await, Ok(()));
    given::account(server.as_ref(), usd("1.00")).await;
    let why = words(copy(&mut first.source(), &mut target).expect_err("it has decided something"));
    assert!(why.contains("not empty"), "{why}");
}

#[tokio::test]
async fn a_target_of_something_else_or_of_an_older_schema_is_refused_untouched() {
    let (file, database) = (SqlitePlace::new(), PostgresPlace::new());
    Connection::open(file.file()).and_then(|of| of.execute_batch("create table recipes (id)")).expect("made");
    database.execute("create table recipes (id integer)");
    for refused in [file.target().err(), database.target().err()] {
        let refused = refused.expect("not ours").to_string();
        assert!(refused.contains("something else"), "{refused}");
    }
    assert_eq!(database.number("select count(*) from pg_tables where schemaname = 'public'"), 1);

    let (file, database) = (SqlitePlace::new(), PostgresPlace::new());
    drop((file.target().expect("empty"), database.target().expect("empty")));
    let older = "delete from refinery_schema_history where version > 1";
    Connection::open(file.file()).and_then(|of| of.execute_batch(older)).expect("older");
    database.execute(older);
    for refused in [file.target().err(), database.target().err()] {
        let refused = refused.expect("older").to_string();
        assert!(refused.contains("schema version 1") && refused.contains("bursar migrate"), "{refused}");
    }
}

#[tokio::test]
async fn a_source_whose_books_are_wrong_is_not_moved() {
    let (first, target) = (SqlitePlace::new(), SqlitePlace::new());
    rich(&first).await;
    let file = Connection::open(first.file()).expect("the ledger's file");
    file.execute_batch("update accounts set held_minor = held_minor + 1").expect("changed");
    drop(file);
    let why = words(copy(&mut first.source(), &mut target.target().expect("empty")).expect_err("wrong"));
    assert!(why.contains("L3") && why.contains("nothing was written"), "{why}");
    drop(open(&target));
}
