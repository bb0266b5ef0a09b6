//! What the book sends, and what it makes of the answers.

mod lives;

use bursar_core::{AccountId, CardId, CardholderId, Currency, OwnerId};
use uuid::Uuid;

use super::*;
use crate::control::{ControlStatus, Rule};
use crate::history::{Account, Answer, Card, Cardholder, Control, Owner, Scope, Status};
use crate::layout::tests::usual;
use crate::layout::{FOREIGN_CURRENCY, Turn};
use crate::plan::{Deed, Plan};

/// The usual world as if it had been created.
fn world() -> World {
    let layout = usual();
    let id = |kind: u128, index: usize| Uuid::from_u128(kind << 64 | index as u128);
    let owners: Vec<OwnerId> = (0..layout.owners.len()).map(|index| OwnerId::new(id(1, index))).collect();
    let history = History {
        owners: std::iter::zip(&owners, &layout.owners)
            .map(|(&id, owner)| Owner { id, is_person: owner.is_person, creations: 1 })
            .collect(),
        accounts: (0..)
            .zip(&layout.owners)
            .map(|(index, owner)| Account {
                id: AccountId::new(id(2, index)),
                owner: owners[index],
                currency: Currency::parse(owner.currency).expect("a currency"),
            })
            .collect(),
        cardholders: (0..)
            .zip(&layout.cardholders)
            .map(|(index, holder)| Cardholder {
                id: CardholderId::new(id(3, index)),
                owner: owners[holder.owner],
                token: format!("user-{index}").into(),
            })
            .collect(),
        cards: (0..)
            .zip(&layout.cards)
            .map(|(index, card)| Card {
                id: CardId::new(id(4, index)),
                owner: owners[layout.owner_of_card(index)],
                cardholder: CardholderId::new(id(3, card.cardholder)),
                account: AccountId::new(id(2, layout.owner_of_card(index))),
                token: format!("card-{index}").into(),
                status: card.status,
            })
            .collect(),
        ..History::default()
    };
    World { run: 7, business_tokens: vec![None; layout.owners.len()], layout, history }
}

fn step(deed: Deed) -> Step {
    let mut steps = Plan::new(1, usual());
    let is_like = |step: &Step| step.deed == deed && step.card < 10;
    let step = steps.find(is_like).expect("every deed is planned");
    Step {
        index: 10,
        release: None,
        life: Vec::new(),
        late: None,
        is_silent: false,
        chores: Vec::new(),
        ..step
    }
}

fn swipes(jobs: Vec<Job>) -> Vec<SwipeJob> {
    let swipe = |job| match job {
        Job::Swipe(job) => Some(job),
        Job::Action(_) | Job::Notices(_) => None,
    };
    jobs.into_iter().filter_map(swipe).collect()
}

fn approved() -> Delivery {
    Delivery::Answered(Answer {
        status: 200,
        decision: Some(MessageId::new(Uuid::from_u128(9))),
        amount: "1.99".into(),
        decline_reason: None,
        digest: 1,
    })
}

/// The step's only swipe, answered with an approval.
fn approve(book: &mut Book, step: &Step) -> Arc<JitRequest> {
    let job = swipes(book.jobs(step, Timestamp::UNIX_EPOCH)).pop().expect("a swipe");
    let request = Arc::clone(&job.request);
    book.delivered(job, approved());
    request
}

#[test]
fn deeds_about_earlier_purchases_are_purchases_while_there_is_none() {
    for deed in [Deed::Increment, Deed::IncrementOfEnded, Deed::Resend, Deed::Conflict] {
        let mut book = Book::new(world(), false);
        let jobs = swipes(book.jobs(&step(deed), Timestamp::UNIX_EPOCH));
        assert_eq!(jobs.len(), 1);
        assert!(jobs[0].is_first() && jobs[0].request.preceding.is_none(), "{deed:?}");
    }
}

#[test]
fn an_increment_is_made_with_the_card_of_its_purchase() {
    let mut book = Book::new(world(), false);
    let first = approve(&mut book, &step(Deed::Purchase));
    let increment = approve(&mut book, &step(Deed::Increment));
    assert_eq!(increment.card_token, first.card_token);
    assert_eq!(increment.acting_token, first.acting_token);
    let preceding = increment.preceding.as_ref().expect("it follows the purchase");
    assert_eq!(preceding.token, first.token);
    assert_eq!(book.open.len(), 1, "an increment begins no purchase");
}

#[test]
fn a_resend_has_the_same_bytes_and_no_new_token() {
    let mut book = Book::new(world(), false);
    let first = approve(&mut book, &step(Deed::Purchase));
    let again = swipes(book.jobs(&step(Deed::Resend), Timestamp::now())).pop().expect("a swipe");
    assert!(!again.is_first());
    assert_eq!(*again.body, *first.body().expect("a body"));
    book.delivered(again, approved());
    let history = book.into_history();
    assert_eq!(history.swipes.len(), 1);
    assert_eq!(history.swipes[0].deliveries.len(), 2);
}

#[test]
fn a_conflict_has_the_token_and_another_amount() {
    let mut book = Book::new(world(), false);
    let first = approve(&mut book, &step(Deed::Purchase));
    let other = swipes(book.jobs(&step(Deed::Conflict), Timestamp::now())).pop().expect("a swipe");
    assert_eq!(other.request.token, first.token);
    assert_ne!(other.request.amount, first.amount);
    book.delivered(other, Delivery::Unknown);
    let history = book.into_history();
    assert_eq!((history.swipes[0].deliveries.len(), history.swipes[0].conflicts.len()), (1, 1));
}

#[test]
fn twins_are_sent_at_once() {
    let mut book = Book::new(world(), false);
    let jobs = swipes(book.jobs(&step(Deed::Twin), Timestamp::UNIX_EPOCH));
    assert_eq!(jobs.len(), 2);
    assert_eq!(jobs[0].body, jobs[1].body);
    assert!(jobs[0].is_first() && !jobs[1].is_first());
}

#[test]
fn a_reversal_is_sent_when_it_is_due_and_only_once() {
    let mut book = Book::new(world(), false);
    let release = Some(Release { after: 5, share: Share::All });
    let purchase = Step { release, ..step(Deed::Purchase) };
    let first = approve(&mut book, &purchase);
    let actions_at = |book: &mut Book, index: u64| {
        let idle = Step { index, ..step(Deed::UnknownCard) };
        let jobs = book.jobs(&idle, Timestamp::UNIX_EPOCH);
        jobs.into_iter().filter(|job| matches!(job, Job::Action(_))).count()
    };
    assert_eq!(actions_at(&mut book, 14), 0);
    assert_eq!(actions_at(&mut book, 15), 1);
    assert_eq!(actions_at(&mut book, 16), 0);
    assert!(book.open.is_empty());
    let increment = approve(&mut book, &step(Deed::IncrementOfEnded));
    assert_eq!(increment.preceding.as_ref().map(|held| &held.token), Some(&first.token));
}

#[test]
fn a_purchase_that_was_released_in_part_is_added_to_all_the_same() {
    let mut book = Book::new(world(), false);
    let release = Some(Release { after: 5, share: Share::Percent(50) });
    let first = approve(&mut book, &Step { release, ..step(Deed::Purchase) });
    let jobs = book.jobs(&Step { index: 15, ..step(Deed::UnknownCard) }, Timestamp::UNIX_EPOCH);
    let part = jobs.into_iter().find_map(|job| match job {
        Job::Action(ActionJob { action: Action { what: What::Release { part, .. }, .. }, .. }) => Some(part),
        _ => None,
    });
    let half = Money { minor: 99, currency: first.currency };
    assert_eq!(part, Some(Part::Amount(half)));
    let increment = approve(&mut book, &step(Deed::Increment));
    assert_eq!(increment.preceding.as_ref().map(|held| &held.token), Some(&first.token));
}

/// The changes of status that are sent for the chores: place and new status.
fn moves(book: &mut Book, chores: &[Chore]) -> Vec<(usize, Status)> {
    let step = Step { chores: chores.to_vec(), ..step(Deed::Purchase) };
    let change = |job| match job {
        Job::Action(ActionJob { place, action: Action { what: What::Move(_, to), .. } }) => Some((place, to)),
        Job::Action(_) | Job::Swipe(_) | Job::Notices(_) => None,
    };
    book.jobs(&step, Timestamp::UNIX_EPOCH).into_iter().filter_map(change).collect()
}

fn answered(book: &mut Book, moved: &[(usize, Status)]) {
    for (place, _) in moved {
        book.performed(*place, Outcome::Unresolved("whatever it is".to_owned()));
    }
}

const fn suspend(card: usize) -> Chore {
    Chore::MoveCard(card, Status::Suspended)
}

const fn activate(card: usize) -> Chore {
    Chore::MoveCard(card, Status::Active)
}

#[test]
fn a_card_is_activated_later_if_the_step_is_left_out() {
    let mut book = Book::new(world(), false);
    let suspended = moves(&mut book, &[suspend(3)]);
    answered(&mut book, &suspended);
    book.skip(&Step { chores: vec![Chore::Load(0, 100), activate(3)], ..step(Deed::Purchase) });
    assert!(matches!(moves(&mut book, &[])[..], [(_, Status::Active)]));
    assert!(moves(&mut book, &[]).is_empty());
}

#[test]
fn an_activation_waits_until_the_suspension_is_answered() {
    let mut book = Book::new(world(), false);
    let suspended = moves(&mut book, &[suspend(3), activate(3)]);
    assert!(matches!(suspended[..], [(_, Status::Suspended)]));
    assert!(moves(&mut book, &[]).is_empty());
    answered(&mut book, &suspended);
    assert!(matches!(moves(&mut book, &[])[..], [(_, Status::Active)]));
}

#[test]
fn suspensions_do_not_pile_up_on_a_slow_server() {
    let mut book = Book::new(world(), false);
    let suspended = moves(&mut book, &[suspend(1), suspend(2), suspend(3), suspend(1)]);
    assert_eq!(suspended.len(), AWAY_MAX);
    answered(&mut book, &suspended);
    assert!(moves(&mut book, &[suspend(4), activate(3)]).is_empty(), "3 was never suspended");
    let activated = moves(&mut book, &[activate(1)]);
    assert_eq!(activated.len(), 1);
    assert!(moves(&mut book, &[suspend(4)]).is_empty(), "1 is not active yet");
    answered(&mut book, &activated);
    assert_eq!(moves(&mut book, &[suspend(4)]).len(), 1);
}

#[test]
fn each_bad_swipe_is_bad_in_its_own_way() {
    let mut book = Book::new(world(), false);
    let mut request = |deed| approve(&mut book, &step(deed));
    assert_eq!(request(Deed::Verification).amount.minor(request(Deed::Purchase).currency), Some(0));
    assert_eq!(request(Deed::WrongCurrency).currency.code(), FOREIGN_CURRENCY);
    let precise = request(Deed::TooPrecise);
    assert_eq!(precise.amount.minor(precise.currency), None);
    let known = |request: &JitRequest| request.card_token.starts_with("card-");
    assert!(known(&request(Deed::Purchase)) && !known(&request(Deed::UnknownCard)));
    let other = request(Deed::OtherCardholder);
    let world = world();
    let card = world.history.cards.iter().find(|card| card.token == other.card_token);
    let own = card.map(|card| card.cardholder);
    let acting = world.history.cardholders.iter().find(|holder| holder.token == other.acting_token);
    assert_ne!(acting.map(|holder| holder.id), own);
}

#[test]
fn tokens_fit_the_processor_and_never_repeat() {
    let mut book = Book::new(world(), false);
    let mut plan = Plan::new(1, usual());
    let mut tokens = std::collections::HashSet::new();
    for step in plan.by_ref().take(3_000) {
        for job in swipes(book.jobs(&step, Timestamp::UNIX_EPOCH)) {
            assert_eq!(job.request.token.len(), 36);
            assert!(!job.is_first() || tokens.insert(Arc::clone(&job.request.token)));
            book.delivered(job, approved());
        }
    }
    let history = book.into_history();
    assert_eq!(history.swipes.len(), tokens.len());
    let keys: std::collections::HashSet<&str> = history.actions.iter().map(|action| &*action.key).collect();
    assert_eq!(keys.len(), history.actions.len());
}

/// The usual world with its controls.
fn restricted() -> World {
    let mut world = world();
    let history = &mut world.history;
    history.controls = (0..)
        .zip(&world.layout.controls)
        .map(|(index, control)| Control {
            id: ControlId::new(Uuid::from_u128(5 << 64 | index as u128)),
            owner: history.owners[0].id,
            scope: Scope::Owner(history.owners[0].id),
            name: control.name,
            rule: control.rule,
            currency: history.accounts[0].currency,
            status: control.status,
        })
        .collect();
    world
}

/// The changes of controls that are sent for the chores: place and what is asked.
fn turns(book: &mut Book, chores: &[Chore]) -> Vec<(usize, What)> {
    let step = Step { chores: chores.to_vec(), ..step(Deed::Purchase) };
    let change = |job| match job {
        Job::Action(ActionJob { place, action }) => Some((place, action.what)),
        Job::Swipe(_) | Job::Notices(_) => None,
    };
    book.jobs(&step, Timestamp::UNIX_EPOCH).into_iter().filter_map(change).collect()
}

#[test]
fn a_control_is_turned_back_to_what_it_was_once_the_turn_is_answered() {
    let mut book = Book::new(restricted(), false);
    let place = usual().controls.iter().position(|control| matches!(control.turn, Some(Turn::Cut(_))));
    let place = place.expect("a limit is cut");
    let Rule::Limit(usual) = usual().controls[place].rule else { panic!("only limits are cut") };
    let cut = turns(&mut book, &[Chore::Turn(place), Chore::TurnBack(place), Chore::Turn(place)]);
    assert!(matches!(cut[..], [(_, What::SetLimit(_, limit, _))] if limit != usual));
    assert!(turns(&mut book, &[]).is_empty(), "the cut is not answered yet");
    book.performed(cut[0].0, Outcome::Done { sequence: 9, at: Timestamp::UNIX_EPOCH, available: None });
    let back = turns(&mut book, &[]);
    assert!(matches!(back[..], [(_, What::SetLimit(_, limit, _))] if limit == usual));
    let history = book.into_history();
    let [cut, back] = &history.actions[..] else { panic!("two actions") };
    assert!(cut.sent < cut.acknowledged.expect("it was answered"));
    assert!(cut.acknowledged < Some(back.sent) && back.acknowledged.is_none());
}

#[test]
fn a_control_whose_change_may_still_be_made_is_left_alone() {
    let mut book = Book::new(restricted(), false);
    let place = usual().controls.iter().position(|control| control.turn == Some(Turn::Off));
    let place = place.expect("a control is switched off");
    let off = turns(&mut book, &[Chore::Turn(place)]);
    assert!(matches!(off[..], [(_, What::SwitchControl(_, ControlStatus::Off))]));
    book.performed(off[0].0, Outcome::Unresolved("no answer".to_owned()));
    assert!(turns(&mut book, &[Chore::TurnBack(place)]).is_empty());
    assert!(turns(&mut book, &[Chore::Turn(place)]).is_empty());
}
