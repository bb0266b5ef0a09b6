//! The checks of an authorization.

use bursar_core::check::CheckResult;
use bursar_core::command::{Amount, GroupRef, Purpose};
use bursar_core::hold_group::Effect;
use bursar_core::money::AmountError;
use bursar_core::{
    Account, CardStatus, CardholderStatus, CheckName, DeclineReason, Outcome, OwnerStatus, State,
};
use bursar_testkit::given::{self, Call, usd};
use bursar_testkit::history::world;
use proptest::prelude::*;

use crate::support::{any_state_and_authorize, asked, decided, new_world, run, with_minor};

proptest! {
    #[test]
    fn asking_for_more_never_turns_a_decline_into_an_approval(
        (state, request) in any_state_and_authorize(),
        minor in 0..5_000_i64,
        extra_minor in 0..1_000_000_i64,
    ) {
        let smaller = decided(&state, &with_minor(request.clone(), minor)).message.is_approved();
        let larger = decided(&state, &with_minor(request, minor + extra_minor)).message.is_approved();
        prop_assert!(smaller || !larger);
    }

    #[test]
    fn every_check_is_made_in_order_and_the_first_that_fails_names_the_reason(
        (state, request) in any_state_and_authorize(),
    ) {
        let message = decided(&state, &request).message;
        let checks = message.authorization.expect("an authorization").checks;
        let names: Vec<CheckName> = checks.iter().map(|check| check.check).collect();
        prop_assert!(names.is_sorted());
        let always = |names: &[CheckName]| -> Vec<CheckName> {
            names.iter().copied().filter(|name| !name.is_of_control()).collect()
        };
        prop_assert_eq!(always(&names), always(CheckName::ALL));
        prop_assert!(checks.iter().all(|check| check.control.is_some() == check.check.is_of_control()));
        let failed = checks.iter().find(|check| check.result == CheckResult::Failed && !check.is_shadow);
        prop_assert_eq!(message.declined, failed.map(|check| check.check.reason()));
        // What could not be made comes after what failed: it is never an approval's ground.
        let first_unmade = checks.iter().position(|check| check.result == CheckResult::NotMade);
        let first_failed = checks.iter().position(|check| check.failure().is_some());
        prop_assert!(first_unmade.is_none_or(|unmade| first_failed.is_some_and(|failed| failed < unmade)));
    }

    #[test]
    fn what_is_approved_is_what_the_books_move_by_and_never_more_than_was_asked(
        (state, request) in any_state_and_authorize(), is_zero in prop::bool::weighted(0.3),
    ) {
        let request = if is_zero { with_minor(request, 0) } else { request };
        let purpose = asked(&request.command).map(|asked| asked.purpose.clone());
        let asked_minor = asked(&request.command).and_then(|asked| asked.amount.minor.ok());
        let decided = decided(&state, &request);
        let effect = decided.message.group.as_ref().map(|group| group.effect).expect("a group");
        let approved_minor = effect.approved_minor();
        let expected = match purpose.expect("an authorization") {
            _ if approved_minor == 0 => Effect::None,
            Purpose::Hold | Purpose::Increment(_) => Effect::Hold(approved_minor),
            Purpose::Debit => Effect::Debit(approved_minor),
            Purpose::Credit => Effect::Credit(approved_minor),
            Purpose::PendingCredit => Effect::PendingCredit(approved_minor),
            Purpose::Inquiry | Purpose::NotPermitted => Effect::None,
        };
        prop_assert_eq!(effect, expected);
        prop_assert!(approved_minor >= 0 && approved_minor <= asked_minor.unwrap_or(0).max(0));
        prop_assert!(decided.message.is_approved() || effect == Effect::None);
        let moved = decided.account.map_or((0, 0, 0), |after| {
            let before = state.accounts.get(after.id).expect("readable").expect("there");
            (
                after.held_minor - before.held_minor,
                after.posted_minor - before.posted_minor,
                after.pending_credit_minor - before.pending_credit_minor,
            )
        });
        let expected = match effect {
            Effect::Hold(minor) => (minor, 0, 0),
            Effect::Debit(minor) => (0, -minor, 0),
            Effect::Credit(minor) => (0, minor, 0),
            Effect::PendingCredit(minor) => (0, 0, minor),
            _ => (0, 0, 0),
        };
        prop_assert_eq!(moved, expected);
        prop_assert_eq!(decided.journal.map(|journal| journal.customer.amount_minor).unwrap_or(0), moved.1);
    }
}

/// Everything is wrong with the request but what comes earlier in the rule book: mended one by
/// one, each failure in turn names the reason.
#[test]
fn the_reason_is_that_of_the_first_check_that_fails() {
    let mut state = new_world();
    let mut request = wrong_in_every_way(&mut state);
    let (card, colleague) = (world::funded(0), world::funded(1));
    let mut reasons = Vec::new();
    reasons.push(reason(&state, &request));
    let ended = GroupRef::Key(given::authorization(&card, usd("1")).message("ended").command.key);
    request = request.asking(|asked| asked.purpose = Purpose::Increment(ended));
    reasons.push(reason(&state, &request));
    request = request.asking(|asked| asked.route = Some(card.route()));
    reasons.push(reason(&state, &request));
    send(&mut state, given::card_move(&card, CardStatus::Active));
    reasons.push(reason(&state, &request));
    request = request.acting(&card);
    reasons.push(reason(&state, &request));
    send(&mut state, given::cardholder_move(&card, CardholderStatus::Active));
    reasons.push(reason(&state, &request));
    send(&mut state, given::cardholder_move(&colleague, CardholderStatus::Active));
    reasons.push(reason(&state, &request));
    send(&mut state, given::owner_move(&card, OwnerStatus::Active));
    reasons.push(reason(&state, &request));
    request = request.asking(|asked| asked.amount.currency = Some(card.currency));
    reasons.push(reason(&state, &request));
    request = with_minor(request, 1_000_000);
    reasons.push(reason(&state, &request));
    request = request.asking(|asked| asked.purpose = Purpose::Hold);
    reasons.push(reason(&state, &request));
    request = with_minor(request, 1);
    reasons.push(reason(&state, &request));
    let expected = [
        DeclineReason::NotPermitted,
        DeclineReason::CardUnknown,
        DeclineReason::CardNotActive,
        DeclineReason::CardOfAnotherCardholder,
        DeclineReason::CardholderNotActive, // who acts
        DeclineReason::CardholderNotActive, // who pays
        DeclineReason::OwnerNotActive,
        DeclineReason::CurrencyMismatch,
        DeclineReason::InvalidAmount,
        DeclineReason::HoldGroupEnded,
        DeclineReason::InsufficientFunds,
    ];
    assert_eq!(reasons, expected.map(Some).into_iter().chain([None]).collect::<Vec<_>>());
}

/// A method that is not funded, an unknown card, a suspended everybody, no amount, little money.
fn wrong_in_every_way(state: &mut State) -> Call {
    let (card, colleague, stranger) = (world::funded(0), world::funded(1), world::funded(3));
    send(state, given::load(&card, usd("10.00")));
    let ended = given::authorization(&card, usd("1.00")).message("ended");
    send(state, ended.clone());
    send(state, given::reversal(&card, GroupRef::Key(ended.command.key)));
    send(state, given::card_move(&card, CardStatus::Suspended));
    send(state, given::cardholder_move(&card, CardholderStatus::Suspended));
    send(state, given::cardholder_move(&colleague, CardholderStatus::Suspended));
    send(state, given::owner_move(&card, OwnerStatus::Suspended));
    given::authorization(&card, usd("1.00")).acting(&stranger).asking(|asked| {
        asked.purpose = Purpose::NotPermitted;
        asked.route = None;
        asked.paying = Some(colleague.actor());
        asked.amount = Amount { currency: Some(given::currency("JPY")), minor: Err(AmountError::NotANumber) };
    })
}

fn reason(state: &State, request: &Call) -> Option<DeclineReason> {
    decided(state, request).declined()
}

/// Sends what has to be granted.
fn send(state: &mut State, call: Call) {
    let outcome = run(state, vec![call.command]).swap_remove(0);
    let is_granted = matches!(&outcome, Outcome::Decided(decided, _) if decided.declined().is_none());
    assert!(is_granted, "{outcome:?}");
}

#[test]
fn an_increment_of_another_account_s_group_stands_alone() {
    let mut state = new_world();
    let (dollars, person) = (world::funded(0), world::funded(3));
    send(&mut state, given::load(&dollars, usd("10.00")));
    send(&mut state, given::load(&person, usd("10.00")));
    let first = given::authorization(&dollars, usd("1.00"));
    send(&mut state, first.clone());
    let more = given::increment(&person, GroupRef::Message(first.command.id), usd("2.00"));
    let group = decided(&state, &more).message.group.expect("a group");
    assert_eq!((group.root, group.effect), (more.command.id, Effect::Hold(200)));
}

/// As a force step leaves it: the money had already moved.
#[test]
fn on_an_overdrawn_account_nothing_is_funded_and_a_card_can_still_be_verified() {
    let mut state = new_world();
    let card = world::funded(0);
    let account = state.accounts.get(card.account).expect("readable").expect("there");
    let overdrawn = Account { posted_minor: -500, ..account.clone() };
    state.accounts.put(card.account, overdrawn);
    let cent = given::authorization(&card, usd("0.01"));
    assert_eq!(reason(&state, &cent), Some(DeclineReason::InsufficientFunds));
    let verification = decided(&state, &given::authorization(&card, usd("0.00")));
    assert_eq!((verification.declined(), verification.changes.len()), (None, 1), "{verification:?}");
    let unload = decided(&state, &given::unload(&card, usd("0.01")));
    assert_eq!(unload.declined(), Some(DeclineReason::InsufficientFunds));
}
