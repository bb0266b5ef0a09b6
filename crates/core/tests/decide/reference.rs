//! Random histories against the plain model: verdict, reason and every balance, after every step.

use bursar_core::hold_group::Effect;
use bursar_core::{Account, Outcome, State};
use bursar_testkit::history::{any_history, world};
use proptest::prelude::*;

use crate::model::{Model, Verdict};
use crate::support::{commands, new_world, run};

proptest! {
    #[test]
    fn every_step_of_a_random_history_is_as_the_plain_model_says(history in any_history(60)) {
        let (mut state, mut model) = (new_world(), Model::new());
        let steps = commands(&history).into_iter().zip(&history).enumerate();
        for (place, (command, delivery)) in steps {
            let outcome = run(&mut state, vec![command]).swap_remove(0);
            let expected = model.deliver(place, delivery);
            prop_assert_eq!(verdict_of(&outcome), Some(expected), "step {}: {:?}", place, delivery);
            assert_available_is_recorded(&outcome);
            assert_spent_what_was_there(&outcome);
            for number in 0..world::ACCOUNT_COUNT {
                let account = account(&state, number);
                let found = (account.posted_minor, account.held_minor, account.available_minor());
                let (posted, held) = (model.posted[number], model.held[number]);
                prop_assert_eq!(found, (posted, held, Some(model.available(number))), "step {}", place);
                prop_assert_eq!(account.pending_credit_minor, model.pending[number], "step {}", place);
                prop_assert_eq!(account.open_holds, model.open_holds(number) as i64, "step {}", place);
                prop_assert!(held >= 0, "step {}", place);
            }
        }
    }
}

fn account(state: &State, number: usize) -> &Account {
    state.accounts.get(world::account_id(number)).expect("readable").expect("there")
}

fn verdict_of(outcome: &Outcome) -> Option<Verdict> {
    match outcome {
        Outcome::Decided(decided, _) => Some(decided.declined().map_or(Verdict::Approved, Verdict::Declined)),
        Outcome::Repeated(_) => Some(Verdict::Repeated),
        Outcome::Conflict => Some(Verdict::Conflict),
        Outcome::Failed(_) => None,
    }
}

/// Captures may overdraw an account; approvals do not.
fn assert_spent_what_was_there(outcome: &Outcome) {
    if let Outcome::Decided(decided, _) = outcome
        && let (Some(account), Some(group), Some(_)) =
            (&decided.account, &decided.message.group, &decided.message.authorization)
        && matches!(group.effect, Effect::Hold(_) | Effect::Debit(_))
    {
        assert!(account.available_minor() >= Some(0), "{decided:?}");
    }
}

/// The message says what the account has after it.
fn assert_available_is_recorded(outcome: &Outcome) {
    if let Outcome::Decided(decided, _) = outcome
        && let (Some(account), Some(authorization)) = (&decided.account, &decided.message.authorization)
    {
        assert_eq!(authorization.available_minor, account.available_minor());
    }
}
