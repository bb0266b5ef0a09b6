//! What the profiler counts, and where stage times end up.

use bursar_authorizer::{Reply, WindowProfile};
use bursar_core::MessageId;
use bursar_store::STAGES;
use bursar_testkit::given::{self, usd};
use bursar_testkit::{Store, on_both_stores};

use crate::support::Desk;

fn of_all(desk: &Desk) -> WindowProfile {
    desk.authorizer.profiler().profile().windows.pop().expect("a window of all")
}

on_both_stores!(every_authorization_is_counted_however_it_ends);
async fn every_authorization_is_counted_however_it_ends(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let swipe = given::authorization(&account, usd("60.00")).message("auth-1");
    let calls = [
        swipe.clone(),
        swipe.again(),
        given::authorization(&account, usd("1.00")).message("auth-1"),
        given::authorization(&account, usd("60.00")),
        given::authorization(&account, usd("60.00")),
        given::unknown_card(&given::new_token("card"), usd("1.00")),
        given::authorization(&account, usd("1.00")).late(),
    ];
    for call in &calls {
        let settlement = desk.settle(call).await;
        desk.authorizer.finish(settlement);
    }
    // Somebody hangs up: the lane counts for them. Loads are not authorizations.
    let hung_up = given::authorization(&account, usd("2.00"));
    let gate = desk.ledger.close_gate().await;
    drop(desk.submit(&hung_up).await);
    drop(gate);
    desk.reply(&given::load(&account, usd("1.00"))).await;
    let all = of_all(&desk);
    assert_eq!((all.count, all.approved, all.declined), (8, 2, 3));
    assert_eq!((all.repeated, all.conflicts, all.unavailable), (1, 1, 1));
    let reasons: Vec<_> = all.decline_reasons.into_iter().collect();
    assert_eq!(reasons, [("card_unknown", 1), ("insufficient_funds", 2)]);
    assert_eq!(all.approval_rate, Some(0.4));
    desk.close().await;
}

on_both_stores!(the_stages_of_a_decision_sum_to_its_total_and_are_stored_with_it);
async fn the_stages_of_a_decision_sum_to_its_total_and_are_stored_with_it(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("100.00").await;
    let settlement = desk.settle(&given::authorization(&account, usd("60.00"))).await;
    let Reply::Decided { message, .. } = settlement.reply else { panic!("{settlement:?}") };
    assert_eq!(stored_total_us(&desk, message).await, None);
    desk.authorizer.finish(settlement);
    // The next batch, or the end, takes them along.
    desk.stop().await;
    let all = of_all(&desk);
    let total = all.stages.last().expect("the total");
    assert_eq!((total.stage, total.count, all.stages.len()), ("total", 1, STAGES.len() + 1));
    let stored = stored_total_us(&desk, message).await.expect("written at the end");
    // Kept in microseconds, counted to two digits.
    assert!(total.min_us <= stored && stored <= total.max_us + total.max_us / 50, "{total:?} {stored}");
    desk.close().await;
}

async fn stored_total_us(desk: &Desk, message: MessageId) -> Option<u64> {
    let record = desk.authorizer.ledger().find_authorization(message).await.expect("readable");
    Some(record.expect("stored").stage_times?.total_us())
}
