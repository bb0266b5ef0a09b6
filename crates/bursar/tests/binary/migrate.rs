//! `bursar migrate`, and what it would do.

use std::path::Path;
use std::process::Output;

#[cfg(feature = "postgres")]
use bursar_testkit::PostgresPlace;
use serde_json::{Value, json};

use crate::common::{Error, Running, bursar, ledger_file};

fn migrate(folder: &Path, options: &[&str]) -> Result<Output, Error> {
    Ok(bursar(&["migrate"]).args(options).arg("--data-dir").arg(folder).output()?)
}

fn told(output: &Output) -> Result<Value, Error> {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Why it ended with an error.
fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The newest version that this Bursar has for the embedded ledger.
const NEWEST: i64 = 15;

#[test]
fn a_dry_run_makes_nothing_and_names_what_would_run() -> Result<(), Error> {
    let folders = tempfile::tempdir()?;
    let folder = folders.path().join("ledger");
    let dry = told(&migrate(&folder, &["--dry-run", "--json"])?)?;
    assert_eq!((&dry["found"], &dry["known"], &dry["dry_run"]), (&json!(0), &json!(NEWEST), &json!(true)));
    let pending = dry["pending"].as_array().ok_or("a list")?;
    assert_eq!(pending.last().map(|last| &last["version"]), Some(&json!(NEWEST)));
    assert_eq!((&pending[0]["version"], &pending[0]["name"]), (&json!(1), &json!("ledger")));
    assert!(pending[0]["sql"].as_str().is_some_and(|sql| sql.contains("create table messages")));
    assert!(!folder.exists(), "nothing was made");

    let ran = told(&migrate(&folder, &["--json"])?)?;
    assert_eq!((&ran["pending"], &ran["dry_run"]), (&dry["pending"], &json!(false)));
    let again = migrate(&folder, &[])?;
    assert_eq!(
        String::from_utf8_lossy(&again.stdout).trim(),
        format!("the schema is up to date: version {NEWEST}")
    );
    Running::start(&folder)?;
    Ok(())
}

#[test]
fn an_older_schema_is_told_and_then_brought_up_to_date() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    told(&migrate(folder.path(), &["--json"])?)?;
    let older = "drop table discrepancies; drop table closings; drop index outbox_unpublished;
                 drop table dead_letters; drop table attempts; drop table notifications; drop table endpoints;
                 drop table transaction_records; drop table record_words; drop table forgotten_events;
                 alter table inbox drop column why_first;
                 delete from refinery_schema_history where version >= 12";
    ledger_file(folder.path())?.execute_batch(older)?;
    let before = "select max(version) from refinery_schema_history";
    let before: i64 = ledger_file(folder.path())?.query_row(before, [], |row| row.get(0))?;
    let dry = migrate(folder.path(), &["--dry-run"])?;
    let text = String::from_utf8(dry.stdout)?;
    assert_eq!(dry.status.code(), Some(0), "{text}");
    let has = format!("has version {before}");
    for part in [has.as_str(), "is 15; would run:", "V12 discrepancies", "create table discrepancies"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let tables = "select count(*) from sqlite_schema where name = 'discrepancies'";
    let count = || Ok::<i64, Error>(ledger_file(folder.path())?.query_row(tables, [], |row| row.get(0))?);
    assert_eq!(count()?, 0, "a dry run changes nothing");
    assert_eq!(told(&migrate(folder.path(), &["--json"])?)?["found"], before);
    assert_eq!(count()?, 1);
    Ok(())
}

#[test]
fn a_newer_or_another_schema_is_refused_by_both_runs() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    told(&migrate(folder.path(), &["--json"])?)?;
    for (change, words) in [
        ("insert into refinery_schema_history (version, name) values (99, 'later')", "run a newer Bursar"),
        (
            "update refinery_schema_history set checksum = '7' where version = 7",
            "migration V7 \"append_only\", which was applied, has other content in this program; another build of \
             Bursar migrated the data: go on with that one",
        ),
    ] {
        let file = ledger_file(folder.path())?;
        file.execute_batch("create table kept as select * from refinery_schema_history")?;
        file.execute_batch(change)?;
        for options in [&["--dry-run"][..], &[]] {
            let why = refused(&migrate(folder.path(), options)?);
            assert!(why.contains(words), "{why}");
        }
        file.execute_batch(
            "delete from refinery_schema_history; insert into refinery_schema_history select * from kept;
             drop table kept",
        )?;
    }
    Ok(())
}

#[test]
fn beside_a_running_server_only_the_dry_run_works() -> Result<(), Error> {
    let folder = tempfile::tempdir()?;
    let _server = Running::start(folder.path())?;
    assert_eq!(told(&migrate(folder.path(), &["--dry-run", "--json"])?)?["pending"], json!([]));
    let why = refused(&migrate(folder.path(), &[])?);
    assert!(why.contains("in use by another running Bursar"), "{why}");
    Ok(())
}

#[cfg(feature = "postgres")]
#[test]
fn on_postgres_it_is_the_same() -> Result<(), Error> {
    let place = PostgresPlace::new();
    let url = place.url();
    let migrate = |options: &[&str]| bursar(&["migrate", "--postgres", &url]).args(options).output();
    let tables = "select count(*) from pg_tables where schemaname = 'public'";
    let dry = told(&migrate(&["--dry-run", "--json"])?)?;
    assert_eq!((&dry["found"], place.number(tables)), (&json!(0), 0));
    assert_eq!(told(&migrate(&["--json"])?)?["pending"], dry["pending"]);
    assert_eq!(told(&migrate(&["--dry-run", "--json"])?)?["pending"], json!([]));
    place.execute("insert into refinery_schema_history (version, name) values (99, 'later')");
    for options in [&["--dry-run"][..], &[]] {
        let why = refused(&migrate(options)?);
        assert!(why.contains("schema version 99"), "{why}");
    }
    place.execute(
        "delete from refinery_schema_history where version = 99;
         update refinery_schema_history set name = 'other' where version = 1",
    );
    for options in [&["--dry-run"][..], &[]] {
        let why = refused(&migrate(options)?);
        assert!(why.contains("is not this Bursar's") && why.contains("\"other\""), "{why}");
    }
    Ok(())
}
