//! A store that loses the word of a commit, is down, or cannot take one member.

use std::time::Duration;

use bursar_authorizer::{Reply, Settings, Unavailable};
use bursar_testkit::given::{self, Call, Funded, usd};
use bursar_testkit::{Store, on_both_stores};

use crate::support::{Desk, answer_of, declined};

on_both_stores!(after_an_unknown_commit_the_same_batch_is_sent_again_and_money_moves_once);
async fn after_an_unknown_commit_the_same_batch_is_sent_again_and_money_moves_once(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let calls = swipes(&account, 8);
    let gate = desk.ledger.close_gate().await;
    let mut waiting = vec![desk.submit(&calls[0]).await];
    desk.ledger.entered().await;
    for call in &calls[1..] {
        waiting.push(desk.submit(call).await);
    }
    desk.ledger.lose_commits(2);
    drop(gate);
    let mut answers = Vec::new();
    for waiting in waiting {
        answers.push(answer_of(waiting.await.reply));
    }
    // The first was lost twice and found by the third try; the batch behind it was not lost.
    assert_eq!(desk.ledger.batch_sizes(), [1, 1, 1, 7]);
    assert_eq!(desk.available(&account).await, "92.00");
    for (call, answer) in calls.iter().zip(answers) {
        assert_eq!(answer_of(desk.reply(&call.again()).await), answer);
    }
    assert_eq!(desk.available(&account).await, "92.00");
    desk.close().await;
}

on_both_stores!(a_commit_that_stays_unknown_is_no_answer_and_asking_again_gives_the_one_there_is);
async fn a_commit_that_stays_unknown_is_no_answer_and_asking_again_gives_the_one_there_is(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let swipe = given::authorization(&account, usd("30.00"));
    desk.ledger.lose_commits(4);
    let reply = desk.reply(&swipe).await;
    assert!(matches!(reply, Reply::Unavailable(Unavailable::Store(_))), "{reply:?}");
    let reply = desk.reply(&swipe.again()).await;
    assert!(matches!(reply, Reply::Repeated(_)), "{reply:?}");
    assert_eq!(answer_of(reply).code, 200);
    assert_eq!(desk.available(&account).await, "70.00");
    desk.close().await;
}

on_both_stores!(a_commit_that_is_unknown_stays_unknown_when_the_store_is_gone_afterwards);
async fn a_commit_that_is_unknown_stays_unknown_when_the_store_is_gone_afterwards(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let swipe = given::authorization(&account, usd("30.00"));
    desk.ledger.lose_a_commit_and_go_down();
    let reply = desk.reply(&swipe).await;
    let Reply::Unavailable(Unavailable::Store(why)) = &reply else { panic!("{reply:?}") };
    assert!(why.contains("unknown"), "there is a hold, and nobody may be told that there is none: {why}");
    desk.ledger.set_down(false);
    assert!(matches!(desk.reply(&swipe.again()).await, Reply::Repeated(_)));
    assert_eq!(desk.available(&account).await, "70.00");
    desk.close().await;
}

on_both_stores!(a_store_that_comes_back_soon_after_an_unknown_commit_is_asked_again);
async fn a_store_that_comes_back_soon_after_an_unknown_commit_is_asked_again(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let swipe = given::authorization(&account, usd("30.00"));
    desk.ledger.lose_a_commit_and_refuse(2);
    let reply = desk.reply(&swipe).await;
    assert!(matches!(reply, Reply::Repeated(_)), "{reply:?}");
    desk.close().await;
}

on_both_stores!(a_store_that_is_down_decides_nothing_and_decides_again_when_it_is_back);
async fn a_store_that_is_down_decides_nothing_and_decides_again_when_it_is_back(store: Store) {
    let an_hour = Duration::from_secs(3600);
    let desk = Desk::open_with(store, Settings { failure_counts_for: an_hour, ..Settings::default() });
    let account = desk.account("100.00").await;
    let swipe = given::authorization(&account, usd("30.00"));
    assert_eq!(desk.authorizer.ready().await, Ok(()));
    desk.ledger.set_down(true);
    let reply = desk.reply(&swipe).await;
    assert!(matches!(reply, Reply::Unavailable(Unavailable::Store(_))), "{reply:?}");
    assert!(desk.authorizer.ready().await.is_err());
    let found = desk.authorizer.ledger().find_authorization(swipe.command.id).await;
    assert_eq!(found, Ok(None));
    desk.ledger.set_down(false);
    let ready = desk.authorizer.ready().await;
    assert!(ready.is_err(), "a probe that succeeds disproves no decision that failed a moment ago");
    assert_eq!(declined(&desk.reply(&swipe.again()).await), None);
    assert_eq!(desk.authorizer.ready().await, Ok(()), "a decision does");
    assert_eq!(desk.available(&account).await, "70.00");
    desk.close().await;
}

on_both_stores!(a_member_whose_data_cannot_be_stored_is_found_by_halves_and_fails_alone);
async fn a_member_whose_data_cannot_be_stored_is_found_by_halves_and_fails_alone(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let calls = swipes(&account, 9);
    let gate = desk.ledger.close_gate().await;
    let mut waiting = vec![desk.submit(&calls[0]).await];
    desk.ledger.entered().await;
    for call in &calls[1..] {
        waiting.push(desk.submit(call).await);
    }
    desk.ledger.refuse_data_of(&calls[6].key().token);
    drop(gate);
    for (number, waiting) in waiting.into_iter().enumerate() {
        let reply = waiting.await.reply;
        match number {
            6 => assert!(matches!(reply, Reply::Unavailable(Unavailable::Undecidable(_))), "{reply:?}"),
            _ => assert_eq!(declined(&reply), None, "member {number}"),
        }
    }
    assert_eq!(desk.ledger.batch_sizes(), [1, 8, 4, 4, 2, 1, 1, 2]);
    assert_eq!(desk.available(&account).await, "92.00");
    desk.close().await;
}

on_both_stores!(a_lane_that_panicked_answers_nobody_with_a_decision_and_is_not_ready);
async fn a_lane_that_panicked_answers_nobody_with_a_decision_and_is_not_ready(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    desk.ledger.panic_once();
    let swipe = given::authorization(&account, usd("1.00"));
    let reply = desk.reply(&swipe).await;
    assert!(matches!(reply, Reply::Unavailable(_)), "{reply:?}");
    // The caller hears of it while the lane is still being taken apart.
    let not_ready = async {
        loop {
            match desk.authorizer.ready().await {
                Err(error) => return error.to_string(),
                Ok(()) => tokio::task::yield_now().await,
            }
        }
    };
    let error =
        tokio::time::timeout(Duration::from_secs(60), not_ready).await.expect("nothing can be decided");
    assert!(error.contains("panic") && error.contains("restart"), "{error}");
    assert_eq!(desk.available(&account).await, "100.00");
}

/// So many swipes for a dollar each.
fn swipes(account: &Funded, count: usize) -> Vec<Call> {
    (0..count).map(|_| given::authorization(account, usd("1.00"))).collect()
}
