//! The binary with its ledger on PostgreSQL.

use bursar_testkit::PostgresPlace;
use serde_json::{Value, json};

use crate::common::{Error, Running, bursar};

#[test]
fn a_demo_on_postgres_passes_both_verdicts_and_its_books_are_checked_again_later() -> Result<(), Error> {
    let (place, folder) = (PostgresPlace::new(), tempfile::tempdir()?);
    let mut demo = bursar(&["demo", "--for", "3s", "--rate", "100", "--json", "--port", "0", "--postgres"]);
    let output = demo.arg(place.url()).arg("--data-dir").arg(folder.path()).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let report: Value = serde_json::from_slice(&output.stdout)?;
    assert_eq!(report["verdicts"], json!({"check": "passed", "simulator": "passed"}), "{report}");
    assert!(report["approved"].as_u64() > Some(0), "{report}");
    let password = place.url().split(['@', ':']).nth(2).ok_or("no password")?.to_owned();
    assert!(!stderr.contains(&password), "{stderr}");
    assert!(!folder.path().join("ledger.db").exists(), "the embedded ledger is not there");

    let check = || bursar(&["check", "--json"]).env("BURSAR__POSTGRES__URL", place.url()).output();
    let checked: Value = serde_json::from_slice(&check()?.stdout)?;
    assert!(checked["messages"].as_u64() > Some(100), "{checked}");
    assert_eq!(checked["findings"], json!([]));
    place.execute("update accounts set held_minor = held_minor + 1 where held_minor > 0");
    let damaged = check()?;
    assert_eq!(damaged.status.code(), Some(1), "{}", String::from_utf8_lossy(&damaged.stdout));
    Ok(())
}

#[test]
fn a_server_that_is_not_there_is_named_without_the_password() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let mut serve = bursar(&["serve", "--port", "0", "--postgres", "postgres://bursar:s3cret@127.0.0.1:1/x"]);
    let output = serve.arg("--data-dir").arg(folder.path()).output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("refused") && !stderr.contains("s3cret"), "{stderr}");
    Ok(())
}

#[tokio::test]
async fn the_connections_are_in_the_profile_and_in_the_health() -> Result<(), Error> {
    let (place, folder) = (PostgresPlace::new(), tempfile::tempdir()?);
    let environment = [("BURSAR__POSTGRES__URL", &*place.url()), ("BURSAR__POSTGRES__CONNECTIONS_MIN", "7")];
    let server = Running::start_with(bursar(&[]), folder.path(), &environment)?;
    let words = |pools: &Value| -> Vec<String> {
        let pools = pools.as_array().into_iter().flatten();
        pools.map(|of| format!("{} {} of {}", of["pool"], of["total"], of["max"])).collect()
    };
    let expected = ["\"reads\" 2 of 15", "\"lookups\" 2 of 2", "\"lanes\" 3 of 3"];
    assert_eq!(words(&server.get("/v1/profile").await?["pools"]), expected);
    assert_eq!(words(&server.get("/health").await?["dependencies"]["ledger"]["pools"]), expected);
    Ok(())
}
