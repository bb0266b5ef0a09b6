//! Spending controls at one moment: in force on the next decision, for whom they are, and no longer
//! than they are.

use bursar_core::check::{CheckName, CheckResult};
use bursar_core::command::{GroupRef, Purpose};
use bursar_core::control::{
    Counted, Day, Hours, List, MccSet, MerchantRule, Places, Rule, Scope, Velocity, remaining,
};
use bursar_core::message::TransactionKind;
use bursar_core::{
    Channel, Check, Control, ControlId, ControlStatus, Country, DeclineReason, Merchant, Money, OwnerId,
    Window,
};

use super::given::{self, Call, Funded, usd};
use crate::ledger::Ledger;
use crate::reader::{ControlFilter, Page};

pub(super) fn card(account: &Funded) -> Scope {
    Scope::Card(account.card)
}

pub(super) async fn declined(ledger: &dyn Ledger, call: &Call) -> Option<DeclineReason> {
    given::sent(ledger, call).await.declined()
}

async fn checks(ledger: &dyn Ledger, call: &Call) -> Vec<Check> {
    let record = ledger.find_authorization(call.command.id).await.expect("readable").expect("there");
    record.message.authorization.expect("an authorization").checks
}

/// What is left of a limit of an amount.
pub(super) async fn left(ledger: &dyn Ledger, control: &Control) -> Money {
    let spending = ledger.find_spending(control.scope).await.expect("readable").expect("there");
    let (control, counter) =
        spending.controls.iter().find(|(found, _)| found.id == control.id).expect("a control");
    let velocity = control.rule.velocity().expect("a limit");
    let left = remaining(velocity, counter, spending.at, &spending.zone).expect("64 bits");
    usd_of(left.amount_minor.expect("a limit of the amount"))
}

fn usd_of(minor: i64) -> Money {
    Money { minor, ..usd("0.00") }
}

pub(super) async fn controls_are_read_back_by_id_owner_and_scope(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("1.00")).await;
    let other = given::account(ledger, usd("1.00")).await;
    let mut made = Vec::new();
    for scope in [card(&account), Scope::Cardholder(account.cardholder), Scope::Owner(account.owner)] {
        made.push(given::control(ledger, &account, scope, given::limit(Window::Day, usd("5.00"))).await);
    }
    given::control(ledger, &other, card(&other), given::uses(Window::Month, 3)).await;
    let list = async |owner: Option<OwnerId>, scope: Option<Scope>, page| {
        let found = ledger.list_controls(ControlFilter { owner, scope }, page).await.expect("readable");
        found.into_iter().map(|control| control.id).collect::<Vec<_>>()
    };
    let all = Page { after: None, limit: 10 };
    let ids: Vec<ControlId> = made.iter().map(|control| control.id).collect();
    assert_eq!(list(Some(account.owner), None, all).await, ids);
    let rest = Page { after: Some(ids[0]), limit: 1 };
    assert_eq!(list(Some(account.owner), None, rest).await, ids[1..2]);
    for control in &made {
        assert_eq!(list(None, Some(control.scope), all).await, [control.id]);
        assert_eq!(ledger.find_control(control.id).await, Ok(Some(control.clone())));
    }
    assert_eq!(list(Some(other.owner), Some(card(&account)), all).await, []);
    let spending = ledger.find_spending(card(&account)).await.expect("readable").expect("there");
    let found: Vec<ControlId> = spending.controls.iter().map(|(control, _)| control.id).collect();
    assert_eq!(found, ids, "the card's, its cardholder's, the owner's");
    let nobody = Scope::Owner(OwnerId::new(given::id()));
    assert_eq!(ledger.find_spending(nobody).await, Ok(None));
}

pub(super) async fn a_name_is_given_once_and_a_scope_has_so_many(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("1.00")).await;
    let limit = || given::limit(Window::Day, usd("5.00"));
    let first = given::new_control(account.owner, card(&account), limit());
    assert_eq!(declined(ledger, &first).await, None);
    let mut second = given::new_control(account.owner, card(&account), limit());
    second.command.action = first.command.action.clone();
    assert_eq!(declined(ledger, &second).await, Some(DeclineReason::ControlNameTaken));
    for _ in 1..bursar_core::control::CONTROLS_MAX {
        assert_eq!(declined(ledger, &given::new_control(account.owner, card(&account), limit())).await, None);
    }
    let one_more = given::new_control(account.owner, card(&account), limit());
    assert_eq!(declined(ledger, &one_more).await, Some(DeclineReason::TooManyControls));
    let of_nobody =
        given::new_control(account.owner, Scope::Card(bursar_core::CardId::new(given::id())), limit());
    assert_eq!(declined(ledger, &of_nobody).await, Some(DeclineReason::CardUnknown));
    let other = given::account(ledger, usd("1.00")).await;
    let of_another = given::new_control(other.owner, card(&account), limit());
    assert_eq!(declined(ledger, &of_another).await, Some(DeclineReason::CardUnknown));
}

pub(super) async fn a_limit_is_spent_to_the_last_unit_and_no_further(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let limit =
        given::control(ledger, &account, card(&account), given::limit(Window::Day, usd("50.00"))).await;
    let spend = async |dollars| declined(ledger, &given::authorization(&account, usd(dollars))).await;
    assert_eq!(spend("30.00").await, None);
    assert_eq!(left(ledger, &limit).await, usd("20.00"));
    assert_eq!(spend("20.01").await, Some(DeclineReason::AmountLimitExceeded));
    assert_eq!(spend("20.00").await, None);
    assert_eq!(spend("0.01").await, Some(DeclineReason::AmountLimitExceeded));
    assert_eq!(spend("0.00").await, None, "a verification spends nothing");
    assert_eq!(given::available(ledger, &account).await, usd("50.00"));
}

pub(super) async fn a_limit_of_the_count_counts_purchases_and_not_their_increments(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    given::control(ledger, &account, card(&account), given::uses(Window::Day, 2)).await;
    let first = given::authorization(&account, usd("1.00"));
    assert_eq!(declined(ledger, &first).await, None);
    let group = GroupRef::Message(first.command.id);
    assert_eq!(declined(ledger, &given::increment(&account, group, usd("1.00"))).await, None);
    assert_eq!(declined(ledger, &given::authorization(&account, usd("1.00"))).await, None);
    let third = given::authorization(&account, usd("1.00"));
    assert_eq!(declined(ledger, &third).await, Some(DeclineReason::CountLimitExceeded));
}

pub(super) async fn a_transaction_limit_is_judged_on_all_of_the_group(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    given::control(ledger, &account, card(&account), given::limit(Window::Transaction, usd("10.00"))).await;
    for turn in 0..2 {
        let first = given::authorization(&account, usd("6.00"));
        assert_eq!(declined(ledger, &first).await, None, "purchase {turn} is one of its own");
        let more = |dollars| given::increment(&account, GroupRef::Message(first.command.id), usd(dollars));
        assert_eq!(declined(ledger, &more("4.01")).await, Some(DeclineReason::AmountLimitExceeded));
        assert_eq!(declined(ledger, &more("3.00")).await, None);
        assert_eq!(declined(ledger, &more("1.01")).await, Some(DeclineReason::AmountLimitExceeded));
    }
}

pub(super) async fn a_limit_of_the_owner_is_shared_by_all_its_cards_and_accounts(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let other = given::another_holder(ledger, &account).await;
    let limit = given::limit(Window::Day, usd("10.00"));
    given::control(ledger, &account, Scope::Owner(account.owner), limit).await;
    let of_holder = given::limit(Window::Day, usd("7.00"));
    given::control(ledger, &account, Scope::Cardholder(other.cardholder), of_holder).await;
    assert_eq!(declined(ledger, &given::authorization(&account, usd("6.00"))).await, None);
    for dollars in ["7.01", "4.01"] {
        let beyond = given::authorization(&other, usd(dollars));
        assert_eq!(declined(ledger, &beyond).await, Some(DeclineReason::AmountLimitExceeded), "{dollars}");
    }
    assert_eq!(declined(ledger, &given::authorization(&other, usd("4.00"))).await, None);
    let stranger = given::account(ledger, usd("100.00")).await;
    assert_eq!(declined(ledger, &given::authorization(&stranger, usd("50.00"))).await, None);
}

pub(super) async fn a_limit_that_is_added_late_counts_what_was_taken_before(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let other = given::another_holder(ledger, &account).await;
    let first = given::authorization(&account, usd("30.00"));
    for call in
        [&first, &given::authorization(&account, usd("5.00")), &given::authorization(&other, usd("9.00"))]
    {
        assert_eq!(declined(ledger, call).await, None);
    }
    given::sent(ledger, &given::reversal(&account, GroupRef::Message(first.command.id))).await;
    for (scope, window, dollars) in [
        (card(&account), Window::Day, "45.00"),
        (card(&account), Window::Lifetime, "45.00"),
        (card(&account), Window::RollingHours(1), "45.00"),
        (Scope::Cardholder(other.cardholder), Window::Month, "41.00"),
        (Scope::Owner(account.owner), Window::Week, "36.00"),
    ] {
        let limit = given::control(ledger, &account, scope, given::limit(window, usd("50.00"))).await;
        assert_eq!(left(ledger, &limit).await, usd(dollars), "{window} of {scope}");
    }
}

pub(super) async fn a_limit_added_in_the_batch_of_its_first_swipes_counts_them(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    assert_eq!(declined(ledger, &given::authorization(&account, usd("1.00"))).await, None);
    let calls = [
        given::authorization(&account, usd("2.00")),
        given::new_control(account.owner, card(&account), given::limit(Window::Day, usd("10.00"))),
        given::authorization(&account, usd("7.01")),
        given::authorization(&account, usd("7.00")),
    ];
    let settled = given::batch(ledger, &calls).await;
    let reasons: Vec<_> = settled.into_iter().map(|settled| given::Sent::of(settled).declined()).collect();
    assert_eq!(reasons, [None, None, Some(DeclineReason::AmountLimitExceeded), None]);
}

pub(super) async fn a_changed_limit_counts_on_and_one_that_counts_something_else_counts_anew(
    ledger: &dyn Ledger,
) {
    let account = given::account(ledger, usd("100.00")).await;
    let limit =
        given::control(ledger, &account, card(&account), given::limit(Window::Day, usd("50.00"))).await;
    let cash = given::authorization(&account, usd("3.00"))
        .asking(|asked| (asked.purpose, asked.kind) = (Purpose::Debit, TransactionKind::Withdrawal));
    for call in [given::authorization(&account, usd("30.00")), cash] {
        assert_eq!(declined(ledger, &call).await, None);
    }
    let change = async |rule, status| {
        assert_eq!(declined(ledger, &given::control_change(&limit, rule, status)).await, None);
    };
    change(Some(given::limit(Window::Day, usd("33.50"))), None).await;
    assert_eq!(left(ledger, &limit).await, usd("0.50"));
    let beyond = given::authorization(&account, usd("0.51"));
    assert_eq!(declined(ledger, &beyond).await, Some(DeclineReason::AmountLimitExceeded));
    change(None, Some(ControlStatus::Off)).await;
    assert_eq!(declined(ledger, &given::authorization(&account, usd("10.00"))).await, None, "it is off");
    change(None, Some(ControlStatus::Active)).await;
    assert_eq!(left(ledger, &limit).await, usd_of(-950), "what was spent meanwhile is spent");
    let only_cash = Velocity {
        window: Window::Month,
        amount: Some(usd("5.00")),
        count: None,
        counts: vec![Counted::Withdrawals],
    };
    change(Some(Rule::Velocity(only_cash)), None).await;
    assert_eq!(left(ledger, &limit).await, usd("2.00"));
    let unknown = Control { id: ControlId::new(given::id()), ..limit };
    let unknown = given::control_change(&unknown, None, Some(ControlStatus::Off));
    assert_eq!(declined(ledger, &unknown).await, Some(DeclineReason::ControlUnknown));
}

pub(super) async fn lists_of_places_and_hours_refuse_with_a_reason_of_their_own(ledger: &dyn Ledger) {
    let deny = |of| Rule::Merchant(MerchantRule { list: List::Deny, of });
    let allow = |of| Rule::Merchant(MerchantRule { list: List::Allow, of });
    let country = |code| Country::parse(code).expect("a code");
    let mccs = |text| Places::Mccs(vec![MccSet::parse(text).expect("categories")]);
    let here = Merchant {
        id: Some(given::token("mid-1")),
        mcc: bursar_core::Mcc::parse("5812").ok(),
        country: Country::parse("US").ok(),
        channels: vec![Channel::CardPresent],
        ..Merchant::default()
    };
    let at_noon_only = |from_minute, to_minute| {
        Rule::Schedule(vec![Hours { days: Day::ALL.to_vec(), from_minute, to_minute }])
    };
    for (rule, reason) in [
        (deny(mccs("restaurants")), Some(DeclineReason::MerchantNotAllowed)),
        (allow(mccs("5000-5999")), None),
        (allow(Places::Merchants(vec![given::token("mid-2")])), Some(DeclineReason::MerchantNotAllowed)),
        (deny(Places::Countries(vec![country("USA")])), Some(DeclineReason::CountryNotAllowed)),
        (allow(Places::Countries(vec![country("840")])), None),
        (deny(Places::Channels(vec![Channel::CardPresent])), Some(DeclineReason::ChannelNotAllowed)),
        (deny(Places::Channels(vec![Channel::Ecommerce])), None),
        (at_noon_only(0, 720), Some(DeclineReason::OutsideSchedule)),
        (at_noon_only(720, 721), None),
    ] {
        let account = given::account(ledger, usd("1.00")).await;
        let control = given::control(ledger, &account, card(&account), rule).await;
        let swipe = given::authorization(&account, usd("1.00")).asking(|asked| asked.merchant = here.clone());
        assert_eq!(declined(ledger, &swipe).await, reason, "{control:?}");
        let refused: Vec<Check> =
            checks(ledger, &swipe).await.into_iter().filter(|check| check.control.is_some()).collect();
        let [check] = &refused[..] else { panic!("{refused:?}") };
        assert_eq!((check.control, check.failure()), (Some(control.id), reason));
        // Money that comes back comes from anywhere.
        let refund = given::authorization(&account, usd("1.00"))
            .asking(|asked| (asked.purpose, asked.kind) = (Purpose::PendingCredit, TransactionKind::Refund));
        assert_eq!(declined(ledger, &refund).await, None);
    }
}

pub(super) async fn a_control_that_is_tried_out_declines_nothing_and_is_recorded(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("100.00")).await;
    let limit =
        given::control(ledger, &account, card(&account), given::limit(Window::Day, usd("10.00"))).await;
    given::sent(ledger, &given::control_change(&limit, None, Some(ControlStatus::Shadow))).await;
    let swipe = given::authorization(&account, usd("30.00"));
    assert_eq!(declined(ledger, &swipe).await, None);
    let found = checks(ledger, &swipe).await;
    let check =
        found.iter().find(|check| check.check == CheckName::AmountLimit).expect("judged all the same");
    assert_eq!((check.result, check.is_shadow, check.control), (CheckResult::Failed, true, Some(limit.id)));
    assert_eq!((check.wanted_minor, check.available_minor), (Some(3_000), Some(1_000)));
    given::sent(ledger, &given::control_change(&limit, None, Some(ControlStatus::Off))).await;
    let swipe = given::authorization(&account, usd("30.00"));
    assert_eq!(declined(ledger, &swipe).await, None);
    assert!(checks(ledger, &swipe).await.iter().all(|check| check.control.is_none()), "off is not judged");
}

pub(super) async fn a_card_is_locked_onto_the_merchant_of_its_first_purchase(ledger: &dyn Ledger) {
    let account = given::account(ledger, usd("10.00")).await;
    let lock = Rule::Merchant(MerchantRule { list: List::Allow, of: Places::FirstMerchant(None) });
    let control = given::control(ledger, &account, card(&account), lock).await;
    let at = |merchant: Option<&str>, dollars| {
        let id = merchant.map(given::token);
        given::authorization(&account, usd(dollars)).asking(|asked| asked.merchant.id = id)
    };
    assert_eq!(declined(ledger, &at(None, "1.00")).await, Some(DeclineReason::MerchantNotAllowed));
    assert_eq!(declined(ledger, &at(Some("mid-1"), "10.01")).await, Some(DeclineReason::InsufficientFunds));
    assert_eq!(declined(ledger, &at(Some("mid-2"), "0.00")).await, None, "a verification buys nothing");
    assert_eq!(declined(ledger, &at(Some("mid-3"), "1.00")).await, None);
    for merchant in [Some("mid-1"), None] {
        assert_eq!(declined(ledger, &at(merchant, "1.00")).await, Some(DeclineReason::MerchantNotAllowed));
    }
    assert_eq!(declined(ledger, &at(Some("mid-3"), "1.00")).await, None);
    let stored = ledger.find_control(control.id).await.expect("readable").expect("there");
    let locked = Places::FirstMerchant(Some(given::token("mid-3")));
    assert_eq!(stored.rule, Rule::Merchant(MerchantRule { list: List::Allow, of: locked }));
}

pub(super) async fn a_limit_in_a_currency_counts_what_is_spent_in_it(ledger: &dyn Ledger) {
    let account = given::account(ledger, given::jpy("1000")).await;
    let dollars = given::limit(Window::Day, usd("0.01"));
    given::control(ledger, &account, Scope::Owner(account.owner), dollars).await;
    assert_eq!(declined(ledger, &given::authorization(&account, given::jpy("500"))).await, None);
    let yen = given::limit(Window::Day, given::jpy("600"));
    given::control(ledger, &account, Scope::Owner(account.owner), yen).await;
    let beyond = given::authorization(&account, given::jpy("101"));
    assert_eq!(declined(ledger, &beyond).await, Some(DeclineReason::AmountLimitExceeded));
}
