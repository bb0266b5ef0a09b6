//! What was committed is there when the ledger is opened again.

use bursar_core::Window;
use bursar_core::command::GroupRef;
use bursar_core::command::{Partial, Purpose, Says};
use bursar_core::control::Scope;
use bursar_core::message::TransactionKind;
use bursar_core::program::Policies;
use jiff::SignedDuration;

use super::controls::left;
use super::given::{self, usd};
use super::links::{books, clearing_before_its_advice};
use super::{NOON, Place, assert_books_are_right};
use crate::reader::{AuthorizationFilter, Page};
use crate::stage::StageTimes;

pub(super) async fn everything_is_still_there_after_opening_again(place: &dyn Place) {
    let ledger = place.open();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let first = given::sent(ledger.as_ref(), &given::authorization(&account, usd("30.00"))).await;
    let more = given::increment(&account, GroupRef::Message(first.id()), usd("5.00"));
    given::sent(ledger.as_ref(), &more).await;
    let batch = crate::Batch {
        stage_times: std::sync::Arc::new(vec![(first.id(), StageTimes::from_us([7; 9]))]),
        ..Default::default()
    };
    ledger.transact(batch).await.expect("a ledger that works");
    let everything = async |ledger: &dyn crate::Ledger| {
        let page = Page { after: None, limit: 100 };
        let listed = ledger.list_authorizations(AuthorizationFilter::default(), page).await;
        let entries = Page { after: None, limit: 100 };
        (
            ledger.find_program(account.program).await,
            ledger.find_owner(account.owner).await,
            ledger.find_account(account.account).await,
            ledger.find_cardholder_by_token(&account.user_token).await,
            ledger.find_card(account.card).await,
            ledger.find_authorization(first.id()).await,
            ledger.list_entries(account.account, entries).await,
            listed,
            ledger.totals().await,
        )
    };
    let before = everything(ledger.as_ref()).await;
    drop(ledger);
    let ledger = place.open();
    assert_eq!(everything(ledger.as_ref()).await, before);
    assert_eq!(given::available(ledger.as_ref(), &account).await, usd("65.00"));
    given::sent(ledger.as_ref(), &given::unload(&account, usd("65.00"))).await;
    drop(ledger);
    assert_books_are_right(place.books());
}

pub(super) async fn a_repeat_after_opening_again_gets_the_same_bytes(place: &dyn Place) {
    let ledger = place.open();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let calls = [
        given::authorization(&account, usd("30.00")),
        given::authorization(&account, usd("300.00")),
        given::unknown_card(&given::new_token("card"), usd("1.00")),
        given::load(&account, usd("1.00")),
    ];
    let mut answers = Vec::new();
    for call in &calls {
        answers.push(given::sent(ledger.as_ref(), call).await.answer);
    }
    drop(ledger);
    let ledger = place.open();
    for (call, answer) in calls.iter().zip(answers) {
        let again = given::sent(ledger.as_ref(), &call.again()).await;
        assert!(again.is_repeated());
        assert_eq!(again.answer, answer);
    }
    assert_eq!(given::available(ledger.as_ref(), &account).await, usd("71.00"));
    drop(ledger);
    assert_books_are_right(place.books());
}

pub(super) async fn time_goes_on_from_the_last_decision_after_opening_again(place: &dyn Place) {
    let ledger = place.open();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let other = given::account(ledger.as_ref(), usd("100.00")).await;
    let hour = SignedDuration::from_hours(1);
    place.clock().set_after_noon(hour);
    given::sent(ledger.as_ref(), &given::authorization(&account, usd("1.00"))).await;
    drop(ledger);
    place.clock().set(NOON);
    let ledger = place.open();
    let at = async |funded| {
        let sent = given::sent(ledger.as_ref(), &given::authorization(funded, usd("1.00"))).await;
        sent.decided.expect("decided now").message.at
    };
    assert_eq!(at(&account).await, NOON + hour);
    assert_eq!(at(&other).await, NOON);
    place.clock().set_after_noon(hour * 2);
    assert_eq!(at(&account).await, NOON + hour * 2);
    drop(ledger);
    assert_books_are_right(place.books());
}

/// A store loads an owner's program with it: the first decisions find no row that is kept.
pub(super) async fn what_a_program_allows_counts_after_opening_again(place: &dyn Place) {
    let policies = Policies { partial_approvals: true, original_credits: true };
    let ledger = place.open();
    let account = given::account_in(ledger.as_ref(), policies, usd("10.00")).await;
    drop(ledger);
    let ledger = place.open();
    let pushed = given::authorization(&account, usd("1.00"))
        .asking(|asked| (asked.purpose, asked.kind) = (Purpose::Credit, TransactionKind::OriginalCredit));
    assert!(given::sent(ledger.as_ref(), &pushed).await.is_approved());
    drop(ledger);
    let ledger = place.open();
    let less_will_do = given::authorization(&account, usd("30.00"))
        .asking(|asked| asked.partial = Some(Partial { at_least_minor: 0 }));
    assert!(given::sent(ledger.as_ref(), &less_will_do).await.is_approved());
    assert_eq!(given::available(ledger.as_ref(), &account).await, usd("0.00"));
    drop(ledger);
    assert_books_are_right(place.books());
}

/// By a message of the part, by the key of one, and by a limit that begins to count.
pub(super) async fn what_was_merged_is_found_again(place: &dyn Place) {
    let ledger = place.open();
    let account = given::account(ledger.as_ref(), usd("100.00")).await;
    let [purchase, clearing, _] = clearing_before_its_advice(ledger.as_ref(), &account).await;
    drop(ledger);
    let ledger = place.open();
    for named in [clearing, purchase] {
        let refund = given::refund(&account, GroupRef::Message(named), usd("1.00"));
        assert_eq!(given::sent(ledger.as_ref(), &refund).await.declined(), None);
    }
    let late = given::report(&account, "t-4", Says::Capture, usd("2.00")).following("t-3");
    assert_eq!(given::sent(ledger.as_ref(), &late).await.declined(), None);
    assert_eq!(books(ledger.as_ref(), &account).await, (5_900, 0, 0, 0));
    let record = ledger.find_authorization(late.command.id).await.expect("readable").expect("there");
    assert_eq!(record.group.expect("a group").messages.len(), 7);
    let (scope, rule) = (Scope::Owner(account.owner), given::limit(Window::Day, usd("100.00")));
    let control = given::control(ledger.as_ref(), &account, scope, rule).await;
    assert_eq!(left(ledger.as_ref(), &control).await, usd("57.00"));
    drop(ledger);
    assert_books_are_right(place.books());
}
