//! Explanations: what is said to approve does approve, and one unit less does not.

use std::collections::BTreeSet;
use std::sync::Arc;

use bursar_core::check::CheckName;
use bursar_core::control::{Rule, Scope};
use bursar_core::explain::{Change, Explanation, StatusOf, explain};
use bursar_core::state::ScopeControls;
use bursar_core::{
    CardStatus, CardholderId, CardholderStatus, Check, Control, ControlId, ControlStatus, Owner, OwnerStatus,
    State,
};
use bursar_testkit::given::{self, Call, usd};
use bursar_testkit::history::world;
use proptest::prelude::*;

use crate::support::{any_state_and_authorize, asked, decided, new_world, with_minor};

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, ..ProptestConfig::default() })]

    #[test]
    fn the_nearest_approvals_approve_and_one_unit_less_does_not((state, request) in any_state_and_authorize()) {
        let message = decided(&state, &request).message;
        match explain(&message).expect("an authorization") {
            Explanation::Approved => prop_assert!(message.is_approved()),
            Explanation::Beyond(reason) => {
                prop_assert_eq!(Some(reason), message.declined);
                let checks = &message.authorization.as_ref().expect("an authorization").checks;
                let is_beyond = checks.iter().filter(|check| check.failure().is_some()).any(is_final);
                prop_assert!(is_beyond, "{:?}", checks);
            }
            Explanation::Nearest(approvals) => {
                prop_assert!(!message.is_approved() && !approvals.is_empty());
                for approval in approvals {
                    let approves = |changes: &[Change]| {
                        let (state, request) = with_changes(&state, &request, changes);
                        decided(&state, &request).message.is_approved()
                    };
                    prop_assert!(approves(&approval), "{:?}", approval);
                    for place in 0..approval.len() {
                        let mut less = approval.clone();
                        less[place] = one_less(&approval[place]);
                        prop_assert!(!approves(&less), "{:?}", less);
                    }
                }
            }
        }
    }
}

/// Whether no amount, limit, balance or status helps against the failure.
fn is_final(check: &Check) -> bool {
    use CheckName as C;
    match check.check {
        C::CardStatus | C::CardholderStatus | C::PayerStatus | C::OwnerStatus => {
            matches!(check.found.as_deref(), Some("terminated" | "closed" | "unknown"))
        }
        C::AvailableBalance => false,
        name => !name.is_of_control(),
    }
}

/// A little less of the change; of a status, none of it.
fn one_less(change: &Change) -> Change {
    match change.clone() {
        Change::Amount { from_minor, to_minor } => Change::Amount { from_minor, to_minor: to_minor + 1 },
        Change::Balance { raise_minor } => Change::Balance { raise_minor: raise_minor - 1 },
        Change::AmountLimit { control, raise_minor } => {
            Change::AmountLimit { control, raise_minor: raise_minor - 1 }
        }
        Change::CountLimit { control, raise } => Change::CountLimit { control, raise: raise - 1 },
        Change::Status { .. } => Change::Balance { raise_minor: 0 },
    }
}

/// The changes made to what there really was.
fn with_changes(state: &State, request: &Call, changes: &[Change]) -> (State, Call) {
    let (mut state, mut request) = (state.clone(), request.clone());
    let authorize = asked(&request.command).expect("an authorization").clone();
    let route = authorize.route.expect("a known card");
    for change in changes {
        match change {
            Change::Amount { to_minor, .. } => request = with_minor(request, *to_minor),
            Change::Balance { raise_minor } => {
                let mut account =
                    state.accounts.get(route.account).expect("readable").expect("there").clone();
                account.posted_minor += raise_minor;
                state.accounts.put(account.id, account);
            }
            Change::AmountLimit { control, raise_minor } => change_control(&mut state, *control, |control| {
                if let Rule::Velocity(velocity) = &mut control.rule {
                    velocity.amount.as_mut().expect("a limit of the amount").minor += raise_minor;
                }
            }),
            Change::CountLimit { control, raise } => change_control(&mut state, *control, |control| {
                if let Rule::Velocity(velocity) = &mut control.rule {
                    *velocity.count.as_mut().expect("a limit of the count") += *raise as u32;
                }
            }),
            Change::Status { of: StatusOf::Control(control), .. } => {
                change_control(&mut state, *control, |control| control.status = ControlStatus::Off);
            }
            Change::Status { of: StatusOf::Card, .. } => {
                let mut card = state.cards.get(route.card).expect("readable").expect("there").clone();
                card.status = CardStatus::Active;
                state.cards.put(card.id, card);
            }
            Change::Status { of: StatusOf::Cardholder, .. } => {
                let acting = authorize.acting.as_ref().map(|actor| actor.cardholder.expect("one of ours"));
                activate(&mut state, acting.unwrap_or(route.cardholder));
            }
            Change::Status { of: StatusOf::Payer, .. } => {
                let paying = authorize.paying.as_ref().and_then(|actor| actor.cardholder);
                activate(&mut state, paying.expect("one of ours"));
            }
            Change::Status { of: StatusOf::Owner, .. } => {
                let owner = state.owners.get(route.owner).expect("readable").expect("there").clone();
                state.owners.put(owner.id, Owner { status: OwnerStatus::Active, ..owner });
            }
        }
    }
    (state, request)
}

fn activate(state: &mut State, id: CardholderId) {
    let mut holder = state.cardholders.get(id).expect("readable").expect("there").clone();
    holder.status = CardholderStatus::Active;
    state.cardholders.put(id, holder);
}

fn change_control(state: &mut State, id: ControlId, change: impl Fn(&mut Control)) {
    let all = (0..world::CARDS.len()).flat_map(|card| world::funded(card).route().scopes());
    for scope in all.collect::<BTreeSet<Scope>>() {
        let Some(row) = state.controls.get(scope).expect("readable") else { continue };
        let mut row: ScopeControls = row.clone();
        Arc::make_mut(&mut row.controls).iter_mut().filter(|control| control.id == id).for_each(&change);
        state.controls.put(scope, row);
    }
}

#[test]
fn a_swipe_beyond_two_limits_and_the_balance_is_told_the_least_of_each() {
    let mut state = new_world();
    let card = world::funded(0);
    let controls = [
        given::new_control(
            card.owner,
            Scope::Card(card.card),
            given::limit(bursar_core::Window::Day, usd("20.00")),
        ),
        given::new_control(card.owner, Scope::Owner(card.owner), given::uses(bursar_core::Window::Day, 0)),
    ];
    let load = given::load(&card, usd("25.00"));
    crate::support::run(&mut state, controls.into_iter().chain([load]).map(|call| call.command).collect());
    let message = decided(&state, &given::authorization(&card, usd("30.00"))).message;
    let Some(Explanation::Nearest(approvals)) = explain(&message) else { panic!("{message:?}") };
    let [raised] = &approvals[..] else { panic!("no lower amount is another use: {approvals:?}") };
    assert!(matches!(
        raised[..],
        [
            Change::AmountLimit { raise_minor: 1_000, .. },
            Change::CountLimit { raise: 1, .. },
            Change::Balance { raise_minor: 500 },
        ]
    ));
}

#[test]
fn each_of_two_suspended_people_is_named() {
    let mut state = new_world();
    let (card, colleague) = (world::funded(0), world::funded(1));
    assert!(card.owner == colleague.owner && card.cardholder != colleague.cardholder);
    let suspended = CardholderStatus::Suspended;
    let moves = [given::cardholder_move(&card, suspended), given::cardholder_move(&colleague, suspended)];
    let load = given::load(&card, usd("50.00"));
    crate::support::run(&mut state, moves.into_iter().chain([load]).map(|call| call.command).collect());
    let swipe = given::authorization(&card, usd("30.00")).asking(|asked| {
        asked.acting = Some(card.actor());
        asked.paying = Some(colleague.actor());
    });
    let message = decided(&state, &swipe).message;
    let Some(Explanation::Nearest(approvals)) = explain(&message) else { panic!("{message:?}") };
    let active = |of| Change::Status { of, from: "suspended", to: "active" };
    assert_eq!(approvals, [vec![active(StatusOf::Cardholder), active(StatusOf::Payer)]]);
}
