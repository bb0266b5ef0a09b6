//! Validators and indexes, and documents that are not as they should be.

use bursar_core::text::FreeText;
use bursar_core::{OwnerId, ProgramId};
use bursar_documents::contract::Place;
use bursar_documents::{DocumentsError, DocumentsKey, Email, Keep, People, Profile, Vault, Wallet};
use bursar_documents_mongodb::MongoDocuments;
use bursar_testkit::MongoPlace;
use jiff::Timestamp;
use mongodb::Collection;
use mongodb::bson::{Document, doc};
use tokio::task::JoinSet;
use uuid::Uuid;

fn id(number: u128) -> OwnerId {
    OwnerId::new(Uuid::from_u128(number))
}

async fn collection(place: &MongoPlace, name: &str) -> Collection<Document> {
    place.database().await.collection(name)
}

/// A person who has a wallet.
async fn with_a_person(place: &MongoPlace) -> People {
    let people = People::new(place.open().await, Vault::new(&DocumentsKey::new([7; 32])));
    let profile = Profile {
        given_name: FreeText::new("Ada"),
        family_name: FreeText::new("Lovelace"),
        email: Email::parse("ada@example.org").ok(),
        phone: None,
        birth_date: None,
        address: None,
    };
    let program = ProgramId::new(Uuid::from_u128(1));
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

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_start_at_once_make_the_same() {
    let place = std::sync::Arc::new(MongoPlace::new());
    let mut starting = JoinSet::new();
    for _ in 0..6 {
        let place = place.clone();
        starting.spawn(async move { MongoDocuments::start(place.options()).await.map(drop) });
    }
    let started = starting.join_all().await;
    assert!(started.iter().all(Result::is_ok), "{started:?}");
    for (name, expected) in [
        ("persons", vec!["_id_", "by_email", "by_erasure", "by_phone", "by_program", "unfinished"]),
        ("cards", vec!["_id_", "by_person"]),
        ("wallets", vec!["_id_", "by_person"]),
        ("history", vec!["_id_", "by_person"]),
    ] {
        let mut indexes = collection(&place, name).await.list_index_names().await.expect("it is there");
        indexes.sort();
        assert_eq!(indexes, expected, "{name}");
    }
}

#[tokio::test]
async fn what_is_not_sealed_is_not_taken_whoever_writes_it() {
    let place = MongoPlace::new();
    let _people = with_a_person(&place).await;
    let person = doc! { "_id": id(1).to_string() };
    let persons = collection(&place, "persons").await;
    for open in [
        doc! { "$set": { "fields.given_name": "Ada" } },
        doc! { "$set": { "email_index": "ada@example.org" } },
        doc! { "$set": { "kyc": { "status": "pending", "fields": { "level": "full" }, "transitions": [],
        "version": 1_i64 } } },
        doc! { "$unset": { "key": "" } },
        // Of an erased person nothing but that is kept.
        doc! { "$set": { "state": "erased", "erased_at_us": 1_i64 } },
        doc! { "$set": { "state": "lost" } },
    ] {
        let refused = persons.update_one(person.clone(), open.clone()).await;
        assert!(refused.is_err(), "{open}");
    }
    let history = collection(&place, "history").await;
    let purchase = doc! {
        "_id": "msg_1", "person": "own_1", "position": 1_i64, "sequence": 1_i64, "status": "open",
        "began_at_us": 1_i64, "kept_at_us": 1_i64,
    };
    let mut open = purchase.clone();
    open.insert("merchant", "Bakery");
    assert!(history.insert_one(open).await.is_err());
    history.insert_one(purchase).await.expect("with nothing open in it, it is taken");
}

#[tokio::test]
async fn an_older_validator_is_replaced() {
    let place = MongoPlace::new();
    let older = doc! { "$jsonSchema": { "required": ["shoe_size"] } };
    place.database().await.create_collection("persons").validator(older).await.expect("it is made");
    with_a_person(&place).await;
}

#[tokio::test]
async fn an_index_with_other_settings_is_named_at_the_start() {
    let place = MongoPlace::new();
    let other = mongodb::IndexModel::builder().keys(doc! { "program": 1 });
    let named = mongodb::options::IndexOptions::builder().name("by_program".to_owned()).build();
    let persons = collection(&place, "persons").await;
    persons.create_index(other.options(named).build()).await.expect("it is made");
    let error =
        MongoDocuments::start(place.options()).await.map(drop).expect_err("it is not as it should be");
    let words = error.to_string();
    assert!(matches!(error, DocumentsError::Misfit(_)) && words.contains("drop it"), "{words}");
}

#[tokio::test]
async fn a_document_that_cannot_be_read_is_named_and_harms_no_other() {
    let place = MongoPlace::new();
    let people = with_a_person(&place).await;
    for (name, damage, repair) in [
        ("wallets", doc! { "$set": { "currency": "XXX" } }, doc! { "$set": { "currency": "USD" } }),
        ("wallets", doc! { "$set": { "posted_minor": 1.5 } }, doc! { "$set": { "posted_minor": 1_i64 } }),
        ("persons", doc! { "$set": { "program": "prog" } }, doc! { "$set": { "program": program() } }),
        ("persons", doc! { "$set": { "fields.iban": key() } }, doc! { "$unset": { "fields.iban": "" } }),
        ("persons", doc! { "$set": { "email_index": key() } }, doc! { "$unset": { "email_index": "" } }),
        ("persons", doc! { "$set": { "state": "lost" } }, doc! { "$set": { "state": "known" } }),
    ] {
        let damaged = collection(&place, name).await;
        let change = async |update: Document| {
            let change = damaged.update_many(doc! {}, update).bypass_document_validation(true);
            change.await.expect("it is there");
        };
        change(damage.clone()).await;
        let error = match people.list_wallets(id(1)).await {
            Ok(_) => panic!("{damage}"),
            Err(error) => error.to_string(),
        };
        assert!(error.contains("damaged") && error.contains(&id(1).to_string()), "{damage}: {error}");
        change(repair.clone()).await;
        assert_eq!(people.list_wallets(id(1)).await.map(|wallets| wallets.len()), Ok(1), "{repair}");
    }
}

fn program() -> String {
    ProgramId::new(Uuid::from_u128(1)).to_string()
}

fn key() -> mongodb::bson::Binary {
    mongodb::bson::Binary { subtype: mongodb::bson::spec::BinarySubtype::Generic, bytes: vec![1, 2, 3] }
}
