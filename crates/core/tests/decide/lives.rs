//! The whole life of a purchase, its messages in every order and some of them again.

use bursar_core::command::Says;
use bursar_core::control::Scope;
use bursar_core::window::Counters;
use bursar_core::{MessageId, State, Window};
use bursar_testkit::NOON;
use bursar_testkit::given::{self, Call};
use bursar_testkit::history::world;
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::support::{new_world, run, with_minor};

/// A message about the purchase: which transaction, what of it, how much, and in which minute.
type Event = (usize, Says, i64, i64);

/// What the processor said of the purchase itself, our own decision, and four that follow it.
fn any_life() -> impl Strategy<Value = ((Says, i64, i64), Vec<Event>)> {
    let first = (prop_oneof![5 => Just(Says::Hold), 1 => Just(Says::Refused)], 1..500_i64, 0..3_i64);
    let says = prop_oneof![
        2 => Just(Says::Hold),
        2 => Just(Says::Replace),
        2 => Just(Says::Release),
        1 => Just(Says::Expire),
        4 => Just(Says::Capture),
        2 => Just(Says::FinalCapture),
    ];
    let event = (says, 0..500_i64, 0..4_i64);
    let events = prop::collection::vec(event, 4).prop_map(|events| {
        let numbered = events.into_iter().zip(1..);
        numbered.map(|((says, minor, minute), token)| (token, says, minor, minute)).collect()
    });
    (first, events)
}

/// Which earlier transaction of a life the message about this one names.
type Named = fn(usize) -> usize;

/// The deliveries of a life. Each that is reported claims the place of our decision about what it names, as a door
/// does; where it may have been asked itself, of that about itself, too.
fn deliveries((says, minor, minute): (Says, i64, i64), events: &[Event], named: Named) -> Vec<Vec<Call>> {
    let funded = world::funded(0);
    let of = |(token, says, minor, minute): Event| {
        let time = NOON + SignedDuration::from_mins(minute);
        let report = |token: usize, says| {
            let amount = given::money(&format!("{}.{:02}", minor / 100, minor % 100), "USD");
            given::report(&funded, &format!("t-{token}"), says, amount).at(time)
        };
        let first = format!("t-{}", named(token));
        let mut calls = vec![report(named(token), Says::Claim)];
        if says == Says::Hold {
            calls.push(report(token, Says::Claim).following(&first));
        }
        calls.push(report(token, says).following(&first));
        calls
    };
    let swipe = with_minor(given::authorization(&funded, given::usd("0")), minor).message("t-0");
    let time = NOON + SignedDuration::from_mins(minute);
    let swipe = swipe.asking(|asked| asked.processor_time = Some(time));
    let mut deliveries = vec![vec![swipe], of((0, says, minor, minute))];
    deliveries.extend(events.iter().map(|event| of(*event)));
    deliveries
}

/// What is held, posted and pending, and what of the limit is used.
fn end(mut state: State, deliveries: &[&Vec<Call>]) -> ((i64, i64, i64, i64), Option<Counters>) {
    for (delivery, place) in deliveries.iter().zip(0..) {
        for (call, part) in delivery.iter().zip(0..) {
            let mut command = call.command.clone();
            // Whoever comes first is the first.
            command.id = MessageId::new(given::numbered_id(50_000 + place * 10 + part));
            run(&mut state, vec![command]);
        }
    }
    let account = state.accounts.get(world::account_id(0)).expect("readable").expect("there");
    let books = (account.held_minor, account.posted_minor, account.pending_credit_minor, account.open_holds);
    let counters = state.counters.get(Scope::Card(world::funded(0).card)).expect("readable");
    (books, counters.cloned())
}

/// A world with money, and a limit that nothing reaches.
fn world_with_money() -> State {
    let funded = world::funded(0);
    let mut state = new_world();
    let limit = given::limit(Window::Day, given::usd("1000.00"));
    let control = given::new_control(funded.owner, Scope::Card(funded.card), limit);
    let commands = [given::load(&funded, given::usd("1000.00")), control].map(|call| call.command);
    run(&mut state, commands.into());
    state
}

/// Some 21,600 orders: all 720 of six messages, of thirty lives, with repeats.
#[test]
fn a_life_ends_in_the_same_books_whatever_order_its_messages_come_in() {
    let state = world_with_money();
    let seed = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), seed);
    // All name the first; or each the one before it, so that groups are found to be one later.
    let chains: [Named; 2] = [|_| 0, |token| token.saturating_sub(1)];
    for number in 0..30 {
        let life = any_life().new_tree(&mut runner).expect("a life").current();
        let deliveries = deliveries(life.0, &life.1, chains[number % 2]);
        let expected = end(state.clone(), &deliveries.iter().collect::<Vec<_>>());
        assert_ne!(expected.1, None);
        for number in 0..720 {
            let mut order: Vec<&Vec<Call>> = permutation(number).map(|place| &deliveries[place]).into();
            order.insert(number % 6, &deliveries[number % 5]);
            order.push(order[number % 7]);
            assert_eq!(end(state.clone(), &order), expected, "{life:?}\n{:?}", permutation(number));
        }
    }
}

fn permutation(mut number: usize) -> [usize; 6] {
    let mut left: Vec<usize> = (0..6).collect();
    [6, 5, 4, 3, 2, 1].map(|of| {
        let place = number % of;
        number /= of;
        left.remove(place)
    })
}
