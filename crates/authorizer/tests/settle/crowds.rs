//! Many callers at once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_authorizer::{Reply, Settings};
use bursar_core::command::GroupRef;
use bursar_core::{Action, DeclineReason, Money};
use bursar_testkit::given::{self, Call, Funded, usd};
use bursar_testkit::{Store, on_both_stores};

use crate::support::{Desk, answer_of, declined};

/// Nobody waits longer for what does not come.
const PATIENCE: Duration = Duration::from_secs(60);

/// How many callers there are.
const CLIENTS: i64 = 64;

on_both_stores!(sixty_four_clients_on_one_account_spend_it_to_the_last_unit, worker_threads = 4);
/// Every client first asks for larger amounts, then for cents until somebody must have taken the
/// last: whoever was refused more than is left takes what is left.
async fn sixty_four_clients_on_one_account_spend_it_to_the_last_unit(store: Store) {
    let desk = Arc::new(Desk::open(store));
    let account = desk.account("80.00").await;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        clients.spawn(spend(desk.clone(), account.clone(), client));
    }
    let approved_minor: i64 = clients.join_all().await.into_iter().sum();
    assert_eq!(approved_minor, 8_000);
    assert_eq!(desk.available(&account).await, "0.00");
    Arc::into_inner(desk).expect("every client is done").close().await;
}

/// What one client was approved, in cents.
async fn spend(desk: Arc<Desk>, account: Funded, client: i64) -> i64 {
    let larger = (0..10).map(|turn| (client * 7 + turn * 13) % 50 + 1);
    let mut approved_minor = 0;
    for minor in larger.chain([1; 50]) {
        let money = Money { minor, currency: account.currency };
        let reply = desk.reply(&given::authorization(&account, money)).await;
        match declined(&reply) {
            None => approved_minor += minor,
            Some(reason) => assert_eq!(reason, DeclineReason::InsufficientFunds),
        }
    }
    approved_minor
}

/// How often a hold is ended by several at once.
const RACES: i64 = 10_000;

on_both_stores!(a_hold_that_is_ended_by_several_at_once_ends_once, worker_threads = 4);
async fn a_hold_that_is_ended_by_several_at_once_ends_once(store: Store) {
    let desk = Arc::new(Desk::open(store));
    let account = desk.account("10000.00").await;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let rounds = (client..RACES).step_by(CLIENTS as usize).count();
        clients.spawn(race(desk.clone(), account.clone(), rounds));
    }
    let released: usize = clients.join_all().await.into_iter().sum();
    assert!(released > 0, "somebody came before a capture");
    // Each was captured once, whoever had ended it before.
    assert_eq!(desk.available(&account).await, "0.00");
    Arc::into_inner(desk).expect("every client is done").close().await;
}

/// How many of the holds a release ended.
async fn race(desk: Arc<Desk>, account: Funded, rounds: usize) -> usize {
    let mut released = 0;
    for _ in 0..rounds {
        let swipe = given::authorization(&account, usd("1.00"));
        assert_eq!(declined(&desk.reply(&swipe).await), None);
        let group = || GroupRef::Message(swipe.command.id);
        let mut ends = [
            given::reversal(&account, group()),
            given::expiry(&account, group()),
            given::final_capture(&account, group(), usd("1.00")),
            given::reversal(&account, group()),
        ];
        ends.rotate_left(released % 4);
        let [first, second, third, last] = ends.each_ref().map(|end| desk.reply(end));
        let replies: [Reply; 4] = tokio::join!(first, second, third, last).into();
        let ended = ends.iter().zip(&replies).filter(|(end, reply)| match declined(reply) {
            None => !matches!(end.command.action, Action::Capture(_)),
            Some(reason) => {
                assert_eq!(reason, DeclineReason::HoldGroupEnded);
                false
            }
        });
        let ended = ended.count();
        assert!(ended <= 1, "{replies:?}");
        released += ended;
    }
    released
}

on_both_stores!(
    the_same_request_fifty_times_at_once_has_one_effect_and_fifty_equal_answers,
    worker_threads = 4
);
async fn the_same_request_fifty_times_at_once_has_one_effect_and_fifty_equal_answers(store: Store) {
    let desk = Arc::new(Desk::open(store));
    let account = desk.account("100.00").await;
    let swipe = given::authorization(&account, usd("30.00"));
    let mut callers = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (desk, again) = (desk.clone(), swipe.again());
        callers.spawn(async move { desk.reply(&again).await });
    }
    let replies = callers.join_all().await;
    let decided = replies.iter().filter(|reply| matches!(reply, Reply::Decided { .. })).count();
    assert_eq!(decided, 1);
    let answers: Vec<_> = replies.into_iter().map(answer_of).collect();
    assert_eq!(answers.len(), 50);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(desk.available(&account).await, "70.00");
    Arc::into_inner(desk).expect("every caller is done").close().await;
}

on_both_stores!(what_arrives_while_a_transaction_runs_is_the_next_batch_in_its_order);
async fn what_arrives_while_a_transaction_runs_is_the_next_batch_in_its_order(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("10.00").await;
    let gate = desk.ledger.close_gate().await;
    let calls: Vec<_> = (0..12).map(|_| given::authorization(&account, usd("1.00"))).collect();
    let first = desk.submit(&calls[0]).await;
    desk.ledger.entered().await;
    let mut waiting = vec![first];
    for call in &calls[1..] {
        waiting.push(desk.submit(call).await);
    }
    drop(gate);
    let mut approved = Vec::new();
    for waiting in waiting {
        approved.push(declined(&waiting.await.reply).is_none());
    }
    assert_eq!(desk.ledger.batch_sizes(), [1, 11]);
    assert_eq!(approved, [[true; 10].as_slice(), &[false; 2]].concat());
    desk.close().await;
}

on_both_stores!(a_token_under_other_content_is_a_conflict_and_changes_nothing);
async fn a_token_under_other_content_is_a_conflict_and_changes_nothing(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let swipe = given::authorization(&account, usd("30.00")).message("auth-1");
    let other = given::authorization(&account, usd("31.00")).message("auth-1");
    let first = answer_of(desk.reply(&swipe).await);
    assert!(matches!(desk.reply(&other).await, Reply::Conflict));
    assert_eq!(answer_of(desk.reply(&swipe.again()).await), first);
    assert_eq!(desk.available(&account).await, "70.00");
    desk.close().await;
}

/// Swipes, each of an owner of its own.
async fn swipes_of_many(desk: &Desk, owners: usize) -> Vec<Call> {
    let mut calls = Vec::new();
    for _ in 0..owners {
        calls.push(given::authorization(&desk.account("10.00").await, usd("1.00")));
    }
    calls
}

/// The embedded store has one lane anyway.
#[tokio::test]
async fn all_go_to_one_lane_while_the_ledger_prefers_that() {
    let desk = Desk::open(Store::Postgres);
    let calls = swipes_of_many(&desk, 12).await;
    desk.ledger.prefer_one_lane();
    let gate = desk.ledger.close_gate().await;
    let mut waiting = vec![desk.submit(&calls[0]).await];
    desk.ledger.entered().await;
    for call in &calls[1..] {
        waiting.push(desk.submit(call).await);
    }
    drop(gate);
    for waiting in waiting {
        assert_eq!(declined(&waiting.await.reply), None);
    }
    assert_eq!(desk.ledger.batch_sizes(), [1, 11]);
    desk.close().await;
}

/// Whoever is slow in it, a history that is read for instance, is not waited for by all.
#[tokio::test]
async fn where_many_wait_for_the_one_lane_the_others_take_their_share() {
    let desk = Desk::open(Store::Postgres);
    let calls = swipes_of_many(&desk, 16).await;
    let account = desk.account("100.00").await;
    let more: Vec<Call> = (0..64).map(|_| given::authorization(&account, usd("1.00"))).collect();
    desk.ledger.prefer_one_lane();
    let gate = desk.ledger.close_gate().await;
    let mut waiting = vec![desk.submit(&calls[0]).await];
    desk.ledger.entered().await;
    for call in more.iter().chain(&calls[1..]) {
        waiting.push(desk.submit(call).await);
    }
    // Another lane has a transaction under way, too.
    let entered = tokio::time::timeout(PATIENCE, desk.ledger.entered());
    entered.await.expect("a second lane");
    drop(gate);
    for waiting in waiting {
        waiting.await;
    }
    desk.close().await;
}

/// Asked for in its own lane, it is not there yet.
#[tokio::test]
async fn what_is_recalled_is_asked_for_in_the_one_lane_as_well() {
    let patient = Settings { answer_grace: PATIENCE, ..Settings::default() };
    let desk = Desk::open_with(Store::Postgres, patient);
    let calls = swipes_of_many(&desk, 16).await;
    desk.ledger.prefer_one_lane();
    let gate = desk.ledger.close_gate().await;
    let (mut waiting, mut recalled) = (Vec::new(), Vec::new());
    for call in &calls {
        waiting.push(desk.submit(call).await);
    }
    for call in &calls {
        recalled.push(desk.recall(&call.again()).await);
    }
    // One of them has asked in its own lane.
    let began = Instant::now();
    while desk.ledger.batch_sizes().iter().all(|members| *members == 0) {
        assert!(began.elapsed() < PATIENCE, "nobody asks in a lane of its own");
        tokio::task::yield_now().await;
    }
    drop(gate);
    for recalled in recalled {
        let reply = recalled.await.reply;
        assert!(matches!(reply, Reply::Repeated(_)), "{reply:?}");
    }
    for waiting in waiting {
        assert_eq!(declined(&waiting.await.reply), None);
    }
    desk.close().await;
}

/// A decision that waits for its turn is one that is on its way, if it is of the same batch, too.
#[tokio::test]
async fn what_is_recalled_is_waited_for_where_it_waits() {
    let patient = Settings { answer_grace: PATIENCE, ..Settings::default() };
    let desk = Desk::open_with(Store::Postgres, patient);
    let calls = swipes_of_many(&desk, 16).await;
    let gate = desk.ledger.close_gate().await;
    let mut waiting = Vec::new();
    let (before, after) = calls.split_at(8);
    for call in before {
        waiting.push(desk.submit(call).await);
    }
    desk.ledger.prefer_one_lane();
    for call in after {
        waiting.push(desk.submit(call).await);
    }
    let mut recalled = Vec::new();
    for call in &calls {
        recalled.push(desk.recall(&call.again()).await);
    }
    drop(gate);
    for recalled in recalled {
        let reply = recalled.await.reply;
        assert!(matches!(reply, Reply::Repeated(_)), "{reply:?}");
    }
    for waiting in waiting {
        assert_eq!(declined(&waiting.await.reply), None);
    }
    desk.close().await;
}
