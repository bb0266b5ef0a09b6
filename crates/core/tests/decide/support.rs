//! A state to decide on, without a store.

use bursar_core::command::{Amount, Authorize};
use bursar_core::{Action, Command, Decided, Outcome, State, Work, decide_batch};
use bursar_testkit::NOON;
use bursar_testkit::given::{Call, JsonAnswer};
use bursar_testkit::history::{Delivery, world};
use proptest::prelude::*;

/// The command with an encoder.
pub(crate) fn work(command: Command) -> Work {
    Work::new(command, Box::new(JsonAnswer))
}

/// The world of the random histories, as new.
pub(crate) fn new_world() -> State {
    let mut state = State::default();
    for outcome in run(&mut state, world::setup()) {
        assert!(matches!(outcome, Outcome::Decided(..)), "{outcome:?}");
    }
    state
}

/// Decides the commands in one batch, at noon.
pub(crate) fn run(state: &mut State, commands: Vec<Command>) -> Vec<Outcome> {
    let batch: Vec<Work> = commands.into_iter().map(work).collect();
    decide_batch(state, &batch, NOON)
}

/// The commands of a history, in order.
pub(crate) fn commands(history: &[Delivery]) -> Vec<Command> {
    let command = |(place, delivery): (usize, &Delivery)| delivery.command(place, history);
    history.iter().enumerate().map(command).collect()
}

/// Decides one call without changing the state.
pub(crate) fn decided(state: &State, call: &Call) -> Decided {
    bursar_core::decide::decide(state, &call.work(), NOON).expect("nothing overflows")
}

/// The same request for another amount.
pub(crate) fn with_minor(call: Call, minor: i64) -> Call {
    call.asking(|authorize| {
        authorize.amount = Amount { minor: Ok(minor), ..authorize.amount.clone() };
    })
}

/// What an authorization asks.
pub(crate) fn asked(command: &Command) -> Option<&Authorize> {
    match &command.action {
        Action::Authorize(authorize) => Some(authorize),
        _ => None,
    }
}

/// A state that some history led to, and one authorization or increment more.
pub(crate) fn any_state_and_authorize() -> impl Strategy<Value = (State, Call)> {
    let with_authorize = |history: Vec<Delivery>| {
        let mut commands = commands(&history);
        let last = commands.iter().rposition(|command| asked(command).is_some())?;
        let mut command = commands.split_off(last).swap_remove(0);
        // Under a token of its own: a repeat would not be decided.
        command.key.token = bursar_testkit::given::token("the-last");
        let mut state = new_world();
        run(&mut state, commands);
        Some((state, Call { command, deadline: None }))
    };
    bursar_testkit::history::any_history(30).prop_filter_map("no authorization", with_authorize)
}
