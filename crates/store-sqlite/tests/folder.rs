//! The data folder: one process at a time, no schema from the future, and the file stays the file.

use std::fs;

use bursar_core::Outcome;
use bursar_core::control::Scope;
use bursar_core::{DeclineReason, Window};
use bursar_store::contract::given::{self, usd};
use bursar_store::{Batch, Ledger, Settled, StoreError};
use bursar_store_sqlite::{Options, SqliteBooks, SqliteLedger, Synchronous};
use bursar_testkit::{Place, SqlitePlace, assert_books_are_right};
use rusqlite::Connection;

#[test]
fn a_folder_is_opened_by_one_at_a_time() {
    let place = SqlitePlace::new();
    let first = place.open_ledger();
    let error = SqliteLedger::open(place.folder(), place.options()).err().expect("refused");
    assert!(matches!(error, StoreError::InUse(_)), "{error}");
    drop(first);
    drop(place.open_ledger());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let place = SqlitePlace::new();
    let file = place.folder().join("occupied");
    fs::write(&file, "not a folder").expect("a file");
    let error = SqliteLedger::open(&file, Options::default()).err().expect("refused");
    assert!(error.to_string().contains(&file.display().to_string()), "{error}");
}

#[test]
fn a_newer_schema_is_refused_and_untouched() {
    let place = SqlitePlace::new();
    drop(place.open_ledger());
    let insert = "insert into refinery_schema_history (version, name, applied_on, checksum)
                  values (99, 'of_the_future', '2030-01-01T00:00:00Z', '1')";
    Connection::open(place.file())
        .and_then(|connection| connection.execute(insert, []))
        .expect("a table of versions");
    let before = fs::read(place.file()).expect("the file");
    let error = SqliteLedger::open(place.folder(), place.options()).err().expect("refused");
    assert!(matches!(error, StoreError::NewerSchema { found: 99, .. }), "{error}");
    assert!(error.to_string().contains("newer Bursar"), "{error}");
    assert_eq!(fs::read(place.file()).expect("the file"), before);
}

#[tokio::test]
async fn a_ledger_of_the_first_version_is_brought_up_to_date_and_repeats_its_answers() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let swipe = given::authorization(&account, usd("30.00"));
    let first = given::sent(ledger.as_ref(), &swipe).await;
    drop(ledger);
    let back_to_the_first = "drop table keys_young;
        drop table keys_grown;
        drop table keys_old;
        create unique index messages_by_key on messages (token, source, scope, state);
        drop index messages_recorded;
        alter table messages drop column method;
        alter table messages drop column transaction_kind;
        alter table programs drop column partial_approvals;
        alter table programs drop column original_credits;
        drop table controls;
        drop table windows;
        drop table identity;
        drop table links;
        drop table merges;
        drop index outbox_unpublished;
        drop table dead_letters;
        drop table attempts;
        drop table notifications;
        drop table endpoints;
        drop table transaction_records;
        drop table record_words;
        drop table forgotten_events;
        drop table discrepancies;
        drop table closings;
        drop table sweeps;
        alter table programs drop column hold_days;
        alter table programs drop column hold_days_by_merchant;
        drop trigger program_entries_are_append_only;
        drop trigger program_entries_are_kept;
        alter table messages drop column cash_minor;
        alter table messages drop column details;
        alter table messages drop column previous;
        alter table owners drop column last_position;
        drop table inbox;
        alter table owners drop column status_at;
        alter table cardholders drop column status_at;
        alter table cards drop column status_at;
        delete from refinery_schema_history where version > 1";
    Connection::open(place.file())
        .and_then(|connection| connection.execute_batch(back_to_the_first))
        .expect("the schema of the first version");
    let refused = SqliteBooks::open(place.folder()).err().expect("not as this program writes it").to_string();
    assert!(refused.contains("schema version 1") && refused.contains("start the server"), "{refused}");
    let ledger = place.open_ledger();
    assert_eq!(given::sent(ledger.as_ref(), &swipe.again()).await.answer, first.answer);
    assert_eq!(given::available(ledger.as_ref(), &account).await, usd("70.00"));
    let limit = given::limit(Window::Lifetime, usd("50.00"));
    given::control(ledger.as_ref(), &account, Scope::Card(account.card), limit).await;
    let beyond = given::sent(ledger.as_ref(), &given::authorization(&account, usd("20.01"))).await;
    assert_eq!(beyond.declined(), Some(DeclineReason::AmountLimitExceeded), "what was taken before counts");
    drop(ledger);
    assert_books_are_right(place.books());
}

#[tokio::test]
async fn without_full_flushes_the_store_is_not_ready() {
    let place = SqlitePlace::new();
    let options = Options { synchronous: Synchronous::Normal, ..place.options() };
    let ledger = SqliteLedger::open(place.folder(), options).expect("a new folder");
    let error = ledger.probe().await.expect_err("answered decisions could be lost");
    assert!(error.to_string().contains("sqlite.synchronous"), "{error}");
}

#[tokio::test]
async fn with_its_file_gone_the_ledger_decides_nothing() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let swipe = given::authorization(&account, usd("30.00"));
    let aside = place.folder().join("aside.db");
    fs::rename(place.file(), &aside).expect("the file");
    assert_undecided(ledger.as_ref(), &swipe).await;
    fs::rename(&aside, place.file()).expect("the file");
    assert!(given::sent(ledger.as_ref(), &swipe).await.is_approved());
    assert_eq!(given::available(ledger.as_ref(), &account).await, usd("70.00"));
    drop(ledger);
    assert_books_are_right(place.books());
}

#[tokio::test]
async fn with_its_file_replaced_the_ledger_decides_nothing() {
    for replaced in ["ledger.db", "ledger.db-wal"] {
        let place = SqlitePlace::new();
        let ledger = place.open_ledger();
        let account = given::account(ledger.as_ref(), usd("100.00")).await;
        let (file, copy) = (place.folder().join(replaced), place.folder().join("copy"));
        fs::copy(&file, &copy).expect("a copy");
        fs::rename(&copy, &file).expect("the copy in its place");
        assert_undecided(ledger.as_ref(), &given::authorization(&account, usd("30.00"))).await;
    }
}

/// Neither approved nor declined, and the store says that it cannot.
async fn assert_undecided(ledger: &SqliteLedger, swipe: &given::Call) {
    let batch = Batch { members: vec![swipe.member()], ..Batch::default() };
    let error = ledger.transact(batch).await.expect_err("nowhere to write");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    let error = ledger.probe().await.expect_err("nowhere to write");
    assert!(error.to_string().contains("ledger.db"), "{error}");
}

#[tokio::test]
async fn another_program_s_lock_is_waited_for_and_then_refused_and_the_ledger_goes_on() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let swipe = given::authorization(&account, usd("30.00"));
    let batch = Batch { members: vec![swipe.member()], ..Batch::default() };
    let other = Connection::open(place.file()).expect("the file");
    other.execute_batch("begin immediate").expect("the lock");
    let error = ledger.transact(batch.clone()).await.expect_err("locked");
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    other.execute_batch("rollback").expect("no lock");
    let settled = ledger.transact(batch).await.expect("a ledger that works").settled;
    assert!(matches!(settled[..], [Settled::Done(Outcome::Decided(..))]), "{settled:?}");
    assert_eq!(given::available(ledger.as_ref(), &account).await, usd("70.00"));
}

#[tokio::test]
async fn the_folder_and_its_files_are_their_owner_s_alone() {
    use std::os::unix::fs::PermissionsExt;
    let above = tempfile::tempdir().expect("a folder");
    let folder = above.path().join("data");
    let ledger = SqliteLedger::open(&folder, bursar_store_sqlite::Options::default()).expect("opens");
    let mode =
        |path: &std::path::Path| std::fs::metadata(path).expect("is there").permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in ["ledger.db", "ledger.db-wal", "ledger.db-shm", "lock"] {
        assert_eq!(mode(&folder.join(file)), 0o600, "{file}");
    }
    drop(ledger);
}

/// A copy of the file alone is a whole ledger then.
#[tokio::test]
async fn after_a_clean_stop_the_file_has_everything_and_the_log_is_gone() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    assert_eq!(given::available(ledger.as_ref(), &account).await, usd("100.00"));
    drop(ledger);
    assert!(!place.folder().join("ledger.db-wal").exists());
}

#[tokio::test]
async fn a_log_without_its_file_is_not_thrown_away() {
    let above = tempfile::tempdir().expect("a folder");
    fs::write(above.path().join("ledger.db-wal"), b"commits").expect("writes");
    let error = SqliteLedger::open(above.path(), Options::default()).err().expect("refused");
    assert!(error.to_string().contains("put the file back"), "{error}");
    assert_eq!(fs::read(above.path().join("ledger.db-wal")).expect("is there"), b"commits");
}
