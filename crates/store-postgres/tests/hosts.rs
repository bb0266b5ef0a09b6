//! Several hosts in one URL: the one that writes is used.

use bursar_store::Ledger;
use bursar_store::contract::given::{self, usd};
use bursar_store_postgres::{Options, PostgresLedger};
use bursar_testkit::{PostgresPlace, PostgresServer};

#[tokio::test]
async fn of_several_hosts_the_one_that_writes_is_used() {
    let place = PostgresPlace::new();
    let name = place.url().rsplit_once('/').expect("a database").1.to_owned();
    let standby = PostgresServer::new();
    standby.execute(&format!("create database {name}"));
    standby.execute(&format!("alter database {name} set default_transaction_read_only = on"));
    let host = standby.url().split(['@', '/']).nth(3).expect("a host").to_owned();
    standby.execute(&format!("alter role bursar password '{}'", place.password()));

    let both = place.url().replace(&place.server(), &format!("{host},{}", place.server()));
    let options = Options { readers_min: 1, ..Options::new(&both) };
    let ledger = PostgresLedger::open(options.clone()).await.expect("one of them writes");
    assert_eq!(ledger.probe().await, Ok(()));
    let account = given::account(&ledger, usd("100.00")).await;
    assert_eq!(given::available(&ledger, &account).await, usd("100.00"));

    // Unless the URL says that any is good.
    let any = Options { url: format!("{both}?target_session_attrs=any"), ..options };
    let refused = PostgresLedger::open(any).await.map(|_| ()).expect_err("the first has no ledger");
    assert!(refused.to_string().contains("read-only"), "{refused}");
}
