//! Dead letters: one a message and queue, open until somebody says what became of it.

use futures_util::future::join;
use jiff::SignedDuration;
use uuid::Uuid;

use super::{NOON, Place, given};
use crate::dead_letter::{
    DeadLetter, DeadLetterFilter, DeadLetterState, DeadLetters, NewDeadLetter, Resolution,
};
use crate::reader::Page;

async fn bury(letters: &dyn DeadLetters, letter: &NewDeadLetter) {
    assert_eq!(letters.bury(letter.clone()).await, Ok(true));
}

async fn find(letters: &dyn DeadLetters, id: Uuid) -> DeadLetter {
    letters.find_dead_letter(id).await.expect("readable").expect("there")
}

async fn list(letters: &dyn DeadLetters, filter: &DeadLetterFilter) -> Vec<Uuid> {
    let page = Page { after: None, limit: 100 };
    let found = letters.list_dead_letters(filter, page).await.expect("readable");
    found.into_iter().map(|found| found.letter.id).collect()
}

fn discarded(why: &str) -> Resolution {
    Resolution::Discarded(why.to_owned())
}

/// Sets the clock to so many seconds after noon.
fn at(place: &dyn Place, seconds: i64) {
    place.clock().set_after_noon(SignedDuration::from_secs(seconds));
}

pub(super) async fn a_letter_is_read_back_as_it_came_and_listed_without_its_body(place: &dyn Place) {
    let letters = place.open();
    let full = given::dead_letter("webhooks");
    let bare = NewDeadLetter {
        reply_to: None,
        correlation_id: None,
        published_at: None,
        error_last: "with \0 in it".to_owned(),
        ..given::dead_letter("webhooks")
    };
    bury(letters.as_ref(), &full).await;
    bury(letters.as_ref(), &bare).await;
    let found = find(letters.as_ref(), full.id).await;
    let kept =
        DeadLetter { letter: full.clone(), deaths: 1, died_at: NOON, resolution: None, resolved_at: None };
    assert_eq!(found, kept);
    let of = async |queue| letters.find_dead_letter_of(full.message, queue).await.expect("readable");
    assert_eq!((of(&*full.queue).await, of("another-queue").await), (Some(kept.clone()), None));
    let other = find(letters.as_ref(), bare.id).await.letter;
    assert!(other.error_last.starts_with("with "), "whatever is in it: {other:?}");
    assert_eq!(
        NewDeadLetter { error_last: String::new(), ..other },
        NewDeadLetter { error_last: String::new(), ..bare }
    );
    let page = Page { after: None, limit: 1 };
    let listed = letters.list_dead_letters(&DeadLetterFilter::default(), page).await.expect("readable");
    let without_body = NewDeadLetter { body: Vec::new(), ..full };
    assert_eq!(listed, [DeadLetter { letter: without_body, ..kept }]);
    assert_eq!(letters.find_dead_letter(given::id()).await, Ok(None));
}

pub(super) async fn a_letter_that_dies_again_is_open_again_and_what_was_said_of_it_before_has_no_effect(
    place: &dyn Place,
) {
    let letters = place.open();
    let first = given::dead_letter("webhooks");
    bury(letters.as_ref(), &first).await;
    let seen = find(letters.as_ref(), first.id).await;
    at(place, 5);
    assert_eq!(letters.resolve(&seen, Resolution::Replayed).await, Ok(true));
    assert_eq!(letters.count_dead_letters().await, Ok(0));
    at(place, 9);
    let again = NewDeadLetter {
        id: given::id(),
        death: given::id(),
        kind: "card.closed".to_owned(),
        body: b"another".to_vec(),
        reply_to: None,
        correlation_id: None,
        published_at: None,
        attempts: 1,
        reason: "unreadable".to_owned(),
        error_first: "other".to_owned(),
        error_last: "others".to_owned(),
        ..first.clone()
    };
    bury(letters.as_ref(), &again).await;
    let kept = find(letters.as_ref(), first.id).await;
    assert_eq!(kept.letter, NewDeadLetter { id: first.id, ..again.clone() }, "the first one's id");
    assert_eq!((kept.deaths, kept.resolution.clone(), kept.resolved_at), (2, None, None));
    assert_eq!(kept.died_at, NOON + SignedDuration::from_secs(9));
    assert_eq!(letters.find_dead_letter(again.id).await, Ok(None));
    assert_eq!(letters.resolve(&seen, discarded("too late")).await, Ok(false));
    assert_eq!(find(letters.as_ref(), first.id).await, kept);
    assert_eq!(letters.count_dead_letters().await, Ok(1));
    assert_eq!(letters.resolve(&kept, discarded("of no use")).await, Ok(true));
    bury(letters.as_ref(), &NewDeadLetter { death: given::id(), ..again }).await;
    let last = find(letters.as_ref(), first.id).await;
    assert_eq!((last.deaths, last.resolution), (3, None), "a discarded one, too");
}

pub(super) async fn a_death_that_is_known_changes_nothing(place: &dyn Place) {
    let letters = place.open();
    let first = given::dead_letter("webhooks");
    bury(letters.as_ref(), &first).await;
    at(place, 5);
    let copy = NewDeadLetter { id: given::id(), body: b"another".to_vec(), ..first.clone() };
    assert_eq!(letters.bury(copy.clone()).await, Ok(false));
    let seen = find(letters.as_ref(), first.id).await;
    assert_eq!((&seen.letter, seen.deaths, seen.died_at), (&first, 1, NOON));
    assert_eq!(letters.resolve(&seen, Resolution::Replayed).await, Ok(true));
    let resolved = find(letters.as_ref(), first.id).await;
    assert_eq!(letters.bury(copy.clone()).await, Ok(false));
    assert_eq!(find(letters.as_ref(), first.id).await, resolved, "it stays resolved");
    let again = NewDeadLetter { death: given::id(), ..copy.clone() };
    bury(letters.as_ref(), &again).await;
    let last = NewDeadLetter { death: given::id(), ..copy.clone() };
    bury(letters.as_ref(), &last).await;
    let open = find(letters.as_ref(), first.id).await;
    assert_eq!(open.deaths, 3);
    for late in [copy, again, last] {
        assert_eq!(letters.bury(late).await, Ok(false), "nor one before the last");
    }
    assert_eq!(find(letters.as_ref(), first.id).await, open);
    let elsewhere = NewDeadLetter { id: given::id(), queue: "records".to_owned(), ..first };
    bury(letters.as_ref(), &elsewhere).await;
    assert_eq!(letters.count_dead_letters().await, Ok(2), "another queue knows nothing of it");
}

pub(super) async fn of_two_copies_of_a_death_that_come_at_once_one_is_kept(place: &dyn Place) {
    let letters = place.open();
    let first = given::dead_letter("webhooks");
    for death in [first.death, given::id(), given::id()] {
        let copies = [(); 2].map(|()| NewDeadLetter { id: given::id(), death, ..first.clone() });
        let [one, other] = copies.map(|copy| letters.bury(copy));
        let (one, other) = join(one, other).await;
        assert!(one.expect("writable") != other.expect("writable"));
    }
    let kept = letters.list_dead_letters(&DeadLetterFilter::default(), Page { after: None, limit: 9 }).await;
    let deaths: Vec<u32> = kept.expect("readable").into_iter().map(|kept| kept.deaths).collect();
    assert_eq!(deaths, [3]);
}

pub(super) async fn a_letter_is_resolved_once(place: &dyn Place) {
    let letters = place.open();
    let [one, other] = [(); 2].map(|()| given::dead_letter("webhooks"));
    bury(letters.as_ref(), &one).await;
    bury(letters.as_ref(), &other).await;
    let seen = find(letters.as_ref(), one.id).await;
    at(place, 5);
    let replayed = letters.resolve(&seen, Resolution::Replayed);
    let (replayed, discarded_too) = join(replayed, letters.resolve(&seen, discarded("no"))).await;
    let effects = [replayed.expect("writable"), discarded_too.expect("writable")];
    assert_eq!(effects.into_iter().filter(|of| *of).count(), 1, "{effects:?}");
    let resolved = find(letters.as_ref(), one.id).await;
    let expected = if effects[0] { Resolution::Replayed } else { discarded("no") };
    assert_eq!(resolved.resolution, Some(expected));
    assert_eq!(resolved.resolved_at, Some(NOON + SignedDuration::from_secs(5)));
    at(place, 6);
    assert_eq!(letters.resolve(&seen, Resolution::Replayed).await, Ok(false));
    assert_eq!(find(letters.as_ref(), one.id).await, resolved);
    assert_eq!(find(letters.as_ref(), other.id).await.resolution, None, "another letter stays open");
    assert_eq!(letters.count_dead_letters().await, Ok(1));
}

pub(super) async fn what_was_resolved_long_ago_is_forgotten_with_all_its_deaths(place: &dyn Place) {
    let letters = place.open();
    let all = [(); 5].map(|()| given::dead_letter("webhooks"));
    for (letter, seconds) in all.iter().zip([0, 1, 2, 3]) {
        bury(letters.as_ref(), letter).await;
        at(place, seconds);
        let open = find(letters.as_ref(), letter.id).await;
        assert_eq!(letters.resolve(&open, discarded("of no use")).await, Ok(true));
    }
    bury(letters.as_ref(), &all[4]).await;
    // Resolved first, and open again.
    bury(letters.as_ref(), &NewDeadLetter { death: given::id(), ..all[0].clone() }).await;
    let forget = async |seconds, limit| {
        letters.forget_dead_letters(NOON + SignedDuration::from_secs(seconds), limit).await
    };
    assert_eq!((forget(1, 9).await, forget(99, 0).await), (Ok(0), Ok(0)));
    assert_eq!((forget(3, 1).await, forget(3, 9).await, forget(3, 9).await), (Ok(1), Ok(1), Ok(0)));
    let left = list(letters.as_ref(), &DeadLetterFilter::default()).await;
    assert_eq!(left, [all[0].id, all[3].id, all[4].id], "those that are open, and what was resolved then");
    bury(letters.as_ref(), &all[1]).await;
    assert_eq!(find(letters.as_ref(), all[1].id).await.deaths, 1, "as one that nobody knew");
    let (one, other) = join(forget(99, 1), forget(99, 1)).await;
    let rest = one.expect("writable") + other.expect("writable") + forget(99, 9).await.expect("writable");
    assert_eq!(rest, 1);
}

pub(super) async fn one_message_that_dies_in_two_queues_is_two_letters(place: &dyn Place) {
    let letters = place.open();
    let one = given::dead_letter("webhooks");
    let other = NewDeadLetter { id: given::id(), queue: "records".to_owned(), ..one.clone() };
    bury(letters.as_ref(), &one).await;
    bury(letters.as_ref(), &other).await;
    assert_eq!(letters.count_dead_letters().await, Ok(2));
    let seen = find(letters.as_ref(), one.id).await;
    assert_eq!(letters.resolve(&seen, Resolution::Replayed).await, Ok(true));
    assert_eq!(find(letters.as_ref(), other.id).await.state(), DeadLetterState::Open);
}

pub(super) async fn each_filter_finds_letters_and_excludes_others(place: &dyn Place) {
    let letters = place.open();
    let plain = given::dead_letter("webhooks");
    let queue = given::dead_letter("records");
    let kind = NewDeadLetter { kind: "card.closed".to_owned(), ..given::dead_letter("webhooks") };
    let reason = NewDeadLetter { reason: "unreadable".to_owned(), ..given::dead_letter("webhooks") };
    let late = given::dead_letter("webhooks");
    let all = [&plain, &queue, &kind, &reason, &late];
    for (letter, seconds) in all.into_iter().zip([0, 0, 0, 0, 60]) {
        at(place, seconds);
        bury(letters.as_ref(), letter).await;
    }
    let (gone, replayed) = (find(letters.as_ref(), plain.id).await, find(letters.as_ref(), queue.id).await);
    letters.resolve(&gone, discarded("no")).await.expect("writable");
    letters.resolve(&replayed, Resolution::Replayed).await.expect("writable");
    let ids = |of: &[&NewDeadLetter]| of.iter().map(|letter| letter.id).collect::<Vec<_>>();
    let any = DeadLetterFilter::default;
    let text = |text: &str| Some(text.to_owned());
    let minute = Some(NOON + SignedDuration::from_secs(60));
    for (filter, wanted) in [
        (any(), all.to_vec()),
        (DeadLetterFilter { state: Some(DeadLetterState::Open), ..any() }, vec![&kind, &reason, &late]),
        (DeadLetterFilter { state: Some(DeadLetterState::Replayed), ..any() }, vec![&queue]),
        (DeadLetterFilter { state: Some(DeadLetterState::Discarded), ..any() }, vec![&plain]),
        (DeadLetterFilter { queue: text("records"), ..any() }, vec![&queue]),
        (DeadLetterFilter { kind: text("card.closed"), ..any() }, vec![&kind]),
        (DeadLetterFilter { reason: text("unreadable"), ..any() }, vec![&reason]),
        (DeadLetterFilter { from: minute, ..any() }, vec![&late]),
        (DeadLetterFilter { to: minute, ..any() }, vec![&plain, &queue, &kind, &reason]),
        (DeadLetterFilter { queue: text("records"), kind: text("card.closed"), ..any() }, vec![]),
        (DeadLetterFilter { queue: text("records\0"), ..any() }, vec![]),
        (DeadLetterFilter { kind: text("card.closed\0"), ..any() }, vec![]),
        (DeadLetterFilter { reason: text("\0"), ..any() }, vec![]),
    ] {
        assert_eq!(list(letters.as_ref(), &filter).await, ids(&wanted), "{filter:?}");
    }
}

pub(super) async fn letters_come_in_pages_by_their_ids(place: &dyn Place) {
    let letters = place.open();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let letter = given::dead_letter("webhooks");
        bury(letters.as_ref(), &letter).await;
        ids.push(letter.id);
    }
    let open = DeadLetterFilter { state: Some(DeadLetterState::Open), ..DeadLetterFilter::default() };
    for filter in [DeadLetterFilter::default(), open] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = Page { after, limit: 2 };
            let found = letters.list_dead_letters(&filter, page).await.expect("readable");
            assert!(found.len() <= 2);
            let Some(last) = found.last() else { break };
            after = Some(last.letter.id);
            seen.extend(found.into_iter().map(|found| found.letter.id));
        }
        assert_eq!(seen, ids, "{filter:?}");
    }
}

pub(super) async fn letters_are_there_after_opening_again(place: &dyn Place) {
    let letters = place.open();
    let [one, other] = [(); 2].map(|()| given::dead_letter("webhooks"));
    bury(letters.as_ref(), &one).await;
    bury(letters.as_ref(), &other).await;
    letters
        .resolve(&find(letters.as_ref(), one.id).await, discarded("of no use"))
        .await
        .expect("letters that are kept");
    let before = find(letters.as_ref(), one.id).await;
    drop(letters);
    let letters = place.open();
    assert_eq!(find(letters.as_ref(), one.id).await, before);
    assert_eq!(before.resolution, Some(discarded("of no use")));
    assert_eq!(letters.count_dead_letters().await, Ok(1));
}
