//! What tokens mean: from memory where it never changes, and never later than the deadline.

use std::time::{Duration, Instant};

use bursar_authorizer::{Settings, Timeline, Unavailable, Wanted};
use bursar_core::command::Found;
use bursar_core::text::Token;
use bursar_store::StoreError;
use bursar_testkit::given::{self, Funded, usd};
use bursar_testkit::{ReadFault, Store, on_both_stores};

use crate::support::Desk;

async fn look_up(desk: &Desk, user: &Token, card: &Token) -> Result<Found, Unavailable> {
    let wanted = Wanted { acting: Some(user), paying: None, card: Some(card) };
    let deadline = Instant::now() + Duration::from_secs(3600);
    desk.authorizer.look_up(wanted, deadline, &mut Timeline::begin()).await
}

async fn look_up_all_of(desk: &Desk, account: &Funded) -> Result<Found, Unavailable> {
    look_up(desk, &account.user_token, &account.card_token).await
}

on_both_stores!(what_was_found_is_remembered_and_what_was_not_is_looked_for_again);
async fn what_was_found_is_remembered_and_what_was_not_is_looked_for_again(store: Store) {
    let desk = Desk::open(store);
    let account = desk.account("1.00").await;
    let expected = Found { route: Some(account.route()), acting: Some(account.cardholder), paying: None };
    let before = desk.ledger.reads();
    for _ in 0..3 {
        assert_eq!(look_up_all_of(&desk, &account).await, Ok(expected));
    }
    assert_eq!(desk.ledger.reads() - before, 2, "one for the cardholder and one for the card");
    let nobody = given::new_token("nobody");
    for _ in 0..3 {
        assert_eq!(look_up(&desk, &nobody, &nobody).await, Ok(Found::default()));
    }
    assert_eq!(desk.ledger.reads() - before, 8, "an unknown card may be created at any time");
    desk.close().await;
}

on_both_stores!(a_store_that_cannot_be_read_makes_the_instance_not_ready_and_what_is_remembered_is_found);
async fn a_store_that_cannot_be_read_makes_the_instance_not_ready_and_what_is_remembered_is_found(
    store: Store,
) {
    let desk = Desk::open(store);
    let (known, unknown) = (desk.account("2.00").await, desk.account("1.00").await);
    let swipe = given::authorization(&known, usd("1.00"));
    let earlier = desk.settle(&swipe).await;
    let found = look_up_all_of(&desk, &known).await;
    desk.ledger.set_read_fault(Some(ReadFault::Fails(StoreError::Corrupt("by the test".into()))));
    assert_eq!(look_up_all_of(&desk, &known).await, found);
    assert!(desk.authorizer.ready().await.is_ok());
    let failed = look_up_all_of(&desk, &unknown).await;
    assert!(matches!(failed, Err(Unavailable::Store(_))), "{failed:?}");
    assert!(matches!(desk.authorizer.ready().await, Err(StoreError::Corrupt(_))));
    desk.ledger.set_read_fault(None);
    // An idle lane writes the stage times of earlier decisions, which disproves nothing either.
    desk.authorizer.finish(earlier);
    while !desk.has_stage_times(swipe.command.id).await {
        tokio::task::yield_now().await;
    }
    assert!(desk.authorizer.ready().await.is_err(), "damage is not disproved by time or by a probe");
    desk.reply(&given::authorization(&known, usd("1.00"))).await;
    assert_eq!(desk.authorizer.ready().await, Ok(()), "a decision disproves it");
    let all = desk.authorizer.profiler().profile().windows.pop().expect("a window of all");
    assert_eq!((all.count, all.unavailable), (2, 1), "the swipe that ended at its lookup is counted");
    desk.close().await;
}

on_both_stores!(a_lookup_that_hangs_ends_at_the_deadline);
/// The clock of the waiting stands still until there is nothing else to do, and then jumps.
async fn a_lookup_that_hangs_ends_at_the_deadline(store: Store) {
    let an_hour = Duration::from_secs(3600);
    let desk = Desk::open_with(store, Settings { failure_counts_for: an_hour, ..Settings::default() });
    let account = desk.account("1.00").await;
    desk.ledger.set_read_fault(Some(ReadFault::Hangs));
    tokio::time::pause();
    assert_eq!(look_up_all_of(&desk, &account).await, Err(Unavailable::Late));
    tokio::time::resume();
    assert!(desk.authorizer.ready().await.is_err(), "swipes end like this one");
    desk.close().await;
}
