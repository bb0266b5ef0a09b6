//! PostgreSQL and instances on it that are killed or stopped under load: no answered decision is lost, none
//! is doubled, and the books are equal.

use std::time::{Duration, Instant};

use bursar_testkit::PostgresServer;

use crate::common::Error;
use crate::load::{Load, Seen};

/// Decisions between two faults, at least.
const DECISIONS: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_ten_kills_of_postgres() -> Result<(), Error> {
    let (mut server, folder) = (PostgresServer::new(), tempfile::tempdir()?);
    let mut load = Load::prepare(&server, folder.path(), 1).await?;
    load.begin();
    for _ in 0..10 {
        load.decisions(DECISIONS).await?;
        server.kill();
        server.start();
    }
    load.decisions(DECISIONS).await?;
    assert_eq!(load.verdict().await?, Vec::<String>::new());
    Ok(())
}

/// Has each transaction answered before it is written: those of workers too, whose flush would write decisions as well.
const FORGET: &str = "create function forget() returns trigger language plpgsql as $$
    begin
        perform set_config('synchronous_commit', 'off', true);
        return null;
    end;
    $$;
    do $$
    declare name text;
    begin
        for name in select tablename from pg_tables where schemaname = current_schema() loop
            execute format('create trigger forget before insert or update or delete on %I
                            for each statement execute function forget()', name);
        end loop;
    end;
    $$;";

/// The control: a PostgreSQL that answers COMMIT before it has written anything loses decisions, and the
/// verdict finds it. Else the test above could not fail.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_answers_before_it_writes_is_found() -> Result<(), Error> {
    let lazy = ["wal_writer_delay=10s", "wal_writer_flush_after=2GB"];
    let (mut server, folder) = (PostgresServer::with(&lazy), tempfile::tempdir()?);
    let mut load = Load::prepare(&server, folder.path(), 1).await?;
    // From within each transaction: no connection on which it shows is used.
    server.execute(FORGET);
    // What was made so far stays.
    server.execute("checkpoint");
    load.begin();
    load.decisions(DECISIONS).await?;
    server.kill();
    server.start();
    load.decisions(DECISIONS).await?;
    let findings = load.verdict().await?;
    assert!(findings.iter().any(|finding| finding.contains("} became Answered")), "{findings:?}");
    Ok(())
}

/// The other one goes on meanwhile, for every owner: also for those that the dead one had locked.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_answered_survives_twenty_kills_of_one_of_two_instances() -> Result<(), Error> {
    let (server, folder) = (PostgresServer::new(), tempfile::tempdir()?);
    let mut load = Load::prepare(&server, folder.path(), 2).await?;
    load.begin();
    for round in 0..20 {
        let (dying, other) = (round % 2, (round + 1) % 2);
        load.decisions(DECISIONS).await?;
        load.kill(dying)?;
        load.decisions_for_all(other).await?;
        load.start(dying)?;
        load.decisions_for_all(dying).await?;
    }
    assert_eq!(load.verdict().await?, Vec::<String>::new());
    Ok(())
}

/// Whether it waits is seen by the order of things, not by a clock that a busy machine would pass: PostgreSQL
/// goes on only after every client has been answered by a request that began while it was stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_is_stopped_for_five_seconds_is_not_waited_for_and_nothing_is_lost()
-> Result<(), Error> {
    let (server, folder) = (PostgresServer::new(), tempfile::tempdir()?);
    let mut load = Load::prepare(&server, folder.path(), 1).await?;
    load.begin();
    load.decisions(DECISIONS).await?;
    server.freeze();
    let stopped = Instant::now();
    let before = load.seen().unavailable;
    assert_eq!(load.instance(0).ready().await?, 503);
    // The second one of a client began after the first was answered.
    let are_answered = |seen: &Seen| seen.unavailable.iter().zip(before).all(|(now, then)| *now >= then + 2);
    load.until("every client is told that there is no decision", are_answered).await?;
    // The one fault here that is a time.
    tokio::time::sleep(Duration::from_secs(5).saturating_sub(stopped.elapsed())).await;
    server.thaw();
    load.instance(0).until_ready().await?;
    load.decisions(DECISIONS).await?;
    assert_eq!(load.verdict().await?, Vec::<String>::new());
    Ok(())
}
