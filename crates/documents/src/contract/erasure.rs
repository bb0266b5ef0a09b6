//! Nothing personal is readable before, and nothing is left after.

use jiff::civil::date;

use super::Place;
use super::given::{
    Given, PLANTED, account_id, at, card_id, email, has, id, named, opened, persons, phone, profile, program,
    read_models, root, sealed, sequences, step, told, whole_person,
};
use crate::documents::Figures;
use crate::error::{DocumentsError, PeopleError};
use crate::kyc::{KycStatus, KycStep};
use crate::people::Erasure;
use crate::sealed::SealedPerson;

/// Everything sealed that there is of a person, and what it is found by.
async fn ciphertext(given: &Given, number: u128) -> Vec<(String, Vec<u8>)> {
    let person = sealed(given, id(number)).await;
    let kyc = given.documents.find_kyc(id(number)).await.expect("it is there").expect("it was begun");
    let mut all = vec![("the key".to_owned(), person.key.0)];
    let fields = person.fields.into_iter().chain(kyc.fields);
    all.extend(fields.map(|(field, sealed)| (field.to_string(), sealed.0)));
    all.extend(person.email_index.map(|index| ("the index of email".to_owned(), index.0.to_vec())));
    all.extend(person.phone_index.map(|index| ("the index of phone".to_owned(), index.0.to_vec())));
    let mut optional = |name: &str, sealed: Option<crate::sealed::Sealed>| {
        all.push((name.to_owned(), sealed.expect("it was planted").0));
    };
    kyc.transitions.into_iter().for_each(|step| optional("reason", step.reason));
    let cards = given.documents.list_cards(id(number)).await.expect("it is there");
    cards.into_iter().for_each(|card| optional("label", card.label));
    for entry in given.documents.list_history(id(number), None, 10).await.expect("it is there") {
        optional("merchant", entry.merchant);
        optional("category", entry.category);
    }
    all
}

/// What identifies the person's things: as text, and as bytes.
fn things(number: u128) -> Vec<(String, Vec<u8>)> {
    let ids = [
        (card_id(number).to_string(), card_id(number).uuid()),
        (account_id(number).to_string(), account_id(number).uuid()),
        (root(number).to_string(), root(number).uuid()),
    ];
    let forms = |(text, id): (String, uuid::Uuid)| {
        [(text.clone(), text.clone().into_bytes()), (text, id.as_bytes().to_vec())]
    };
    ids.into_iter().flat_map(forms).collect()
}

fn assert_nothing_planted(dump: &[u8]) {
    for planted in PLANTED {
        assert!(!has(dump, planted.as_bytes()), "{planted} can be read");
    }
}

pub(super) async fn nothing_that_identifies_a_person_is_stored_openly(place: &dyn Place) {
    let given = opened(place).await;
    whole_person(&given, 1).await;
    let dump = place.dump().await;
    assert_nothing_planted(&dump);
    // It is there, and only sealed.
    for (name, sealed) in ciphertext(&given, 1).await {
        assert!(has(&dump, &sealed), "{name} is not in the dump");
    }
    let found = given.people.find(id(1)).await.expect("it is there").expect("it is known");
    assert_eq!(found.profile, profile());
}

pub(super) async fn nothing_is_left_of_an_erased_person(place: &dyn Place) {
    let given = opened(place).await;
    whole_person(&given, 1).await;
    let sealed = ciphertext(&given, 1).await;
    given.documents.erase_person(id(1), at(20)).await.expect("it is known");
    let dump = place.dump().await;
    assert_nothing_planted(&dump);
    for (name, bytes) in sealed.iter().chain(&things(1)) {
        assert!(!has(&dump, bytes), "{name} is still there");
    }
    assert_eq!(read_models(&given).await, [0, 0, 0]);
    // Also after a restart, which may move what was set aside.
    drop(given);
    let given = opened(place).await;
    let dump = place.dump().await;
    for (name, bytes) in sealed.iter().chain(&things(1)) {
        assert!(!has(&dump, bytes), "{name} is there again");
    }
    assert_eq!(given.documents.list_due_for_erasure(date(9999, 1, 1), 10).await, Ok(Vec::new()));
}

pub(super) async fn an_erased_person_stays_erased(place: &dyn Place) {
    let given = opened(place).await;
    whole_person(&given, 1).await;
    let before = sealed(&given, id(1)).await;
    let kyc = given.documents.find_kyc(id(1)).await.expect("it is there").expect("it was begun");
    assert_eq!(given.people.erase(id(1), at(20)).await, Ok(Erasure::Erased));
    let erased = DocumentsError::Erased { id: id(1), erased_at: at(20) };
    let of_people = PeopleError::Documents(erased.clone());
    assert_eq!(given.people.find(id(1)).await, Err(of_people.clone()));
    assert_eq!(given.people.find_kyc(id(1)).await, Err(of_people.clone()));
    assert_eq!(given.people.list_cards(id(1)).await, Err(of_people.clone()));
    assert_eq!(given.people.create(id(1), program(1), named("Eve"), at(30)).await, Err(of_people));
    assert_eq!(given.documents.insert_person(before.clone()).await, Err(erased.clone()));
    let changed = SealedPerson { version: 2, ..before };
    assert_eq!(given.documents.update_person(changed).await, Err(erased.clone()));
    assert_eq!(given.documents.find_kyc(id(1)).await, Err(erased.clone()));
    assert_eq!(
        given.documents.put_kyc(crate::sealed::SealedKyc { version: 2, ..kyc }).await,
        Err(erased.clone())
    );
    assert_eq!(given.documents.lock_person(id(1), date(2030, 1, 1)).await, Err(erased));
    assert_eq!(given.people.list(None, None, 10).await, Ok(Vec::new()));
    for contact in [email("ada.planted@example.org"), phone("+4915112345678")] {
        assert_eq!(given.people.search(&contact, None, None, 10).await, Ok(Vec::new()));
    }
}

pub(super) async fn what_is_told_of_an_erased_person_brings_nothing_back(place: &dyn Place) {
    let given = opened(place).await;
    whole_person(&given, 1).await;
    let entries = given.documents.list_history(id(1), None, 1).await.expect("it is there");
    given.documents.erase_person(id(1), at(20)).await.expect("it is known");
    told(&given, id(1), 1, 9).await;
    // Who sealed it before may come late, too.
    let keep = crate::documents::Keep::Repair { began_at: at(30) };
    given.documents.keep_history(entries, keep, at(31)).await.expect("it is ignored");
    assert_eq!(read_models(&given).await, [0, 0, 0]);
}

pub(super) async fn to_erase_again_changes_nothing(place: &dyn Place) {
    let given = opened(place).await;
    whole_person(&given, 1).await;
    for seconds in [20, 21, 22] {
        assert_eq!(given.people.erase(id(1), at(seconds)).await, Ok(Erasure::Erased));
        let found = given.documents.find_person(id(1)).await;
        assert_eq!(found, Err(DocumentsError::Erased { id: id(1), erased_at: at(20) }));
    }
    let figures = given.documents.figures().await.expect("it is there");
    assert_eq!(Figures { connections: None, ..figures }, Figures { persons: 1, ..Figures::default() });
}

pub(super) async fn what_was_left_of_an_erased_person_goes_when_it_is_told_of_again(place: &dyn Place) {
    let given = opened(place).await;
    whole_person(&given, 1).await;
    drop(given);
    place.begin_erasure(id(1), at(20)).await;
    let given = opened(place).await;
    assert_eq!(read_models(&given).await, [1, 1, 1], "it was broken off");
    told(&given, id(1), 1, 9).await;
    assert_eq!(read_models(&given).await, [0, 0, 0]);
    let found = given.documents.find_person(id(1)).await;
    assert_eq!(found, Err(DocumentsError::Erased { id: id(1), erased_at: at(20) }));
}

pub(super) async fn an_erasure_that_was_broken_off_is_due_and_is_finished(place: &dyn Place) {
    let given = opened(place).await;
    whole_person(&given, 1).await;
    persons_beside(&given).await;
    told(&given, id(2), 2, 5).await;
    let sealed = ciphertext(&given, 1).await;
    drop(given);
    place.begin_erasure(id(1), at(20)).await;
    let given = opened(place).await;
    assert_eq!(read_models(&given).await, [2, 2, 2], "it was broken off");
    assert!(matches!(given.documents.find_person(id(1)).await, Err(DocumentsError::Erased { .. })));
    assert_eq!(given.documents.list_due_for_erasure(date(2026, 11, 22), 10).await, Ok(vec![id(1)]));
    assert_eq!(given.people.erase_due(at(100), 10).await, Ok(1));
    assert_eq!(given.people.erase_due(at(100), 10).await, Ok(0));
    let dump = place.dump().await;
    for (name, bytes) in sealed.iter().chain(&things(1)) {
        assert!(!has(&dump, bytes), "{name} is still there");
    }
    assert_eq!(sequences(&given, id(2)).await, [vec![5], vec![5], vec![5]]);
    let found = given.documents.find_person(id(1)).await;
    assert_eq!(found, Err(DocumentsError::Erased { id: id(1), erased_at: at(20) }));
}

pub(super) async fn to_erase_one_person_leaves_the_others(place: &dyn Place) {
    let given = opened(place).await;
    for number in 1..=3 {
        whole_person(&given, number).await;
    }
    let before = ciphertext(&given, 3).await;
    given.documents.erase_person(id(2), at(20)).await.expect("it is known");
    for number in [1, 3] {
        let found = given.people.find(id(number)).await.expect("it is there").expect("it is known");
        assert_eq!(found.profile, profile());
        let kyc = given.people.find_kyc(id(number)).await.expect("it is there");
        assert_eq!((kyc.status, kyc.transitions.len()), (KycStatus::Pending, 1));
        assert_eq!(sequences(&given, id(number)).await, [vec![5], vec![5], vec![5]]);
    }
    assert_eq!(ciphertext(&given, 3).await, before);
    let contact = email("ada.planted@example.org");
    let found = given.people.search(&contact, None, None, 10).await.expect("it is there");
    assert_eq!(found.iter().map(|person| person.id).collect::<Vec<_>>(), [id(1), id(3)]);
}

pub(super) async fn a_locked_person_is_neither_seen_nor_changed(place: &dyn Place) {
    let given = opened(place).await;
    whole_person(&given, 1).await;
    persons_beside(&given).await;
    let before = sealed(&given, id(1)).await;
    let kyc = given.documents.find_kyc(id(1)).await.expect("it is there").expect("it was begun");
    let erase_on = date(2030, 1, 1);
    given.documents.lock_person(id(1), erase_on).await.expect("it is known");
    let locked = DocumentsError::Locked { id: id(1), erase_on };
    let of_people = PeopleError::Documents(locked.clone());
    assert_eq!(given.people.find(id(1)).await, Err(of_people.clone()));
    assert_eq!(given.people.update(id(1), 1, named("Eve"), at(30)).await, Err(of_people.clone()));
    assert_eq!(given.people.list_cards(id(1)).await, Err(of_people.clone()));
    assert_eq!(given.people.list_wallets(id(1)).await, Err(of_people.clone()));
    assert_eq!(given.people.list_history(id(1), None, 10).await, Err(of_people.clone()));
    assert_eq!(given.people.label_card(id(1), card_id(1), None).await, Err(of_people.clone()));
    assert_eq!(given.people.move_kyc(id(1), 1, step(KycStatus::Approved), at(30)).await, Err(of_people));
    assert_eq!(
        given.documents.update_person(SealedPerson { version: 2, ..before.clone() }).await,
        Err(locked.clone())
    );
    let moved = crate::sealed::SealedKyc { version: 2, ..kyc };
    assert_eq!(given.documents.put_kyc(moved).await, Err(locked.clone()));
    assert_eq!(given.documents.find_kyc(id(1)).await, Err(locked.clone()));
    assert_eq!(given.documents.insert_person(before).await, Err(locked));
    let listed = given.people.list(None, None, 10).await.expect("it is there");
    assert_eq!(listed.iter().map(|person| person.id).collect::<Vec<_>>(), [id(2)]);
    let contact = email("ada.planted@example.org");
    assert_eq!(given.people.search(&contact, None, None, 10).await, Ok(Vec::new()));
}

/// Somebody whom none of it is about.
async fn persons_beside(given: &Given) {
    given.people.create(id(2), program(1), named("Grace"), at(0)).await.expect("it is made");
}

pub(super) async fn a_locked_person_is_erased_on_its_day(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 4).await;
    for (number, day) in [(1, 3), (2, 1), (3, 2)] {
        given.documents.lock_person(id(number), date(2030, 1, day)).await.expect("it is known");
    }
    // Locked again, for longer.
    given.documents.lock_person(id(2), date(2030, 1, 3)).await.expect("it is known");
    let due = async |day, limit| {
        let due = given.documents.list_due_for_erasure(date(2030, 1, day), limit).await.expect("it is there");
        due.iter().map(|id| id.uuid().as_u128()).collect::<Vec<_>>()
    };
    assert_eq!(due(1, 10).await, [0_u128; 0]);
    assert_eq!(due(2, 10).await, [3]);
    assert_eq!(due(3, 10).await.len(), 3);
    assert_eq!(due(3, 2).await.len(), 2);
    let evening = date(2030, 1, 2).at(23, 59, 59, 0).to_zoned(jiff::tz::TimeZone::UTC).expect("a time");
    assert_eq!(given.people.erase_due(evening.timestamp(), 10).await, Ok(1));
    let found = given.documents.find_person(id(3)).await;
    assert!(matches!(found, Err(DocumentsError::Erased { .. })), "{found:?}");
    let found = given.documents.find_person(id(1)).await;
    assert!(matches!(found, Err(DocumentsError::Locked { .. })), "{found:?}");
    assert_eq!(due(9, 10).await.len(), 2);
}

pub(super) async fn what_the_law_keeps_is_locked_until_its_day(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let day = date(2026, 11, 23);
    let retained = KycStep { retain_until: Some(day), ..step(KycStatus::Pending) };
    let moved = given.people.move_kyc(id(1), 0, retained, at(1)).await.expect("it is there");
    moved.expect("a step");
    for seconds in [10, 11] {
        assert_eq!(given.people.erase(id(1), at(seconds)).await, Ok(Erasure::LockedUntil(day)));
    }
    let found = given.people.find(id(1)).await;
    assert_eq!(found, Err(DocumentsError::Locked { id: id(1), erase_on: day }.into()));
    assert_eq!(given.people.erase_due(at(12), 10).await, Ok(0));
    let next_day = at(24 * 60 * 60);
    assert_eq!(given.people.erase_due(next_day, 10).await, Ok(1));
    assert_eq!(given.people.erase(id(1), next_day).await, Ok(Erasure::Erased));
}
