//! A right history with spending controls, by hand like the other, and a fault for each rule.

use bursar_core::{CardId, CardholderId, ControlId};
use uuid::Uuid;

use super::faults::fault_in;
use super::right::{
    COMPANY, Case, FUNDS, PERSON, at, created, id_of, shown_account, shown_entries, shown_owner, usd,
};
use super::*;
use crate::Invariant::{O3, R1, Unknown, V1, V2, V3};
use crate::control::{ALL_SPENDING, ControlStatus, Counted, Hours, Limit, Places, Rule, Window};
use crate::history::{Action, Control, Outcome, Part, Scope, Tick, What};
use crate::jit::Ask;
use crate::listing::{Check, Limits, Remaining, Spending};
use crate::merchants::MERCHANTS;

pub(super) const ACTIVE: Scope = Scope::Card(CardId::new(Uuid::from_u128(20)));
const IDLE: Scope = Scope::Card(CardId::new(Uuid::from_u128(25)));
const USER: Scope = Scope::Cardholder(CardholderId::new(Uuid::from_u128(10)));

pub(super) const DAILY: u128 = 1;
const HOURLY_USES: u128 = 2;
const TRIED: u128 = 3;
const COUNTRIES: u128 = 4;
const LOCK: u128 = 5;
const HOURS: u128 = 6;
const CASH: u128 = 7;

/// A shop of merchants 0 and 1, both in the USA, and of 2, in Germany; all sell food.
const AT_HOME: usize = 0;
const ELSEWHERE: usize = 1;
const ABROAD: usize = 2;

pub(super) fn id(control: u128) -> ControlId {
    ControlId::new(Uuid::from_u128(control))
}

fn most(window: Window, amount_minor: i64, counts: &'static [Counted]) -> Limit {
    Limit { window, amount_minor: Some(amount_minor), count: None, counts }
}

fn daily(amount_minor: i64) -> Limit {
    most(Window::Day, amount_minor, ALL_SPENDING)
}

fn controls() -> Vec<Control> {
    let uses =
        Limit { window: Window::RollingHours(1), amount_minor: None, count: Some(3), counts: ALL_SPENDING };
    let deny = |of| Rule::List { is_allow: false, of };
    let lock = Rule::List { is_allow: true, of: Places::FirstMerchant };
    let control = |number, scope, rule, status| Control {
        id: id(number),
        owner: COMPANY,
        scope,
        name: "a control",
        rule,
        currency: usd(0).currency,
        status,
    };
    use ControlStatus::{Active, Shadow};
    vec![
        control(DAILY, ACTIVE, Rule::Limit(daily(5_000)), Active),
        control(HOURLY_USES, ACTIVE, Rule::Limit(uses), Active),
        control(TRIED, ACTIVE, deny(Places::Mccs(&["groceries"], &[(5411, 5411)])), Shadow),
        control(COUNTRIES, IDLE, deny(Places::Countries(&["DE"], &["DEU"])), Active),
        control(LOCK, IDLE, lock, Active),
        // The history begins at 19:00 in New York.
        control(HOURS, IDLE, Rule::Schedule(Hours { from: 1_140, to: 1_141 }), Active),
        control(CASH, USER, Rule::Limit(most(Window::Month, 500, &[Counted::CashBack])), Active),
    ]
}

/// The first 16 numbers are of creations, 7 of them of controls.
fn limited() -> Case {
    let mut case = Case { history: created(), listing: Listing::default() };
    case.history.controls = controls();
    case.history.owners[0].creations = 16;
    case.load(COMPANY, FUNDS, 17, 100_000, "1000.00");
    case.swipe("large", "active", "user-1", Some(3_000)).approved(18, "970.00");
    case.checked("large", &[amount(DAILY, "30.00", "50.00"), uses("3"), tried()]);
    case.swipe("too-much", "active", "user-1", Some(2_500)).declined(19, "amount_limit_exceeded", "970.00");
    case.checked("too-much", &[failed(amount(DAILY, "25.00", "20.00")), uses("2"), tried()]);
    case.swipe("added", "active", "user-1", Some(500)).follows("large").approved(20, "965.00");
    case.checked("added", &[amount(DAILY, "5.00", "20.00"), tried()]);
    let cash = case.swipe("cash", "active", "user-1", Some(1_000));
    cash.asking(Ask::Withdrawal).approved(21, "955.00");
    case.checked("cash", &[amount(DAILY, "10.00", "15.00"), uses("2"), tried()]);
    case.reverse("large", 22, "990.00");
    case.change(What::SetLimit(id(DAILY), daily(2_000), usd(0).currency), 23, 230, 235);
    case.swipe("after-cut", "active", "user-1", Some(1_200)).declined(24, "amount_limit_exceeded", "990.00");
    case.checked("after-cut", &[failed(amount(DAILY, "12.00", "10.00")), uses("2"), tried()]);
    // While this is under way the limit is raised.
    case.swipe("meanwhile", "active", "user-1", Some(1_200)).approved(25, "978.00");
    case.checked("meanwhile", &[amount(DAILY, "12.00", "40.00"), uses("2"), tried()]);
    case.change(What::SetLimit(id(DAILY), daily(5_000), usd(0).currency), 26, 246, 260);
    case.swipe("third", "active", "user-1", Some(300)).approved(27, "975.00");
    case.checked("third", &[amount(DAILY, "3.00", "28.00"), uses("1"), tried()]);
    case.swipe("fourth", "active", "user-1", Some(300)).declined(28, "count_limit_exceeded", "975.00");
    case.checked("fourth", &[amount(DAILY, "3.00", "25.00"), failed(uses("0")), tried()]);
    case.swipe("nothing", "active", "user-1", Some(0)).approved(29, "975.00");
    let first = case.swipe("first", "idle", "user-1", Some(100));
    first.swipe.cash_minor = 40;
    first.asking(Ask::CashBack).approved(30, "974.00");
    let within = list("schedule_allowed", HOURS);
    let (country, lock) = (list("country_allowed", COUNTRIES), list("merchant_allowed", LOCK));
    let part = amount(CASH, "0.40", "5.00");
    case.checked("first", &[lock.clone(), country.clone(), within.clone(), part]);
    let abroad = [failed(lock.clone()), failed(country.clone()), within.clone()];
    case.at_merchant("abroad", ABROAD, 31, "merchant_not_allowed", &abroad);
    let elsewhere = [failed(lock), country.clone(), within.clone()];
    case.at_merchant("elsewhere", ELSEWHERE, 32, "merchant_not_allowed", &elsewhere);
    case.change(What::SwitchControl(id(LOCK), ControlStatus::Off), 33, 330, 335);
    let unlocked = [failed(country.clone()), within.clone()];
    case.at_merchant("unlocked", ABROAD, 34, "country_not_allowed", &unlocked);
    case.at_merchant("late", ELSEWHERE, 35, "outside_schedule", &[country, failed(within)]);
    case.listed("late").decided_at = at(70);
    case.release("first", Part::Amount(usd(70)), 36, "974.70");
    case.release("meanwhile", Part::Amount(usd(500)), 37, "979.70");
    case.release("third", Part::Expired, 38, "982.70");
    for (number, available) in [(36, "974.70"), (37, "979.70"), (38, "982.70")] {
        let available = Some(available.into());
        *case.outcome(&format!("key-{number}")) = Outcome::Done { sequence: number, at: at(75), available };
    }
    case.listing.owners = vec![shown_owner(COMPANY, 38), shown_owner(PERSON, 2)];
    let wallet = case.history.accounts[1].id;
    case.listing.accounts = vec![
        shown_account(FUNDS, ["990.00", "7.30", "982.70"], 2, 2),
        shown_account(wallet, ["0.00", "0.00", "0.00"], 0, 0),
    ];
    case.listing.entries = shown_entries(FUNDS, &[100_000, -1_000]);
    let of_user = left(CASH, Some("4.70"), None);
    case.left_of(
        ACTIVE,
        vec![left(DAILY, Some("33.00"), None), left(HOURLY_USES, None, Some(1)), of_user.clone()],
    );
    case.left_of(IDLE, vec![of_user.clone()]);
    case.left_of(USER, vec![of_user]);
    case
}

impl Case {
    pub(super) fn checked(&mut self, token: &str, checks: &[Check]) {
        self.listed(token).checks = checks.to_vec();
    }

    fn change(&mut self, what: What, number: i64, sent: Tick, acknowledged: Tick) {
        self.history.actions.push(Action {
            key: format!("change-{sent}"),
            owner: COMPANY,
            what,
            sent,
            acknowledged: Some(acknowledged),
            outcome: Outcome::Done { sequence: number, at: at(number), available: None },
        });
    }

    /// A swipe of 1.00 with the other card, which is declined.
    fn at_merchant(&mut self, token: &str, merchant: usize, number: i64, reason: &str, checks: &[Check]) {
        let told = self.swipe(token, "idle", "user-1", Some(100));
        told.swipe.merchant = &MERCHANTS[merchant];
        told.declined(number, reason, "974.00");
        self.checked(token, checks);
    }

    pub(super) fn left_of(&mut self, scope: Scope, limits: Vec<Remaining>) {
        self.listing.spending.push(Spending { scope, shown: Limits { at: at(80), limits } });
    }

    fn check_of(&mut self, token: &str, control: u128) -> &mut Check {
        let mut checks = self.listed(token).checks.iter_mut();
        checks.find(|check| check.control == Some(id(control))).expect("it is listed")
    }

    fn left_in(&mut self, place: usize) -> &mut Vec<Remaining> {
        &mut self.listing.spending[place].shown.limits
    }
}

fn list(check: &str, control: u128) -> Check {
    Check {
        check: check.to_owned(),
        result: "passed".to_owned(),
        control: Some(id(control)),
        shadow: false,
        wanted: None,
        available: None,
    }
}

pub(super) fn amount(control: u128, wanted: &str, available: &str) -> Check {
    let (wanted, available) = (Some(wanted.to_owned()), Some(available.to_owned()));
    Check { wanted, available, ..list("amount_limit", control) }
}

fn uses(available: &str) -> Check {
    let (wanted, available) = (Some("1".to_owned()), Some(available.to_owned()));
    Check { wanted, available, ..list("count_limit", HOURLY_USES) }
}

/// It would decline every one of them.
fn tried() -> Check {
    Check { shadow: true, ..failed(list("merchant_allowed", TRIED)) }
}

fn failed(check: Check) -> Check {
    Check { result: "failed".to_owned(), ..check }
}

pub(super) fn left(control: u128, amount: Option<&str>, count: Option<i64>) -> Remaining {
    Remaining {
        control: id(control),
        status: "active".to_owned(),
        remaining_amount: amount.map(str::to_owned),
        remaining_count: count,
    }
}

#[track_caller]
fn fault(breaks: Invariant, named: &str, put: impl FnOnce(&mut Case)) {
    fault_in(limited(), breaks, named, put);
}

#[test]
fn a_right_history_with_controls_passes() {
    let Case { history, listing } = limited();
    assert_eq!(judge(&history, &listing).to_string(), "passed");
    assert_eq!(MERCHANTS[AT_HOME].mcc, "5411");
}

#[test]
fn while_a_limit_is_changed_the_old_one_is_right_as_well() {
    let mut case = limited();
    *case.check_of("meanwhile", DAILY) = failed(amount(DAILY, "12.00", "10.00"));
    assert_eq!(judge(&case.history, &case.listing).to_string(), "passed");
    fault(V1, "meanwhile: the checks of", |case| {
        *case.check_of("meanwhile", DAILY) = failed(amount(DAILY, "12.00", "10.00"));
        case.swiped("meanwhile").sent = 261;
    });
    fault(V3, "meanwhile: approved against the amount_limit", |case| {
        case.history.actions.retain(|action| action.sent != 246);
    });
}

#[test]
fn an_approval_beyond_a_limit_is_named_with_its_invariant() {
    for (token, check, breaks) in
        [("too-much", "amount_limit", V1), ("fourth", "count_limit", V1), ("after-cut", "amount_limit", V3)]
    {
        let named = format!("{token}: approved against the {check} of ctrl_");
        fault(breaks, &named, |case| case.approve(token));
    }
}

#[test]
fn an_approval_against_a_list_or_a_schedule_is_named() {
    for (token, check, reason) in [
        ("abroad", "merchant_allowed", "merchant_not_allowed"),
        ("elsewhere", "merchant_allowed", "merchant_not_allowed"),
        ("unlocked", "country_allowed", "country_not_allowed"),
        ("late", "schedule_allowed", "outside_schedule"),
    ] {
        fault(R1, &format!("{token}: approved against the {check} of ctrl_"), |case| case.approve(token));
        fault(R1, &format!("{token}: approved, expected declined {reason}"), |case| case.approve(token));
    }
}

#[test]
fn a_decline_that_no_control_explains_is_named() {
    for (token, reason, word) in [
        ("third", "amount_limit_exceeded", "AMOUNT_LIMIT_EXCEEDED"),
        ("cash", "count_limit_exceeded", "TRANSACTION_COUNT_LIMIT_EXCEEDED"),
        // The only control that says so is tried out.
        ("large", "merchant_not_allowed", "INVALID_MERCHANT"),
        ("first", "outside_schedule", "TRANSACTION_NOT_PERMITTED"),
    ] {
        let named = format!("{token}: declined {reason}, expected approved");
        fault(R1, &named, |case| case.decline(token, reason, word));
    }
}

#[test]
fn a_reason_that_comes_later_than_another_is_named() {
    fault(R1, "abroad: declined country_not_allowed, expected declined merchant_not_allowed", |case| {
        case.decline("abroad", "country_not_allowed", "TRANSACTION_NOT_PERMITTED");
    });
}

#[test]
fn a_check_that_is_not_what_its_control_says_is_named() {
    type Seed = fn(&mut Check);
    let seeds: [(&str, u128, Seed); 6] = [
        ("large", TRIED, |check| check.result = "passed".to_owned()),
        ("large", TRIED, |check| check.shadow = false),
        ("added", DAILY, |check| check.available = Some("20.01".to_owned())),
        ("cash", HOURLY_USES, |check| check.available = Some("1".to_owned())),
        ("first", CASH, |check| check.wanted = Some("1.00".to_owned())),
        ("late", HOURS, |check| check.result = "passed".to_owned()),
    ];
    for (token, control, put) in seeds {
        fault(V1, &format!("{token}: the checks of {}", id(control)), |case| {
            put(case.check_of(token, control))
        });
    }
    fault(V1, "large: the checks of", |case| {
        case.checked("large", &[amount(DAILY, "30.00", "50.00"), uses("3")])
    });
    fault(V1, "which does not count for it", |case| case.checked("nothing", &[tried()]));
}

#[test]
fn what_is_left_of_a_limit_is_compared() {
    fault(V2, "card_", |case| case.left_in(0)[0].remaining_amount = Some("25.01".to_owned()));
    fault(V2, "card_", |case| case.left_in(0)[1].remaining_count = Some(2));
    fault(V2, "the status of", |case| case.left_in(0)[0].status = "shadow".to_owned());
    fault(V2, "card_", |case| drop(case.left_in(1).pop()));
    fault(V2, "is shown as a limit of it", |case| case.left_in(2).push(left(DAILY, Some("25.00"), None)));
    fault(Unknown, "what is left of it is not shown", |case| drop(case.listing.spending.pop()));
    // A reversal that gave nothing back.
    for (number, part, named) in [(36, 60, CASH), (37, 501, DAILY)] {
        fault(V2, &format!("left of {}", id(named)), |case| {
            for action in
                case.history.actions.iter_mut().filter(|action| action.key == format!("key-{number}"))
            {
                if let What::Release { part: put, .. } = &mut action.what {
                    *put = Part::Amount(usd(part));
                }
            }
        });
    }
    fault(V1, "third: the checks of", |case| {
        case.history.actions.retain(|action| !matches!(action.what, What::Release { .. }));
    });
}

#[test]
fn every_granted_change_of_a_control_has_a_number() {
    fault(O3, "#33 is given to both change of ctrl_", |case| {
        case.change(What::SwitchControl(id(LOCK), ControlStatus::Off), 33, 400, 405);
    });
    fault(O3, "nothing is known of #33", |case| case.history.actions.retain(|action| action.sent != 330));
}

#[test]
fn hits_are_counted_by_kind() {
    let Case { history, listing } = limited();
    let hits = crate::hits::hits(&history, &listing);
    let of = |kind: &str| (hits[kind].declined, hits[kind].shadow);
    assert_eq!(of("daily limit"), (2, 0));
    assert_eq!(of("rolling limit"), (1, 0));
    assert_eq!(of("categories denied"), (0, 8));
    assert_eq!((of("first merchant"), of("countries denied"), of("schedule")), ((2, 0), (1, 0), (1, 0)));
    assert_eq!(id_of("large"), listing.authorizations[0].id);
}
