//! Read models are made anew.

use bursar_core::card::LastFour;

use super::Place;
use super::given::{
    NOTHING, at, card, card_id, entry, id, kept, opened, persons, read_models, sequences, text, wallet,
};
use crate::card::CardState;
use crate::documents::Keep;
use crate::history::HistoryEntry;
use crate::wallet::Wallet;

/// The rebuild of these cases begins then.
const REPAIR: i64 = 100;

fn repair() -> Keep {
    Keep::Repair { began_at: at(REPAIR) }
}

/// Every order of sequences and times, each for a card, a wallet and a purchase of its own.
pub(super) async fn a_state_replaces_another_by_the_rule(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let mut expected = Vec::new();
    for keep in [Keep::Newer, repair()] {
        for kept_sequence in [4, 5, 6] {
            for kept_at in [at(REPAIR - 1), at(REPAIR), at(REPAIR + 1)] {
                let number = expected.len() as u128;
                kept(&given, id(1), number, kept_sequence, Keep::Newer, kept_at).await;
                kept(&given, id(1), number, 5, keep, at(REPAIR + 1)).await;
                let replaces = keep.replaces(5, kept_sequence, kept_at);
                expected.push(if replaces { 5 } else { kept_sequence });
            }
        }
    }
    let backwards = expected.iter().rev().copied().collect();
    assert_eq!(sequences(&given, id(1)).await, [expected.clone(), expected, backwards]);
}

pub(super) async fn a_repair_replaces_the_same_sequence(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let person = id(1);
    // Wrong in all but the sequence, and told after the rebuild began.
    let later = at(REPAIR + 1);
    let card = CardState { last_four: LastFour::new("6666").ok(), ..card(person, 1, 5) };
    let wallet = Wallet { posted_minor: 6_666, ..wallet(person, 1, 5) };
    let entry = HistoryEntry { amount_minor: Some(6_666), ..entry(person, 1, 5) };
    given.people.keep_cards(vec![card], Keep::Newer, later).await.expect("it is kept");
    given.people.keep_wallets(vec![wallet], Keep::Newer, later).await.expect("it is kept");
    given.people.keep_history(vec![entry.clone()], Keep::Newer, later).await.expect("it is kept");
    given.people.label_card(person, card_id(1), Some(text("Groceries"))).await.expect("it is there");
    // An event with the same sequence takes no effect.
    kept(&given, person, 1, 5, Keep::Newer, later).await;
    assert_eq!(given.people.list_wallets(person).await, Ok(vec![wallet]));
    assert_eq!(given.people.list_history(person, None, 9).await, Ok(vec![entry]));
    kept(&given, person, 1, 5, repair(), later).await;
    assert_eq!(sequences(&given, person).await, [vec![5], vec![5], vec![5]]);
    let cards = given.people.list_cards(person).await.expect("it is there");
    assert_eq!(cards[0].label, Some(text("Groceries")));
}

pub(super) async fn a_repair_replaces_what_was_ahead_before_it_began(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    kept(&given, id(1), 1, 9, Keep::Newer, at(REPAIR - 1)).await;
    kept(&given, id(1), 1, 5, Keep::Newer, at(REPAIR + 1)).await;
    assert_eq!(sequences(&given, id(1)).await, [vec![9], vec![9], vec![9]]);
    kept(&given, id(1), 1, 5, repair(), at(REPAIR + 1)).await;
    assert_eq!(sequences(&given, id(1)).await, [vec![5], vec![5], vec![5]]);
}

pub(super) async fn a_repair_leaves_what_is_newer_and_was_told_meanwhile(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    kept(&given, id(1), 1, 9, Keep::Newer, at(REPAIR)).await;
    kept(&given, id(1), 1, 8, repair(), at(REPAIR + 1)).await;
    assert_eq!(sequences(&given, id(1)).await, [vec![9], vec![9], vec![9]]);
}

pub(super) async fn what_a_rebuild_did_not_touch_is_forgotten(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 2).await;
    for (person, number) in [(1, 1), (1, 2), (2, 3), (2, 4)] {
        kept(&given, id(person), number, 5, Keep::Newer, at(REPAIR - 1)).await;
    }
    // The ledger has one of each person's, and tells of another one meanwhile.
    for (person, number) in [(1, 1), (2, 4)] {
        kept(&given, id(person), number, 5, repair(), at(REPAIR + 1)).await;
    }
    kept(&given, id(2), 5, 6, Keep::Newer, at(REPAIR)).await;
    assert_eq!(given.documents.forget_read_models(None, at(REPAIR)).await, Ok(6));
    assert_eq!(sequences(&given, id(1)).await, [vec![5], vec![5], vec![5]]);
    assert_eq!(sequences(&given, id(2)).await, [vec![5, 6], vec![5, 6], vec![6, 5]]);
    assert_eq!(given.documents.forget_read_models(None, at(REPAIR)).await, Ok(0));
}

pub(super) async fn forgetting_of_one_person_leaves_the_others(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 2).await;
    for number in [1, 2] {
        kept(&given, id(number), number, 5, Keep::Newer, at(REPAIR - 1)).await;
    }
    assert_eq!(given.documents.forget_read_models(Some(id(1)), at(REPAIR)).await, Ok(3));
    assert_eq!(sequences(&given, id(1)).await, NOTHING);
    assert_eq!(sequences(&given, id(2)).await, [vec![5], vec![5], vec![5]]);
    assert_eq!(read_models(&given).await, [1, 1, 1]);
}
