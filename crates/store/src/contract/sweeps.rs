//! Holds of which nothing more is heard: found once they are old enough, and ended if that is still so.

use bursar_core::command::{GroupRef, Says};
use bursar_core::hold_days::{Days, DaysByMerchant, HoldDays};
use bursar_core::message::Source;
use bursar_core::{DeclineReason, MessageId};
use jiff::SignedDuration;

use super::given::{self, Call, Funded, usd};
use super::{Place, assert_books_are_right};
use crate::ledger::Ledger;
use crate::reader::Page;
use crate::sweep::{IdleSlice, Sweep};

const DAY: SignedDuration = SignedDuration::from_hours(24);

async fn idle(ledger: &dyn Ledger, days: i32, after: i64, limit: u32) -> IdleSlice {
    let page = Page { after: Some(after), limit };
    ledger.list_idle(DAY * days, page).await.expect("readable")
}

/// The last messages of all groups that are so old.
async fn last_of(ledger: &dyn Ledger, days: i32) -> Vec<MessageId> {
    let slice = idle(ledger, days, 0, 1_000).await;
    assert!(!slice.has_more);
    slice.groups.iter().map(|group| group.message).collect()
}

async fn held(ledger: &dyn Ledger, account: &Funded, message: &str) -> MessageId {
    given::sent(ledger, &given::authorization(account, usd("10.00")).message(message)).await.id()
}

pub(super) async fn a_hold_is_found_by_its_last_message_once_that_is_old_enough(place: &dyn Place) {
    let ledger = place.open();
    let ledger = ledger.as_ref();
    let account = given::account(ledger, usd("100.00")).await;
    let first = held(ledger, &account, "t-1").await;
    let other = held(ledger, &account, "t-2").await;
    let captured = given::account(ledger, usd("100.00")).await;
    let group = GroupRef::Message(held(ledger, &captured, "t-3").await);
    given::sent(ledger, &given::final_capture(&captured, group, usd("10.00"))).await;
    given::sent(ledger, &given::unknown_card(&given::new_token("card"), usd("1.00"))).await;
    place.clock().set_after_noon(DAY);
    let more =
        given::sent(ledger, &given::increment(&account, GroupRef::Message(first), usd("5.00"))).await.id();
    let declined = given::increment(&account, GroupRef::Message(other), usd("500.00"));
    assert!(given::sent(ledger, &declined).await.declined().is_some());
    assert_eq!(last_of(ledger, 1).await, [other], "what is declined moves nothing");
    assert_eq!(last_of(ledger, 2).await, []);
    place.clock().set_after_noon(DAY * 2 - SignedDuration::from_micros(1));
    assert_eq!(last_of(ledger, 1).await, [other]);
    place.clock().set_after_noon(DAY * 2);
    assert_eq!(last_of(ledger, 1).await, [other, more]);
    let found = idle(ledger, 1, 0, 1_000).await.groups;
    assert_eq!((found[1].root, found[1].program), (first, account.program));
    assert_eq!(found[1].mcc.map(|mcc| mcc.number()), Some(5812));
    let refused = given::report(&account, "t-2", Says::Refused, usd("10.00"));
    let refused = given::sent(ledger, &refused).await.id();
    assert_eq!(last_of(ledger, 1).await, [more]);
    place.clock().set_after_noon(DAY * 3);
    assert_eq!(last_of(ledger, 1).await, [more, refused], "a report speaks of its group");
    assert_books_are_right(place.books());
}

pub(super) async fn a_decision_is_found_while_nothing_is_reported_of_its_own_transaction(place: &dyn Place) {
    let ledger = place.open();
    let ledger = ledger.as_ref();
    let account = given::account(ledger, usd("100.00")).await;
    let first = held(ledger, &account, "t-1").await;
    let more = given::increment(&account, GroupRef::Message(first), usd("5.00")).message("t-2");
    let more = given::sent(ledger, &more).await.id();
    given::sent(ledger, &given::authorization(&account, usd("500.00")).message("t-3")).await;
    let mut own = given::authorization(&account, usd("1.00"));
    own.command.key.source = Source::Api;
    given::sent(ledger, &own).await;
    given::sent(ledger, &given::report(&account, "t-4", Says::Hold, usd("1.00"))).await;
    let unconfirmed = async |days: i32| {
        let page = Page { after: Some(0), limit: 1_000 };
        let slice = ledger.list_unconfirmed(DAY * days, page).await.expect("readable");
        slice.groups.into_iter().map(|group| (group.message, group.root)).collect::<Vec<_>>()
    };
    place.clock().set_after_noon(DAY);
    assert_eq!(unconfirmed(2).await, []);
    assert_eq!(
        unconfirmed(1).await,
        [(first, first), (more, first)],
        "not what was declined, adopted or ours"
    );
    given::sent(ledger, &given::report(&account, "t-1", Says::Hold, usd("10.00"))).await;
    assert_eq!(unconfirmed(1).await, [(more, first)], "the increment is a transaction of its own");
    given::sent(ledger, &given::report(&account, "t-2", Says::Refused, usd("5.00"))).await;
    assert_eq!(unconfirmed(1).await, []);
    assert_books_are_right(place.books());
}

pub(super) async fn a_walk_ends_at_its_limit_or_before_what_is_younger_and_goes_on_there(place: &dyn Place) {
    let ledger = place.open();
    let ledger = ledger.as_ref();
    let account = given::account(ledger, usd("100.00")).await;
    let mut holds = Vec::new();
    for day in 0..3 {
        place.clock().set_after_noon(DAY * day);
        holds.push(held(ledger, &account, &format!("t-{day}")).await);
    }
    let mut found = Vec::new();
    let mut position = 0;
    loop {
        let slice = idle(ledger, 1, position, 2).await;
        assert!(slice.position > position, "each call comes further");
        position = slice.position;
        found.extend(slice.groups.into_iter().map(|group| group.message));
        if !slice.has_more {
            break;
        }
    }
    assert_eq!(found, holds[..2]);
    let nothing = IdleSlice { groups: Vec::new(), position, has_more: false };
    assert_eq!(idle(ledger, 1, position, 2).await, nothing);
    place.clock().set_after_noon(DAY * 3);
    let slice = idle(ledger, 1, position, 2).await;
    assert_eq!(slice.groups.iter().map(|group| group.message).collect::<Vec<_>>(), holds[2..]);
    assert_eq!(slice.groups[0].position, slice.position);
}

pub(super) async fn how_far_a_search_has_come_is_kept_and_never_goes_back(place: &dyn Place) {
    let ledger = place.open();
    for (days, position) in [(7, 20), (30, 5), (7, 10), (30, 6)] {
        ledger.keep_sweep(Sweep { days, position }).await.expect("a ledger that works");
    }
    drop(ledger);
    let kept = place.open().list_sweeps().await;
    assert_eq!(kept, Ok(vec![Sweep { days: 7, position: 20 }, Sweep { days: 30, position: 6 }]));
}

pub(super) async fn an_expiry_for_a_message_that_is_no_longer_the_last_changes_nothing(place: &dyn Place) {
    let ledger = place.open();
    let ledger = ledger.as_ref();
    let account = given::account(ledger, usd("100.00")).await;
    let first = held(ledger, &account, "t-1").await;
    place.clock().set_after_noon(DAY);
    let capture = given::capture(&account, GroupRef::Message(first), usd("4.00"));
    let last = given::sent(ledger, &capture).await.id();
    let declined = async |call: &Call| given::sent(ledger, call).await.declined();
    let stranger = held(ledger, &account, "t-2").await;
    let expiry = |last| given::expiry_after(&account, last);
    assert_eq!(declined(&expiry(first)).await, Some(DeclineReason::HoldGroupMoved));
    assert_eq!(given::available(ledger, &account).await, usd("80.00"), "nothing has changed");
    assert_eq!(declined(&expiry(last)).await, None);
    assert_eq!(given::available(ledger, &account).await, usd("86.00"));
    assert_eq!(declined(&expiry(stranger)).await, None);
    assert_eq!(
        declined(&given::expiry(&account, GroupRef::Message(first))).await,
        Some(DeclineReason::HoldGroupEnded)
    );
    let late = given::final_capture(&account, GroupRef::Message(stranger), usd("10.00"));
    assert_eq!(declined(&late).await, None, "what is captured afterwards is posted");
    assert_eq!(given::available(ledger, &account).await, usd("86.00"));
    assert_books_are_right(place.books());
}

pub(super) async fn the_days_of_a_program_change_and_are_read_back(place: &dyn Place) {
    let ledger = place.open();
    let program = given::program(ledger.as_ref()).await;
    let days = |days| Days::new(days).expect("days");
    let by_merchant =
        DaysByMerchant::new([("lodging".to_owned(), 30), ("7012".to_owned(), 3)]).expect("days");
    let read = async |ledger: &dyn Ledger| {
        ledger.find_program(program).await.expect("readable").expect("a program").hold_days
    };
    assert_eq!(read(ledger.as_ref()).await, HoldDays::default());
    // In one batch: each sees the one before.
    let changes = [
        given::program_change(program, Some(days(5)), None),
        given::program_change(program, None, Some(by_merchant.clone())),
    ];
    assert_eq!(given::batch(ledger.as_ref(), &changes).await.len(), 2);
    let expected = HoldDays { usual: days(5), by_merchant };
    assert_eq!(read(ledger.as_ref()).await, expected);
    drop(ledger);
    let ledger = place.open();
    assert_eq!(read(ledger.as_ref()).await, expected);
    let unknown = bursar_core::ProgramId::new(given::id());
    let change = given::program_change(unknown, Some(days(5)), None);
    let declined = given::sent(ledger.as_ref(), &change).await.declined();
    assert_eq!(declined, Some(DeclineReason::ProgramUnknown));
}
