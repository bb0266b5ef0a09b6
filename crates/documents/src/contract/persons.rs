//! Persons are made, found, changed and listed.

use std::collections::BTreeSet;

use super::Place;
use super::given::{
    at, card_id, id, named, opened, persons, profile, program, sealed, step, told, whole_person,
};
use crate::documents::Figures;
use crate::error::{DocumentsError, PeopleError};
use crate::field::Field;
use crate::kyc::KycStatus;
use crate::person::Person;
use crate::sealed::{SealedPerson, WrappedKey};

pub(super) async fn a_person_is_found_as_it_was_made(place: &dyn Place) {
    let given = opened(place).await;
    let made = given.people.create(id(1), program(2), profile(), at(3)).await.expect("it is made");
    assert_eq!((made.id, made.program, made.version, made.created_at), (id(1), program(2), 1, at(3)));
    assert_eq!(given.people.find(id(1)).await, Ok(Some(made)));
    // With as little as there can be.
    let made = given.people.create(id(2), program(2), named("Ada"), at(4)).await.expect("it is made");
    assert_eq!(given.people.find(id(2)).await, Ok(Some(made)));
}

pub(super) async fn a_person_outlives_the_store(place: &dyn Place) {
    let given = opened(place).await;
    whole_person(&given, 1).await;
    let before = given.people.find(id(1)).await.expect("it is there");
    let kyc = given.people.find_kyc(id(1)).await.expect("it is there");
    drop(given);
    let given = opened(place).await;
    assert_eq!(given.people.find(id(1)).await, Ok(before));
    assert_eq!(given.people.find_kyc(id(1)).await, Ok(kyc));
    let cards = given.people.list_cards(id(1)).await.expect("it is there");
    assert_eq!(cards.iter().map(|card| card.state.id).collect::<Vec<_>>(), [card_id(1)]);
}

pub(super) async fn a_person_is_made_once(place: &dyn Place) {
    let given = opened(place).await;
    let made = given.people.create(id(1), program(1), named("Ada"), at(0)).await.expect("it is made");
    let again = given.people.create(id(1), program(2), named("Eve"), at(1)).await;
    assert_eq!(again, Err(PeopleError::Documents(DocumentsError::Exists(id(1)))));
    assert_eq!(given.people.find(id(1)).await, Ok(Some(made)));
}

pub(super) async fn nobody_unknown_is_found_or_changed(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let unknown = DocumentsError::Unknown(id(9));
    assert_eq!(given.people.find(id(9)).await, Ok(None));
    assert_eq!(given.documents.find_kyc(id(9)).await, Err(unknown.clone()));
    let stranger = SealedPerson { id: id(9), version: 2, ..sealed(&given, id(1)).await };
    assert_eq!(given.documents.update_person(stranger).await, Err(unknown.clone()));
    let moved = given.people.move_kyc(id(9), 0, step(KycStatus::Pending), at(0)).await;
    assert_eq!(moved, Err(unknown.clone().into()));
    let day = jiff::civil::date(2030, 1, 1);
    assert_eq!(given.documents.lock_person(id(9), day).await, Err(unknown.clone()));
    assert_eq!(given.documents.erase_person(id(9), at(0)).await, Err(unknown));
    assert_eq!(given.documents.label_card(id(9), card_id(1), None).await, Ok(false));
    assert_eq!(given.documents.list_cards(id(9)).await, Ok(Vec::new()));
    assert_eq!(given.documents.figures().await.map(|figures| figures.persons), Ok(1));
}

pub(super) async fn a_change_needs_the_version_that_was_seen(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let changed = given.people.update(id(1), 1, named("Grace"), at(1)).await.expect("it was seen");
    assert_eq!((changed.version, changed.created_at, changed.updated_at), (2, at(0), at(1)));
    assert_eq!(given.people.find(id(1)).await, Ok(Some(changed.clone())));
    for version in [0, 1, 3] {
        let changed = given.people.update(id(1), version, named("Eve"), at(2)).await;
        assert_eq!(changed, Err(PeopleError::Documents(DocumentsError::Conflict(id(1)))), "{version}");
    }
    // The store looks for itself, whatever was read before.
    let kept = sealed(&given, id(1)).await;
    for version in [1, 2, 4] {
        let changed = given.documents.update_person(SealedPerson { version, ..kept.clone() }).await;
        assert_eq!(changed, Err(DocumentsError::Conflict(id(1))), "{version}");
    }
    assert_eq!(given.people.find(id(1)).await, Ok(Some(changed)));
}

pub(super) async fn a_change_leaves_key_and_program_as_they_were(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let before = sealed(&given, id(1)).await;
    let strange = SealedPerson {
        key: WrappedKey(vec![1; 80]),
        program: program(7),
        created_at: at(100),
        version: 2,
        ..before.clone()
    };
    given.documents.update_person(strange).await.expect("the version is right");
    let after = sealed(&given, id(1)).await;
    assert_eq!(after, SealedPerson { version: 2, ..before });
}

pub(super) async fn a_change_takes_away_what_it_leaves_out(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    given.people.update(id(1), 1, named("Ada"), at(1)).await.expect("it was seen");
    let found = given.people.find(id(1)).await.expect("it is there").expect("it is known");
    assert_eq!(found.profile, named("Ada"));
    let fields: Vec<Field> = sealed(&given, id(1)).await.fields.into_keys().collect();
    assert_eq!(fields, [Field::GivenName, Field::FamilyName]);
}

pub(super) async fn pages_are_complete_and_in_order(place: &dyn Place) {
    let given = opened(place).await;
    for number in [5, 3, 8, 1, 7, 2, 6, 4] {
        let program = program(1 + number % 2);
        given.people.create(id(number), program, named("Ada"), at(0)).await.expect("it is made");
    }
    for (wanted, expected) in [
        (None, vec![1, 2, 3, 4, 5, 6, 7, 8]),
        (Some(program(1)), vec![2, 4, 6, 8]),
        (Some(program(3)), vec![]),
    ] {
        for limit in [1, 3, 8, 100] {
            let mut seen = Vec::new();
            let mut after = None;
            loop {
                let page = given.people.list(wanted, after, limit).await.expect("it is there");
                assert!(page.len() <= limit);
                let Some(Person { id, .. }) = page.last() else { break };
                after = Some(*id);
                seen.extend(page.iter().map(|person| person.id.uuid().as_u128()));
            }
            assert_eq!(seen, expected, "{wanted:?} by {limit}");
        }
    }
}

pub(super) async fn a_page_is_not_disturbed_by_who_comes_meanwhile(place: &dyn Place) {
    let given = opened(place).await;
    let make = async |number| {
        given.people.create(id(number), program(1), named("Ada"), at(0)).await.expect("it is made");
    };
    for number in [10, 20, 30, 40] {
        make(number).await;
    }
    let first = given.people.list(None, None, 2).await.expect("it is there");
    make(5).await;
    make(25).await;
    given.people.erase(id(10), at(1)).await.expect("it is known");
    let after = first.last().map(|person| person.id);
    let second = given.people.list(None, after, 10).await.expect("it is there");
    let numbers: Vec<_> = first.iter().chain(&second).map(|person| person.id.uuid().as_u128()).collect();
    assert_eq!(numbers, [10, 20, 25, 30, 40]);
}

pub(super) async fn keys_are_those_of_who_is_known(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 4).await;
    given.documents.erase_person(id(2), at(1)).await.expect("it is known");
    given.documents.lock_person(id(3), jiff::civil::date(2030, 1, 1)).await.expect("it is known");
    let keys = given.documents.find_keys(&[id(1), id(2), id(3), id(4), id(9)]).await.expect("it is there");
    let expected = [(id(1), sealed(&given, id(1)).await.key), (id(4), sealed(&given, id(4)).await.key)];
    assert_eq!(keys, expected.into());
    let different: BTreeSet<_> = keys.values().map(|key| key.0.clone()).collect();
    assert_eq!(different.len(), 2);
    assert_eq!(given.documents.find_keys(&[]).await, Ok([].into()));
}

pub(super) async fn figures_tell_how_much_there_is(place: &dyn Place) {
    let given = opened(place).await;
    assert_eq!(given.documents.ready().await, Ok(()));
    let figures = async || given.documents.figures().await.expect("it is there");
    let empty = figures().await;
    assert_eq!(Figures { connections: None, ..empty }, Figures::default());
    persons(&given, 3).await;
    told(&given, id(1), 1, 1).await;
    told(&given, id(1), 2, 1).await;
    given.documents.erase_person(id(2), at(1)).await.expect("it is known");
    let full = figures().await;
    assert_eq!((full.persons, full.cards, full.wallets, full.history), (3, 2, 2, 2));
}
