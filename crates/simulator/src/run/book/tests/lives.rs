//! Purchases live on by notices.

use super::*;
use crate::history::{Notice, Says, Told};
use crate::plan::{Clearing, Delay, Event, Late, Manner};
use crate::records::Records;

const ALL: Clearing = Clearing { percent: None, part: None, is_final: None };

fn act(after: u64, event: Event) -> Act {
    Act { after, event, manner: Manner::default() }
}

/// A book whose only purchase is of 1.99, and has this life.
fn living(life: Vec<Act>) -> (Book, Arc<JitRequest>) {
    let mut book = Book::new(world(), true);
    let request = approve(&mut book, &Step { life, ..step(Deed::Purchase) });
    (book, request)
}

/// The webhooks of a step in which nothing else happens: each with the notices that it has.
fn webhooks(book: &mut Book, index: u64) -> Vec<Vec<usize>> {
    let idle = Step { index, batch_max: 10, ..step(Deed::UnknownCard) };
    let places = |job| match job {
        Job::Notices(job) => Some(job.places),
        Job::Swipe(_) | Job::Action(_) => None,
    };
    book.jobs(&idle, Timestamp::UNIX_EPOCH).into_iter().filter_map(places).collect()
}

fn said(book: &Book) -> Vec<(Says, i64)> {
    book.world.history.notices.iter().map(|notice| (notice.says, notice.amount_minor)).collect()
}

#[test]
fn what_was_approved_is_confirmed_and_cleared_when_it_is_due() {
    let (mut book, request) = living(vec![act(2, Event::Confirmation), act(30, Event::Clearing(ALL))]);
    assert!(webhooks(&mut book, 11).is_empty());
    assert_eq!(webhooks(&mut book, 12), [[0]]);
    assert!(webhooks(&mut book, 39).is_empty());
    assert_eq!(webhooks(&mut book, 40), [[1]]);
    assert_eq!(said(&book), [(Says::Approved, 199), (Says::Cleared(ALL), 199)]);
    let [confirmed, cleared] = &book.world.history.notices[..] else { panic!("two notices") };
    assert_eq!((&confirmed.token, &confirmed.follows), (&request.token, &None));
    assert_eq!(cleared.follows.as_ref(), Some(&request.token));
    assert_ne!(cleared.token, request.token);
}

#[test]
fn amounts_follow_what_happened_before() {
    let part = |percent| Event::Clearing(Clearing { percent: Some(percent), ..ALL });
    let (mut book, _) = living(vec![
        act(1, Event::Advice(200)),
        act(2, Event::Reversal(25)),
        act(3, part(50)),
        act(4, Event::Clearing(ALL)),
        act(5, Event::Clearing(ALL)),
        act(6, Event::Refund(50)),
    ]);
    webhooks(&mut book, 100);
    let amounts: Vec<i64> = said(&book).into_iter().map(|(_, minor)| minor).collect();
    // 3.98, of which 0.99 is released, 1.49 cleared and then the rest; nothing is left for a third clearing.
    assert_eq!(amounts, [398, 99, 149, 150, 149]);
    let refund = book.world.history.notices.last().expect("a refund");
    assert_eq!((refund.says, &refund.follows, refund.ask), (Says::Refunded, &None, Ask::Refund));
}

#[test]
fn a_notice_comes_late_or_again_as_it_is_planned() {
    let manner = Manner { delay: Delay::Lost(20), again_after: Some(5) };
    let (mut book, _) = living(vec![Act { manner, ..act(1, Event::Confirmation) }]);
    assert!(webhooks(&mut book, 30).is_empty());
    assert_eq!(webhooks(&mut book, 50), [[0]]);
    assert_eq!(webhooks(&mut book, 55), [[0]]);
    assert_eq!(book.world.history.notices.len(), 1);
}

#[test]
fn a_webhook_without_an_answer_comes_again_and_one_that_was_stored_does_not() {
    let (mut book, _) = living(vec![act(1, Event::Confirmation)]);
    webhooks(&mut book, 11);
    book.told(&[0], &Told::Unknown);
    assert_eq!(webhooks(&mut book, 100), [[0]]);
    book.told(&[0], &Told::Acknowledged);
    book.told(&[0], &Told::Unknown);
    assert!(webhooks(&mut book, 300).is_empty());
    assert_eq!(book.world.history.notices[0].told, Told::Acknowledged);
}

#[test]
fn more_is_asked_for_and_cleared_with_the_rest() {
    let (mut book, request) = living(vec![act(1, Event::Increment(50)), act(20, Event::Clearing(ALL))]);
    let idle = Step { index: 11, ..step(Deed::UnknownCard) };
    let jobs = swipes(book.jobs(&idle, Timestamp::UNIX_EPOCH));
    let is_more = |job: &SwipeJob| job.request.preceding.is_some();
    let more = jobs.into_iter().find(is_more).expect("an increment");
    assert_eq!(more.request.preceding.as_ref().map(|first| &first.token), Some(&request.token));
    assert_eq!(more.request.amount.minor(request.currency), Some(99));
    book.delivered(more, approved());
    webhooks(&mut book, 50);
    // The answer of the tests approves 1.99, whatever was asked.
    assert_eq!(said(&book).last(), Some(&(Says::Cleared(ALL), 398)));
}

#[test]
fn a_swipe_that_is_too_late_has_its_notice_before_meanwhile_or_after_and_no_life() {
    let life = vec![act(1, Event::Confirmation)];
    for (late, sent_at, told_at) in
        [(Late::Before, 12, 10), (Late::Meanwhile, 10, 10), (Late::After(3), 10, 13)]
    {
        let mut book = Book::new(world(), true);
        let mut jobs = Vec::new();
        let mut told = None;
        for index in 10..20 {
            let purchase = Step { late: Some(late), life: life.clone(), ..step(Deed::Purchase) };
            let step = if index == 10 { purchase } else { Step { index, ..step(Deed::BalanceInquiry) } };
            for job in book.jobs(&step, Timestamp::UNIX_EPOCH) {
                match job {
                    Job::Swipe(job) if job.place == 0 => {
                        jobs.push(index);
                        book.delivered(job, approved());
                    }
                    Job::Notices(_) => told = told.or(Some(index)),
                    Job::Swipe(_) | Job::Action(_) => {}
                }
            }
        }
        assert_eq!((&jobs[..], told), (&[sent_at][..], Some(told_at)), "{late:?}");
        let notices: Vec<&Notice> = book.world.history.notices.iter().collect();
        assert!(matches!(notices[..], [Notice { says: Says::TooLate, .. }]), "{notices:?}");
        assert!(book.open.is_empty() && book.lives.is_empty());
    }
}

#[test]
fn a_swipe_without_an_answer_is_refused() {
    let mut book = Book::new(world(), true);
    let job = swipes(book.jobs(&step(Deed::Purchase), Timestamp::UNIX_EPOCH)).pop().expect("a swipe");
    book.delivered(job, Delivery::Unknown);
    assert_eq!(webhooks(&mut book, 11), [[0]]);
    assert_eq!(book.world.history.notices[0].says, Says::TooLate);
}

#[test]
fn what_nobody_was_asked_about_is_told_and_in_the_end_cleared() {
    let mut book = Book::new(world(), true);
    let unasked = |deed| Step { deed, ..step(Deed::Purchase) };
    assert!(swipes(book.jobs(&unasked(Deed::StandIn), Timestamp::UNIX_EPOCH)).is_empty());
    assert!(swipes(book.jobs(&unasked(Deed::ForcePost), Timestamp::UNIX_EPOCH)).is_empty());
    book.end(Timestamp::UNIX_EPOCH);
    let notices = &book.world.history.notices;
    assert!(matches!(notices[0].says, Says::StoodIn) && notices[0].follows.is_none());
    assert!(matches!(notices[1].says, Says::Cleared(_)) && notices[1].follows.is_none());
    assert_eq!(notices[2].follows.as_ref(), Some(&notices[0].token));
    assert!(matches!(notices[2].says, Says::Cleared(_)) && notices.len() == 3);
}

/// A book whose processor can be asked, and a purchase of which nothing is told until it is.
fn silent(life: Vec<Act>, late: Option<Late>) -> (Book, Arc<Records>, Arc<JitRequest>) {
    let records = Arc::new(Records::default());
    let mut book = Book::new(world(), true).with_records(Some(Arc::clone(&records)));
    let purchase = Step { is_silent: true, life, late, ..step(Deed::Purchase) };
    let request = approve(&mut book, &purchase);
    (book, records, request)
}

#[test]
fn nothing_is_told_of_a_silent_purchase_until_somebody_has_asked() {
    let life = vec![act(1, Event::Confirmation), act(2, Event::Reversal(25)), act(50, Event::Clearing(ALL))];
    let (mut book, records, request) = silent(life, None);
    assert!(webhooks(&mut book, 20).is_empty() && book.open.is_empty());
    let [confirmed, released] = &book.world.history.notices[..] else { panic!("two notices") };
    assert!(confirmed.is_silent && released.is_silent && confirmed.sent < released.sent);
    let tokens = [Arc::clone(&confirmed.token), Arc::clone(&released.token)];
    assert!(!tokens.iter().any(|token| records.has_told(token)));
    assert!(records.find(&request.token).is_some() && records.related(&request.token, 0, 10).is_some());
    assert!(tokens.iter().all(|token| records.has_told(token)));
    assert_eq!(webhooks(&mut book, 80), [[2]], "what follows is told as ever");
}

#[test]
fn a_time_out_is_silent_only_where_something_is_held() {
    let (mut book, records, request) = silent(Vec::new(), Some(Late::After(0)));
    assert!(webhooks(&mut book, 20).is_empty());
    assert_eq!(said(&book).first().map(|(says, _)| *says), Some(Says::TooLate));
    assert!(records.find(&request.token).is_some());
    let mut book = Book::new(world(), true).with_records(Some(records));
    let purchase = Step { is_silent: true, late: Some(Late::After(0)), ..step(Deed::Purchase) };
    let job = swipes(book.jobs(&purchase, Timestamp::UNIX_EPOCH)).pop().expect("a swipe");
    book.delivered(job, Delivery::Unknown);
    assert_eq!(webhooks(&mut book, 20), [[0]]);
}

#[test]
fn where_nobody_can_ask_all_is_told() {
    let mut book = Book::new(world(), true);
    approve(
        &mut book,
        &Step { is_silent: true, life: vec![act(1, Event::Confirmation)], ..step(Deed::Purchase) },
    );
    assert_eq!(webhooks(&mut book, 20), [[0]]);
}

#[test]
fn what_is_not_confirmed_in_the_end_is_confirmed_then() {
    let (mut book, _) = living(vec![act(90, Event::Confirmation), act(99, Event::Clearing(ALL))]);
    book.end(Timestamp::UNIX_EPOCH);
    assert_eq!(said(&book), [(Says::Approved, 199)]);
}
