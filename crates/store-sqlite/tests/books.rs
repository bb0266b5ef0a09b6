//! The check of the books: green on what the ledger wrote, red for each rule on a row changed by hand.

mod support;

use std::time::Duration;

use bursar_core::Window;
use bursar_core::command::GroupRef;
use bursar_core::control::Scope;
use bursar_store::books::{Finding, check};
use bursar_store::contract::given::{self, Funded, usd};
use bursar_store::{Outbox, Waiting};
use bursar_store_sqlite::{SqliteBooks, SqliteLedger};
use bursar_testkit::{NOON, Place, SqlitePlace, assert_books_are_right};
use jiff::SignedDuration;
use support::change;

/// A short history under a limit, with an approval, an increment, a decline, loads and an unload.
async fn short_history(ledger: &SqliteLedger) -> Funded {
    let account = given::account(ledger, usd("100.00")).await;
    let limit = given::limit(Window::Day, usd("100.00"));
    given::control(ledger, &account, Scope::Card(account.card), limit).await;
    let first = given::sent(ledger, &given::authorization(&account, usd("30.00"))).await.id();
    let more = given::increment(&account, GroupRef::Message(first), usd("5.00"));
    assert!(given::sent(ledger, &more).await.is_approved());
    let too_much = given::authorization(&account, usd("500.00"));
    assert!(!given::sent(ledger, &too_much).await.is_approved());
    given::sent(ledger, &given::load(&account, usd("1.00"))).await;
    given::sent(ledger, &given::unload(&account, usd("2.00"))).await;
    account
}

/// What the check finds in a short history with these rows changed.
async fn findings_after(statements: &[&str]) -> Vec<Finding> {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    short_history(&ledger).await;
    drop(ledger);
    assert_books_are_right(place.books());
    statements.iter().for_each(|statement| change(&place, statement));
    check(place.books().as_mut(), &given::approved_minor).expect("readable books").findings
}

/// Asserts that the rule turns red with these words.
async fn assert_found(rule: &str, words: &str, statements: &[&str]) {
    let findings = findings_after(statements).await;
    let is_it = |finding: &Finding| finding.rule == rule && finding.problem.contains(words);
    assert!(findings.iter().any(is_it), "{rule} {words:?} after {statements:?}: {findings:#?}");
}

#[tokio::test]
async fn l1_a_posted_balance_that_is_not_the_sum_of_its_entries_is_found() {
    let more = "update accounts set posted_minor = posted_minor + 1";
    assert_found("L1", "the posted balance", &[more]).await;
}

#[tokio::test]
async fn l1_posted_money_without_its_message_and_a_message_without_its_money_are_found() {
    let from_nowhere = [
        "insert into entries select account, number + 1, randomblob(16), randomblob(16), 700,
            balance_after_minor + 700, at from entries order by number desc limit 1",
        "insert into program_entries (journal, program, account, currency, amount_minor)
            select journal, (select id from programs), 'funding', 'USD', -700 from entries
            order by number desc limit 1",
        "update accounts set posted_minor = posted_minor + 700, entries = entries + 1",
    ];
    assert_found("L1", "an entry of", &from_nowhere).await;
    let gone = [
        "delete from program_entries where position = (select max(position) from program_entries)",
        "delete from entries where number = 3",
        "update accounts set posted_minor = posted_minor + 200, entries = entries - 1",
    ];
    assert_found("L1", "it was granted, and no entry", &gone).await;
    let declined = ["update messages set declined = 'invalid_amount' where kind = 'unload'"];
    assert_found("L1", "it was declined, and an entry", &declined).await;
}

#[tokio::test]
async fn l6_pending_credit_that_no_group_has_is_found() {
    let more = "update accounts set pending_credit_minor = pending_credit_minor + 1";
    assert_found("L6", "the pending credit", &[more]).await;
}

#[tokio::test]
async fn l1_a_debit_that_moved_other_money_than_its_effect_says_is_found() {
    let other = "update messages set effect = 'debit' where kind = 'increment'";
    assert_found("L1", "the posted money that it moved", &[other]).await;
}

#[tokio::test]
async fn l2_a_journal_that_does_not_sum_to_zero_is_found() {
    let more = "update program_entries set amount_minor = amount_minor + 1 where position = 1";
    assert_found("L2", "the sum of its entries", &[more]).await;
    let half = "delete from program_entries where position = 2";
    assert_found("L2", "the sum of its entries", &[half]).await;
    let other = "update program_entries set currency = 'JPY' where position = 1";
    assert_found("L2", "its program entry is in JPY", &[other]).await;
}

#[tokio::test]
async fn l3_a_held_amount_that_is_not_what_its_groups_hold_is_found() {
    let more = "update accounts set held_minor = held_minor + 1";
    assert_found("L3", "the held amount", &[more]).await;
    let other = "update accounts set open_holds = open_holds + 1";
    assert_found("L3", "the number of open holds", &[other]).await;
}

#[tokio::test]
async fn l3_a_message_that_its_group_cannot_have_is_found() {
    let declined = "update messages set effect = 'hold', effect_minor = 1 where declined is not null";
    assert_found("L3", "it was declined, and has an effect", &[declined]).await;
    let lost = "update messages set root = zeroblob(16) where kind = 'increment'";
    assert_found("L3", "is not there", &[lost]).await;
    let overflowing = "update messages set effect_minor = 9223372036854775807 where effect = 'hold'";
    assert_found("L3", "overflows", &[overflowing]).await;
}

#[tokio::test]
async fn l3_hold_groups_that_became_one_by_nothing_are_found() {
    let unmerged = "delete from merges";
    let other = "update merges set root = zeroblob(16)";
    let unproved = "update merges set message = zeroblob(16)";
    for (statement, words) in [
        (unmerged, "the held amount"),
        (other, "not of that group"),
        (unproved, "made it a part of another hold group, and is not there"),
    ] {
        let place = SqlitePlace::new();
        given::merged_groups(place.open().as_ref()).await;
        assert_books_are_right(place.books());
        change(&place, statement);
        let findings =
            check(place.books().as_mut(), &given::approved_minor).expect("readable books").findings;
        let is_it = |finding: &Finding| finding.rule == "L3" && finding.problem.contains(words);
        assert!(findings.iter().any(is_it), "{words}: {findings:#?}");
    }
}

#[tokio::test]
async fn l4_an_available_balance_other_than_the_books_is_found() {
    let more = "update messages set available_minor = available_minor + 1 where kind = 'increment'";
    assert_found("L4", "what was available after it", &[more]).await;
    let lost = "update messages set account = zeroblob(16) where kind = 'increment'";
    assert_found("L4", "is not there", &[lost]).await;
}

#[tokio::test]
async fn l4_an_approval_that_left_less_than_nothing_is_found() {
    // The books are otherwise right: more was held than there was, and the rows say so.
    let findings = findings_after(&[
        r#"update messages set effect_minor = 12000, answer = cast('{"approved":12000}' as blob)
           where effect_minor = 3000"#,
        "update messages set available_minor = available_minor - 9000 where available_minor is not null",
        "update accounts set held_minor = held_minor + 9000",
        "update windows set taken = replace(taken, ',3500,', ',12500,')",
    ])
    .await;
    let rules: Vec<_> = findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, ["L4", "L4"], "the first approval and the increment: {findings:#?}");
    assert!(findings[0].problem.contains("approved and left -2000"), "{findings:#?}");
}

#[tokio::test]
async fn d4_an_answer_that_approves_something_else_than_is_held_is_found() {
    let answering = |answer: &str, which: &str| {
        format!("update messages set answer = cast('{answer}' as blob) where {which}")
    };
    let more = answering(r#"{"approved":3001}"#, "effect_minor = 3000");
    assert_found("D4", "approves 3001, and its effect is 3000", &[&more]).await;
    let declined = answering(r#"{"approved":0}"#, "declined is not null");
    assert_found("D4", "approves 0, and its effect is nothing", &[&declined]).await;
    let approved = answering(r#"{"declined":"card_unknown"}"#, "kind = 'increment'");
    assert_found("D4", "approves nothing, and its effect is 500", &[&approved]).await;
}

#[tokio::test]
async fn m4_a_release_of_more_than_was_held_is_found() {
    let release = |minor| {
        format!("update messages set effect = 'release', effect_minor = {minor} where kind = 'increment'")
    };
    assert_found("M4", "what it released of its hold group", &[&release(3_001)]).await;
    let findings = findings_after(&[&release(3_000)]).await;
    assert!(findings.iter().all(|finding| finding.rule != "M4"), "{findings:#?}");
}

#[tokio::test]
async fn l5_a_gap_in_the_numbers_of_entries_is_found() {
    assert_found("L5", "the number is 7", &["update entries set number = 7 where number = 2"]).await;
    let count = "update accounts set entries = entries + 1";
    assert_found("L5", "the number of entries", &[count]).await;
    assert_found("L5", "the number is 3", &["delete from entries where number = 2"]).await;
}

#[tokio::test]
async fn l5_a_balance_that_does_not_follow_from_the_one_before_is_found() {
    let more = "update entries set balance_after_minor = balance_after_minor + 1 where number = 2";
    assert_found("L5", "the balance after it", &[more]).await;
}

#[tokio::test]
async fn m1_two_messages_with_one_key_are_found() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    short_history(&ledger).await;
    drop(ledger);
    change(
        &place,
        "update messages set token = (select token from messages where kind = 'load' limit 1)
         where kind = 'unload'",
    );
    let findings = check(place.books().as_mut(), &given::approved_minor).expect("readable books").findings;
    let problems: Vec<_> = findings.iter().map(|finding| (finding.rule, finding.problem.as_str())).collect();
    assert!(
        problems[0].1.contains("the same key") && problems.iter().all(|(rule, _)| *rule == "M1"),
        "{problems:?}"
    );
}

#[tokio::test]
async fn m1_a_message_that_its_key_does_not_lead_to_is_found() {
    let of_increment = "position = (select position from messages where kind = 'increment')";
    let lost = format!("delete from keys_young where {of_increment}");
    assert_found("M1", "not found by its key", &[&lost]).await;
    let stray = "insert into keys_young values (randomblob(16), 1000)";
    assert_found("M1", "a key leads to it", &[stray]).await;
    let elsewhere = format!("update keys_young set position = 1 where {of_increment}");
    assert_found("M1", "not found by its key", &[&elsewhere]).await;
}

#[tokio::test]
async fn d1_a_message_without_an_answer_is_found() {
    let empty = "update messages set answer = x'' where kind = 'increment'";
    assert_found("D1", "no stored answer", &[empty]).await;
}

#[tokio::test]
async fn o1_a_message_without_its_event_is_found() {
    assert_found("O1", "it has no event", &["delete from outbox where kind = 'increment'"]).await;
}

#[tokio::test]
async fn o1_a_message_whose_event_was_forgotten_is_right_and_one_that_is_younger_is_found() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = short_history(&ledger).await;
    let old = ledger.lease(1_000, Duration::from_secs(5)).await.expect("an outbox that works");
    let last = old.last().expect("some").position;
    place.clock().set_after_noon(SignedDuration::from_secs(1));
    let swipe = given::authorization(&account, usd("1.00"));
    let young = given::sent(ledger.as_ref(), &swipe).await.id();
    ledger.mark(old.iter().map(Waiting::key).collect()).await.expect("an outbox that works");
    let now = NOON + SignedDuration::from_secs(2);
    assert_eq!(ledger.forget_published(now, 1_000).await, Ok(old.len() as u64));
    drop(ledger);
    let check = || check(place.books().as_mut(), &given::approved_minor).expect("readable books");
    let report = check();
    assert!(report.is_clean(), "{:#?}", report.findings);
    assert_eq!((report.events, report.events_forgotten), (1, old.len() as u64));
    change(&place, &format!("delete from outbox where position > {last}"));
    let report = check();
    let found: Vec<_> = report.findings.iter().map(|of| (of.rule, of.subject.as_str())).collect();
    assert_eq!(found, [("O1", young.to_string().as_str())]);
    assert_eq!((report.events, report.events_forgotten), (0, old.len() as u64));
    change(&place, "delete from forgotten_events");
    assert_eq!(check().findings.len(), old.len() + 1, "without it nothing may be missing");
}

/// What was never published is behind nothing that is forgotten, however old its message is: by its time alone it could
/// be among the others.
#[tokio::test]
async fn o1_a_lost_event_of_an_old_message_is_found_after_others_were_forgotten() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    place.clock().set_after_noon(SignedDuration::from_secs(9));
    short_history(&ledger).await;
    let published = ledger.lease(1_000, Duration::from_secs(5)).await.expect("an outbox that works");
    // By a clock that went back: decided before what is forgotten.
    place.clock().set_after_noon(SignedDuration::from_secs(1));
    given::account(ledger.as_ref(), usd("100.00")).await;
    ledger.mark(published.iter().map(Waiting::key).collect()).await.expect("an outbox that works");
    let later = NOON + SignedDuration::from_secs(10);
    assert_eq!(ledger.forget_published(later, 1_000).await, Ok(published.len() as u64));
    drop(ledger);
    assert_books_are_right(place.books());
    let lost = "delete from outbox where published_at is null
                and position = (select min(position) + 1 from outbox where published_at is null)";
    change(&place, lost);
    let report = check(place.books().as_mut(), &given::approved_minor).expect("readable books");
    let found: Vec<_> = report.findings.iter().map(|of| (of.rule, of.subject.as_str())).collect();
    assert_eq!(found, [("O1", "the outbox")], "{:#?}", report.findings);
    let problem = &report.findings[0].problem;
    assert!(problem.ends_with(&format!("and should be {}", published.len() + 1)), "{problem}");
}

#[tokio::test]
async fn o1_an_event_without_its_message_is_found() {
    let copy = "insert into outbox (event, message, kind, owner, owner_sequence, payload)
                select event, zeroblob(16), kind, owner, owner_sequence, payload from outbox limit 1";
    assert_found("O1", "is not there or has another", &[copy]).await;
    let twice = "insert into outbox (event, message, kind, owner, owner_sequence, payload)
                 select event, message, kind, owner, owner_sequence, payload from outbox limit 1";
    assert_found("O1", "is not there or has another", &[twice]).await;
}

#[tokio::test]
async fn o3_a_gap_in_an_owner_s_sequence_is_found() {
    let gap = "update messages set owner_sequence = owner_sequence + 100 where kind = 'unload'";
    assert_found("O3", "its sequence is 1", &[gap]).await;
    let lost = "delete from messages where kind = 'increment'";
    assert_found("O3", "its sequence", &[lost]).await;
}

#[tokio::test]
async fn o3_an_owner_s_time_that_runs_backwards_is_found() {
    let earlier = "update messages set at = at - 1 where kind = 'increment'";
    assert_found("O3", "decided before the message", &[earlier]).await;
}

#[tokio::test]
async fn o3_an_owner_s_row_that_is_not_what_its_messages_say_is_found() {
    assert_found("O3", "its sequence", &["update owners set sequence = sequence + 1"]).await;
    assert_found("O3", "the time of its last", &["update owners set last_at = last_at + 1"]).await;
    assert_found("O3", "it has messages, and no row", &["delete from owners"]).await;
    let unheard_of =
        "insert into owners select zeroblob(16), program, kind, name, 'other', status, sequence, last_at,
                      last_position, status_at from owners";
    assert_found("O3", "it has no messages", &[unheard_of]).await;
}

#[tokio::test]
async fn o3_an_event_with_another_sequence_than_its_message_is_found() {
    let other = "update outbox set owner_sequence = owner_sequence + 1 where kind = 'increment'";
    assert_found("O3", "it carries sequence", &[other]).await;
}

#[tokio::test]
async fn the_books_are_checked_beside_a_running_ledger_as_of_one_moment() {
    let place = SqlitePlace::new();
    let ledger = place.open_ledger();
    let account = short_history(&ledger).await;
    let mut books = place.books();
    let swipe = given::authorization(&account, usd("1.00"));
    assert!(given::sent(ledger.as_ref(), &swipe).await.is_approved());
    let before = check(books.as_mut(), &given::approved_minor).expect("readable books");
    let after = check(place.books().as_mut(), &given::approved_minor).expect("readable books");
    assert!(before.is_clean() && after.is_clean());
    assert_eq!(before.messages + 1, after.messages);
    assert!(given::sent(ledger.as_ref(), &given::authorization(&account, usd("1.00"))).await.is_approved());
}

#[test]
fn a_folder_without_a_ledger_is_said_to_have_none() {
    let place = SqlitePlace::new();
    let error = SqliteBooks::open(place.folder()).err().expect("no ledger");
    assert!(error.to_string().contains("no ledger"), "{error}");
    assert!(!place.file().exists());
}

#[tokio::test]
async fn v1_an_approval_beyond_what_a_limit_had_left_is_found() {
    let beyond = "update messages set checks = replace(checks, ':3000,10000', ':3000,2999')";
    assert_found("V1", "it was approved for 3000 minor units", &[beyond]).await;
    let failed = "update messages set checks = replace(checks, 'L+day', 'L-day') where declined is null";
    assert_found("V1", "it was approved, and its check amount_limit failed", &[failed]).await;
}

#[tokio::test]
async fn v2_a_window_that_is_not_what_the_hold_groups_took_is_found() {
    for (words, statement) in [
        ("3501 in 1 uses", "update windows set taken = replace(taken, ',3500,', ',3501,')"),
        ("3500 in 2 uses", "update windows set taken = replace(taken, ',3500,1', ',3500,2')"),
        ("is nothing", "delete from windows"),
    ] {
        assert_found("V2", words, &[statement]).await;
    }
}
