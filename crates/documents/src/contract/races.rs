//! Many at once.

use std::sync::Arc;

use bursar_core::OwnerId;
use tokio::task::JoinSet;

use super::Place;
use super::given::{
    Given, at, card, entry, id, named, opened, persons, program, read_models, sealed, sequences, step, told,
    wallet,
};
use crate::documents::{Documents, Keep};
use crate::error::{DocumentsError, PeopleError};
use crate::field::Field;
use crate::kyc::KycStatus;
use crate::sealed::{Sealed, SealedPerson};

const TASKS: usize = 16;

/// Things that all of them tell of.
const THINGS: u128 = 60;

/// How often each of them changes it.
const CHANGES: usize = 5;

/// Raises the number that stands in the field, as often as somebody else was faster.
async fn raise(documents: &dyn Documents, id: OwnerId) {
    loop {
        let mut person = documents.find_person(id).await.expect("it is there").expect("it is known");
        let Sealed(count) = &person.fields[&Field::GivenName];
        let raised = u64::from_le_bytes(count[..].try_into().expect("eight bytes")) + 1;
        person.fields.insert(Field::GivenName, Sealed(raised.to_le_bytes().into()));
        person.version += 1;
        match documents.update_person(person).await {
            Ok(()) => return,
            Err(DocumentsError::Conflict(_)) => tokio::task::yield_now().await,
            Err(error) => panic!("{error}"),
        }
    }
}

pub(super) async fn of_changes_at_once_none_is_lost(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let mut first = SealedPerson { version: 2, ..sealed(&given, id(1)).await };
    first.fields.insert(Field::GivenName, Sealed(0_u64.to_le_bytes().into()));
    given.documents.update_person(first).await.expect("it is known");
    let mut changing = JoinSet::new();
    for _ in 0..TASKS {
        let documents = given.documents.clone();
        changing.spawn(async move {
            for _ in 0..CHANGES {
                raise(documents.as_ref(), id(1)).await;
            }
        });
    }
    changing.join_all().await;
    let last = sealed(&given, id(1)).await;
    let changes = TASKS * CHANGES;
    assert_eq!(last.version, 2 + i64::try_from(changes).expect("few"));
    assert_eq!(last.fields[&Field::GivenName], Sealed((changes as u64).to_le_bytes().into()));
}

pub(super) async fn of_many_who_make_one_person_one_does(place: &dyn Place) {
    let given = Arc::new(opened(place).await);
    let mut making = JoinSet::new();
    for number in 0..TASKS {
        let given = given.clone();
        making.spawn(async move {
            given.people.create(id(1), program(1), named(&format!("Ada {number}")), at(0)).await
        });
    }
    let (made, others): (Vec<_>, Vec<_>) = making.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    assert!(others.iter().all(|other| *other == Err(DocumentsError::Exists(id(1)).into())), "{others:?}");
    assert_eq!(given.people.find(id(1)).await, made[0].clone().map(Some));
}

pub(super) async fn of_steps_at_once_from_one_version_one_is_taken(place: &dyn Place) {
    let given = Arc::new(opened(place).await);
    persons(&given, 1).await;
    let mut moving = JoinSet::new();
    for _ in 0..TASKS {
        let given = given.clone();
        moving.spawn(async move { given.people.move_kyc(id(1), 0, step(KycStatus::Pending), at(0)).await });
    }
    let moved = moving.join_all().await;
    assert_eq!(moved.iter().filter(|moved| moved.is_ok()).count(), 1, "{moved:?}");
    let conflict = PeopleError::Documents(DocumentsError::Conflict(id(1)));
    assert!(moved.iter().all(|moved| moved.is_ok() || *moved == Err(conflict.clone())), "{moved:?}");
    let kyc = given.people.find_kyc(id(1)).await.expect("it is there");
    assert_eq!((kyc.version, kyc.transitions.len()), (1, 1));
}

pub(super) async fn states_told_at_once_come_to_the_newest(place: &dyn Place) {
    let given = Arc::new(opened(place).await);
    persons(&given, 2).await;
    let last = i64::try_from(TASKS).expect("few");
    let mut telling = JoinSet::new();
    for sequence in 1..=last {
        let given = given.clone();
        telling.spawn(async move {
            // Things of two persons, all of them new, so that many would be the first to tell of one.
            let things = || (1..=THINGS).map(|number| (id(1 + number % 2), number));
            let cards = things().map(|(person, number)| card(person, number, sequence));
            let wallets = things().map(|(person, number)| wallet(person, number, sequence));
            let entries = things().map(|(person, number)| entry(person, number, sequence));
            given.people.keep_cards(cards.collect(), Keep::Newer, at(0)).await.expect("it is kept");
            given.people.keep_wallets(wallets.collect(), Keep::Newer, at(0)).await.expect("it is kept");
            given.people.keep_history(entries.collect(), Keep::Newer, at(0)).await.expect("it is kept");
        });
    }
    telling.join_all().await;
    let newest = vec![last; THINGS as usize / 2];
    for person in [1, 2] {
        assert_eq!(sequences(&given, id(person)).await, [newest.clone(), newest.clone(), newest.clone()]);
    }
}

pub(super) async fn what_is_told_while_a_person_is_erased_leaves_nothing(place: &dyn Place) {
    let given = Arc::new(opened(place).await);
    for round in 1..=10 {
        let made = given.people.create(id(round), program(1), named("Ada"), at(0)).await;
        made.expect("it is made");
        told(&given, id(round), 100 * round, 1).await;
        let mut racing = JoinSet::new();
        for number in 1..=8 {
            racing.spawn(tell(given.clone(), round, 100 * round + number));
        }
        let erasing = given.clone();
        racing.spawn(async move {
            erasing.documents.erase_person(id(round), at(1)).await.expect("it is known");
        });
        racing.join_all().await;
        assert_eq!(read_models(&given).await, [0, 0, 0], "round {round}");
    }
}

async fn tell(given: Arc<Given>, person: u128, number: u128) {
    told(&given, id(person), number, 2).await;
}
