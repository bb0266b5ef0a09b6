//! Damaged data is never the ground of an approval.

mod support;

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use bursar_core::Window;
use bursar_core::command::GroupRef;
use bursar_core::control::Scope;
use bursar_core::{Fault, Outcome};
use bursar_store::contract::given::{self, Funded, Sent, usd};
use bursar_store::{Batch, Ledger, Reader, Settled, StoreError};
use bursar_store_sqlite::{SqliteBooks, SqliteLedger};
use bursar_testkit::SqlitePlace;
use rusqlite::Connection;
use support::change;

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_alone() {
    for statement in [
        "update cards set status = 'melted' where rowid_of",
        "update cardholders set status = '' where rowid_of",
        "update owners set last_at = 9223372036854775807 where rowid_of",
        "update accounts set currency = 'XAU' where rowid_of",
    ] {
        let place = SqlitePlace::new();
        let ledger = place.open_ledger();
        let damaged = given::account(ledger.as_ref(), usd("100.00")).await;
        let healthy = given::account(ledger.as_ref(), usd("100.00")).await;
        change(&place, &statement.replace("rowid_of", &is_of(statement, &damaged)));
        let swipes = [&healthy, &damaged, &healthy].map(|account| given::authorization(account, usd("1.00")));
        let mut settled = given::batch(ledger.as_ref(), &swipes).await;
        let failed = settled.remove(1);
        let is_unreadable = matches!(failed, Settled::Done(Outcome::Failed(Fault::Unreadable(_))));
        assert!(is_unreadable, "{statement}: {failed:?}");
        assert!(settled.into_iter().map(Sent::of).all(|sent| sent.is_approved()), "{statement}");
    }
}

/// The writer keeps rows between batches; they count only as long as nobody else commits.
#[tokio::test]
async fn what_another_hand_changed_counts_at_the_next_decision() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let swipe = || given::authorization(&account, usd("1.00"));
    assert!(given::sent(ledger.as_ref(), &swipe()).await.is_approved());
    change(&place, "update cards set status = 'suspended'");
    assert!(!given::sent(ledger.as_ref(), &swipe()).await.is_approved());
    change(&place, "update cards set status = 'active'");
    assert!(given::sent(ledger.as_ref(), &swipe()).await.is_approved());
}

/// A hold needs an account: without its row nothing is approved, whatever else is in order.
#[tokio::test]
async fn a_card_whose_account_is_gone_gets_no_approval() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let by_hand = Connection::open(place.folder().join("ledger.db")).expect("opens");
    by_hand.execute_batch("pragma foreign_keys = off; delete from accounts").expect("deletes");
    let mut settled = given::batch(ledger.as_ref(), &[given::authorization(&account, usd("1.00"))]).await;
    let failed = settled.remove(0);
    assert!(matches!(failed, Settled::Done(Outcome::Failed(Fault::Unreadable(_)))), "{failed:?}");
}

/// Which row of the statement's table is the account's.
fn is_of(statement: &str, of: &Funded) -> String {
    let id = match statement.split_whitespace().nth(1) {
        Some("cards") => of.card.uuid(),
        Some("cardholders") => of.cardholder.uuid(),
        Some("owners") => of.owner.uuid(),
        _ => of.account.uuid(),
    };
    format!("id = x'{}'", id.simple())
}

#[tokio::test]
async fn a_damaged_row_is_an_error_to_read_and_never_a_default() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    change(&place, "update cards set status = 'melted'");
    let error = ledger.find_card(account.card).await.expect_err("no such status");
    assert!(matches!(&error, StoreError::Corrupt(why) if why.contains("melted")), "{error}");
    assert!(ledger.find_account(account.account).await.is_ok());
}

#[tokio::test]
async fn a_hold_group_that_cannot_be_read_gets_no_more_money() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let first = given::sent(ledger.as_ref(), &given::authorization(&account, usd("10.00"))).await.id();
    change(&place, "update messages set effect = 'hold?' where effect = 'hold'");
    let more = given::increment(&account, GroupRef::Message(first), usd("1.00"));
    let alone = Batch { members: vec![more.member()], ..Batch::default() };
    let error = ledger.transact(alone).await.expect_err("no such effect");
    assert!(matches!(error, StoreError::BadData(_)), "{error}");
    let other = given::authorization(&account, usd("1.00"));
    assert!(given::sent(ledger.as_ref(), &other).await.is_approved());
    assert_eq!(given::available(ledger.as_ref(), &account).await, usd("89.00"));
}

#[tokio::test]
async fn a_page_of_rubbish_is_never_approved_on() {
    let objects = ["owners", "accounts", "cardholders", "cards"];
    let messages = ["messages", "keys_young", "keys_grown", "keys_old", "outbox"];
    for table in objects.into_iter().chain(messages) {
        let place = SqlitePlace::new();
        let ledger = place.open_ledger();
        let account = given::account(ledger.as_ref(), usd("100.00")).await;
        drop(ledger);
        overwrite_root_page(&place, table);
        let ledger = match SqliteLedger::open(place.folder(), place.options()) {
            Ok(ledger) => ledger,
            Err(error) => {
                assert!(matches!(error, StoreError::Corrupt(_) | StoreError::Unavailable(_)), "{error}");
                continue;
            }
        };
        let swipe = given::authorization(&account, usd("1.00"));
        let batch = Batch { members: vec![swipe.member()], ..Batch::default() };
        let error = ledger.transact(batch).await.expect_err(table);
        assert!(matches!(error, StoreError::Corrupt(_)), "{table}: {error}");
        let checked = SqliteBooks::open(place.folder()).err();
        assert!(matches!(checked, Some(StoreError::Corrupt(_))), "{table}: {checked:?}");
    }
}

#[test]
fn a_file_that_is_no_ledger_is_refused() {
    let place = SqlitePlace::new();
    std::fs::write(place.file(), "x".repeat(10_000)).expect("a file");
    let error = SqliteLedger::open(place.folder(), place.options()).err().expect("no database");
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(&place.file().display().to_string()) && text.contains("restore a backup"),
        "{text}"
    );
}

fn overwrite_root_page(place: &SqlitePlace, table: &str) {
    let connection = Connection::open(place.file()).expect("the file");
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, u32>(0).map(u64::from));
    let size = number("pragma page_size").expect("a size");
    let root =
        number(&format!("select rootpage from sqlite_master where name = '{table}'")).expect("a table");
    // Everything is in the file itself, and nothing in the log.
    connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).expect("a checkpoint");
    connection.close().expect("closed");
    let file = OpenOptions::new().write(true).open(place.file()).expect("the file");
    let rubbish = vec![0xA5; usize::try_from(size).expect("a page")];
    file.write_all_at(&rubbish, (root - 1) * size).expect("a page");
}

/// A limit whose window cannot be read is no limit that nothing was taken from.
#[tokio::test]
async fn a_control_or_a_window_that_cannot_be_read_approves_nothing_however_often_it_is_asked() {
    for statement in [
        "update windows set taken = taken || '|x'",
        "update controls set rule = '{}'",
        "update controls set status = 'perhaps'",
    ] {
        let place = SqlitePlace::new();
        let ledger = place.open_ledger();
        let account = given::account(ledger.as_ref(), usd("100.00")).await;
        let limit = given::limit(Window::Day, usd("10.00"));
        given::control(ledger.as_ref(), &account, Scope::Card(account.card), limit).await;
        let swipe = || given::authorization(&account, usd("10.00"));
        assert!(given::sent(ledger.as_ref(), &swipe()).await.is_approved());
        change(&place, statement);
        for _ in 0..3 {
            let failed = given::settled(ledger.as_ref(), &swipe()).await;
            let is_unreadable = matches!(failed, Settled::Done(Outcome::Failed(Fault::Unreadable(_))));
            assert!(is_unreadable, "{statement}: {failed:?}");
        }
    }
}

/// A limit that begins to count walks the owner's messages: one that is missing would be counted for
/// nothing.
#[tokio::test]
async fn a_limit_is_not_made_from_a_history_that_has_a_gap() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    for _ in 0..3 {
        given::sent(ledger.as_ref(), &given::authorization(&account, usd("1.00"))).await;
    }
    change(
        &place,
        "update messages set previous = null where position = (select max(position) from messages)",
    );
    let late =
        given::new_control(account.owner, Scope::Card(account.card), given::limit(Window::Day, usd("9.00")));
    let batch = Batch { members: vec![late.member()], ..Batch::default() };
    let refused = ledger.transact(batch).await;
    assert!(matches!(refused, Err(StoreError::BadData(_) | StoreError::Corrupt(_))), "{refused:?}");
    let spending = ledger.find_spending(Scope::Card(account.card)).await.expect("readable").expect("there");
    assert_eq!(spending.controls, []);
}
