//! The binary with its ledger on PostgreSQL.

use bursar_testkit::PostgresPlace;
use serde_json::Value;

use crate::common::{Error, Running, bursar};

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
