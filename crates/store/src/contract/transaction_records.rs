//! Transaction records: the newest of each purchase, found by the beginnings of words.

use bursar_core::{AccountId, CardId, CardholderId, Mcc, MessageId, OwnerId};
use jiff::SignedDuration;

use super::given::{transaction_record as record, usd};
use super::{NOON, Place, given};
use crate::reader::Page;
use crate::transaction_record::{RecordFilter, TransactionRecord, TransactionRecords};

async fn keep(records: &dyn TransactionRecords, of: &[&TransactionRecord]) {
    let of = of.iter().map(|record| (*record).clone()).collect();
    records.keep_records(of).await.expect("records that are kept");
}

async fn find(records: &dyn TransactionRecords, root: MessageId) -> TransactionRecord {
    records.find_record(root).await.expect("readable").expect("there")
}

/// The positions of those that are found.
async fn search(records: &dyn TransactionRecords, filter: &RecordFilter) -> Vec<i64> {
    let found = records.search_records(filter, Page { after: None, limit: 100 }).await.expect("readable");
    found.into_iter().map(|record| record.position).collect()
}

fn words(words: &str) -> RecordFilter {
    let words = words.split(' ').map(str::to_owned).collect();
    RecordFilter { words, ..RecordFilter::default() }
}

/// A record with something in every field.
fn full(position: i64) -> TransactionRecord {
    let text = |text: &str| Some(text.to_owned());
    TransactionRecord {
        sequence: 7,
        owner: Some(OwnerId::new(given::id())),
        owner_label: text("Acme"),
        cardholder: Some(CardholderId::new(given::id())),
        card: Some(CardId::new(given::id())),
        card_label: text("Travel 1234"),
        account: Some(AccountId::new(given::id())),
        merchant: text("Blue Bottle"),
        merchant_raw: text("SQ *BLUE BOTTLE 0042"),
        city: text("Oakland"),
        mcc: Mcc::parse("5814").ok(),
        category: text("restaurant"),
        amount_minor: Some(450),
        currency: Some(usd("1.00").currency),
        began_at: NOON + SignedDuration::from_micros(7),
        ..record(position, "acme blue bottle oakland")
    }
}

pub(super) async fn a_record_is_read_back_as_it_was_kept(place: &dyn Place) {
    let records = place.open();
    let (full, bare) = (full(1), TransactionRecord { words: Vec::new(), ..record(2, "none") });
    let merged = TransactionRecord { merged_into: Some(full.root), ..record(3, "part") };
    keep(records.as_ref(), &[&full, &bare, &merged]).await;
    keep(records.as_ref(), &[]).await;
    for kept in [&full, &bare, &merged] {
        assert_eq!(find(records.as_ref(), kept.root).await, *kept);
    }
    assert_eq!(records.find_record(MessageId::new(given::id())).await, Ok(None));
    let page = Page { after: None, limit: 9 };
    assert_eq!(records.search_records(&words("bottle"), page).await, Ok(vec![full]));
}

pub(super) async fn only_a_newer_record_takes_the_place_of_one(place: &dyn Place) {
    let records = place.open();
    let (kept, other) = (full(1), full(2));
    keep(records.as_ref(), &[&kept, &other]).await;
    for sequence in [6, 7] {
        let late = TransactionRecord { sequence, status: "late".to_owned(), ..kept.clone() };
        let late = TransactionRecord { words: vec!["late".to_owned()], ..late };
        let newer = TransactionRecord { sequence: other.sequence + sequence, ..other.clone() };
        keep(records.as_ref(), &[&late, &newer]).await;
        assert_eq!(find(records.as_ref(), kept.root).await, kept, "{sequence}");
        assert_eq!(find(records.as_ref(), other.root).await, newer, "each by itself");
        assert_eq!(search(records.as_ref(), &words("late")).await, [0; 0]);
    }
    let bare = TransactionRecord {
        root: kept.root,
        sequence: 8,
        status: "reversed".to_owned(),
        ..record(1, "newer words")
    };
    keep(records.as_ref(), &[&bare]).await;
    assert_eq!(find(records.as_ref(), kept.root).await, bare, "in every field");
}

pub(super) async fn records_are_found_by_the_beginnings_of_all_words_in_any_order(place: &dyn Place) {
    let records = place.open();
    let bottle = record(1, "acme blue bottle oakland 0042");
    let bluebird = record(2, "acme bluebird or not near and 1e5");
    let coffee = record(3, "zenith coffee blue");
    keep(records.as_ref(), &[&bottle, &bluebird, &coffee]).await;
    for (wanted, found) in [
        ("blue", vec![3, 2, 1]),
        ("bluebird", vec![2]),
        ("acme", vec![2, 1]),
        ("bott", vec![1]),
        ("oak blue", vec![1]),
        ("blue oak ac", vec![1]),
        ("b b b", vec![3, 2, 1]),
        ("0", vec![1]),
        ("1e", vec![2]),
        ("or", vec![2]),
        ("not and near", vec![2]),
        ("ottle", vec![]),
        ("bottles", vec![]),
        ("lue", vec![]),
        ("acme coffee", vec![]),
        ("zen oak", vec![]),
    ] {
        assert_eq!(search(records.as_ref(), &words(wanted)).await, found, "{wanted}");
    }
    assert_eq!(search(records.as_ref(), &RecordFilter::default()).await, [3, 2, 1]);
    // No question of ours, and no question at all: nothing is found by it, and nothing breaks.
    for odd in ["\"", "'", "\\", "b:*", "blue|acme", "(", "*"] {
        let odd = RecordFilter { words: vec![odd.to_owned()], ..RecordFilter::default() };
        let found = records.search_records(&odd, Page { after: None, limit: 9 }).await;
        assert!(found.is_ok(), "{odd:?}: {found:?}");
    }
    for never_kept in ["", "\0", "blue\0", &"a".repeat(256), &"a".repeat(3_000)] {
        let words = vec!["blue".to_owned(), never_kept.to_owned()];
        let filter = RecordFilter { words, ..RecordFilter::default() };
        assert_eq!(search(records.as_ref(), &filter).await, [0; 0], "{never_kept:?}");
    }
}

pub(super) async fn a_word_that_no_index_can_keep_is_left_out(place: &dyn Place) {
    let records = place.open();
    let longest = "z".repeat(255);
    let odd = ["blue", "", "with\0in", &"y".repeat(256), &"x".repeat(3_000), &longest];
    let odd = TransactionRecord { words: odd.map(str::to_owned).to_vec(), ..record(1, "odd") };
    keep(records.as_ref(), &[&odd]).await;
    assert_eq!(find(records.as_ref(), odd.root).await.words, ["blue", &longest]);
    for (wanted, found) in
        [("blue", vec![1]), (&longest, vec![1]), ("with", vec![]), ("y", vec![]), ("x", vec![])]
    {
        assert_eq!(search(records.as_ref(), &words(wanted)).await, found, "{wanted}");
    }
}

pub(super) async fn a_record_is_found_by_its_newest_words_only(place: &dyn Place) {
    let records = place.open();
    let (first, other) = (record(1, "sq bottle"), record(2, "other"));
    keep(records.as_ref(), &[&first, &other]).await;
    let renamed = TransactionRecord { sequence: 2, words: vec!["roasters".to_owned()], ..first };
    keep(records.as_ref(), &[&renamed]).await;
    assert_eq!(search(records.as_ref(), &words("bottle")).await, [0; 0]);
    assert_eq!(search(records.as_ref(), &words("roast")).await, [1]);
    assert_eq!(search(records.as_ref(), &words("other")).await, [2]);
}

pub(super) async fn a_part_of_another_purchase_is_kept_and_not_looked_for(place: &dyn Place) {
    let records = place.open();
    let (whole, part) = (full(1), TransactionRecord { owner: None, ..full(2) });
    keep(records.as_ref(), &[&whole, &part]).await;
    assert_eq!(search(records.as_ref(), &words("blue")).await, [2, 1]);
    let merged = TransactionRecord { sequence: 8, merged_into: Some(whole.root), ..part };
    keep(records.as_ref(), &[&merged]).await;
    for filter in [
        words("blue"),
        RecordFilter::default(),
        RecordFilter { card: merged.card, ..RecordFilter::default() },
    ] {
        let found = search(records.as_ref(), &filter).await;
        assert!(!found.contains(&2), "{filter:?}: {found:?}");
    }
    assert_eq!(find(records.as_ref(), merged.root).await, merged);
}

pub(super) async fn each_filter_finds_records_and_excludes_others(place: &dyn Place) {
    let records = place.open();
    let at = |seconds| NOON + SignedDuration::from_secs(seconds);
    let one = TransactionRecord { began_at: at(1), ..full(1) };
    let other = TransactionRecord { began_at: at(2), category: Some("hotel".to_owned()), ..full(2) };
    let late = TransactionRecord { began_at: at(3), owner: one.owner, ..full(3) };
    let nobodys = TransactionRecord { began_at: at(4), ..record(4, "acme") };
    keep(records.as_ref(), &[&one, &other, &late, &nobodys]).await;
    let any = RecordFilter::default;
    let text = |text: &str| Some(text.to_owned());
    for (filter, found) in [
        (any(), vec![4, 3, 2, 1]),
        (RecordFilter { owner: one.owner, ..any() }, vec![3, 1]),
        (RecordFilter { owner: other.owner, ..any() }, vec![2]),
        (RecordFilter { card: late.card, ..any() }, vec![3]),
        (RecordFilter { category: text("restaurant"), ..any() }, vec![3, 1]),
        (RecordFilter { category: text("hotel"), ..any() }, vec![2]),
        (RecordFilter { category: text("hotel\0"), ..any() }, vec![]),
        (RecordFilter { from: Some(at(3)), ..any() }, vec![4, 3]),
        (RecordFilter { to: Some(at(3)), ..any() }, vec![2, 1]),
        (RecordFilter { from: Some(at(2)), to: Some(at(4)), ..any() }, vec![3, 2]),
        (RecordFilter { owner: one.owner, card: one.card, ..words("oakland acme") }, vec![1]),
        (RecordFilter { owner: one.owner, card: other.card, ..any() }, vec![]),
        (RecordFilter { owner: one.owner, to: Some(at(3)), ..words("bottle") }, vec![1]),
        (RecordFilter { owner: Some(OwnerId::new(given::id())), ..any() }, vec![]),
    ] {
        assert_eq!(search(records.as_ref(), &filter).await, found, "{filter:?}");
    }
}

pub(super) async fn records_come_in_pages_those_that_began_last_first(place: &dyn Place) {
    let records = place.open();
    let all: Vec<TransactionRecord> = [5, 1, 9, 3, 7].into_iter().map(|of| record(of, "blue")).collect();
    // In an order of their own: their ids say nothing of their places.
    keep(records.as_ref(), &all.iter().collect::<Vec<_>>()).await;
    for filter in [RecordFilter::default(), words("bl")] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after, limit: 2 };
            let found = records.search_records(&filter, page).await.expect("readable");
            assert!(found.len() <= 2);
            let Some(last) = found.last() else { break };
            after = Some(last.position);
            seen.extend(found.into_iter().map(|record| record.position));
        }
        assert_eq!(seen, [9, 7, 5, 3, 1], "{filter:?}");
    }
}

/// However many have it, and however long ago the last of them began.
pub(super) async fn a_word_is_found_among_many_records(place: &dyn Place) {
    const MANY: i64 = 1_200;
    let records = place.open();
    let words_of = |position| match position {
        1 => "blue rare oldest",
        3 | 150 | MANY => "blue rare",
        _ => "blue",
    };
    let all: Vec<TransactionRecord> = (1..=MANY).map(|of| record(of, words_of(of))).collect();
    records.keep_records(all).await.expect("records that are kept");
    let list = async |wanted: &str, after, limit| {
        let found = records.search_records(&words(wanted), Page { after, limit }).await.expect("readable");
        found.into_iter().map(|record| record.position).collect::<Vec<_>>()
    };
    assert_eq!(list("oldest", None, 2).await, [1]);
    assert_eq!(list("rare blue", None, 9).await, [MANY, 150, 3, 1]);
    assert_eq!(list("rare", None, 2).await, [MANY, 150]);
    assert_eq!(list("rare", Some(150), 2).await, [3, 1]);
    assert_eq!(list("rare", Some(1), 2).await, [0; 0]);
    assert_eq!(list("blue", None, 2).await, [MANY, MANY - 1]);
    assert_eq!(list("blue", Some(3), 9).await, [2, 1]);
    assert_eq!(list("green", None, 9).await, [0; 0]);
}

pub(super) async fn records_are_kept_together_or_not_at_all(place: &dyn Place) {
    let records = place.open();
    let first = record(1, "first");
    keep(records.as_ref(), &[&first]).await;
    let (good, at_its_place) = (record(2, "good"), record(1, "other"));
    let refused = records.keep_records(vec![good.clone(), at_its_place]).await;
    assert!(refused.is_err(), "a place is one record's");
    assert_eq!(records.find_record(good.root).await, Ok(None));
    assert_eq!(search(records.as_ref(), &words("good")).await, [0; 0]);
    assert_eq!(search(records.as_ref(), &RecordFilter::default()).await, [1]);
    keep(records.as_ref(), &[&good]).await;
    assert_eq!(search(records.as_ref(), &words("good")).await, [2]);
}

pub(super) async fn records_are_found_after_opening_again(place: &dyn Place) {
    let records = place.open();
    let kept = full(1);
    keep(records.as_ref(), &[&kept]).await;
    drop(records);
    let records = place.open();
    assert_eq!(find(records.as_ref(), kept.root).await, kept);
    assert_eq!(search(records.as_ref(), &words("bot oak")).await, [1]);
    let newer = TransactionRecord { sequence: 8, words: vec!["other".to_owned()], ..kept };
    keep(records.as_ref(), &[&newer]).await;
    assert_eq!(search(records.as_ref(), &words("bot")).await, [0; 0]);
    assert_eq!(search(records.as_ref(), &words("oth")).await, [1]);
}
