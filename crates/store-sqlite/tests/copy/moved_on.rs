//! A source that goes on while it is copied, or afterwards.

use std::time::Duration;

use bursar_store::copy::{CopyError, Report, Source, Target};
use bursar_store::{
    Inbox, ItemKey, Ledger, NewItem, NewNotification, NotificationState, Page, RecordFilter, Store,
    StoreError, TransactionRecords,
};
use bursar_store_sqlite::SqliteLedger;
use bursar_testkit::given::{self, Funded, usd};
use bursar_testkit::{NOON, Place, PostgresPlace, SqlitePlace};
use jiff::SignedDuration;

use crate::given_ledger::{assert_finished, copy, every_row, fill, open, publish_and_forget, rich};

fn copied(source: &mut dyn Source, target: &mut dyn Target) -> Report {
    copy(source, target).expect("no error")
}

#[tokio::test]
async fn beside_a_running_server_a_copy_brings_over_what_is_there_and_the_next_one_the_rest() {
    let (first, database, second) = (SqlitePlace::new(), PostgresPlace::new(), SqlitePlace::new());
    let funded = rich(&first).await;
    let ledger = open(&first);
    let beside = copied(&mut first.source(), &mut database.target().expect("empty"));
    assert!(beside.is_equal() && !beside.is_finished(), "{beside:#?}");
    let why = beside.moved_on.expect("a reason");
    assert!(why.contains("a server runs on") && why.contains(&first.folder().display().to_string()), "{why}");
    given::sent(&ledger, &given::authorization(&funded, usd("1.00"))).await;
    fill(&ledger).await;
    drop(ledger);
    let rest = copied(&mut first.source(), &mut database.target().expect("unfinished"));
    assert_finished(&rest);
    assert!(rest.written < rest.rows, "only the rest: {} of {}", rest.written, rest.rows);
    assert_finished(&copied(&mut database.source(), &mut second.target().expect("empty")));
    assert_eq!(every_row(&first), every_row(&second));
}

#[tokio::test]
async fn what_is_committed_during_a_copy_is_noticed_though_no_server_runs_at_its_end() {
    let (first, target) = (SqlitePlace::new(), SqlitePlace::new());
    let funded = rich(&first).await;
    let ledger = open(&first);
    let mut source = first.source();
    given::sent(&ledger, &given::authorization(&funded, usd("1.00"))).await;
    drop(ledger);
    let report = copied(&mut source, &mut target.target().expect("empty"));
    assert!(report.is_equal() && !report.is_finished(), "{report:#?}");
    drop(source);
    assert_finished(&copied(&mut first.source(), &mut target.target().expect("unfinished")));
    assert_eq!(every_row(&first), every_row(&target));
}

#[tokio::test]
async fn servers_on_a_source_database_are_noticed_and_so_is_what_they_did() {
    let (file, database, second) = (SqlitePlace::new(), PostgresPlace::new(), SqlitePlace::new());
    let funded = rich(&file).await;
    assert_finished(&copied(&mut file.source(), &mut database.target().expect("empty")));
    let server = database.open_ledger();
    let beside = copied(&mut database.source(), &mut second.target().expect("empty"));
    let why = beside.moved_on.as_deref().unwrap_or_default();
    assert!(why.contains("connections of servers"), "{beside:#?}");

    let mut source = database.source();
    given::sent(server.as_ref(), &given::authorization(&funded, usd("1.00"))).await;
    drop(server);
    until_no_server_is_connected(&database);
    let behind = copied(&mut source, &mut second.target().expect("unfinished"));
    let why = behind.moved_on.as_deref().unwrap_or_default();
    assert!(behind.is_equal() && why.contains("was committed"), "{behind:#?}");
    drop(source);
    let rest = copied(&mut database.source(), &mut second.target().expect("unfinished"));
    assert_finished(&rest);
    let third = PostgresPlace::new();
    assert_finished(&copied(&mut second.source(), &mut third.target().expect("empty")));
}

/// What an operator, a program or a consumer does adds no message, and often no row.
#[tokio::test]
async fn what_changes_in_a_source_database_without_a_row_more_is_noticed() {
    let database = PostgresPlace::new();
    let server = database.open_ledger();
    fill(server.as_ref()).await;
    drop(server);
    until_no_server_is_connected(&database);
    for nothing in ["select 1", "update outbox set leased_until = now()", "update heartbeat set at = now()"] {
        let mut source = database.source();
        database.execute(nothing);
        assert_eq!(source.moved_on(), Ok(None), "{nothing}");
    }
    for change in [
        "update outbox set published_at = now() where published_at is null",
        "update forgotten_events set events = events + 1",
        "update sweeps set position = position + 1",
        "update dead_letters set note = 'other'",
        "update endpoints set is_on = false, version = version + 1",
        "update notifications set failures = failures + 1",
        "update transaction_records set status = 'other'",
    ] {
        let mut source = database.source();
        database.execute(change);
        let why = source.moved_on().expect("readable").expect(change);
        assert!(why.contains("was committed"), "{change}: {why}");
    }
}

/// The database's server hears of a connection's end a little later.
fn until_no_server_is_connected(database: &PostgresPlace) {
    let began = std::time::Instant::now();
    let count = "select count(*) from pg_stat_activity
                 where datname = current_database() and application_name = 'bursar'";
    while database.number(count) > 0 {
        assert!(began.elapsed().as_secs() < 60, "they stay");
        std::thread::yield_now();
    }
}

/// Where positions are given out before commits, a row can come behind a later one.
#[tokio::test]
async fn a_row_that_came_before_what_was_copied_is_brought_over_too() {
    let (file, database, second) = (SqlitePlace::new(), PostgresPlace::new(), SqlitePlace::new());
    rich(&file).await;
    assert_finished(&copied(&mut file.source(), &mut database.target().expect("empty")));
    // As if the transaction with the unknown card were not committed yet.
    let hidden = "alter table messages disable trigger user;
        create table late as select * from messages where owner is null and declined is not null;
        create table late_event as select * from outbox where message in (select id from late);
        delete from outbox where message in (select id from late);
        delete from messages where id in (select id from late);";
    database.execute(hidden);
    let server = database.open_ledger();
    let early = copied(&mut database.source(), &mut second.target().expect("empty"));
    assert!(early.is_equal() && !early.is_finished(), "{early:#?}");
    let commit = "insert into messages overriding system value select * from late;
        insert into outbox overriding system value select * from late_event;
        alter table messages enable trigger user;";
    database.execute(commit);
    drop(server);
    until_no_server_is_connected(&database);
    let rest = copied(&mut database.source(), &mut second.target().expect("unfinished"));
    assert_finished(&rest);
    assert_eq!(rest.written, 2);
    assert_eq!(every_row(&file), every_row(&second));
}

/// What the source forgot since an earlier run goes from the target too, and takes the place of nothing.
#[tokio::test]
async fn what_was_forgotten_between_two_runs_is_in_no_copy() {
    let (first, database, second) = (SqlitePlace::new(), PostgresPlace::new(), SqlitePlace::new());
    let funded = rich(&first).await;
    let ledger = open(&first);
    let sent = deliver(&ledger, &funded).await;
    assert!(!copied(&mut first.source(), &mut database.target().expect("empty")).is_finished());
    forget(&ledger, &funded, &sent).await;
    drop(ledger);
    assert_finished(&copied(&mut first.source(), &mut database.target().expect("unfinished")));

    let server = database.open_ledger();
    let funded = fill(server.as_ref()).await;
    let sent = deliver(server.as_ref(), &funded).await;
    assert!(!copied(&mut database.source(), &mut second.target().expect("empty")).is_finished());
    forget(server.as_ref(), &funded, &sent).await;
    drop(server);
    until_no_server_is_connected(&database);
    let rest = copied(&mut database.source(), &mut second.target().expect("unfinished"));
    assert_finished(&rest);
    assert!(rest.target.events_forgotten > 4, "{rest:#?}");
    let third = PostgresPlace::new();
    assert_finished(&copied(&mut second.source(), &mut third.target().expect("empty")));
    let ledger = second.open_ledger();
    let filter = RecordFilter { words: vec!["bott".to_owned()], ..RecordFilter::default() };
    let found = ledger.search_records(&filter, Page { after: None, limit: 9 }).await.expect("readable");
    assert_eq!(found.len(), 2, "what is derived is there");
}

/// Another endpoint of the program, and what was delivered to it.
async fn deliver(ledger: &dyn Store, funded: &Funded) -> NewNotification {
    let endpoint = given::endpoint(funded.program);
    assert_eq!(ledger.create_endpoint(endpoint.clone()).await, Ok(true));
    let sent = given::notification(endpoint.id);
    ledger.notify(vec![sent.clone()]).await.expect("writable");
    let taken = ledger.take_notifications(9, Duration::from_secs(5), &[]).await.expect("writable");
    let taken = taken.into_iter().find(|taken| taken.notification == sent).expect("it is due");
    let delivered = given::attempt(NOON, None);
    ledger.attempted(&taken, delivered, NotificationState::Delivered).await.expect("writable");
    sent
}

/// Forgets events, an endpoint with what it is sent, and what was delivered to the other, whose event then comes again.
async fn forget(ledger: &dyn Store, funded: &Funded, sent: &NewNotification) {
    publish_and_forget(ledger).await;
    let page = Page { after: None, limit: 9 };
    let endpoints = ledger.list_endpoints(Some(funded.program), page).await.expect("readable");
    assert_eq!(ledger.delete_endpoint(endpoints[0].id).await, Ok(true));
    let forgotten = ledger.forget_notifications(NOON + SignedDuration::from_secs(1), 9).await;
    assert!(
        forgotten.clone().expect("writable") >= 3,
        "both of the first, and that of the other: {forgotten:?}"
    );
    let again = NewNotification { id: given::id(), ..sent.clone() };
    ledger.notify(vec![again]).await.expect("writable");
}

#[tokio::test]
async fn a_finished_copy_whose_source_or_target_went_on_is_left_alone_and_says_so() {
    let (first, target) = (SqlitePlace::new(), SqlitePlace::new());
    let funded = rich(&first).await;
    assert_finished(&copied(&mut first.source(), &mut target.target().expect("empty")));
    let before = every_row(&target);
    given::sent(&open(&first), &given::authorization(&funded, usd("1.00"))).await;
    let report = copied(&mut first.source(), &mut target.target().expect("a copy"));
    assert!(report.was_finished && !report.is_finished(), "{report:#?}");
    assert!(report.differences.named.iter().any(|of| of.ends_with("not in the target")), "{report:#?}");
    assert_eq!(every_row(&target), before);
    // It is a ledger like others.
    given::sent(target.open().as_ref(), &given::authorization(&funded, usd("2.00"))).await;
}

#[tokio::test]
async fn an_unfinished_copy_starts_no_server_and_is_no_source() {
    let (first, database, file) = (SqlitePlace::new(), PostgresPlace::new(), SqlitePlace::new());
    rich(&first).await;
    let early = database.open_ledger();
    assert_eq!(early.probe().await, Ok(()));
    let refused = database.target().err().expect("a server is there");
    assert!(
        matches!(&refused, StoreError::InUse(what) if what.contains("connections of a server")),
        "{refused}"
    );
    drop(early);
    until_no_server_is_connected(&database);

    let running = open(&first);
    assert!(!copied(&mut first.source(), &mut database.target().expect("empty")).is_finished());
    assert!(!copied(&mut first.source(), &mut file.target().expect("empty")).is_finished());
    drop(running);
    let on_postgres = database.try_open_ledger().map(|_| ());
    let on_sqlite = SqliteLedger::open(file.folder(), file.options()).map(|_| ());
    for refused in [on_postgres, on_sqlite] {
        let refused = refused.expect_err("half a ledger").to_string();
        assert!(refused.contains("unfinished copy") && refused.contains("bursar copy again"), "{refused}");
    }
    let onwards = SqlitePlace::new();
    for source in [&mut file.source() as &mut dyn Source, &mut database.source()] {
        let refused = copy(source, &mut onwards.target().expect("empty")).expect_err("half a ledger");
        let is_clear = matches!(&refused, CopyError::Refused(why) if why.contains("unfinished copy"));
        assert!(is_clear, "{refused}");
    }
}

/// What was acknowledged and is in no ledger would be lost.
#[tokio::test]
async fn a_copy_is_not_finished_while_notices_wait_in_the_source_s_inbox() {
    let (first, database, second) = (SqlitePlace::new(), PostgresPlace::new(), SqlitePlace::new());
    rich(&first).await;
    let key = ItemKey { kind: "transaction".into(), token: "t-1".into(), state: "PENDING".into() };
    let id = given::id();
    let notice = NewItem { id, key, hash: [0; 32], content: b"{}".to_vec(), quarantined: None };
    first.open_ledger().put(vec![notice.clone()]).await.expect("an inbox that works");
    let behind = copied(&mut first.source(), &mut database.target().expect("empty"));
    let why = behind.moved_on.as_deref().unwrap_or_default();
    assert!(behind.is_equal() && why.contains("inbox has 1 notices"), "{behind:#?}");
    first.open_ledger().done(vec![id]).await.expect("an inbox that works");
    assert_finished(&copied(&mut first.source(), &mut database.target().expect("unfinished")));
    let server = database.open_ledger();
    server.put(vec![notice]).await.expect("an inbox that works");
    drop(server);
    until_no_server_is_connected(&database);
    let behind = copied(&mut database.source(), &mut second.target().expect("empty"));
    assert!(behind.moved_on.as_deref().unwrap_or_default().contains("inbox has 1 notices"), "{behind:#?}");
}
