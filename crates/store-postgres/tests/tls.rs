//! TLS: who is connected to proves who he is, on every connection.

use std::path::PathBuf;
use std::time::Duration;

use bursar_store::contract::given::{self, usd};
use bursar_store::{Ledger, StoreError};
use bursar_store_postgres::{Options, PostgresBooks, PostgresLedger, migrate};
use bursar_testkit::{Ca, PostgresPlace, PostgresServer};
use tokio_postgres::NoTls;

/// Nobody waits longer than this for what does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many connections each program has, with whether each is over TLS.
async fn connections(server: &PostgresServer) -> Vec<(String, bool, i64)> {
    let (client, connection) = tokio_postgres::connect(&server.url(), NoTls).await.expect("connected");
    tokio::spawn(connection);
    let select = "select application_name, ssl, count(*) from pg_stat_ssl join pg_stat_activity using (pid)
                  where application_name like 'bursar%' group by 1, 2 order by 1, 2";
    let rows = client.query(select, &[]).await.expect("an answer");
    rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()
}

fn options(server: &PostgresServer, sslmode: &str, ca_file: Option<PathBuf>) -> Options {
    Options { ca_file, ..Options::new(&format!("{}?sslmode={sslmode}", server.url())) }
}

/// Why neither servers nor commands connect; without the password.
async fn refusal(options: Options) -> String {
    let password = options.url.split(['@', ':']).nth(2).expect("a password").to_owned();
    let opened = PostgresLedger::open(options.clone()).await.map(|_| ()).expect_err("no server opens it");
    let books = PostgresBooks::open(&options).map(|_| ()).expect_err("no command opens it");
    assert_eq!(opened, books);
    assert!(matches!(opened, StoreError::Unavailable(_)));
    let why = format!("{opened} {opened:?}");
    assert!(!why.contains(&password), "{why}");
    why
}

#[tokio::test]
async fn all_connections_to_a_server_with_the_right_certificate_are_over_tls() {
    let ca = Ca::new();
    let server = PostgresServer::with_tls(&ca, "127.0.0.1");
    // A CA means that TLS is required.
    for sslmode in ["require", "prefer"] {
        let options = Options { readers_min: 3, lanes: 2, ..options(&server, sslmode, Some(ca.file())) };
        let ledger = PostgresLedger::open(options.clone()).await.expect("opens");
        let account = given::account(&ledger, usd("100.00")).await;
        assert_eq!(given::available(&ledger, &account).await, usd("100.00"));
        let books = PostgresBooks::open(&options).expect("opens");
        // Three for reads, two for lanes, one for the heartbeat, two for look-ups; one of a command.
        let all = [("bursar".to_owned(), true, 8), ("bursar check".to_owned(), true, 1)];
        assert_eq!(connections(&server).await, all, "sslmode={sslmode}");
        drop((ledger, books));
        let gone = async { while !connections(&server).await.is_empty() {} };
        tokio::time::timeout(PATIENCE, gone).await.expect("they end");
    }
    // Who says so speaks none, whatever CA is known.
    let ledger = PostgresLedger::open(options(&server, "disable", Some(ca.file()))).await.expect("opens");
    assert_eq!(ledger.probe().await, Ok(()));
    let open = connections(&server).await;
    assert!(open.iter().all(|(_, is_tls, _)| !is_tls), "{open:?}");
}

#[tokio::test]
async fn a_server_that_cannot_prove_who_it_is_is_not_talked_to() {
    let (ca, other) = (Ca::new(), Ca::new());
    let server = PostgresServer::with_tls(&ca, "127.0.0.1");
    // Neither another CA nor the system knows it, and nobody goes on without TLS for that.
    for (sslmode, ca_file) in [("require", Some(other.file())), ("require", None), ("prefer", None)] {
        let why = refusal(options(&server, sslmode, ca_file)).await;
        assert!(why.contains("UnknownIssuer") && why.contains("postgres.ca_file"), "{sslmode}: {why}");
    }
    let elsewhere = server.url().replace("@127.0.0.1:", "@localhost:");
    let why = refusal(Options { ca_file: Some(ca.file()), ..Options::new(&elsewhere) }).await;
    assert!(why.contains("not valid for name \"localhost\""), "{why}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let place = PostgresPlace::new();
    let why = refusal(Options::new(&format!("{}?sslmode=require", place.url()))).await;
    assert!(why.contains("speaks no TLS") && why.contains("sslmode=require"), "{why}");
    let ca = Ca::new();
    let why = refusal(Options { ca_file: Some(ca.file()), ..place.options() }).await;
    assert!(why.contains("speaks no TLS") && why.contains("postgres.ca_file"), "{why}");
    migrate(&place.options()).await.expect("nothing is required");
}

#[tokio::test]
async fn a_ca_file_that_is_none_is_named() {
    let place = PostgresPlace::new();
    let folder = tempfile::tempdir().expect("a folder");
    let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
    std::fs::write(&empty, "no certificate").expect("written");
    for (file, problem) in [(missing, "No such file"), (empty, "holds no certificate")] {
        let named = format!("postgres.ca_file {}", file.display());
        let why = refusal(Options { ca_file: Some(file), ..place.options() }).await;
        assert!(why.contains(&named) && why.contains(problem), "{why}");
    }
}

#[tokio::test]
async fn what_others_write_into_a_url_is_explained() {
    let place = PostgresPlace::new();
    for more in ["sslmode=verify-full", "sslmode=require&sslrootcert=/ca.pem"] {
        let why = refusal(Options::new(&format!("{}?{more}", place.url()))).await;
        assert!(why.contains("prefer or require") && why.contains("postgres.ca_file"), "{more}: {why}");
    }
}
