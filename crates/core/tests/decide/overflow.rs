//! Books at the end of 64 bits: a fault, never a panic and never a wrong sum.

use bursar_core::command::GroupRef;
use bursar_core::decide::{Change, decide};
use bursar_core::hold_group::{Effect, GroupMessage, HoldGroup};
use bursar_core::message::{Source, TransactionKind};
use bursar_core::{Account, DeclineReason, Fault, MessageKey, Money, State};
use bursar_testkit::NOON;
use bursar_testkit::given::{self, Call, usd};
use bursar_testkit::history::world;
use proptest::prelude::*;

use crate::support::{decided, new_world};

/// An amount near the end of 64 bits, near zero, or anywhere.
fn any_minor() -> impl Strategy<Value = i64> {
    prop_oneof![
        (0..10_i64).prop_map(|less| i64::MAX - less),
        (0..10_i64).prop_map(|more| i64::MIN + more),
        -10..10_i64,
        any::<i64>(),
    ]
}

proptest! {
    #[test]
    fn no_books_and_no_amount_make_a_decision_panic_or_wrap(
        (posted, held, credit_line) in (any_minor(), any_minor(), any_minor()),
        asked_minor in any_minor(),
        holds in prop::collection::vec(any_minor().prop_map(|minor| minor.saturating_abs()), 0..4),
    ) {
        let (state, group) = state_with(posted, held.saturating_abs(), credit_line.saturating_abs(), &holds);
        let card = world::funded(0);
        let asked = Money { minor: asked_minor, currency: card.currency };
        let calls = [
            given::authorization(&card, asked),
            given::increment(&card, group.clone(), asked),
            given::reversal(&card, group.clone()),
            given::partial_reversal(&card, group.clone(), asked),
            given::expiry(&card, group),
            given::load(&card, asked),
            given::unload(&card, asked),
        ];
        for call in calls {
            let Ok(decided) = decide(&state, &call.work(), NOON) else { continue };
            for change in &decided.changes {
                if let Change::Account(after) = change {
                    prop_assert_eq!(difference(&account(&state), after), expected(&call, &state), "{:?}", call);
                }
            }
        }
    }
}

/// A state with these books, and a hold group with these holds.
fn state_with(posted: i64, held: i64, credit_line: i64, holds: &[i64]) -> (State, GroupRef) {
    let mut state = new_world();
    let row =
        Account { posted_minor: posted, held_minor: held, credit_line_minor: credit_line, ..account(&state) };
    state.accounts.put(row.id, row);
    let root = bursar_core::MessageId::new(given::numbered_id(9_000));
    let message = |(number, minor): (u64, &i64)| GroupMessage {
        id: bursar_core::MessageId::new(given::numbered_id(9_000 + number)),
        key: MessageKey::new(Source::Api, given::token(&number.to_string())),
        processor_time: NOON,
        effect: Effect::Hold(*minor),
        at: NOON,
        kind: TransactionKind::Purchase,
        cash_minor: 0,
    };
    let messages = (0..).zip(holds).map(message).collect();
    let funded = world::funded(0);
    let group = HoldGroup {
        root,
        owner: funded.owner,
        card: funded.card,
        cardholder: funded.cardholder,
        account: funded.account,
        currency: funded.currency,
        messages,
    };
    state.groups.insert(root, group);
    state.group_refs.insert(GroupRef::Message(root), root);
    (state, GroupRef::Message(root))
}

fn account(state: &State) -> Account {
    state.accounts.get(world::account_id(0)).expect("readable").expect("there").clone()
}

/// How much more is posted and held, in numbers that cannot overflow.
fn difference(before: &Account, after: &Account) -> (i128, i128) {
    let more = |after: i64, before: i64| i128::from(after) - i128::from(before);
    (more(after.posted_minor, before.posted_minor), more(after.held_minor, before.held_minor))
}

fn expected(call: &Call, state: &State) -> (i128, i128) {
    use bursar_core::Action;
    use bursar_core::command::{Direction, Reverse};
    let held: i128 = state.groups.values().next().map_or(0, |group| {
        let hold = |message: &GroupMessage| match message.effect {
            Effect::Hold(minor) => i128::from(minor),
            _ => 0,
        };
        group.messages.iter().map(hold).sum()
    });
    match &call.command.action {
        Action::Authorize(asked) => (0, i128::from(asked.amount.minor.unwrap_or(0))),
        Action::Reverse(Reverse { amount: Some(part), .. }) => (0, -i128::from(part.minor.unwrap_or(0))),
        Action::Reverse(_) | Action::Expire(_) => (0, -held),
        Action::Transfer(transfer) => {
            let minor = i128::from(transfer.amount.minor.unwrap_or(0));
            (if transfer.direction == Direction::Load { minor } else { -minor }, 0)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_does_not_fit_is_said() {
    let (card, one) = (world::funded(0), usd("0.01"));
    let overflows = |state: &State, call: Call| match decide(state, &call.work(), NOON) {
        Err(Fault::Overflow(what)) => what,
        other => panic!("{other:?}"),
    };
    let (state, _) = state_with(i64::MIN, 1, 0, &[]);
    assert_eq!(overflows(&state, given::authorization(&card, one)), "the account's available balance");
    let (state, group) = state_with(100, 0, 0, &[i64::MAX]);
    assert_eq!(overflows(&state, given::increment(&card, group, one)), "what the hold group adds up to");
    let (state, _) = state_with(i64::MAX, i64::MAX, i64::MAX, &[]);
    assert_eq!(overflows(&state, given::authorization(&card, one)), "the account's held amount");
}

#[test]
fn a_load_beyond_what_an_account_can_keep_is_declined() {
    let card = world::funded(0);
    let (state, _) = state_with(i64::MAX, 0, 0, &[]);
    let declined = decided(&state, &given::load(&card, usd("0.01")));
    assert_eq!(declined.declined(), Some(DeclineReason::InvalidAmount));
    assert!(declined.journal.is_none(), "{declined:?}");
}
