//! A server that could lose an answered decision, or takes none, is not ready; another schema is refused.

use bursar_store::contract::Place;
use bursar_store::contract::given::{self, Funded, usd};
use bursar_store::{Batch, Ledger, StoreError};
use bursar_store_postgres::{Options, PostgresLedger, migrate};
use bursar_testkit::{PostgresPlace, PostgresServer};

/// The probe of a ledger whose database is set so; a decision fails for the same reason.
async fn probe_with(setting: &str) -> Result<(), StoreError> {
    let place = PostgresPlace::new();
    let account = given::account(place.open().as_ref(), usd("100.00")).await;
    let name = place.url().rsplit_once('/').map(|(_, name)| name.to_owned()).expect("a database");
    place.execute(&format!("alter database {name} set {setting}"));
    let ledger = place.open();
    let probed = ledger.probe().await;
    assert_eq!(decided(ledger.as_ref(), &account).await, probed);
    probed
}

async fn decided(ledger: &dyn Ledger, account: &Funded) -> Result<(), StoreError> {
    let members = vec![given::authorization(account, usd("1.00")).member()];
    ledger.transact(Batch { members, ..Batch::default() }).await.map(|_| ())
}

#[tokio::test]
async fn a_safe_server_is_ready() {
    let place = PostgresPlace::new();
    assert_eq!(place.open().probe().await, Ok(()));
}

#[tokio::test]
async fn a_server_that_does_not_wait_for_the_disk_is_not_ready() {
    let refused = probe_with("synchronous_commit = off").await.expect_err("unsafe");
    assert!(refused.to_string().contains("synchronous_commit is \"off\""), "{refused}");
}

#[tokio::test]
async fn a_server_that_only_reads_is_not_ready() {
    let refused = probe_with("default_transaction_read_only = on").await.expect_err("read-only");
    assert!(refused.to_string().contains("read-only"), "{refused}");
}

#[tokio::test]
async fn an_instance_whose_database_becomes_the_target_of_a_copy_is_not_ready() {
    let place = PostgresPlace::new();
    let ledger = place.open();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    place.execute("update identity set copy_of = gen_random_uuid()");
    let refused = ledger.probe().await.expect_err("half a ledger");
    assert!(refused.to_string().contains("unfinished copy"), "{refused}");
    assert_eq!(decided(ledger.as_ref(), &account).await, Err(refused));
    place.execute("update identity set copied_at = now()");
    assert_eq!(ledger.probe().await, Ok(()));
    assert_eq!(decided(ledger.as_ref(), &account).await, Ok(()));
}

#[tokio::test]
async fn a_server_that_becomes_unsafe_decides_no_more_over_the_connections_that_are_there() {
    let server = PostgresServer::new();
    let ledger = PostgresLedger::open(Options::new(&server.url())).await.expect("opens");
    let account = given::account(&ledger, usd("100.00")).await;
    server.execute("alter system set synchronous_commit = off");
    server.execute("select pg_reload_conf()");
    let refused = loop {
        // Each connection hears of it when it is idle.
        match ledger.probe().await {
            Ok(()) => tokio::task::yield_now().await,
            Err(refused) => break refused,
        }
    };
    assert!(refused.to_string().contains("synchronous_commit is \"off\""), "{refused}");
    assert_eq!(decided(&ledger, &account).await, Err(refused));
}

#[tokio::test]
async fn a_migration_that_fails_says_what_the_server_said() {
    let place = PostgresPlace::new();
    place.execute("create table owners (of int)");
    let refused = PostgresLedger::open(place.options()).await.map(|_| ()).expect_err("another's table");
    assert!(refused.to_string().contains("\"owners\" already exists"), "{refused}");
}

#[tokio::test]
async fn data_of_a_newer_program_are_left_alone() {
    let place = PostgresPlace::new();
    drop(place.open());
    place.execute("insert into refinery_schema_history (version, name) values (99, 'later')");
    let refused = PostgresLedger::open(place.options()).await.map(|_| ()).expect_err("newer");
    assert!(matches!(refused, StoreError::NewerSchema { found: 99, .. }), "{refused}");
}

#[tokio::test]
async fn instances_that_start_at_once_bring_the_schema_up_to_date_once() {
    let place = PostgresPlace::new();
    let options = place.options();
    let starts = (0..4).map(|_| {
        let options = options.clone();
        tokio::spawn(async move { migrate(&options).await })
    });
    for start in starts.collect::<Vec<_>>() {
        assert!(start.await.expect("no panic").is_ok());
    }
    given::account(place.open().as_ref(), usd("1.00")).await;
}
