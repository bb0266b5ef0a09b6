//! What the ledger says is kept by its sequence.

use super::Place;
use super::given::{
    NOTHING, at, card, card_id, entry, id, opened, persons, read_models, root, sequences, text, told, wallet,
};
use crate::documents::Keep;
use crate::history::HistoryEntry;
use crate::wallet::Wallet;

/// Every order of four.
fn orders() -> Vec<[i64; 4]> {
    let mut orders = Vec::new();
    for a in 1..=4 {
        for b in (1..=4).filter(|b| *b != a) {
            for c in (1..=4).filter(|c| ![a, b].contains(c)) {
                orders.push([a, b, c, 10 - a - b - c]);
            }
        }
    }
    orders
}

pub(super) async fn states_come_to_the_newest_in_any_order(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let orders = orders();
    assert_eq!(orders.len(), 24);
    for turn in 0..4 {
        // Each order is of a card, a wallet and a purchase of its own.
        let told = || (1..).zip(&orders).map(|(number, order)| (number, order[turn]));
        let person = id(1);
        let cards = told().map(|(number, sequence)| card(person, number, sequence)).collect();
        let wallets = told().map(|(number, sequence)| wallet(person, number, sequence)).collect();
        let entries = told().map(|(number, sequence)| entry(person, number, sequence)).collect();
        given.people.keep_cards(cards, Keep::Newer, at(0)).await.expect("it is kept");
        given.people.keep_wallets(wallets, Keep::Newer, at(0)).await.expect("it is kept");
        given.people.keep_history(entries, Keep::Newer, at(0)).await.expect("it is kept");
        let newest: Vec<i64> =
            orders.iter().filter_map(|order| order[..=turn].iter().max().copied()).collect();
        let backwards = newest.iter().rev().copied().collect();
        assert_eq!(sequences(&given, person).await, [newest.clone(), newest, backwards]);
    }
}

pub(super) async fn a_batch_may_have_several_states_of_one_thing(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 2).await;
    let batch = || [(1, 1, 3), (2, 2, 8), (1, 1, 7), (2, 2, 2), (1, 1, 5)];
    let cards = batch().map(|(person, number, sequence)| card(id(person), number, sequence));
    let wallets = batch().map(|(person, number, sequence)| wallet(id(person), number, sequence));
    let entries = batch().map(|(person, number, sequence)| entry(id(person), number, sequence));
    given.people.keep_cards(cards.into(), Keep::Newer, at(0)).await.expect("it is kept");
    given.people.keep_wallets(wallets.into(), Keep::Newer, at(0)).await.expect("it is kept");
    given.people.keep_history(entries.into(), Keep::Newer, at(0)).await.expect("it is kept");
    for (person, newest) in [(1, 7), (2, 8)] {
        assert_eq!(sequences(&given, id(person)).await, [vec![newest], vec![newest], vec![newest]]);
    }
}

pub(super) async fn amounts_are_kept_to_the_last_unit(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let huge = Wallet {
        posted_minor: i64::MAX,
        held_minor: i64::MAX - 1,
        available_minor: i64::MIN,
        sequence: i64::MAX,
        ..wallet(id(1), 1, 1)
    };
    given.people.keep_wallets(vec![huge], Keep::Newer, at(0)).await.expect("it is kept");
    assert_eq!(given.people.list_wallets(id(1)).await, Ok(vec![huge]));
    let bare = HistoryEntry {
        position: i64::MAX - 1,
        card: None,
        merchant: None,
        category: None,
        amount_minor: None,
        currency: None,
        began_at: at(0) + jiff::SignedDuration::from_micros(1),
        ..entry(id(1), 1, 1)
    };
    given.people.keep_history(vec![bare.clone()], Keep::Newer, at(0)).await.expect("it is kept");
    assert_eq!(given.people.list_history(id(1), Some(i64::MAX), 1).await, Ok(vec![bare]));
}

pub(super) async fn what_is_told_of_nobody_known_is_not_kept(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 2).await;
    given.documents.lock_person(id(2), jiff::civil::date(2030, 1, 1)).await.expect("it is known");
    let batch = |of: u128| [(of, 1), (1, 2)];
    for stranger in [2, 9] {
        let cards = batch(stranger).map(|(person, number)| card(id(person), number, 1));
        let wallets = batch(stranger).map(|(person, number)| wallet(id(person), number, 1));
        let entries = batch(stranger).map(|(person, number)| entry(id(person), number, 1));
        given.people.keep_cards(cards.into(), Keep::Newer, at(0)).await.expect("the others are kept");
        given.people.keep_wallets(wallets.into(), Keep::Newer, at(0)).await.expect("the others are kept");
        given.people.keep_history(entries.into(), Keep::Newer, at(0)).await.expect("the others are kept");
    }
    assert_eq!(read_models(&given).await, [1, 1, 1]);
    assert_eq!(sequences(&given, id(1)).await, [vec![1], vec![1], vec![1]]);
}

pub(super) async fn a_label_outlives_what_the_ledger_says(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 2).await;
    told(&given, id(1), 1, 1).await;
    let label = async |person, card, label| {
        given.people.label_card(id(person), card_id(card), label).await.expect("it is there")
    };
    let labels = async || {
        let cards = given.people.list_cards(id(1)).await.expect("it is there");
        cards.into_iter().map(|card| (card.state.sequence, card.label)).collect::<Vec<_>>()
    };
    assert!(label(1, 1, Some(text("Groceries"))).await);
    told(&given, id(1), 1, 2).await;
    assert_eq!(labels().await, [(2, Some(text("Groceries")))]);
    // Neither a card that there is not, nor another person's.
    assert!(!label(1, 2, Some(text("Rent"))).await);
    assert!(!label(2, 1, Some(text("Rent"))).await);
    assert_eq!(labels().await, [(2, Some(text("Groceries")))]);
    assert!(label(1, 1, None).await);
    assert_eq!(labels().await, [(2, None)]);
}

pub(super) async fn purchases_are_listed_last_first_in_pages(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 2).await;
    let numbers = [4, 9, 1, 7, 3, 8, 2];
    let mut entries: Vec<HistoryEntry> = numbers.iter().map(|number| entry(id(1), *number, 1)).collect();
    entries.push(entry(id(2), 5, 1));
    given.people.keep_history(entries, Keep::Newer, at(0)).await.expect("it is kept");
    for limit in [1, 3, 7, 100] {
        let mut seen = Vec::new();
        let mut before = None;
        loop {
            let page = given.people.list_history(id(1), before, limit).await.expect("it is there");
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            before = Some(last.position);
            seen.extend(page.iter().map(|entry| entry.position));
        }
        assert_eq!(seen, [9, 8, 7, 4, 3, 2, 1], "by {limit}");
    }
}

pub(super) async fn a_purchase_that_became_part_of_another_is_not_listed(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 1).await;
    let entries = (1..=3).map(|number| entry(id(1), number, 1)).collect();
    given.people.keep_history(entries, Keep::Newer, at(0)).await.expect("it is kept");
    let merged = HistoryEntry { merged_into: Some(root(1)), ..entry(id(1), 2, 2) };
    given.people.keep_history(vec![merged], Keep::Newer, at(0)).await.expect("it is kept");
    // What was told of it before comes late.
    given.people.keep_history(vec![entry(id(1), 2, 1)], Keep::Newer, at(0)).await.expect("it is kept");
    let listed = given.people.list_history(id(1), None, 10).await.expect("it is there");
    assert_eq!(listed.iter().map(|entry| entry.position).collect::<Vec<_>>(), [3, 1]);
}

pub(super) async fn each_person_has_its_own(place: &dyn Place) {
    let given = opened(place).await;
    persons(&given, 3).await;
    for (person, number) in [(1, 1), (2, 2), (1, 3)] {
        told(&given, id(person), number, i64::try_from(10 * number).expect("small")).await;
    }
    assert_eq!(sequences(&given, id(1)).await, [vec![10, 30], vec![10, 30], vec![30, 10]]);
    assert_eq!(sequences(&given, id(2)).await, [vec![20], vec![20], vec![20]]);
    assert_eq!(sequences(&given, id(3)).await, NOTHING);
}
