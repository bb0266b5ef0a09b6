//! The binary with its ledger on PostgreSQL.

use bursar_testkit::{Ca, PostgresPlace, PostgresServer};
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

#[test]
fn every_command_trusts_the_ca_of_the_settings_and_no_other() -> Result<(), Error> {
    let (ca, other, folder) = (Ca::new(), Ca::new(), tempfile::tempdir()?);
    let server = PostgresServer::with_tls(&ca, "127.0.0.1");
    let url = server.url();
    let copied = folder.path().join("copied").display().to_string();
    let run = |arguments: &[&str], ca: &Ca| {
        let mut command = bursar(arguments);
        command.current_dir(folder.path()).env("BURSAR__POSTGRES__CA_FILE", ca.file()).output()
    };
    for arguments in [
        &["migrate", "--postgres", &url][..],
        &["check", "--postgres", &url],
        &["copy", "--from", &url, "--to", &copied],
    ] {
        let refused = run(arguments, &other)?;
        let why = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && why.contains("UnknownIssuer"), "{arguments:?}: {why}");
        let done = run(arguments, &ca)?;
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }
    let environment =
        [("BURSAR__POSTGRES__URL", &*url), ("BURSAR__POSTGRES__CA_FILE", &*ca.file().display().to_string())];
    Running::start_with(bursar(&[]), folder.path(), &environment)?;
    Ok(())
}
