//! Persons are found by how they are reached.

use super::Place;
use super::given::{Given, at, email, id, named, opened, persons, phone, program, with_email};
use crate::contact::{Contact, Phone};
use crate::person::Profile;

/// The numbers of who is found.
async fn found(given: &Given, contact: &Contact) -> Vec<u128> {
    let found = given.people.search(contact, None, None, 100).await.expect("it is there");
    found.iter().map(|person| person.id.uuid().as_u128()).collect()
}

pub(super) async fn an_address_is_found_in_any_case_and_a_number_in_any_spelling(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    for address in ["Ada.Planted@Example.Org", "ada.planted@example.org", " ADA.PLANTED@EXAMPLE.ORG "] {
        assert_eq!(found(&given, &email(address)).await, [1], "{address}");
    }
    for number in ["+4915112345678", "+49 (151) 12345-678", "+49.151/12345678"] {
        assert_eq!(found(&given, &phone(number)).await, [1], "{number}");
    }
}

pub(super) async fn nobody_else_is_found(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    given.people.create(id(2), program(1), named("Ada"), at(0)).await.expect("it is made");
    for other in [
        email("ada.planted@example.or"),
        email("da.planted@example.org"),
        email("adaplanted@example.org"),
        phone("+4915112345679"),
        phone("+491511234567"),
    ] {
        assert_eq!(found(&given, &other).await, [0_u128; 0], "{other:?}");
    }
}

pub(super) async fn persons_may_share_an_address_and_a_number(place: &dyn Place) {
    let given = opened(place).await;
    let number = Phone::parse("+4930123456").expect("a number");
    for person in 1..=5 {
        let profile = Profile { phone: Some(number.clone()), ..with_email("family@example.org") };
        let program = program(1 + person % 2);
        given.people.create(id(person), program, profile, at(0)).await.expect("it is made");
    }
    given.people.create(id(6), program(1), with_email("other@example.org"), at(0)).await.expect("it is made");
    for contact in [email("Family@example.org"), Contact::Phone(number)] {
        assert_eq!(found(&given, &contact).await, [1, 2, 3, 4, 5]);
        let search = async |program, after, limit| {
            let found = given.people.search(&contact, program, after, limit).await.expect("it is there");
            found.iter().map(|person| person.id.uuid().as_u128()).collect::<Vec<_>>()
        };
        assert_eq!(search(Some(program(1)), None, 10).await, [2, 4]);
        assert_eq!(search(Some(program(3)), None, 10).await, [0_u128; 0]);
        assert_eq!(search(None, None, 2).await, [1, 2]);
        assert_eq!(search(None, Some(id(2)), 2).await, [3, 4]);
        assert_eq!(search(None, Some(id(4)), 2).await, [5]);
    }
}

pub(super) async fn who_has_another_address_now_is_not_found_by_the_old_one(place: &dyn Place) {
    let given = opened(place).await;
    given.people.create(id(1), program(1), with_email("old@example.org"), at(0)).await.expect("it is made");
    given.people.update(id(1), 1, with_email("new@example.org"), at(1)).await.expect("it was seen");
    assert_eq!(found(&given, &email("old@example.org")).await, [0_u128; 0]);
    assert_eq!(found(&given, &email("new@example.org")).await, [1]);
    given.people.update(id(1), 2, named("Ada"), at(1)).await.expect("it was seen");
    assert_eq!(found(&given, &email("new@example.org")).await, [0_u128; 0]);
}
