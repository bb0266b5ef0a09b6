//! The binary with its ledger on PostgreSQL.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;

use bursar_testkit::{Ca, PostgresPlace, PostgresServer, Store};
use serde_json::{Value, json};

use crate::common::{Ended, Error, PATIENCE, Running, ask_to_stop, bursar, report};
use crate::home::Home;

/// Every command that connects by the settings, with a data folder of its own.
fn each_command(folder: &Path, url: &str) -> Vec<Command> {
    let commands = ["serve --port 0", "demo --port 0 --for 1s", "check", "migrate", "migrate --dry-run"];
    let command = |words: &&str| {
        let mut command = bursar(&words.split(' ').collect::<Vec<_>>());
        command.arg("--data-dir").arg(folder).env("BURSAR__POSTGRES__URL", url);
        command
    };
    commands.iter().map(command).collect()
}

/// `bursar check` on a database.
pub(crate) fn check_postgres(url: &str) -> Result<Value, Error> {
    report(&bursar(&["check", "--json", "--postgres", url]).output()?)
}

#[test]
fn a_server_that_lets_nobody_in_is_named_with_what_to_do_and_without_the_password() -> Result<(), Error> {
    let (place, folder) = (PostgresPlace::new(), tempfile::tempdir()?);
    let (url, server) = (place.url(), place.server());
    let (host, port) = server.split_once(':').ok_or("a port")?;
    let database = url.rsplit('/').next().unwrap_or_default();
    let here = format!("PostgreSQL bursar at {host} port {port}, database ");
    for (url, named, remedy) in [
        (
            "postgres://bursar:s3cret@127.0.0.1:1/x".to_owned(),
            "PostgreSQL bursar at 127.0.0.1 port 1, database x: ".to_owned(),
            "start PostgreSQL there, or correct host and port in its URL",
        ),
        (
            format!("postgres://bursar:s3cret@{server}/{database}"),
            format!("{here}{database}: "),
            "correct user and password in its URL",
        ),
        (
            format!("{url}_missing"),
            format!("{here}{database}_missing: "),
            "make that database, or correct it",
        ),
    ] {
        for mut command in each_command(folder.path(), &url) {
            let output = command.output()?;
            let stderr = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{command:?}: {stderr}");
            assert!(stderr.contains(&named) && stderr.contains(remedy), "{command:?}: {stderr}");
            assert!(!stderr.contains("s3cret") && !stderr.contains(&place.password()), "{stderr}");
        }
    }
    Ok(())
}

/// Nobody asks it: whoever starts it and looks at what it says learns it.
#[test]
fn a_server_that_cannot_decide_says_so_and_when_it_can_again() -> Result<(), Error> {
    let home = Home::on(Store::Postgres)?;
    let commits = |how: &str| {
        home.execute(&format!(
            "do $$ begin execute format('alter database %I set synchronous_commit = {how}', current_database()); end $$"
        ))
    };
    commits("off")?;
    let mut serve = home.bursar(&["serve", "--port", "0", "--data-dir"]);
    let serve = serve.arg(home.folder()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut serving = serve.spawn()?;
    let mut lines = BufReader::new(serving.stderr.take().ok_or("a pipe")?).lines().map_while(Result::ok);
    let (said, hears) = mpsc::channel();
    std::thread::spawn(move || lines.try_for_each(|line| said.send(line)));
    let says = |words: &str| {
        std::iter::from_fn(|| hears.recv_timeout(PATIENCE).ok()).any(|line| line.contains(words))
    };
    let is_told =
        says("WARN not ready, nothing is decided: the store is unavailable: synchronous_commit is \"off\"");
    commits("on")?;
    let is_told_again = is_told && says("INFO ready again");
    ask_to_stop(serving.id())?;
    assert!(serving.wait()?.success());
    assert_eq!((is_told, is_told_again), (true, true));
    Ok(())
}

#[tokio::test]
async fn an_instance_with_credentials_of_its_own_is_told_to_take_those_of_the_others() -> Result<(), Error> {
    let (home, folders) = (Home::on(Store::Postgres)?, tempfile::tempdir()?);
    let start = |folder: &str| Running::start_with(home.bursar(&[]), &folders.path().join(folder), &[]);
    let told = |server: Running| -> Result<bool, Error> {
        ask_to_stop(server.id())?;
        let said = server.ended()?.stderr;
        Ok(said.contains(
            "callers who know those of another instance are refused here; copy its credentials file to",
        ))
    };
    let first = start("first")?;
    let mode = std::fs::metadata(folders.path().join("first"))?.permissions().mode() & 0o777;
    assert_eq!(mode, 0o700, "{mode:o}");
    first.wallet("10.00").await?;
    assert!(!told(first)?, "it is nobody's yet");
    assert!(told(start("second")?)?);
    assert!(!told(start("second")?)?, "it was told");
    Ok(())
}

#[tokio::test]
async fn the_connections_are_in_the_profile_and_in_the_health() -> Result<(), Error> {
    let (place, folder) = (PostgresPlace::new(), tempfile::tempdir()?);
    let environment = [("BURSAR__POSTGRES__URL", &*place.url()), ("BURSAR__POSTGRES__CONNECTIONS_MIN", "7")];
    let server = Running::start_with(bursar(&[]), folder.path(), &environment)?;
    // The workers read, too, so that more than the two that stay open may be open just now.
    let least = [("reads", 2, 15), ("lookups", 2, 2), ("lanes", 3, 3)];
    let told = [
        server.get("/v1/profile").await?["pools"].clone(),
        server.get("/health").await?["details"]["postgres"]["pools"].clone(),
    ];
    for pools in told {
        let pools = pools.as_array().ok_or("no pools")?;
        assert_eq!(pools.len(), least.len(), "{pools:?}");
        for (pool, (name, total, max)) in pools.iter().zip(least) {
            assert_eq!((&pool["pool"], &pool["max"]), (&json!(name), &json!(max)));
            assert!(pool["total"].as_u64().is_some_and(|of| (total..=max).contains(&of)), "{pool}");
        }
    }
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

/// Its driver logs the values of statements, also by modules that a filter can name.
#[tokio::test]
async fn no_value_of_a_statement_is_logged_whatever_is_asked_for() -> Result<(), Error> {
    let home = Home::on(Store::Postgres)?;
    let asked = "trace,tokio_postgres=trace,tokio_postgres::query=trace";
    let server = home.start_with(&[("RUST_LOG", asked)])?;
    let wallet = server.wallet("10.00").await?;
    assert_eq!(server.jit(&wallet.swipe("unlogged", "1.00")).await?.0, 200);
    let secrets = home.secrets(&server);
    ask_to_stop(server.id())?;
    let Ended { status, stdout, stderr } = server.ended()?;
    assert_eq!(status.code(), Some(0), "{stderr}");
    let log = stdout + &stderr;
    assert!(log.contains("started processing request"), "logs are on: {log}");
    let values = ["Springfield", "gpa_order", "preparing query", "executing statement", "with parameters"];
    for hidden in secrets.iter().map(String::as_str).chain(values) {
        assert!(!log.contains(hidden), "{hidden} is in the log: {log}");
    }
    Ok(())
}

/// Whoever stops it waits for no connection that does not come.
#[test]
fn it_can_be_stopped_while_it_still_connects() -> Result<(), Error> {
    let (silent, folder) = (TcpListener::bind("127.0.0.1:0")?, tempfile::tempdir()?);
    let url = format!("postgres://bursar@{}/x", silent.local_addr()?);
    let mut serve = bursar(&["serve", "--port", "0", "--postgres", &url, "--data-dir"]);
    let serve = serve.arg(folder.path()).env("BURSAR__POSTGRES__CONNECT_TIMEOUT_MS", "60000");
    let serving = serve.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // It has said what it wants, and nobody answers.
    let (mut connection, _) = silent.accept()?;
    connection.read_exact(&mut [0])?;
    ask_to_stop(serving.id())?;
    let output = serving.wait_with_output()?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    assert!(stderr.contains("bursar: stopping"), "{stderr}");
    Ok(())
}

/// By the flag, with nothing in the environment.
#[test]
fn a_demo_keeps_its_ledger_where_the_flag_says() -> Result<(), Error> {
    let (place, folder) = (PostgresPlace::new(), tempfile::tempdir()?);
    let mut demo = bursar(&["demo", "--for", "1s", "--rate", "100", "--json", "--port", "0"]);
    let demo = demo.args(["--postgres", &place.url(), "--data-dir"]).arg(folder.path()).output()?;
    let report = report(&demo)?;
    assert_eq!(demo.status.code(), Some(0), "{report}");
    assert_eq!(report["verdicts"], json!({"check": "passed", "simulator": "passed"}), "{report}");
    let messages = check_postgres(&place.url())?["messages"].as_u64();
    assert!(messages >= report["decisions"].as_u64() && messages > Some(0), "{messages:?}: {report}");
    assert!(!folder.path().join("ledger.db").exists());
    Ok(())
}
