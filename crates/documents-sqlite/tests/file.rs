//! The file and what somebody else does to it.

use std::os::unix::fs::PermissionsExt;

use bursar_core::OwnerId;
use bursar_documents::contract::Place;
use bursar_documents::{DocumentsError, DocumentsKey, Email, Keep, People, Profile, Vault, Wallet};
use bursar_documents_sqlite::SqliteDocuments;
use bursar_testkit::DocumentsFolder;
use jiff::Timestamp;
use uuid::Uuid;

fn id(number: u128) -> OwnerId {
    OwnerId::new(Uuid::from_u128(number))
}

/// A folder with one person in it, who has a wallet.
async fn with_a_person(place: &DocumentsFolder) -> People {
    let people = People::new(place.open().await, Vault::new(&DocumentsKey::new([7; 32])));
    let profile = Profile {
        given_name: bursar_core::text::FreeText::new("Ada"),
        family_name: bursar_core::text::FreeText::new("Lovelace"),
        email: Email::parse("ada@example.org").ok(),
        phone: None,
        birth_date: None,
        address: None,
    };
    let program = bursar_core::ProgramId::new(Uuid::from_u128(1));
    people.create(id(1), program, profile, Timestamp::UNIX_EPOCH).await.expect("it is made");
    let wallet = Wallet {
        id: bursar_core::AccountId::new(Uuid::from_u128(1)),
        person: id(1),
        currency: bursar_core::Currency::parse("USD").expect("a currency"),
        posted_minor: 1,
        held_minor: 0,
        available_minor: 1,
        sequence: 1,
    };
    people.keep_wallets(vec![wallet], Keep::Newer, Timestamp::UNIX_EPOCH).await.expect("it is kept");
    people
}

#[tokio::test]
async fn the_folder_is_one_store_s_at_a_time_and_its_files_are_the_owner_s() {
    let place = DocumentsFolder::new();
    let first = place.open().await;
    let second = SqliteDocuments::open(place.path()).map(drop);
    assert!(
        matches!(&second, Err(DocumentsError::InUse(what)) if what.contains("documents.db in")),
        "{second:?}"
    );
    for file in std::fs::read_dir(place.path()).expect("a folder") {
        let file = file.expect("a file");
        let mode = file.metadata().expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.path().display());
    }
    drop(first);
    place.open().await;
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named_and_harms_no_other() {
    let place = DocumentsFolder::new();
    let people = with_a_person(&place).await;
    for (damage, repair) in [
        ("update wallets set currency = 'XXX'", "update wallets set currency = 'USD'"),
        ("update persons set program = x'00'", "update persons set program = zeroblob(16)"),
        ("update persons set email_index = x'00'", "update persons set email_index = null"),
        ("update fields set field = 'iban' where field = 'email'", "delete from fields where field = 'iban'"),
    ] {
        place.meddle(damage);
        let found = match people.list_wallets(id(1)).await {
            Ok(_) => panic!("{damage}"),
            Err(error) => error.to_string(),
        };
        assert!(found.contains("damaged") && found.contains(&id(1).to_string()), "{damage}: {found}");
        place.meddle(repair);
        assert_eq!(people.list_wallets(id(1)).await.map(|wallets| wallets.len()), Ok(1), "{repair}");
    }
}

#[tokio::test]
async fn a_field_that_somebody_changed_does_not_open() {
    let place = DocumentsFolder::new();
    let people = with_a_person(&place).await;
    place.meddle("update fields set sealed = zeroblob(60) where field = 'email'");
    let found = people.find(id(1)).await.expect_err("it was changed").to_string();
    assert!(found.contains("email") && found.contains(&id(1).to_string()), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_somebody_else_writes_is_unavailable_and_comes_back() {
    let place = DocumentsFolder::new();
    let people = with_a_person(&place).await;
    let other =
        rusqlite::Connection::open(place.path().join(bursar_documents_sqlite::FILE)).expect("the file");
    other.execute_batch("begin immediate").expect("the lock");
    let ready = people.documents().ready().await;
    assert!(matches!(ready, Err(DocumentsError::Unavailable(_))), "{ready:?}");
    assert!(people.find(id(1)).await.is_ok(), "it can still be read");
    other.execute_batch("rollback").expect("no lock");
    assert_eq!(people.documents().ready().await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_is_not_finished_while_somebody_reads_what_was_there() {
    let place = DocumentsFolder::new();
    let people = with_a_person(&place).await;
    let other =
        rusqlite::Connection::open(place.path().join(bursar_documents_sqlite::FILE)).expect("the file");
    other.execute_batch("begin; select count(*) from persons").expect("it is read");
    let reading = other.query_row("select count(*) from persons", [], |row| row.get::<_, i64>(0));
    assert_eq!(reading, Ok(1));
    let documents = people.documents();
    let erased = documents.erase_person(id(1), Timestamp::UNIX_EPOCH).await;
    assert!(matches!(erased, Err(DocumentsError::Unavailable(_))), "{erased:?}");
    let today = jiff::civil::date(2026, 1, 1);
    assert_eq!(documents.list_due_for_erasure(today, 10).await, Ok(vec![id(1)]));
    other.execute_batch("rollback").expect("nobody reads");
    assert_eq!(documents.erase_person(id(1), Timestamp::UNIX_EPOCH).await, Ok(()));
    assert_eq!(documents.list_due_for_erasure(today, 10).await, Ok(Vec::new()));
}
