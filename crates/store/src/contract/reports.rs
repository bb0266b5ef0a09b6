//! What the processor reports: booked, whoever decided it, and in whatever order it comes.

use bursar_core::command::Says;
use bursar_core::message::ActionKind;
use bursar_core::{DeclineReason, GroupStatus, Outcome, Window};
use jiff::SignedDuration;

use super::NOON;
use super::controls::{card, declined, left};
use super::given::{self, Call, Funded, jpy, usd};
use super::methods::debit;
use crate::ledger::{Ledger, Settled};

/// Posted, held and pending, in minor units.
async fn books(ledger: &dyn Ledger, account: &Funded) -> (i64, i64, i64) {
    let row = given::books_of(ledger, account).await;
    (row.posted_minor, row.held_minor, row.pending_credit_minor)
}

/// A swipe for dollars under this token.
fn swipe(account: &Funded, token: &str, dollars: &str) -> Call {
    given::authorization(account, usd(dollars)).message(token)
}

fn report(account: &Funded, token: &str, says: Says, dollars: &str) -> Call {
    given::report(account, token, says, usd(dollars))
}

async fn is_conflict(ledger: &dyn Ledger, call: &Call) -> bool {
    let settled = given::batch(ledger, &[call.again()]).await;
    matches!(settled[..], [Settled::Done(Outcome::Conflict)])
}

pub(super) async fn a_clearing_posts_what_was_held_once(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    given::sent(ledger, &swipe(&account, "t-1", "30.00")).await;
    let clearing = report(&account, "t-2", Says::Capture, "30.00").following("t-1");
    assert_eq!(declined(ledger, &clearing).await, None);
    assert_eq!(books(ledger, &account).await, (7_000, 0, 0));
    assert!(given::sent(ledger, &clearing.again()).await.is_repeated());
    assert_eq!(books(ledger, &account).await, (7_000, 0, 0));
    let record = ledger.find_authorization(clearing.command.id).await.expect("readable").expect("there");
    assert_eq!(record.message.kind, ActionKind::Report);
    let group = record.group.expect("a group");
    assert_eq!((group.messages.len(), group.books().expect("64 bits").status), (2, GroupStatus::Closed));
}

pub(super) async fn what_the_processor_says_of_a_decision_counts(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let limit =
        given::control(ledger, &account, card(&account), given::limit(Window::Day, usd("50.00"))).await;
    given::sent(ledger, &swipe(&account, "t-1", "30.00")).await;
    given::sent(ledger, &report(&account, "t-1", Says::Hold, "30.00")).await;
    assert_eq!(books(ledger, &account).await, (10_000, 3_000, 0), "as it was decided");
    given::sent(ledger, &swipe(&account, "t-2", "20.00")).await;
    given::sent(ledger, &report(&account, "t-2", Says::Hold, "15.00")).await;
    assert_eq!(books(ledger, &account).await, (10_000, 4_500, 0));
    assert_eq!(left(ledger, &limit).await, usd("5.00"));
}

/// It was too late, say. Whatever else is said of it, before or after.
pub(super) async fn what_came_to_nothing_at_the_processor_holds_nothing(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let limit =
        given::control(ledger, &account, card(&account), given::limit(Window::Day, usd("50.00"))).await;
    given::sent(ledger, &swipe(&account, "t-1", "30.00")).await;
    let refused = report(&account, "t-1", Says::Refused, "30.00");
    assert_eq!(declined(ledger, &refused).await, None);
    assert_eq!(books(ledger, &account).await, (10_000, 0, 0));
    assert_eq!(left(ledger, &limit).await, usd("50.00"));
    given::sent(ledger, &report(&account, "t-1", Says::Hold, "30.00")).await;
    assert_eq!(books(ledger, &account).await, (10_000, 0, 0));
    // A debit that was posted at once is given back.
    given::sent(ledger, &debit(&account, "40.00").message("t-2")).await;
    given::sent(ledger, &report(&account, "t-2", Says::Refused, "40.00")).await;
    assert_eq!(books(ledger, &account).await, (10_000, 0, 0));
}

/// Overdrawn, if it must be: the network has approved it for us.
pub(super) async fn what_we_declined_or_never_saw_is_adopted(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let too_much = Some(DeclineReason::InsufficientFunds);
    assert_eq!(declined(ledger, &swipe(&account, "t-1", "100.01")).await, too_much);
    given::sent(ledger, &report(&account, "t-1", Says::Hold, "100.01")).await;
    assert_eq!(books(ledger, &account).await, (10_000, 10_001, 0));
    given::sent(ledger, &report(&account, "t-2", Says::Claim, "5.00")).await;
    given::sent(ledger, &report(&account, "t-2", Says::Hold, "5.00")).await;
    assert_eq!(books(ledger, &account).await, (10_000, 10_501, 0));
    assert_eq!(given::available(ledger, &account).await.minor, -501);
    given::sent(ledger, &report(&account, "t-3", Says::Capture, "5.00").following("t-2")).await;
    assert_eq!(books(ledger, &account).await, (9_500, 10_001, 0));
}

pub(super) async fn a_claim_stands_in_the_way_of_a_decision(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let claim = report(&account, "t-1", Says::Claim, "30.00");
    assert_eq!(declined(ledger, &claim).await, Some(DeclineReason::DecidedElsewhere));
    assert!(is_conflict(ledger, &swipe(&account, "t-1", "30.00")).await);
    assert_eq!(books(ledger, &account).await, (10_000, 0, 0));
    given::sent(ledger, &swipe(&account, "t-2", "30.00")).await;
    assert!(is_conflict(ledger, &report(&account, "t-2", Says::Claim, "30.00")).await);
    assert_eq!(books(ledger, &account).await, (10_000, 3_000, 0));
    // Both in one batch: the first has the key.
    let batch = [report(&account, "t-3", Says::Claim, "30.00"), swipe(&account, "t-3", "30.00")];
    given::batch(ledger, &batch).await;
    assert_eq!(books(ledger, &account).await, (10_000, 3_000, 0));
}

pub(super) async fn a_clearing_may_come_before_its_authorization(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let later = NOON + SignedDuration::from_hours(48);
    for call in [
        report(&account, "t-1", Says::Claim, "30.00").at(later),
        report(&account, "t-2", Says::Capture, "36.00").following("t-1").at(later),
    ] {
        given::sent(ledger, &call).await;
    }
    assert_eq!(books(ledger, &account).await, (6_400, 0, 0));
    given::sent(ledger, &report(&account, "t-1", Says::Hold, "30.00").at(NOON)).await;
    assert_eq!(books(ledger, &account).await, (6_400, 0, 0), "it was captured before we heard of it");
}

pub(super) async fn an_advice_says_what_is_held_from_its_time_on(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    given::sent(ledger, &swipe(&account, "t-1", "50.00")).await;
    let after = |seconds| NOON + SignedDuration::from_secs(seconds);
    // The pump says what was filled in, and the reversal of the difference is older.
    let advice = report(&account, "t-3", Says::Replace, "41.00").following("t-1").at(after(20));
    given::sent(ledger, &advice).await;
    let reversal = report(&account, "t-2", Says::Release, "8.00").following("t-1").at(after(10));
    given::sent(ledger, &reversal).await;
    assert_eq!(books(ledger, &account).await, (10_000, 4_100, 0));
    // It may name any of them.
    let expiry = report(&account, "t-4", Says::Expire, "0.00").following("t-3").at(after(30));
    given::sent(ledger, &expiry).await;
    assert_eq!(books(ledger, &account).await, (10_000, 0, 0));
}

pub(super) async fn refunds_and_debits_are_confirmed_adopted_and_undone(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    given::sent(ledger, &debit(&account, "40.00").message("t-1")).await;
    given::sent(ledger, &report(&account, "t-1", Says::Debit, "40.00")).await;
    assert_eq!(books(ledger, &account).await, (6_000, 0, 0));
    given::sent(ledger, &report(&account, "t-2", Says::UndoDebit, "40.00").following("t-1")).await;
    assert_eq!(books(ledger, &account).await, (10_000, 0, 0));
    given::sent(ledger, &report(&account, "t-3", Says::PendingCredit, "20.00")).await;
    assert_eq!(books(ledger, &account).await, (10_000, 0, 2_000));
    // A debit that came to nothing has nothing to undo.
    given::sent(ledger, &debit(&account, "40.00").message("t-5")).await;
    given::sent(ledger, &report(&account, "t-5", Says::Refused, "40.00")).await;
    given::sent(ledger, &report(&account, "t-6", Says::UndoDebit, "40.00").following("t-5")).await;
    assert_eq!(books(ledger, &account).await, (10_000, 0, 2_000));
    let unlinked = report(&account, "t-4", Says::Credit, "7.00");
    given::sent(ledger, &unlinked).await;
    assert_eq!(books(ledger, &account).await, (10_700, 0, 2_000));
}

pub(super) async fn what_cannot_be_booked_is_kept_with_the_reason(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let yen = given::report(&account, "t-1", Says::Capture, jpy("10"));
    assert_eq!(declined(ledger, &yen).await, Some(DeclineReason::CurrencyMismatch));
    let unknown = report(&account, "t-2", Says::Capture, "10.00").of_nobody();
    assert_eq!(declined(ledger, &unknown).await, Some(DeclineReason::CardUnknown));
    assert_eq!(books(ledger, &account).await, (10_000, 0, 0));
}

/// It says that it follows it, and is made with another's card.
pub(super) async fn another_s_purchase_is_left_alone(ledger: &dyn Ledger) {
    let [account, other] =
        [given::account(ledger, usd("100.00")).await, given::account(ledger, usd("100.00")).await];
    given::sent(ledger, &swipe(&account, "t-1", "30.00")).await;
    let clearing = report(&other, "t-2", Says::Capture, "30.00").following("t-1");
    assert_eq!(declined(ledger, &clearing).await, None);
    assert_eq!(books(ledger, &account).await, (10_000, 3_000, 0));
    assert_eq!(books(ledger, &other).await, (7_000, 0, 0));
}

/// A hotel's messages in a few of their orders: the property of the core takes all.
pub(super) async fn six_messages_in_any_order_end_in_the_same_books(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("1000000.00")).await;
    let limit =
        given::control(ledger, &account, card(&account), given::limit(Window::Lifetime, usd("900000.00")))
            .await;
    let after = |minutes| NOON + SignedDuration::from_mins(minutes);
    let token = |life: usize, name: &str| format!("{life}-{name}");
    let messages = |life: usize| {
        let of = |name: &str, says, dollars, minutes| {
            let call = report(&account, &token(life, name), says, dollars);
            call.following(&token(life, "first")).at(after(minutes))
        };
        [
            of("first", Says::Hold, "200.00", 0),
            of("more", Says::Hold, "50.00", 1),
            of("less", Says::Release, "30.00", 2),
            of("total", Says::Replace, "210.00", 3),
            of("part", Says::Capture, "60.00", 4),
            of("last", Says::FinalCapture, "155.00", 5),
        ]
    };
    let mut posted_minor = 100_000_000;
    for (life, order) in permutations().into_iter().enumerate() {
        let messages = messages(life);
        for place in order {
            // Whoever comes first claims the place of the authorization.
            let claim = report(&account, &token(life, "first"), Says::Claim, "0.00").at(after(place as i64));
            given::batch(ledger, &[claim, messages[place].again(), messages[order[0]].again()]).await;
        }
        posted_minor -= 21_500;
        assert_eq!(books(ledger, &account).await, (posted_minor, 0, 0), "{order:?}");
        let taken_minor = 90_000_000 - left(ledger, &limit).await.minor;
        assert_eq!(taken_minor, 100_000_000 - posted_minor, "{order:?}");
    }
}

/// Twenty of all orders of six.
fn permutations() -> Vec<[usize; 6]> {
    (0..720).step_by(37).map(permutation).collect()
}

fn permutation(mut number: usize) -> [usize; 6] {
    let mut left: Vec<usize> = (0..6).collect();
    [6, 5, 4, 3, 2, 1].map(|of| {
        let place = number % of;
        number /= of;
        left.remove(place)
    })
}
