//! Callers who hang up, come too late, find the lane full, or meet the end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bursar_authorizer::{Reply, Settings, Unavailable};
use bursar_core::{MessageId, Money};
use bursar_testkit::given::{self, Call, Funded, usd};
use bursar_testkit::{Store, on_both_stores};

use crate::support::{Desk, declined};

on_both_stores!(a_caller_who_hangs_up_cancels_nothing);
async fn a_caller_who_hangs_up_cancels_nothing(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let gate = desk.ledger.close_gate().await;
    let calls = dollars(&account, 20);
    let mut waiting = Vec::new();
    for call in &calls {
        waiting.push(desk.submit(call).await);
    }
    desk.ledger.entered().await;
    let staying = waiting.split_off(10);
    drop(waiting);
    drop(gate);
    for caller in staying {
        assert_eq!(declined(&caller.await.reply), None);
    }
    for call in &calls {
        assert!(is_stored(&desk, call.command.id).await, "{call:?}");
    }
    assert_eq!(desk.available(&account).await, "80.00");
    desk.close().await;
}

on_both_stores!(a_cut_request_was_decided_or_was_not_and_asking_again_settles_it, worker_threads = 4);
async fn a_cut_request_was_decided_or_was_not_and_asking_again_settles_it(store: Store) {
    let desk = Arc::new(Desk::open(store));
    let account = desk.account("100.00").await;
    let calls = dollars(&account, 50);
    let tasks: Vec<_> = calls
        .iter()
        .map(|call| {
            let (desk, call) = (desk.clone(), call.clone());
            tokio::spawn(async move { desk.reply(&call).await })
        })
        .collect();
    // Wherever each of them is by now.
    tasks.iter().for_each(tokio::task::JoinHandle::abort);
    for task in tasks {
        let _ = task.await;
    }
    for call in &calls {
        let reply = desk.reply(&call.again()).await;
        assert!(matches!(reply, Reply::Decided { declined: None, .. } | Reply::Repeated(_)), "{reply:?}");
    }
    assert_eq!(desk.available(&account).await, "50.00");
    Arc::into_inner(desk).expect("every caller is done").close().await;
}

on_both_stores!(a_full_lane_refuses_at_once_and_the_others_are_unharmed);
async fn a_full_lane_refuses_at_once_and_the_others_are_unharmed(store: Store) {
    let desk = Desk::open_with(store, Settings { batch_size_max: 1, queue_max: 2, ..Settings::default() });
    let account = desk.account("100.00").await;
    let gate = desk.ledger.close_gate().await;
    let calls = dollars(&account, 4);
    let running = desk.submit(&calls[0]).await;
    desk.ledger.entered().await;
    let waiting = [desk.submit(&calls[1]).await, desk.submit(&calls[2]).await];
    let refused = desk.reply(&calls[3]).await;
    assert!(matches!(refused, Reply::Unavailable(Unavailable::Busy)), "{refused:?}");
    drop(gate);
    assert_eq!(declined(&running.await.reply), None);
    for waiting in waiting {
        assert_eq!(declined(&waiting.await.reply), None);
    }
    assert!(!is_stored(&desk, calls[3].command.id).await);
    assert_eq!(declined(&desk.reply(&calls[3]).await), None);
    assert_eq!(desk.available(&account).await, "96.00");
    desk.close().await;
}

on_both_stores!(past_its_deadline_nothing_is_started_and_nothing_written);
async fn past_its_deadline_nothing_is_started_and_nothing_written(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let late = given::authorization(&account, usd("30.00")).late();
    let reply = desk.reply(&late).await;
    assert!(matches!(reply, Reply::Unavailable(Unavailable::Late)), "{reply:?}");
    assert_eq!(desk.ledger.batch_sizes(), [0; 0]);
    assert!(!is_stored(&desk, late.command.id).await);
    let in_time = Call { deadline: Some(far_away()), ..late };
    assert_eq!(declined(&desk.reply(&in_time).await), None);
    assert_eq!(desk.available(&account).await, "70.00");
    desk.close().await;
}

on_both_stores!(a_store_that_does_not_answer_is_not_waited_for_longer_than_the_grace);
/// The clock of the waiting stands still until there is nothing else to do, and then jumps.
async fn a_store_that_does_not_answer_is_not_waited_for_longer_than_the_grace(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let gate = desk.ledger.close_gate().await;
    let call = Call { deadline: Some(far_away()), ..given::authorization(&account, usd("30.00")) };
    let waiting = desk.submit(&call).await;
    desk.ledger.entered().await;
    tokio::time::pause();
    let settlement = waiting.await;
    assert!(matches!(settlement.reply, Reply::Unavailable(Unavailable::Hung)), "{settlement:?}");
    desk.authorizer.finish(settlement);
    tokio::time::resume();
    drop(gate);
    // It was decided all the same, and it is counted once.
    let again = Call { deadline: None, ..call.again() };
    assert!(matches!(desk.reply(&again).await, Reply::Repeated(_)));
    assert_eq!(desk.available(&account).await, "70.00");
    let all = desk.authorizer.profiler().profile().windows.pop().expect("a window of all");
    assert_eq!((all.count, all.unavailable, all.approved), (1, 1, 0));
    desk.close().await;
}

on_both_stores!(stopping_finishes_what_waits_and_takes_no_more);
async fn stopping_finishes_what_waits_and_takes_no_more(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let gate = desk.ledger.close_gate().await;
    let calls = dollars(&account, 30);
    let mut waiting = Vec::new();
    for call in &calls {
        waiting.push(desk.submit(call).await);
    }
    let stopping = desk.authorizer.clone();
    let stopped = tokio::spawn(async move { stopping.stop(Duration::from_secs(60)).await });
    desk.ledger.entered().await;
    drop(gate);
    for waiting in waiting {
        assert_eq!(declined(&waiting.await.reply), None);
    }
    assert_eq!(stopped.await.expect("it stops"), Ok(()));
    assert!(desk.authorizer.ready().await.is_err());
    let reply = desk.reply(&given::authorization(&account, usd("1.00"))).await;
    assert!(matches!(reply, Reply::Unavailable(Unavailable::Stopping)), "{reply:?}");
    assert_eq!(desk.available(&account).await, "70.00");
    desk.close().await;
}

on_both_stores!(a_store_that_hangs_is_not_waited_for_longer_than_the_grace_when_stopping);
async fn a_store_that_hangs_is_not_waited_for_longer_than_the_grace_when_stopping(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let gate = desk.ledger.close_gate().await;
    let call = given::authorization(&account, usd("1.00"));
    let waiting = desk.submit(&call).await;
    desk.ledger.entered().await;
    tokio::time::pause();
    assert_eq!(desk.authorizer.stop(Duration::from_secs(10)).await, Err(Unavailable::Hung));
    tokio::time::resume();
    drop(gate);
    assert_eq!(declined(&waiting.await.reply), None, "what the lane had taken is answered");
    desk.close().await;
}

fn far_away() -> Instant {
    Instant::now() + Duration::from_secs(3600)
}

/// So many swipes for a dollar each.
fn dollars(account: &Funded, count: usize) -> Vec<Call> {
    let one = Money { minor: 100, currency: account.currency };
    (0..count).map(|_| given::authorization(account, one)).collect()
}

async fn is_stored(desk: &Desk, message: MessageId) -> bool {
    desk.authorizer.ledger().find_authorization(message).await.expect("readable").is_some()
}
