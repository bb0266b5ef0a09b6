use std::collections::{BTreeMap, HashSet};

use super::*;
use crate::layout::tests::usual;

fn steps(seed: u64, count: usize) -> Vec<Step> {
    Plan::new(seed, usual()).take(count).collect()
}

#[test]
fn the_same_seed_plans_the_same_and_another_seed_does_not() {
    assert_eq!(steps(7, 2_000), steps(7, 2_000));
    assert_ne!(steps(7, 2_000), steps(8, 2_000));
}

#[test]
fn every_deed_is_planned_about_as_often_as_it_should_be() {
    let steps = steps(1, 50_000);
    let mut counts: BTreeMap<Deed, u32> = BTreeMap::new();
    for step in &steps {
        *counts.entry(step.deed).or_default() += 1;
    }
    for (deed, often) in DEEDS {
        let (count, wanted) = (counts[&deed], often * 5);
        assert!(count * 10 > wanted * 7 && count * 10 < wanted * 13, "{deed:?}: {count} of {wanted}");
    }
    assert!(counts[&Deed::Purchase] > 35_000);
    let shares: Vec<Share> = steps.iter().filter_map(|step| Some(step.release?.share)).collect();
    assert!((4_500..5_500).contains(&shares.len()), "{}", shares.len());
    let often = |is: fn(&Share) -> bool| shares.iter().filter(|share| is(share)).count();
    assert!((1_200..1_800).contains(&often(|share| matches!(share, Share::Percent(_)))));
    assert!((350..650).contains(&often(|share| *share == Share::Expired)));
}

fn with_habits(habits: Habits) -> Vec<Step> {
    Plan::new(1, usual()).with_habits(habits).take(20_000).collect()
}

#[test]
fn the_same_seed_plans_the_same_lives_and_habits() {
    assert_eq!(with_habits(Habits::all(5)), with_habits(Habits::all(5)));
    assert_ne!(with_habits(Habits::all(5)), with_habits(Habits::all(6)));
}

#[test]
fn everything_happens_in_some_life() {
    let kind = |event: Event| match event {
        Event::Confirmation => "confirmation",
        Event::Increment(_) => "increment",
        Event::Advice(_) => "advice",
        Event::Clearing(Clearing { part: Some(_), .. }) => "one of several clearings",
        Event::Clearing(Clearing { percent: Some(101..), .. }) => "clearing above the hold",
        Event::Clearing(Clearing { percent: Some(_), .. }) => "clearing of a part",
        Event::Clearing(_) => "clearing",
        Event::Reversal(100) => "reversal",
        Event::Reversal(_) => "reversal of a part",
        Event::Expiry => "expiry",
        Event::Refund(_) => "refund",
        Event::AskedRefund(_) | Event::RefundClearing => "refund that is asked for",
    };
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    for act in steps(1, 20_000).iter().flat_map(|step| &step.life) {
        *counts.entry(kind(act.event)).or_default() += 1;
    }
    assert_eq!(counts.len(), 12, "{counts:?}");
    assert!(counts.values().all(|count| *count >= 100), "{counts:?}");
    assert!(counts["clearing"] > 10_000, "{counts:?}");
}

#[test]
fn a_life_goes_on_in_order_and_begins_with_its_confirmation() {
    for step in with_habits(Habits::all(10)) {
        assert!(step.life.is_sorted_by_key(|act| act.after), "{step:?}");
        let begins = step.life.first().map(|act| act.event);
        match step.deed {
            Deed::ForcePost => assert_eq!(begins, None),
            Deed::StandIn => {
                assert!(matches!(begins, Some(Event::Clearing(_) | Event::Advice(_))), "{step:?}")
            }
            _ => assert_eq!(begins, Some(Event::Confirmation)),
        }
    }
}

/// Of each habit how often it shows, in thousandths of where it could.
#[test]
fn every_habit_shows_as_often_as_it_should() {
    let thousandths = |steps: &[Step]| {
        let acts = || steps.iter().flat_map(|step| &step.life);
        let purchase = |deed| matches!(deed, Deed::Purchase | Deed::StandIn | Deed::ForcePost);
        let of = |count: usize, all: usize| count * 1_000 / all;
        let delayed = |is: fn(&Delay) -> bool| acts().filter(|act| is(&act.manner.delay)).count();
        let deeds = |deed| steps.iter().filter(|step| step.deed == deed).count();
        let purchases = steps.iter().filter(|step| purchase(step.deed)).count();
        let followed: usize = steps.iter().map(|step| step.life.len().saturating_sub(1)).sum();
        [
            of(acts().filter(|act| act.manner.again_after.is_some()).count(), acts().count()),
            of(delayed(|delay| matches!(delay, Delay::Overtaken(_))), followed),
            of(delayed(|delay| matches!(delay, Delay::Lost(_))), acts().count()),
            of(steps.iter().filter(|step| step.is_silent).count(), deeds(Deed::Purchase)),
            of(steps.iter().filter(|step| step.late.is_some()).count(), deeds(Deed::Purchase)),
            of(deeds(Deed::StandIn), purchases),
            of(deeds(Deed::ForcePost), purchases),
        ]
    };
    assert_eq!(thousandths(&steps(1, 20_000)), [0; 7], "by default there are none");
    for percent in [5, 20] {
        let found = thousandths(&with_habits(Habits::all(percent)));
        let wanted = percent as usize * 10;
        let is_near = |found: &usize| found * 10 > wanted * 7 && found * 10 < wanted * 13;
        assert!(found.iter().all(is_near), "{found:?} of {wanted}");
    }
    let only = thousandths(&with_habits(Habits { lost: 30, ..Habits::default() }));
    assert!(
        (250..350).contains(&only[2]) && only.iter().filter(|often| **often > 0).count() == 1,
        "{only:?}"
    );
}

#[test]
fn a_notice_that_is_overtaken_comes_after_the_next() {
    let steps = with_habits(Habits { reordered: 20, ..Habits::default() });
    let pairs = steps.iter().flat_map(|step| step.life.windows(2));
    let overtaken = pairs.filter(|pair| matches!(pair[0].manner.delay, Delay::Overtaken(_)));
    let came = |act: &Act| act.after + act.manner.delay.steps();
    let overtaken: Vec<_> = overtaken.collect();
    assert!(overtaken.len() > 500);
    assert!(overtaken.iter().all(|pair| came(&pair[0]) > pair[1].after));
}

#[test]
fn a_few_cards_are_very_busy_and_every_card_is_used() {
    let steps = steps(1, 50_000);
    let mut uses = vec![0_u32; 60];
    steps.iter().for_each(|step| uses[step.card] += 1);
    assert!(uses.iter().all(|&count| count > 50), "{uses:?}");
    uses.sort_unstable_by(|a, b| b.cmp(a));
    assert!(uses[..3].iter().sum::<u32>() > 15_000, "{uses:?}");
}

#[test]
fn most_purchases_are_made_with_cards_that_work() {
    let layout = usual();
    let steps = steps(3, 20_000);
    let idle = steps.iter().filter(|step| !layout.is_spendable(step.card)).count();
    assert!((200..2_000).contains(&idle), "{idle}");
}

#[test]
fn the_day_has_its_hours() {
    let is_coffee = |step: &&Step| step.merchant.kind == crate::merchants::Kind::Coffee;
    let steps = steps(1, 24 * 250);
    let within = |hours: std::ops::Range<u64>| {
        let of_day = |step: &&Step| hours.contains(&(step.index / STEPS_PER_HOUR % 24));
        steps.iter().filter(of_day).filter(is_coffee).count()
    };
    let (morning, night) = (within(0..3), within(17..20));
    assert!(morning > 5 * night, "{morning} in the morning, {night} at night");
    let merchants: HashSet<&str> = steps.iter().map(|step| step.merchant.id).collect();
    assert_eq!(merchants.len(), MERCHANTS.len() + CASH_MACHINES.len());
}

#[test]
fn another_cardholder_is_never_the_cards_own() {
    let layout = usual();
    for step in steps(5, 20_000) {
        let own = layout.cards[step.card].cardholder;
        assert_eq!(step.acting != own, step.deed == Deed::OtherCardholder, "{step:?}");
    }
}

#[test]
fn money_comes_in_about_as_fast_as_it_is_spent() {
    let layout = usual();
    let (mut spent_minor, mut loaded_minor) = (0, 0);
    for step in steps(2, 40_000) {
        let owner = &layout.owners[layout.owner_of_card(step.card)];
        if layout.is_spendable(step.card) && owner.is_topped_up && step.release.is_none() {
            spent_minor += step.amount_minor;
        }
        let load = |chore: &Chore| match chore {
            Chore::Load(_, amount_minor) => *amount_minor,
            Chore::Unload(_, amount_minor) => -*amount_minor,
            Chore::MoveCard(..) | Chore::Turn(_) | Chore::TurnBack(_) => 0,
        };
        loaded_minor += step.chores.iter().map(load).sum::<i64>();
    }
    let percent = loaded_minor * 100 / spent_minor;
    assert!((75..=105).contains(&percent), "{percent} % of {spent_minor} is loaded");
}

#[test]
fn a_suspended_card_is_activated_again() {
    let steps = steps(4, 10_000);
    let moves: Vec<(usize, Status)> = steps
        .iter()
        .flat_map(|step| &step.chores)
        .filter_map(|chore| match *chore {
            Chore::MoveCard(card, to) => Some((card, to)),
            Chore::Load(..) | Chore::Unload(..) | Chore::Turn(_) | Chore::TurnBack(_) => None,
        })
        .collect();
    assert!(moves.len() > 100);
    let count = |wanted: Status| moves.iter().filter(|(_, to)| *to == wanted).count();
    assert!(count(Status::Suspended) - count(Status::Active) <= 1);
}

#[test]
fn one_card_is_enough_for_a_plan() {
    let mut settings = crate::Settings::new("http://localhost", "k".into(), "u", "p".into());
    (settings.companies, settings.cardholders) = (0, 0);
    (settings.cards, settings.persons) = (1, 1);
    let plan = Plan::new(1, Layout::of(&settings));
    assert!(plan.take(5_000).all(|step| step.card == 0));
}

#[test]
fn every_control_that_turns_is_turned_and_turned_back() {
    let layout = usual();
    let (mut turned, mut away) = (HashSet::new(), HashSet::new());
    for chore in steps(4, 1_500).iter().flat_map(|step| &step.chores) {
        match *chore {
            Chore::Turn(control) => {
                assert!(layout.controls[control].turn.is_some() && away.insert(control));
                turned.insert(control);
            }
            Chore::TurnBack(control) => assert!(away.remove(&control)),
            Chore::Load(..) | Chore::Unload(..) | Chore::MoveCard(..) => {}
        }
    }
    let turning = layout.controls.iter().filter(|control| control.turn.is_some()).count();
    assert_eq!(turned.len(), turning);
    assert!(away.len() <= 2, "{away:?}");
}

#[test]
fn cash_comes_from_machines_only() {
    for step in steps(1, 5_000) {
        let is_machine = step.merchant.kind == crate::merchants::Kind::Cash;
        assert_eq!(is_machine, step.deed == Deed::Withdrawal, "{step:?}");
    }
}
