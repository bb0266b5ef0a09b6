//! What a process that is killed leaves behind.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bursar_core::text::FreeText;
use bursar_core::{OwnerId, ProgramId};
use bursar_documents::contract::Place;
use bursar_documents::{DocumentsError, DocumentsKey, People, PeopleError, Profile, Vault};
use bursar_documents_sqlite::SqliteDocuments;
use bursar_testkit::DocumentsFolder;
use jiff::Timestamp;
use uuid::Uuid;

/// Where the process that is to be killed has its documents, and the number of its first person.
const FOLDER: &str = "BURSAR_TEST_KILLED_FOLDER";
const FIRST: &str = "BURSAR_TEST_KILLED_FIRST";

fn id(number: u128) -> OwnerId {
    OwnerId::new(Uuid::from_u128(number))
}

fn profile(name: &str) -> Profile {
    Profile {
        given_name: FreeText::new(name),
        family_name: FreeText::new("Lovelace"),
        email: None,
        phone: None,
        birth_date: None,
        address: None,
    }
}

fn vault() -> Vault {
    Vault::new(&DocumentsKey::new([7; 32]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_loses_nothing_acknowledged_and_brings_nobody_erased_back() {
    let place = DocumentsFolder::new();
    // The last that was acknowledged of each person.
    let mut said = BTreeMap::new();
    for round in 0..4 {
        run_and_kill(place.path(), round * 1_000_000, &mut said);
    }
    let people = People::new(place.open().await, vault());
    for (number, word) in said {
        let found = people.find(id(number)).await;
        let is_erased = matches!(found, Err(PeopleError::Documents(DocumentsError::Erased { .. })));
        // What follows a word may have been done, too, and not be said any more.
        let is_kept = match &*word {
            "made" => is_erased || matches!(&found, Ok(Some(_))),
            "changed" => is_erased || matches!(&found, Ok(Some(person)) if person.version == 2),
            _ => is_erased,
        };
        assert!(is_kept, "{number} was {word}: {found:?}");
    }
    people.erase_due(Timestamp::UNIX_EPOCH, 1_000).await.expect("what was begun is finished");
    assert_eq!(people.erase_due(Timestamp::UNIX_EPOCH, 1_000).await, Ok(0));
}

/// Kills it at some moment between making and erasing.
fn run_and_kill(folder: &Path, first: u128, said: &mut BTreeMap<u128, String>) {
    let mut child = Command::new(std::env::current_exe().expect("this file"))
        .args(["--exact", "works_until_it_is_killed", "--ignored", "--nocapture"])
        .env(FOLDER, folder)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
    let until = said.len() + 60;
    while said.len() < until {
        hear(&lines.next().expect("it is not killed yet").expect("text"), said);
    }
    child.kill().expect("it runs");
    // What it said before it died.
    lines.map_while(Result::ok).for_each(|line| hear(&line, said));
    assert!(!child.wait().expect("it ended").success());
}

fn hear(line: &str, said: &mut BTreeMap<u128, String>) {
    let Some((word @ ("made" | "changed" | "erased"), number)) = line.split_once(' ') else { return };
    if let Ok(number) = number.parse() {
        said.insert(number, word.to_owned());
    }
}

fn say(word: &str, number: u128) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word} {number}").and_then(|()| out.flush()).expect("somebody listens");
}

/// The process that is killed: makes persons, changes each, and erases every third.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "run by the other test, which kills it"]
async fn works_until_it_is_killed() {
    // Whoever runs all that are ignored does not mean this.
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let first: u128 = std::env::var(FIRST).ok().and_then(|first| first.parse().ok()).expect("a number");
    let documents = SqliteDocuments::open(Path::new(&folder)).expect("it opens");
    let people = People::new(Arc::new(documents), vault());
    let (program, at) = (ProgramId::new(Uuid::from_u128(1)), Timestamp::UNIX_EPOCH);
    for number in first.. {
        people.create(id(number), program, profile("Ada"), at).await.expect("it is made");
        say("made", number);
        people.update(id(number), 1, profile("Grace"), at).await.expect("it was seen");
        say("changed", number);
        if number % 3 == 0 {
            people.erase(id(number), at).await.expect("it is known");
            say("erased", number);
        }
    }
}
