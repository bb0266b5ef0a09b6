//! `bursar copy`: there and back with servers between, killed and started again, and refused.

use std::path::Path;
use std::process::{Output, Stdio};

use bursar_testkit::PostgresPlace;
use rusqlite::types::Value as Stored;
use serde_json::json;

use crate::common::{Error, Running, Wallet, bursar, ledger_file, until};

fn copy(from: &str, to: &str) -> Result<Output, Error> {
    Ok(bursar(&["copy", "--from", from, "--to", to]).output()?)
}

/// What a run said, on both streams; it has to end with this code.
fn said(output: &Output, code: i32) -> String {
    let [out, err] = [&output.stdout, &output.stderr].map(|stream| String::from_utf8_lossy(stream));
    assert_eq!(output.status.code(), Some(code), "{out}\n{err}");
    format!("{out}\n{err}")
}

fn name(folder: &Path) -> &str {
    folder.to_str().unwrap_or_default()
}

const SWIPES: usize = 12;

/// Has a server decide some swipes; its answers.
async fn swipe(server: &Running, wallet: &Wallet) -> Result<Vec<(u16, Vec<u8>)>, Error> {
    let mut answers = Vec::new();
    for number in 0..SWIPES {
        answers.push(server.jit(&wallet.swipe(&format!("swipe-{number}"), "1.00")).await?);
    }
    Ok(answers)
}

/// A server on the ledger, with the credentials of the first.
fn serve(credentials: &Path, folder: &Path, postgres: Option<&str>) -> Result<Running, Error> {
    std::fs::create_dir_all(folder)?;
    std::fs::copy(credentials.join("credentials.toml"), folder.join("credentials.toml"))?;
    let postgres: Vec<(&str, &str)> =
        postgres.map(|url| ("BURSAR__POSTGRES__URL", url)).into_iter().collect();
    Running::start_with(bursar(&[]), folder, &postgres)
}

#[tokio::test]
async fn a_ledger_goes_to_postgres_and_back_and_every_answer_stays() -> Result<(), Error> {
    let (folders, place) = (tempfile::tempdir()?, PostgresPlace::new());
    let (first, url) = (folders.path().join("first"), place.url());
    let mut server = Running::start(&first)?;
    let wallet = server.wallet("10.00").await?;
    let answers = swipe(&server, &wallet).await?;
    server.drain_and_terminate().await?;

    let there = said(&copy(name(&first), &url)?, 0);
    assert!(!there.contains(&place.password()), "{there}");
    for part in [
        "FINISHED",
        "Credentials are not part",
        "the books are right",
        "copying transaction_records: ",
        "(100.0 %)",
        "rows/s",
    ] {
        assert!(there.contains(part), "{part}: {there}");
    }
    let mut server = serve(&first, &folders.path().join("instance"), Some(&url))?;
    assert_eq!(swipe(&server, &wallet).await?, answers);
    let (status, later) = server.jit(&wallet.swipe("on-postgres", "0.01")).await?;
    server.terminate()?;

    let back = folders.path().join("back");
    let mut finished = copy(&url, name(&back))?;
    // PostgreSQL may hear late that the server's connections are gone.
    for _ in 0..100 {
        if finished.status.success() {
            break;
        }
        finished = copy(&url, name(&back))?;
    }
    said(&finished, 0);
    let server = serve(&first, &back, None)?;
    assert_eq!(swipe(&server, &wallet).await?, answers);
    assert_eq!(server.jit(&wallet.swipe("on-postgres", "0.01")).await?, (status, later));
    assert_eq!(server.check()?["findings"], json!([]));
    Ok(())
}

/// Everything in the table of a folder's ledger.
fn rows(folder: &Path, table: &str) -> Result<Vec<Vec<Stored>>, Error> {
    let file = ledger_file(folder)?;
    let mut statement = file.prepare(&format!("select * from {table} order by 1, 2"))?;
    let width = statement.column_count();
    let rows = statement.query_map([], |row| (0..width).map(|place| row.get(place)).collect())?;
    Ok(rows.collect::<Result<_, _>>()?)
}

#[tokio::test]
async fn a_copy_that_was_killed_starts_no_server_and_goes_on_to_the_same_ledger() -> Result<(), Error> {
    let (folders, place) = (tempfile::tempdir()?, PostgresPlace::new());
    let (first, url) = (folders.path().join("first"), place.url());
    let mut server = Running::start(&first)?;
    swipe(&server, &server.wallet("10.00").await?).await?;
    server.drain_and_terminate().await?;
    said(&bursar(&["migrate", "--postgres", &url]).output()?, 0);

    // It comes as far as the outbox, and no further.
    let held = place.hold("lock table outbox in share mode");
    let mut killed = bursar(&["copy", "--from", name(&first), "--to", &url]);
    let mut killed = killed.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    until("the messages are copied", || place.number("select count(*) from program_entries") > 0);
    let second = said(&copy(name(&first), &url)?, 1);
    assert!(second.contains("in use by another"), "{second}");
    killed.kill()?;
    killed.wait()?;
    let serve = bursar(&["serve", "--port", "0", "--postgres", &url, "--data-dir"])
        .arg(folders.path().join("instance"))
        .output()?;
    let refused = said(&serve, 1);
    assert!(refused.contains("unfinished copy") && refused.contains("bursar copy again"), "{refused}");
    let check = said(&bursar(&["check", "--postgres", &url]).output()?, 1);
    assert!(
        check.contains("unfinished copy") && check.lines().count() == 2,
        "one line, and none before: {check}"
    );
    let messages = place.number("select count(*) from messages");
    drop(held);

    let finished = said(&copy(name(&first), &url)?, 0);
    assert!(finished.contains("FINISHED") && messages > 0, "{finished}");
    assert_eq!(place.number("select count(*) from messages"), messages);
    let back = folders.path().join("back");
    said(&copy(&url, name(&back))?, 0);
    for table in ["owners", "accounts", "messages", "entries", "program_entries", "outbox", "stage_times"] {
        assert_eq!(rows(&first, table)?, rows(&back, table)?, "{table}");
    }
    Ok(())
}

#[tokio::test]
async fn beside_a_server_it_says_what_is_missing_and_ends_with_an_error() -> Result<(), Error> {
    let folders = tempfile::tempdir()?;
    let (first, second) = (folders.path().join("first"), folders.path().join("second"));
    let mut server = Running::start(&first)?;
    swipe(&server, &server.wallet("10.00").await?).await?;
    let beside = said(&copy(name(&first), name(&second))?, 1);
    assert!(beside.contains("NOT FINISHED") && beside.contains("Stop the source's servers"), "{beside}");
    let check = said(&bursar(&["check", "--data-dir", name(&second)]).output()?, 1);
    assert!(check.contains("unfinished copy"), "{check}");
    server.drain_and_terminate().await?;
    said(&copy(name(&first), name(&second))?, 0);
    for table in ["messages", "stage_times"] {
        assert_eq!(rows(&first, table)?, rows(&second, table)?, "{table}");
    }
    Ok(())
}

#[tokio::test]
async fn wrong_ends_are_refused_in_words() -> Result<(), Error> {
    let folders = tempfile::tempdir()?;
    let (first, other) = (folders.path().join("first"), folders.path().join("other"));
    for folder in [&first, &other] {
        let mut server = Running::start(folder)?;
        server.wallet("10.00").await?;
        server.drain_and_terminate().await?;
    }
    let missing = folders.path().join("missing");
    for (from, to, words) in [
        (name(&first), name(&other), "the target is not empty"),
        (name(&first), name(&first), "the same folder"),
        (name(&missing), name(&other), "there is no ledger at"),
        (name(&first), "mysql://bursar:s3cret@host/x", "--to is neither a data folder nor a postgres:// URL"),
        (name(&first), "postgres://bursar:s3cret@host:54x/x", "the URL of --to has a port that is no number"),
        (
            name(&first),
            "postgres://bursar:s3cret@127.0.0.1:1/x",
            "the target, PostgreSQL bursar at 127.0.0.1 port 1, database x: the store is unavailable: error \
             connecting to server: Connection refused",
        ),
    ] {
        let refused = said(&copy(from, to)?, 1);
        assert!(refused.contains(words) && !refused.contains("s3cret"), "{words}: {refused}");
    }
    assert!(!missing.exists(), "nothing was made");
    let _server = Running::start(&other)?;
    let refused = said(&copy(name(&first), name(&other))?, 1);
    assert!(refused.contains("stop that one, or choose another with --to"), "{refused}");
    Ok(())
}
