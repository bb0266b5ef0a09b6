//! `bursar dlq` at a running server, and messages that a copy would leave behind.

use std::process::Output;

use bursar_broker::{Content, Exchange, Retries, publish_one};
use bursar_broker_sqlite::SqliteBroker;
use bursar_testkit::Store;
use serde_json::{Value, json};

use crate::common::{Error, PATIENCE, Running, bursar, report};
use crate::home::Home;
use crate::on_both_stores;

/// Runs `bursar dlq` with these arguments at the server.
fn dlq(server: &Running, arguments: &[&str]) -> Result<Output, Error> {
    let mut command = bursar(&["dlq", "--url", &server.base, "--credentials"]);
    command.arg(server.folder.join("credentials.toml")).args(arguments);
    Ok(command.output()?)
}

fn listed(server: &Running, state: &str) -> Result<Vec<Value>, Error> {
    let answer = report(&dlq(server, &["list", "--state", state, "--json"])?)?;
    Ok(answer["items"].as_array().cloned().unwrap_or_default())
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

on_both_stores!(dead_letters_are_listed_shown_replayed_and_discarded);
async fn dead_letters_are_listed_shown_replayed_and_discarded(store: Store) -> Result<(), Error> {
    let home = Home::on(store)?;
    let server = home.start()?;
    for body in ["no request", "another"] {
        let message = json!({"exchange": "transactions", "routing_key": "jit-funding.created", "body": body});
        server.post("/v1/messages", &message).await?;
    }
    let began = std::time::Instant::now();
    while listed(&server, "open")?.len() < 2 {
        assert!(began.elapsed() < PATIENCE, "waited in vain for two dead letters");
    }
    let letters = listed(&server, "open")?;
    let id = letters[0]["id"].as_str().ok_or("no id")?;
    let shown = dlq(&server, &["show", id])?;
    assert!(shown.status.success() && text(&shown).contains("jit-funding-queue"), "{}", text(&shown));
    let dry = dlq(&server, &["replay", "--all", "--queue", "jit-funding-queue", "--dry-run"])?;
    let said = text(&dry);
    assert!(said.contains("to be replayed") && said.contains("2 letters"), "{said}");
    let discarded = dlq(&server, &["discard", id, "--reason", "a test"])?;
    assert!(text(&discarded).contains("is discarded"), "{}", text(&discarded));
    assert_eq!(listed(&server, "discarded")?[0]["discarded_because"], "a test");
    let replayed = dlq(&server, &["replay", letters[1]["id"].as_str().ok_or("no id")?])?;
    assert!(replayed.status.success() && text(&replayed).contains(": replayed;"), "{}", text(&replayed));
    let page = dlq(&server, &["list", "--state", "discarded", "--after", "nonsense"])?;
    assert_eq!(page.status.code(), Some(1));
    assert!(text(&page).contains("400"), "{}", text(&page));
    let base = server.base.clone();
    server.kill()?;
    let mut nobody = bursar(&["dlq", "list", "--url", &base, "--credentials"]);
    let nobody = nobody.arg(home.folder().join("credentials.toml")).output()?;
    assert_eq!(nobody.status.code(), Some(1));
    assert!(text(&nobody).contains("--url"), "{}", text(&nobody));
    Ok(())
}

#[tokio::test]
async fn a_copy_leaves_no_message_behind_that_somebody_has_to_work_off() -> Result<(), Error> {
    let (home, target) = (Home::on(Store::Sqlite)?, tempfile::tempdir()?);
    home.start()?.terminate()?;
    let copy = || {
        let mut copy = bursar(&["copy", "--from"]);
        copy.arg(home.folder()).arg("--to").arg(target.path().join("copied")).output()
    };
    let broker = SqliteBroker::open(home.folder(), Retries::default())?;
    let event = Content::new(uuid::Uuid::new_v4(), "card.issued", b"{}".to_vec());
    publish_one(&broker, event.to(Exchange::Events, "card.issued")).await?;
    drop(broker);
    let refused = copy()?;
    let said = text(&refused);
    assert_eq!(refused.status.code(), Some(1), "{said}");
    assert!(said.contains("1 messages wait") && said.contains("nothing was copied"), "{said}");
    assert!(!target.path().join("copied").exists());
    std::fs::remove_file(home.folder().join(bursar_broker_sqlite::FILE))?;
    let copied = copy()?;
    assert_eq!(copied.status.code(), Some(0), "{}", text(&copied));
    Ok(())
}
