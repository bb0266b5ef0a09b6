//! Lives that are right, by hand like the others: what was reported and booked, and a fault of each kind.

use std::sync::Arc;

use super::controls::{ACTIVE, DAILY, amount, id, left};
use super::faults::fault_in;
use super::right::{
    COMPANY, Case, FUNDS, PERSON, WALLET, at, created, id_of, shown_account, shown_entries, shown_owner, usd,
};
use super::*;
use crate::Invariant::{D1, D2, L1, L3, L4, L5, L6, M1, O3, R1, Unknown, V1, V2};
use crate::control::{ALL_SPENDING, ControlStatus, Limit, Rule, Window};
use crate::history::{Answer, Control, Delivery, Notice, Says, Told};
use crate::jit::Ask;
use crate::listing::{Message, Purchase};
use crate::merchants::MERCHANTS;
use crate::plan::Clearing;

/// A clearing that does not say whether it is the last.
const CLEARED: Says = Says::Cleared(Clearing { percent: None, part: None, is_final: None });

/// A limit of 500.00 a day, and lives of every kind under it. The first 10 numbers are of creations.
fn lived() -> Case {
    let mut case = Case { history: created(), listing: Listing::default() };
    let amount_minor = Some(50_000);
    let limit = Limit { window: Window::Day, amount_minor, count: None, counts: ALL_SPENDING };
    case.history.controls = vec![Control {
        id: id(DAILY),
        owner: COMPANY,
        scope: ACTIVE,
        name: "a control",
        rule: Rule::Limit(limit),
        currency: usd(0).currency,
        status: ControlStatus::Active,
    }];
    case.history.owners[0].creations = 10;
    case.load(COMPANY, FUNDS, 11, 100_000, "1000.00");
    // A meal with a tip.
    case.bought("meal", 4_000, 12, ["960.00", "500.00"]);
    case.reported(13, "meal", None, Says::Approved, 4_000);
    case.reported(14, "meal-c", Some("meal"), CLEARED, 4_600);
    // The answer came too late.
    case.bought("late", 3_000, 15, ["924.00", "454.00"]);
    case.reported(16, "late", None, Says::TooLate, 3_000);
    // The network approved by itself.
    case.claimed(17, "away");
    case.reported(18, "away", None, Says::StoodIn, 6_000);
    case.bought("next", 1_000, 19, ["884.00", "394.00"]);
    case.claimed(20, "back");
    case.reported(21, "back", None, Says::Refunded, 2_000);
    case.bought("probe", 500, 22, ["899.00", "384.00"]);
    case.reported(23, "next-r", Some("next"), Says::Released, 1_000);
    case.bought("again", 100, 24, ["908.00", "389.00"]);
    case.reported(25, "away-c", Some("away"), CLEARED, 6_000);
    // 26 and 27 are of a swipe that was refused before it came: nothing shows them.
    case.refused_before("never");
    case.swipe("asked", "active", "user-1", Some(1_500)).asking(Ask::Refund).approved(28, "908.00");
    case.reported(29, "asked-c", Some("asked"), Says::RefundCleared, 1_000);
    case.listing.owners = vec![shown_owner(COMPANY, 29), shown_owner(PERSON, 2)];
    case.listing.accounts = vec![
        shown_account(FUNDS, ["924.00", "6.00", "918.00"], 2, 5),
        shown_account(WALLET, ["0.00", "0.00", "0.00"], 0, 0),
    ];
    case.listing.accounts[0].pending_credit = "5.00".to_owned();
    case.listing.entries = shown_entries(FUNDS, &[100_000, -4_600, 2_000, -6_000, 1_000]);
    case.listing.purchases = vec![
        purchase("closed", ["0.00", "-46.00", "0.00"], &["meal", "meal-c"]),
        purchase("empty", ["0.00", "0.00", "0.00"], &["late"]),
        purchase("closed", ["0.00", "-60.00", "0.00"], &["away", "away-c"]),
        purchase("reversed", ["0.00", "0.00", "0.00"], &["next", "next-r"]),
        purchase("closed", ["0.00", "20.00", "0.00"], &["back"]),
        purchase("pending", ["0.00", "10.00", "5.00"], &["asked", "asked-c"]),
    ];
    case.left_of(ACTIVE, vec![left(DAILY, Some("388.00"), None)]);
    case
}

fn purchase(status: &str, [held, posted, pending]: [&str; 3], tokens: &[&str]) -> Purchase {
    let message = |token: &&str| Message {
        id: id_of(token),
        source: "marqeta_report".to_owned(),
        token: (*token).to_owned(),
    };
    Purchase {
        status: status.to_owned(),
        held: held.to_owned(),
        posted: posted.to_owned(),
        pending_credit: pending.to_owned(),
        messages: tokens.iter().map(message).collect(),
    }
}

impl Case {
    /// A purchase that is approved: what is available afterwards, and was left of the limit.
    fn bought(&mut self, token: &str, minor: i64, number: i64, [available, left]: [&str; 2]) {
        self.swipe(token, "active", "user-1", Some(minor)).approved(number, available);
        self.checked(token, &[amount(DAILY, &usd(minor).to_string(), left)]);
    }

    /// A notice that was acknowledged, and booked under this number.
    fn reported(&mut self, number: i64, token: &str, follows: Option<&str>, says: Says, minor: i64) {
        let is_credit = matches!(says, Says::Refunded | Says::RefundCleared);
        self.history.notices.push(Notice {
            token: token.into(),
            says,
            ask: if is_credit { Ask::Refund } else { Ask::Purchase },
            follows: follows.map(Into::into),
            jit_token: format!("jit-{token}").into(),
            original_jit_token: None,
            card_token: "active".into(),
            acting_token: "user-1".into(),
            business_token: None,
            merchant: &MERCHANTS[0],
            currency: usd(0).currency,
            amount_minor: minor,
            change_minor: 0,
            cash_minor: 0,
            at: at(number),
            sent: 10 * number.unsigned_abs(),
            is_silent: false,
            told: Told::Acknowledged,
        });
        self.booked(number, token, "report");
    }

    fn claimed(&mut self, number: i64, token: &str) {
        self.booked(number, token, "claim");
        self.listing.reports.last_mut().expect("it was pushed").decline_reason =
            Some("decided_elsewhere".to_owned());
    }

    fn booked(&mut self, number: i64, token: &str, kind: &str) {
        self.listing.reports.push(Authorization {
            id: id_of(&format!("{token}{}", &kind[..1])),
            kind: kind.to_owned(),
            group: None,
            token: token.to_owned(),
            owner: Some(COMPANY),
            owner_sequence: Some(number),
            decided_at: at(number),
            status: "approved".to_owned(),
            decline_reason: None,
            card_token: "active".to_owned(),
            account: Some(FUNDS),
            amount: None,
            approved_amount: None,
            transaction: "purchase".to_owned(),
            currency: None,
            available_after: None,
            checks: Vec::new(),
        });
    }

    fn refused_before(&mut self, token: &str) {
        self.reported(26, token, None, Says::TooLate, 700);
        self.listing.reports.pop();
        let swipe = self.swipe(token, "active", "user-1", Some(700)).swipe;
        (swipe.sent, swipe.answered) = (265, Some(270));
        swipe.deliveries.push(Delivery::Answered(Answer {
            status: 402,
            decision: None,
            amount: "7.00".into(),
            decline_reason: Some("DUPLICATE_TRANSACTION".into()),
            digest: 7,
        }));
    }

    fn report(&mut self, token: &str) -> &mut Authorization {
        let mut reports = self.listing.reports.iter_mut();
        reports.find(|listed| listed.token == token && listed.kind == "report").expect("it is booked")
    }

    fn told(&mut self, token: &str) -> &mut Notice {
        let mut notices = self.history.notices.iter_mut();
        notices.find(|notice| &*notice.token == token).expect("it was sent")
    }
}

#[track_caller]
fn fault(breaks: Invariant, named: &str, put: impl FnOnce(&mut Case)) {
    fault_in(lived(), breaks, named, put);
}

#[test]
fn right_lives_pass() {
    let Case { history, listing } = lived();
    assert_eq!(judge(&history, &listing).to_string(), "passed");
}

#[test]
fn a_clearing_that_is_lost_is_named() {
    let named = "authorization.clearing meal-c: acknowledged, and nothing of it is booked";
    let lose = |case: &mut Case| case.listing.reports.retain(|listed| listed.token != "meal-c");
    fault(D1, named, lose);
    fault(L1, "what is posted is 924.00", lose);
    fault(L4, "late: 924.00 USD is shown as available after it", lose);
    fault(L3, "meal: its purchase is closed, expected open", lose);
}

#[test]
fn a_clearing_that_is_booked_twice_is_named() {
    fault(M1, "meal-c: booked twice", |case| {
        let mut again = case.report("meal-c").clone();
        (again.id, again.owner_sequence) = (id_of("again"), Some(30));
        case.listing.reports.push(again);
        case.listing.owners[0].sequence = 30;
    });
    fault(L5, "entry 2 of msg_", |case| case.listing.entries[1].amount = "-92.00".to_owned());
    fault(L5, "5 entries are listed, expected 4", |case| {
        case.listing.reports.retain(|listed| listed.token != "asked-c");
    });
    fault(L1, "meal: what is posted of its purchase is -92.00", |case| {
        case.listing.purchases[0].posted = "-92.00".to_owned();
    });
}

#[test]
fn a_hold_that_is_left_after_a_time_out_is_named() {
    fault(L4, "next: 854.00 USD is shown as available after it, expected 884.00", |case| {
        case.listed("next").available_after = Some("854.00".to_owned());
    });
    fault(L3, "what is held is 36.00", |case| case.listing.accounts[0].held = "36.00".to_owned());
    fault(L3, "late: what is held of its purchase is 30.00", |case| {
        case.listing.purchases[1].held = "30.00".to_owned();
    });
}

#[test]
fn a_refund_to_another_account_is_named() {
    let elsewhere = |case: &mut Case| {
        case.listing.accounts[0].posted = "904.00".to_owned();
        case.listing.accounts[1].posted = "20.00".to_owned();
        case.listing.entries.remove(2);
        case.listing.entries.extend(shown_entries(WALLET, &[2_000]));
    };
    fault(L1, "acct_00000000000000000000000003: what is posted is 904.00", elsewhere);
    fault(L1, "acct_00000000000000000000000004: what is posted is 20.00", elsewhere);
    fault(L5, "acct_00000000000000000000000004: 1 entries are listed, expected 0", elsewhere);
    fault(L6, "what is pending is 15.00", |case| {
        case.listing.accounts[0].pending_credit = "15.00".to_owned();
    });
}

#[test]
fn a_stand_in_that_is_not_held_is_named() {
    fault(L4, "next: 944.00 USD is shown as available after it, expected 884.00", |case| {
        case.listed("next").available_after = Some("944.00".to_owned());
    });
    fault(R1, "authorization.standin away: not booked: currency_mismatch", |case| {
        case.report("away").decline_reason = Some("currency_mismatch".to_owned());
    });
}

#[test]
fn a_window_that_was_not_given_back_is_named() {
    fault(V1, "again: the checks of ctrl_", |case| {
        case.checked("again", &[amount(DAILY, "1.00", "379.00")]);
    });
    fault(V1, "next: the checks of ctrl_", |case| {
        case.checked("next", &[amount(DAILY, "10.00", "364.00")]);
    });
    fault(V2, "the amount left of", |case| {
        case.listing.spending[0].shown.limits[0].remaining_amount = Some("378.00".to_owned());
    });
}

#[test]
fn a_swipe_that_was_refused_before_it_came_has_no_decision_and_two_numbers() {
    fault(D1, "never: answered 402, but the server shows no decision", |case| {
        case.told("never").sent = 280;
    });
    fault(O3, "nothing is known of #26", |case| {
        case.history.notices.retain(|notice| &*notice.token != "never");
    });
    fault(D1, "authorization never: acknowledged, and nothing of it is stored", |case| {
        case.listing.owners[0].sequence = 27;
        for (token, number) in [("asked", 26), ("asked-c", 27)] {
            let listed = case.listing.reports.iter_mut().chain(&mut case.listing.authorizations);
            let listed = listed.filter(|listed| listed.token == token);
            listed.for_each(|listed| listed.owner_sequence = Some(number));
        }
    });
}

#[test]
fn a_notice_that_is_not_acknowledged_or_was_never_sent_is_named() {
    fault(Unknown, "what became of the notice refund back is not known", |case| {
        case.told("back").told = Told::Unknown;
    });
    fault(D2, "refund back: the notice was answered 400", |case| {
        case.told("back").told = Told::Refused("400: no".to_owned());
    });
    fault(M1, "away-c: report as msg_", |case| {
        case.history.notices.retain(|notice| &*notice.token != "away-c");
    });
}

/// What the processor told early stands in its own place all the same.
#[test]
fn the_order_of_notices_does_not_matter() {
    let mut case = lived();
    case.history.notices.reverse();
    case.listing.reports.reverse();
    assert_eq!(judge(&case.history, &case.listing).to_string(), "passed");
    let of_meal: Arc<str> = "meal".into();
    assert!(case.history.notices.iter().any(|notice| notice.follows.as_ref() == Some(&of_meal)));
}
