//! What a writer who was killed beside an erasure left behind: its event comes again, and takes it along.

use bursar_core::{AccountId, Currency, MessageId, OwnerId};
use bursar_documents::contract::Place;
use bursar_documents::{Documents, DocumentsKey, HistoryEntry, Keep, People, Vault, Wallet};
use bursar_testkit::MongoPlace;
use jiff::Timestamp;
use mongodb::bson::{Document, doc};
use uuid::Uuid;

fn person() -> OwnerId {
    OwnerId::new(Uuid::from_u128(1))
}

fn wallet() -> Wallet {
    Wallet {
        id: AccountId::new(Uuid::from_u128(2)),
        person: person(),
        currency: Currency::parse("USD").expect("a currency"),
        posted_minor: 1,
        held_minor: 0,
        available_minor: 1,
        sequence: 1,
    }
}

fn purchase() -> HistoryEntry {
    HistoryEntry {
        root: MessageId::new(Uuid::from_u128(3)),
        person: person(),
        position: 1,
        sequence: 1,
        merged_into: None,
        card: None,
        merchant: None,
        category: None,
        status: "open".to_owned(),
        amount_minor: Some(1),
        currency: None,
        began_at: Timestamp::UNIX_EPOCH,
    }
}

/// Puts the tombstone of an erasure that was finished, and a wallet and a purchase that came to be there afterwards.
async fn left_behind(place: &MongoPlace) -> People {
    let people = People::new(place.open().await, Vault::new(&DocumentsKey::new([7; 32])));
    let database = place.database().await;
    let put = async |name: &str, document: Document| {
        database.collection::<Document>(name).insert_one(document).await.expect("it is taken");
    };
    put("persons", doc! { "_id": person().to_string(), "state": "erased", "erased_at_us": 1_i64 }).await;
    put(
        "wallets",
        doc! {
            "_id": wallet().id.to_string(), "person": person().to_string(), "currency": "USD",
            "posted_minor": 1_i64, "held_minor": 0_i64, "available_minor": 1_i64, "sequence": 1_i64,
            "kept_at_us": 1_i64,
        },
    )
    .await;
    put(
        "history",
        doc! {
            "_id": purchase().root.to_string(), "person": person().to_string(), "position": 1_i64,
            "sequence": 1_i64, "status": "open", "began_at_us": 1_i64, "kept_at_us": 1_i64,
        },
    )
    .await;
    assert_eq!(left(people.documents()).await, (1, 1));
    people
}

/// Wallets and purchases that there are.
async fn left(documents: &dyn Documents) -> (u64, u64) {
    let figures = documents.figures().await.expect("it is there");
    (figures.wallets, figures.history)
}

#[tokio::test]
async fn a_wallet_that_is_told_of_again_goes() {
    let place = MongoPlace::new();
    let people = left_behind(&place).await;
    let kept = people.keep_wallets(vec![wallet()], Keep::Newer, Timestamp::UNIX_EPOCH).await;
    kept.expect("it is ignored");
    assert_eq!(left(people.documents()).await, (0, 1));
}

#[tokio::test]
async fn a_purchase_that_is_told_of_again_goes_with_all_the_rest() {
    let place = MongoPlace::new();
    let people = left_behind(&place).await;
    let kept = people.keep_history(vec![purchase()], Keep::Newer, Timestamp::UNIX_EPOCH).await;
    kept.expect("it is ignored");
    assert_eq!(left(people.documents()).await, (0, 0));
}
