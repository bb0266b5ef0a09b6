//! Batches whose members come to different ends, and what is written along.

use std::sync::Arc;

use bursar_core::{Answer, Decided, DeclineReason, Encode, Outcome, Work};

use super::given::{self, Sent, money, usd};
use crate::error::StoreError;
use crate::ledger::{Batch, Ledger, Member, Settled};
use crate::stage::StageTimes;

pub(super) async fn a_late_member_is_left_out_and_can_be_sent_again(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let in_time = given::authorization(&account, usd("10.00"));
    let late = given::authorization(&account, usd("20.00")).late();
    let after = given::authorization(&account, usd("30.00"));
    let settled = given::batch(ledger, &[in_time, late.clone(), after]).await;
    assert!(matches!(settled[1], Settled::Late));
    assert!(matches!(
        (&settled[0], &settled[2]),
        (Settled::Done(Outcome::Decided(..)), Settled::Done(Outcome::Decided(..)))
    ));
    assert_eq!(given::available(ledger, &account).await, usd("60.00"));
    let found = ledger.find_authorization(late.command.id).await;
    assert_eq!(found, Ok(None));
    let again = given::Call { deadline: None, ..late };
    assert!(given::sent(ledger, &again).await.is_approved());
    assert_eq!(given::available(ledger, &account).await, usd("40.00"));
}

pub(super) async fn a_load_that_overflows_is_declined_and_harms_no_other(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("0.00")).await;
    let everything = money("92233720368547758.07", "USD");
    let calls = [
        given::load(&account, everything),
        given::load(&account, usd("0.01")),
        given::authorization(&account, usd("30.00")),
    ];
    let answers = given::batch(ledger, &calls).await.into_iter().map(Sent::of);
    let declined: Vec<_> = answers.map(|sent| sent.declined()).collect();
    assert_eq!(declined, [None, Some(DeclineReason::InvalidAmount), None]);
    let row = given::books_of(ledger, &account).await;
    assert_eq!((row.posted_minor, row.held_minor, row.entries), (i64::MAX, 3_000, 1));
}

pub(super) async fn an_empty_batch_is_nothing(ledger: &dyn Ledger) {
    let settled = given::batch(ledger, &[]).await;
    assert!(settled.is_empty());
}

pub(super) async fn stage_times_are_written_with_a_later_batch(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let first = given::sent(ledger, &given::authorization(&account, usd("1.00"))).await.id();
    assert_eq!(stage_times(ledger, first).await, None);
    let times = StageTimes::from_us([1, 2, 3, 4, 5, 6, 7, 8, u32::MAX]);
    // Times may come twice, after a batch was sent again: the first stay.
    for times in [times, StageTimes::default()] {
        let batch = Batch { stage_times: Arc::new(vec![(first, times)]), ..Batch::default() };
        ledger.transact(batch).await.expect("a ledger that works");
    }
    assert_eq!(stage_times(ledger, first).await, Some(times));
}

async fn stage_times(ledger: &dyn Ledger, message: bursar_core::MessageId) -> Option<StageTimes> {
    let record = ledger.find_authorization(message).await.expect("readable").expect("stored");
    record.stage_times
}

pub(super) async fn the_store_can_be_probed(ledger: &dyn Ledger) {
    assert_eq!(ledger.probe().await, Ok(()));
    given::account(ledger, usd("1.00")).await;
    assert_eq!(ledger.probe().await, Ok(()));
}

/// An encoder that has a defect.
struct Panics;

impl Encode for Panics {
    fn encode(&self, _: &Decided) -> Answer {
        panic!("a defect that a test put here")
    }
}

pub(super) async fn a_panic_while_deciding_takes_no_effect_and_the_store_goes_on(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let swipe = given::authorization(&account, usd("1.00"));
    let work = Work::new(swipe.command.clone(), Box::new(Panics));
    let alone = Batch { members: vec![Arc::new(Member { work, deadline: None })], ..Batch::default() };
    let error = ledger.transact(alone).await.expect_err("the encoder panics");
    assert!(matches!(error, StoreError::BadData(_)), "{error}");
    assert!(given::sent(ledger, &swipe).await.is_approved());
    assert_eq!(given::available(ledger, &account).await, usd("99.00"));
}
