//! Spending controls over random histories.

use bursar_core::command::GroupRef;
use bursar_core::control::Scope;
use bursar_core::decide::{Fault, count, decide};
use bursar_core::state::Rows;
use bursar_core::window::Counter;
use bursar_core::{ControlId, ControlStatus, Money, Outcome, State};
use bursar_testkit::NOON;
use bursar_testkit::given;
use bursar_testkit::history::{Ask, Delivery, any_history, world};
use proptest::prelude::*;

use crate::support::{commands, new_world, run, with_minor};

proptest! {
    #[test]
    fn a_control_that_is_tried_out_never_changes_an_answer(history in any_history(60)) {
        let answers = |status: ControlStatus| {
            let history: Vec<Delivery> = history.iter().cloned().map(|mut delivery| {
                if let Ask::PutControl(put) = &mut delivery.ask {
                    put.status = status;
                }
                delivery
            }).collect();
            let answer = |outcome: Outcome| match outcome {
                Outcome::Decided(_, answer) | Outcome::Repeated(answer) => Some(answer),
                Outcome::Conflict | Outcome::Failed(_) => None,
            };
            run(&mut new_world(), commands(&history)).into_iter().map(answer).collect::<Vec<_>>()
        };
        prop_assert_eq!(answers(ControlStatus::Shadow), answers(ControlStatus::Off));
    }

    /// Any life that ends in a full reversal or expiry leaves every window as if it never was,
    /// whatever was released on the way.
    #[test]
    fn the_end_of_a_hold_leaves_every_window_as_if_nothing_had_been(
        history in any_history(40),
        card in 0..world::CARDS.len(),
        minor in 1..2_000_i64,
        steps in prop::collection::vec((any::<bool>(), 1..2_000_i64), 0..6),
        is_reversed in any::<bool>(),
    ) {
        let mut state = new_world();
        run(&mut state, commands(&history));
        let before = windows(&state);
        let funded = world::funded(card);
        let first = with_minor(given::authorization(&funded, given::usd("0")), minor);
        let group = || GroupRef::Message(first.command.id);
        let step = |(is_more, minor): (bool, i64)| match is_more {
            true => with_minor(given::increment(&funded, group(), given::usd("0")), minor).command,
            false => {
                let part = Money { minor, currency: funded.currency };
                given::partial_reversal(&funded, group(), part).command
            }
        };
        let end = if is_reversed { given::reversal } else { given::expiry };
        let life: Vec<_> = [first.command.clone()].into_iter()
            .chain(steps.into_iter().map(step))
            .chain([end(&funded, group()).command])
            .collect();
        run(&mut state, life);
        prop_assert_eq!(windows(&state), before);
    }

    /// V2, after every history.
    #[test]
    fn every_window_is_what_the_hold_groups_took(history in any_history(60)) {
        let mut state = new_world();
        run(&mut state, commands(&history));
        let zone = bursar_core::Zone::parse("Etc/UTC").expect("a zone");
        for (scope, control, counter) in windows(&state) {
            let row = state.controls.get(scope).expect("readable").expect("there");
            let control = row.controls.iter().find(|found| found.id == control).expect("a control");
            let taken = count(control, state.groups.values(), NOON, &zone).expect("small sums");
            prop_assert_eq!(&counter, &taken, "{:?}", control);
            let is_positive = |used: &bursar_core::window::Used| used.amount_minor >= 0 && used.count >= 0;
            prop_assert!(counter.buckets.iter().all(|bucket| is_positive(&bucket.used)), "{:?}", counter);
        }
    }
}

#[test]
fn what_was_not_loaded_allows_nothing() {
    let mut state = new_world();
    let card = world::funded(0);
    run(&mut state, vec![given::load(&card, given::usd("50.00")).command]);
    let swipe = given::authorization(&card, given::usd("1.00")).work();
    assert!(decide(&state, &swipe, NOON).is_ok_and(|decided| decided.message.is_approved()));
    for forgotten in
        [State { controls: Rows::default(), ..state.clone() }, State { counters: Rows::default(), ..state }]
    {
        assert!(matches!(decide(&forgotten, &swipe, NOON), Err(Fault::Unreadable(_))));
    }
}

/// The counter of every control of the world.
fn windows(state: &State) -> Vec<(Scope, ControlId, Counter)> {
    let mut scopes: Vec<Scope> =
        (0..world::CARDS.len()).flat_map(|card| world::funded(card).route().scopes()).collect();
    scopes.sort();
    scopes.dedup();
    let mut windows = Vec::new();
    for scope in scopes {
        let counters = state.counters.get(scope).expect("readable");
        for control in state.controls.get(scope).expect("readable").iter().flat_map(|row| row.controls.iter())
        {
            let counter = counters.and_then(|counters| counters.find(control.id)).cloned();
            windows.push((scope, control.id, counter.unwrap_or_default()));
        }
    }
    windows
}
