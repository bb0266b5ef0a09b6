//! Documents are of one documents key: with another, nothing is read and nothing is changed.

use std::sync::Arc;

use bursar_core::OwnerId;

use super::Place;
use super::given::{at, id, opened, persons, profile, program, wallet};
use crate::documents::{Documents, Keep};
use crate::error::PeopleError;
use crate::kyc::{KycStatus, KycStep};
use crate::people::People;
use crate::sealed::KeyId;
use crate::vault::{DocumentsKey, Vault};

/// By another key than that of [`opened`].
fn with_another_key(documents: Arc<dyn Documents>) -> People {
    People::new(documents, Vault::new(&DocumentsKey::new([8; 32])))
}

fn is_refused<T>(done: Result<T, PeopleError>) -> bool {
    matches!(done, Err(PeopleError::OtherKey { sealed, ours }) if sealed != ours)
}

pub(super) async fn the_key_that_is_noted_first_stays(place: &dyn Place) {
    let documents = place.open().await;
    let [one, other] = [1, 2].map(|byte| KeyId([byte; 8]));
    assert_eq!(documents.note_key(one).await, Ok(one));
    assert_eq!(documents.note_key(other).await, Ok(one));
    drop(documents);
    assert_eq!(place.open().await.note_key(other).await, Ok(one));
}

pub(super) async fn of_many_who_note_keys_at_once_all_get_one(place: &dyn Place) {
    let documents = place.open().await;
    let noting = (0..8_u8).map(|byte| {
        let documents = documents.clone();
        tokio::spawn(async move { documents.note_key(KeyId([byte; 8])).await })
    });
    let noting: Vec<_> = noting.collect();
    let mut noted = Vec::new();
    for noting in noting {
        noted.push(noting.await.expect("it ends").expect("it is noted"));
    }
    noted.dedup();
    assert_eq!(noted.len(), 1, "{noted:?}");
}

pub(super) async fn who_has_another_key_sees_and_changes_nothing(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 2).await;
    let kept = async || (given.documents.list_persons(None, None, 10).await, given.documents.figures().await);
    let before = kept().await;
    let other = with_another_key(given.documents.clone());
    let step = KycStep::to(KycStatus::Pending);
    assert!(is_refused(other.check_key().await));
    assert!(is_refused(other.find(id(1)).await) && is_refused(other.find(id(9)).await));
    assert!(is_refused(other.create(id(3), program(1), profile(), at(5)).await));
    assert!(is_refused(other.update(id(1), 1, profile(), at(5)).await));
    assert!(is_refused(other.move_kyc(id(1), 0, step, at(5)).await));
    assert!(is_refused(other.keep_wallets(vec![wallet(id(1), 1, 1)], Keep::Newer, at(5)).await));
    assert!(is_refused(other.erase(id(1), at(5)).await) && is_refused(other.erase_due(at(5), 10).await));
    assert!(is_refused(other.forget_read_models(at(500)).await) && is_refused(other.figures().await));
    assert_eq!(kept().await.0, before.0, "something was changed");
    let [before, after] = [before.1, kept().await.1].map(|of| of.map(|of| (of.persons, of.wallets)));
    assert_eq!(after, before);
    let found = given.people.find(id(1)).await;
    assert!(found.is_ok_and(|person| person.is_some()), "it is there for whose it is");
}

/// Also where a Bursar kept them that noted no key.
pub(super) async fn persons_tell_by_which_key_they_were_sealed(place: &dyn Place) {
    let documents = place.open().await;
    let vault = Vault::new(&DocumentsKey::new([7; 32]));
    let (_, key) = vault.make_key(id(1)).expect("a key");
    documents.insert_person(bare(id(1), key)).await.expect("it is new");
    assert!(is_refused(with_another_key(documents.clone()).check_key().await));
    let people = People::new(documents.clone(), vault);
    assert_eq!(people.check_key().await, Ok(()));
    assert!(is_refused(with_another_key(documents).check_key().await));
}

fn bare(id: OwnerId, key: crate::sealed::WrappedKey) -> crate::sealed::SealedPerson {
    crate::sealed::SealedPerson {
        id,
        program: program(1),
        key,
        fields: Default::default(),
        email_index: None,
        phone_index: None,
        version: 1,
        created_at: at(0),
        updated_at: at(0),
    }
}
