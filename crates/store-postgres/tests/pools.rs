//! Connections: what is always open, what is closed when nobody uses it, and what is told of them.

use std::sync::Arc;
use std::time::Duration;

use bursar_store::{Ledger, PoolUse, Reader};
use bursar_store_postgres::{Options, PostgresLedger};
use bursar_testkit::PostgresPlace;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;

/// Nobody waits longer than this for what does not come.
const PATIENCE: Duration = Duration::from_secs(60);

async fn open(options: Options) -> Arc<PostgresLedger> {
    Arc::new(PostgresLedger::open(options).await.expect("opens"))
}

/// Of one pool.
fn use_of(ledger: &PostgresLedger, pool: &str) -> PoolUse {
    ledger.pools().into_iter().find(|of| of.pool == pool).expect("a pool of this name")
}

/// Waits until the pool for reads is as it should be.
async fn until(ledger: &PostgresLedger, is_so: impl Fn(PoolUse) -> bool) {
    let looks = async {
        while !is_so(use_of(ledger, "reads")) {
            tokio::task::yield_now().await;
        }
    };
    let so = tokio::time::timeout(PATIENCE, looks).await;
    so.unwrap_or_else(|_| panic!("it stays {:?}", use_of(ledger, "reads")));
}

#[tokio::test]
async fn what_is_always_open_is_open_at_the_start() {
    let place = PostgresPlace::new();
    let ledger = open(Options { readers_min: 2, lanes: 3, lookups: 2, ..place.options() }).await;
    let open = ledger.pools().into_iter().map(|of| (of.pool, of.total, of.idle)).collect::<Vec<_>>();
    assert_eq!(open, [("reads", 2, 2), ("lookups", 2, 2), ("lanes", 4, 4)]);
}

#[tokio::test]
async fn a_connection_that_nobody_uses_is_closed_after_its_time_but_for_the_least() {
    let place = PostgresPlace::new();
    let idle_timeout = Duration::from_millis(200);
    let ledger = open(Options { readers_min: 1, readers_max: 6, idle_timeout, ..place.options() }).await;
    let (other, connection) = tokio_postgres::connect(&place.url(), NoTls).await.expect("connected");
    tokio::spawn(connection);
    other.batch_execute("begin; lock table accounts in access exclusive mode").await.expect("locked");
    let mut reads = JoinSet::new();
    for _ in 0..4 {
        let ledger = Arc::clone(&ledger);
        reads.spawn(async move { ledger.totals().await.expect("totals") });
    }
    until(&ledger, |of| of.total == 4 && of.idle == 0).await;
    other.batch_execute("commit").await.expect("unlocked");
    reads.join_all().await;
    until(&ledger, |of| of.total == 1 && of.idle == 1).await;
    assert_eq!(use_of(&ledger, "lanes").total, place.options().lanes + 1, "those stay");
    ledger.totals().await.expect("totals");
}

#[tokio::test]
async fn who_waits_for_a_connection_is_counted() {
    let place = PostgresPlace::new();
    let (gate, url) = place.behind_a_gate().await;
    let ledger = open(Options { url, readers_min: 2, readers_max: 2, ..place.options() }).await;
    gate.close();
    let mut reads = JoinSet::new();
    for _ in 0..5 {
        let ledger = Arc::clone(&ledger);
        reads.spawn(async move { ledger.totals().await.expect("totals") });
    }
    until(&ledger, |of| of == PoolUse { pool: "reads", max: 2, total: 2, idle: 0, waiting: 3 }).await;
    assert!((use_of(&ledger, "reads").utilisation() - 1.0).abs() < f64::EPSILON);
    gate.open();
    reads.join_all().await;
    assert_eq!(use_of(&ledger, "reads").waiting, 0);
}
