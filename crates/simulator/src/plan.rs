//! What will happen: an endless stream of steps, the same for the same seed.
//!
//! A step names what exists by its place in the [`Layout`], and what does not exist yet (an earlier
//! purchase to add to, to repeat) by a number to pick with. A life is told by its acts, each so many steps
//! after its purchase. The clock is no part of it.

mod life;

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::clock::STEP_MINUTES;
use crate::habits::Habits;
use crate::history::Status;
use crate::layout::Layout;
use crate::merchants::{CASH_MACHINES, Kind, MERCHANTS, Merchant};

pub use life::{Act, Clearing, Delay, Event, Late, Manner};

/// One swipe, and what else happens at its time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its number, from 0.
    pub index: u64,
    /// What kind of swipe it is.
    pub deed: Deed,
    /// Index of the card.
    pub card: usize,
    /// Index of the cardholder who uses it.
    pub acting: usize,
    /// Where.
    pub merchant: &'static Merchant,
    /// How much, in minor units of the card's currency.
    pub amount_minor: i64,
    /// How the processor writes the request.
    pub layout: BodyLayout,
    /// Whether the currency is written as a number.
    pub is_currency_numeric: bool,
    /// Picks one of the earlier purchases that the deed is about.
    pub pick: usize,
    /// What is released of it later, if it is approved.
    pub release: Option<Release>,
    /// What processor and network do by themselves, if it is approved.
    pub life: Vec<Act>,
    /// Its own notice comes so, where there is one: it was approved or cleared without us.
    pub manner: Manner,
    /// Whether nothing is told of it until the server asks.
    pub is_silent: bool,
    /// When the notice comes that the answer was too late, if it was.
    pub late: Option<Late>,
    /// How many notices one webhook has at most.
    pub batch_max: usize,
    /// What the operator does meanwhile.
    pub chores: Vec<Chore>,
}

/// A release of what a purchase holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Release {
    /// How many steps after the purchase.
    pub after: u64,
    /// How much.
    pub share: Share,
}

/// How much is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Share {
    /// All, by a reversal.
    All,
    /// Of what the purchase was approved for, this percentage: at most 100.
    Percent(u8),
    /// All, for it was held long enough.
    Expired,
}

/// What kind of swipe a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Deed {
    /// A purchase.
    Purchase,
    /// A purchase whose request is sent twice at the same time.
    Twin,
    /// A purchase of nothing: it verifies the card.
    Verification,
    /// A purchase at a terminal that takes less than it asks, for more than usual.
    Fuel,
    /// A purchase with cash paid out on top.
    CashBack,
    /// Cash from a machine, in one message: gone at once.
    Withdrawal,
    /// How much there is.
    BalanceInquiry,
    /// More for an approved purchase.
    Increment,
    /// More for a purchase whose hold has ended.
    IncrementOfEnded,
    /// A card that nobody knows.
    UnknownCard,
    /// A card in somebody else's hands.
    OtherCardholder,
    /// A currency that the account does not keep.
    WrongCurrency,
    /// An amount below the minor unit.
    TooPrecise,
    /// An earlier request once more, byte for byte.
    Resend,
    /// An earlier token with another amount.
    Conflict,
    /// A purchase that the network approved by itself.
    StandIn,
    /// A purchase that is cleared without having been authorized.
    ForcePost,
}

/// The two layouts of a request body (processor reference 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BodyLayout {
    /// Transaction Model v1.
    V1,
    /// Transaction Model v2.
    V2,
}

/// What an operator does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Chore {
    /// Money in: index of the owner, minor units.
    Load(usize, i64),
    /// Money out: index of the owner, minor units.
    Unload(usize, i64),
    /// Another status of a card: its index.
    MoveCard(usize, Status),
    /// The turn of a control, for a while: its index.
    Turn(usize),
    /// The control as it was.
    TurnBack(usize),
}

/// How often each deed is planned, in ten-thousandths; what is left is purchases.
const DEEDS: [(Deed, u32); 14] = [
    (Deed::Fuel, 200),
    (Deed::CashBack, 100),
    (Deed::Withdrawal, 200),
    (Deed::BalanceInquiry, 100),
    (Deed::Increment, 770),
    (Deed::IncrementOfEnded, 30),
    (Deed::Verification, 100),
    (Deed::UnknownCard, 100),
    (Deed::OtherCardholder, 100),
    (Deed::WrongCurrency, 100),
    (Deed::TooPrecise, 50),
    (Deed::Resend, 150),
    (Deed::Twin, 50),
    (Deed::Conflict, 30),
];

const STEPS_PER_HOUR: u64 = 60 / STEP_MINUTES;
const FIRST_HOUR: u64 = 7;

/// One of ten approved purchases is released, most of these in full.
const RELEASED_OF_TEN: u32 = 1;

/// A dispenser asks for more than most purchases are, before anything was filled in.
const FUEL_FACTOR: i64 = 4;

/// Or for a unit: it only wants to know whether the card is good.
const FUEL_UNIT_MINOR: i64 = 100;

/// A webhook has up to so many notices.
const NOTICES_MAX: usize = 10;

/// The smallest note of a cash machine.
const NOTE_MINOR: i64 = 2_000;

const STEPS_PER_LOAD: u64 = 20;
/// What a step spends on average, a little less, so that accounts run low now and then.
const LOAD_PER_STEP_MINOR: i64 = 3_000;
const STEPS_PER_UNLOAD: u64 = 400;
const UNLOAD_MINOR: i64 = 5_000;
const STEPS_PER_SUSPENSION: u64 = 120;
const SUSPENSION_STEPS: u64 = 45;
const STEPS_PER_TURN: u64 = 70;
const TURNED_STEPS: u64 = 90;

/// The endless stream of steps.
#[derive(Debug, Clone)]
pub struct Plan {
    rng: ChaCha8Rng,
    layout: Layout,
    habits: Habits,
    index: u64,
    /// Cards from the busiest to the most idle, with the sum of weights up to each.
    busiest: Vec<(usize, u64)>,
    /// Cards that are suspended for now, and the step that activates each again.
    suspended: VecDeque<(u64, usize)>,
    /// Controls that the operator has turned, and the step that turns each back.
    turned: VecDeque<(u64, usize)>,
}

/// Cards from the most used to the least, as a plan of this seed uses them.
pub(crate) fn by_use(seed: u64, layout: &Layout) -> Vec<usize> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    busiest(&mut rng, layout).into_iter().map(|(card, _)| card).collect()
}

impl Plan {
    /// Begins the stream. A layout has at least one card.
    #[must_use]
    pub fn new(seed: u64, layout: Layout) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let busiest = busiest(&mut rng, &layout);
        Self {
            rng,
            layout,
            habits: Habits::default(),
            index: 0,
            busiest,
            suspended: VecDeque::new(),
            turned: VecDeque::new(),
        }
    }

    /// The same stream, with these habits of the network.
    #[must_use]
    pub fn with_habits(self, habits: Habits) -> Self {
        Self { habits, ..self }
    }

    fn step(&mut self) -> Step {
        let index = self.index;
        self.index += 1;
        let deed = self.deed();
        let card = self.card();
        let merchant = self.merchant(deed, index);
        let chance = self.rng.random_range(0..10_000);
        let is_silent = self.rng.random_range(0..100) < self.habits.silent && deed == Deed::Purchase;
        Step {
            index,
            deed,
            card,
            acting: self.acting(deed, card),
            merchant,
            amount_minor: amount_minor(deed, merchant.kind, merchant.kind.amount_minor(chance)),
            layout: match self.rng.random_range(0..3_u32) {
                0 => BodyLayout::V1,
                _ => BodyLayout::V2,
            },
            is_currency_numeric: self.rng.random_ratio(1, 50),
            pick: self.rng.random_range(0..1_000_000_usize),
            // What the operator releases the server never asks about.
            release: self.release().filter(|_| !is_silent),
            life: life::life(&mut self.rng, deed, merchant.kind, &self.habits),
            manner: life::manner(&mut self.rng, None, &self.habits),
            is_silent,
            late: self.late(deed, is_silent),
            batch_max: self.rng.random_range(1..=NOTICES_MAX),
            chores: self.chores(index),
        }
    }

    fn deed(&mut self) -> Deed {
        let mut chance = self.rng.random_range(0..10_000_u32);
        for (deed, often) in DEEDS {
            match chance.checked_sub(often) {
                None => return deed,
                Some(rest) => chance = rest,
            }
        }
        match self.rng.random_range(0..100) {
            chance if chance < self.habits.stood_in => Deed::StandIn,
            chance if chance < self.habits.stood_in + self.habits.forced => Deed::ForcePost,
            _ => Deed::Purchase,
        }
    }

    fn late(&mut self, deed: Deed, is_silent: bool) -> Option<Late> {
        let is_late = self.rng.random_range(0..100) < self.habits.late;
        let late = match self.rng.random_range(0..3_u32) {
            _ if is_silent => Late::After(0),
            0 => Late::Before,
            1 => Late::Meanwhile,
            _ => Late::After(self.rng.random_range(0..4)),
        };
        (is_late && deed == Deed::Purchase).then_some(late)
    }

    fn card(&mut self) -> usize {
        let total = self.busiest.last().map_or(1, |&(_, sum)| sum);
        let chance = self.rng.random_range(0..total);
        let place = self.busiest.partition_point(|&(_, sum)| sum <= chance);
        self.busiest[place].0
    }

    /// Who is not the card's cardholder, if there is anybody else.
    fn acting(&mut self, deed: Deed, card: usize) -> usize {
        let own = self.layout.cards[card].cardholder;
        let all = self.layout.cardholders.len();
        let away = self.rng.random_range(0..all.max(2) - 1);
        match deed {
            Deed::OtherCardholder => (own + 1 + away) % all,
            _ => own,
        }
    }

    fn merchant(&mut self, deed: Deed, index: u64) -> &'static Merchant {
        if deed == Deed::Withdrawal {
            return &CASH_MACHINES[self.rng.random_range(0..CASH_MACHINES.len())];
        }
        let hour = (FIRST_HOUR + index / STEPS_PER_HOUR) % 24;
        let total: u32 = MERCHANTS.iter().map(|merchant| merchant.kind.visits(hour)).sum();
        let mut chance = self.rng.random_range(0..total);
        for merchant in MERCHANTS {
            match chance.checked_sub(merchant.kind.visits(hour)) {
                None => return merchant,
                Some(rest) => chance = rest,
            }
        }
        &MERCHANTS[0]
    }

    fn release(&mut self) -> Option<Release> {
        let after = self.rng.random_range(20..400);
        let share = match self.rng.random_range(0..10_u32) {
            0 => Share::Expired,
            1..4 => Share::Percent(self.rng.random_range(5..=50)),
            _ => Share::All,
        };
        self.rng.random_ratio(RELEASED_OF_TEN, 10).then_some(Release { after, share })
    }

    fn chores(&mut self, index: u64) -> Vec<Chore> {
        let mut chores = Vec::new();
        if index % STEPS_PER_LOAD == STEPS_PER_LOAD / 2 {
            let amount_minor = LOAD_PER_STEP_MINOR * STEPS_PER_LOAD as i64;
            chores.extend(self.topped_up().map(|owner| Chore::Load(owner, amount_minor)));
        }
        if index % STEPS_PER_UNLOAD == STEPS_PER_UNLOAD - 1 {
            chores.extend(self.topped_up().map(|owner| Chore::Unload(owner, UNLOAD_MINOR)));
        }
        if index % STEPS_PER_SUSPENSION == STEPS_PER_SUSPENSION / 2 {
            let card = self.rng.random_range(0..self.layout.cards.len());
            if self.layout.cards[card].status == Status::Active {
                self.suspended.push_back((index + SUSPENSION_STEPS, card));
                chores.push(Chore::MoveCard(card, Status::Suspended));
            }
        }
        if let Some((_, card)) = self.suspended.pop_front_if(|(until, _)| *until <= index) {
            chores.push(Chore::MoveCard(card, Status::Active));
        }
        chores.extend(self.turn(index));
        chores
    }

    /// One control after another has its turn.
    fn turn(&mut self, index: u64) -> Option<Chore> {
        if let Some((_, control)) = self.turned.pop_front_if(|(until, _)| *until <= index) {
            return Some(Chore::TurnBack(control));
        }
        if index % STEPS_PER_TURN != STEPS_PER_TURN / 2 {
            return None;
        }
        let controls = self.layout.controls.iter().enumerate();
        let turning: Vec<usize> =
            controls.filter(|(_, control)| control.turn.is_some()).map(|(place, _)| place).collect();
        let number = usize::try_from(index / STEPS_PER_TURN).unwrap_or_default();
        let control = *turning.get(number.checked_rem(turning.len())?)?;
        self.turned.push_back((index + TURNED_STEPS, control));
        Some(Chore::Turn(control))
    }

    /// The owner of a card that was drawn as swipes draw it: money comes in where it is spent.
    fn topped_up(&mut self) -> Option<usize> {
        let card = self.card();
        let place = self.layout.owner_of_card(card);
        let owner = &self.layout.owners[place];
        (owner.is_topped_up && !owner.is_suspended).then_some(place)
    }
}

impl Iterator for Plan {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        Some(self.step())
    }
}

fn amount_minor(deed: Deed, kind: Kind, usual_minor: i64) -> i64 {
    match deed {
        Deed::Purchase | Deed::Twin | Deed::StandIn if kind == Kind::Fuel => FUEL_UNIT_MINOR,
        Deed::Verification | Deed::BalanceInquiry => 0,
        Deed::Fuel => usual_minor.saturating_mul(FUEL_FACTOR),
        Deed::Increment | Deed::IncrementOfEnded => (usual_minor / 5).max(1),
        Deed::Withdrawal => (usual_minor / NOTE_MINOR + 1) * NOTE_MINOR,
        _ => usual_minor,
    }
}

/// Few cards are used much and many little: the card of rank n as often as 1/n of the first. Cards
/// of wallets that run dry come late, and cards that cannot be used last.
fn busiest(rng: &mut ChaCha8Rng, layout: &Layout) -> Vec<(usize, u64)> {
    let is_dry = |card: usize| !layout.owners[layout.owner_of_card(card)].is_topped_up;
    let mut cards: Vec<(bool, bool, u32, usize)> = (0..layout.cards.len())
        .map(|card| (!layout.is_spendable(card), is_dry(card), rng.random(), card))
        .collect();
    cards.sort_unstable();
    let mut sum = 0;
    let weigh = |(rank, (.., card)): (u64, (bool, bool, u32, usize))| {
        sum += 1_000_000 / (rank + 1);
        (card, sum)
    };
    (0..).zip(cards).map(weigh).collect()
}

#[cfg(test)]
mod tests;
