//! Messages that name each other only in the end: their hold groups become one.

use bursar_core::command::{GroupRef, LinkKind, Says};
use bursar_core::{Decided, DeclineReason, DiscrepancyKind, GroupStatus, MessageId, Window};
use jiff::SignedDuration;

use super::NOON;
use super::controls::{card, declined, left};
use super::given::{self, Call, Funded, jpy, usd};
use crate::ledger::Ledger;

/// Posted, held, pending, and the number of holds.
pub(super) async fn books(ledger: &dyn Ledger, account: &Funded) -> (i64, i64, i64, i64) {
    let row = given::books_of(ledger, account).await;
    (row.posted_minor, row.held_minor, row.pending_credit_minor, row.open_holds)
}

/// What the processor says of this transaction, so many hours after noon.
fn report(account: &Funded, token: &str, says: Says, dollars: &str, hours: i64) -> Call {
    given::report(account, token, says, usd(dollars)).at(NOON + SignedDuration::from_hours(hours))
}

fn swipe(account: &Funded, token: &str, dollars: &str) -> Call {
    given::authorization(account, usd(dollars)).message(token)
}

/// The clearing names an advice that comes later, and that one names the purchase.
pub(super) async fn clearing_before_its_advice(ledger: &dyn Ledger, account: &Funded) -> [MessageId; 3] {
    let purchase = swipe(account, "t-1", "50.00");
    let clearing = report(account, "t-3", Says::FinalCapture, "41.00", 3).following("t-2");
    let advice = report(account, "t-2", Says::Replace, "41.00", 2).following("t-1");
    let claim = report(account, "t-2", Says::Claim, "41.00", 3);
    for call in [&purchase, &claim, &clearing] {
        given::sent(ledger, call).await;
    }
    assert_eq!(books(ledger, account).await, (5_900, 5_000, 0, 1), "nothing tells yet");
    assert_eq!(declined(ledger, &advice).await, None);
    [purchase, clearing, advice].map(|call| call.command.id)
}

pub(super) async fn a_message_that_proves_two_groups_to_be_one_makes_them_one(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let limit =
        given::control(ledger, &account, card(&account), given::limit(Window::Day, usd("100.00"))).await;
    let messages = clearing_before_its_advice(ledger, &account).await;
    assert_eq!(books(ledger, &account).await, (5_900, 0, 0, 0));
    assert_eq!(left(ledger, &limit).await, usd("59.00"));
    for id in messages {
        let record = ledger.find_authorization(id).await.expect("readable").expect("there");
        let group = record.group.expect("a group");
        assert_eq!((group.root, group.messages.len()), (messages[0], 4));
        assert_eq!(group.books().expect("64 bits").status, GroupStatus::Closed);
    }
}

/// Three purchases that were one: each is a group, and the last message names all.
pub(super) async fn many_groups_become_one(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    for (token, dollars) in [("t-1", "20.00"), ("t-2", "5.00"), ("t-3", "4.00")] {
        given::sent(ledger, &swipe(&account, token, dollars)).await;
    }
    assert_eq!(books(ledger, &account).await, (10_000, 2_900, 0, 3));
    let part = report(&account, "t-4", Says::Capture, "9.00", 1).following("t-3").following("t-2");
    let last = report(&account, "t-5", Says::FinalCapture, "18.00", 2).following("t-4").following("t-1");
    given::batch(ledger, &[part, last]).await;
    assert_eq!(books(ledger, &account).await, (7_300, 0, 0, 0));
    let expiry = report(&account, "t-6", Says::Capture, "1.00", 3).following("t-2");
    assert_eq!(declined(ledger, &expiry).await, None);
    assert_eq!(books(ledger, &account).await, (7_200, 0, 0, 0));
}

pub(super) async fn an_id_that_messages_share_makes_them_one_purchase(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    given::sent(ledger, &swipe(&account, "t-1", "30.00")).await;
    // It comes before anybody has told whose order that is.
    let part = report(&account, "t-2", Says::Capture, "10.00", 2).sharing(LinkKind::Order, "o-1");
    assert_eq!(declined(ledger, &part).await, None);
    assert_eq!(books(ledger, &account).await, (9_000, 3_000, 0, 1));
    let purchase = report(&account, "t-1", Says::Hold, "30.00", 0).sharing(LinkKind::Order, "o-1");
    let purchase = purchase.sharing(LinkKind::Funding, "f-1");
    assert_eq!(declined(ledger, &purchase).await, None);
    assert_eq!(books(ledger, &account).await, (9_000, 2_000, 0, 1));
    let last = report(&account, "t-3", Says::FinalCapture, "15.00", 3).sharing(LinkKind::Funding, "f-1");
    assert_eq!(declined(ledger, &last).await, None);
    assert_eq!(books(ledger, &account).await, (7_500, 0, 0, 0));
    // Another kind of id, with the same letters.
    let other = report(&account, "t-4", Says::Hold, "5.00", 4).sharing(LinkKind::LifeCycle, "f-1");
    assert_eq!(declined(ledger, &other).await, None);
    assert_eq!(books(ledger, &account).await, (7_500, 500, 0, 1));
}

pub(super) async fn an_id_that_only_suggests_makes_no_two_purchases_one(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let hold = |token, hours| report(&account, token, Says::Hold, "10.00", hours);
    for call in [hold("t-1", 0), hold("t-2", 1)] {
        assert_eq!(declined(ledger, &call.hinting(LinkKind::Reference, "r-1")).await, None);
    }
    assert_eq!(books(ledger, &account).await, (10_000, 2_000, 0, 2), "each begins a purchase");
    // What names its purchase is not led astray, and what names none follows the reference.
    let named = report(&account, "t-3", Says::FinalCapture, "10.00", 2).following("t-2");
    assert_eq!(declined(ledger, &named.hinting(LinkKind::Reference, "r-1")).await, None);
    assert_eq!(books(ledger, &account).await, (9_000, 1_000, 0, 1));
    let unnamed = report(&account, "t-4", Says::FinalCapture, "8.00", 3);
    assert_eq!(declined(ledger, &unnamed.hinting(LinkKind::Reference, "r-1")).await, None);
    assert_eq!(books(ledger, &account).await, (8_200, 0, 0, 0));
}

pub(super) async fn a_code_of_an_approval_leads_to_what_is_held_and_is_told_as_a_guess(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let hinting = |call: Call| call.unasked().hinting(LinkKind::Approval, "card 324398 merchant USD");
    let decided = async |call: Call| given::sent(ledger, &hinting(call)).await.decided.expect("decided now");
    decided(report(&account, "t-1", Says::Hold, "10.00", 0)).await;
    let guessed = decided(report(&account, "t-2", Says::FinalCapture, "8.00", 1)).await;
    assert_eq!(books(ledger, &account).await, (9_200, 0, 0, 0));
    let told = guessed.discrepancy.expect("a guess is told");
    assert_eq!((told.kind, told.held_minor, told.posted_minor), (DiscrepancyKind::Guessed, -1_000, -800));
    // The purchase has ended: what has the same code is another.
    let late = decided(report(&account, "t-3", Says::FinalCapture, "5.00", 2)).await;
    assert_eq!(late.discrepancy, None);
    let root = |of: &Decided| of.message.group.as_ref().map(|group| group.root);
    assert_ne!(root(&late), root(&guessed));
    assert_eq!(books(ledger, &account).await, (8_700, 0, 0, 0));
}

/// Each owner's purchases are his own, whatever ids somebody sends.
pub(super) async fn an_id_of_another_s_purchase_leads_nowhere(ledger: &dyn Ledger) {
    let [account, other] =
        [given::account(ledger, usd("100.00")).await, given::account(ledger, usd("100.00")).await];
    let hold = report(&account, "t-1", Says::Hold, "30.00", 0).sharing(LinkKind::Order, "o-1");
    assert_eq!(declined(ledger, &hold).await, None);
    let clearing = report(&other, "t-2", Says::FinalCapture, "30.00", 1).sharing(LinkKind::Order, "o-1");
    assert_eq!(declined(ledger, &clearing).await, None);
    assert_eq!(books(ledger, &account).await, (10_000, 3_000, 0, 1));
    assert_eq!(books(ledger, &other).await, (7_000, 0, 0, 0));
}

/// A message that names the purchases of two accounts is of the first: money of one is none of the other.
pub(super) async fn purchases_of_two_accounts_stay_two(ledger: &dyn Ledger) {
    let [account, other] = given::two_accounts(ledger, [usd("100.00"), jpy("10000")]).await;
    given::sent(ledger, &swipe(&account, "t-1", "30.00")).await;
    given::sent(ledger, &given::authorization(&other, jpy("500")).message("t-2")).await;
    let clearing = report(&account, "t-3", Says::FinalCapture, "25.00", 1).following("t-1").following("t-2");
    assert_eq!(declined(ledger, &clearing).await, None);
    assert_eq!(books(ledger, &account).await, (7_500, 0, 0, 0));
    assert_eq!(books(ledger, &other).await, (10_000, 500, 0, 1));
}

/// A card was replaced: what was taken from the limits of the new one goes to those of the purchase's.
pub(super) async fn windows_follow_a_purchase_to_its_card(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let new = given::another_holder(ledger, &account).await;
    let limit = |of: &Funded| (card(of), given::limit(Window::Day, usd("100.00")));
    let (scope, rule) = limit(&account);
    let of_old = given::control(ledger, &account, scope, rule).await;
    let (scope, rule) = limit(&new);
    let of_new = given::control(ledger, &new, scope, rule).await;
    given::sent(ledger, &swipe(&account, "t-1", "50.00")).await;
    let clearing = report(&new, "t-3", Says::FinalCapture, "41.00", 3).following("t-2");
    for call in [report(&new, "t-2", Says::Claim, "41.00", 3), clearing] {
        given::sent(ledger, &call).await;
    }
    assert_eq!((left(ledger, &of_old).await, left(ledger, &of_new).await), (usd("50.00"), usd("59.00")));
    let advice = report(&new, "t-2", Says::Replace, "41.00", 2).following("t-1");
    assert_eq!(declined(ledger, &advice).await, None);
    assert_eq!((left(ledger, &of_old).await, left(ledger, &of_new).await), (usd("59.00"), usd("100.00")));
}

/// What an instance remembers of the new card's windows is not what they are after the merge.
pub(super) async fn a_swipe_after_a_merge_counts_on_what_is_taken_now(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let new = given::another_holder(ledger, &account).await;
    let limit = given::limit(Window::Day, usd("50.00"));
    let of_new = given::control(ledger, &new, card(&new), limit).await;
    given::sent(ledger, &swipe(&account, "t-1", "41.00")).await;
    let clearing = report(&new, "t-3", Says::FinalCapture, "41.00", 3).following("t-2");
    for call in [report(&new, "t-2", Says::Claim, "41.00", 3), clearing] {
        given::sent(ledger, &call).await;
    }
    let beyond = declined(ledger, &swipe(&new, "t-4", "10.00")).await;
    assert_eq!(beyond, Some(DeclineReason::AmountLimitExceeded));
    // It comes with the card of the purchase, and names no scope of the other one.
    let advice = report(&account, "t-2", Says::Replace, "41.00", 2).following("t-1");
    assert_eq!(declined(ledger, &advice).await, None);
    assert_eq!(left(ledger, &of_new).await, usd("50.00"));
    assert_eq!(declined(ledger, &swipe(&new, "t-5", "10.00")).await, None);
    assert_eq!(left(ledger, &of_new).await, usd("40.00"));
}

/// It is an increment for us once the first of its purchase was reported.
pub(super) async fn an_increment_may_name_the_first_request_of_its_purchase(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    given::sent(ledger, &swipe(&account, "t-1", "30.00")).await;
    let purchase = report(&account, "t-1", Says::Hold, "30.00", 0).sharing(LinkKind::Funding, "f-1");
    given::sent(ledger, &purchase).await;
    let link = GroupRef::Link(bursar_core::command::Link::new(LinkKind::Funding, "f-1"));
    let more = given::increment(&account, link.clone(), usd("20.00"));
    assert!(given::sent(ledger, &more).await.is_approved());
    assert_eq!(books(ledger, &account).await, (10_000, 5_000, 0, 1));
    given::sent(ledger, &given::reversal(&account, link.clone())).await;
    let ended = declined(ledger, &given::increment(&account, link, usd("1.00"))).await;
    assert_eq!(ended, Some(DeclineReason::HoldGroupEnded));
}
