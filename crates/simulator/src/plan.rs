//! What will happen: an endless stream of steps, the same for the same seed.
//!
//! A step names what exists by its place in the [`Layout`], and what does not exist yet (an earlier
//! purchase to add to, to repeat) by a number to pick with. The clock is no part of it.

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::history::Status;
use crate::layout::Layout;
use crate::merchants::{MERCHANTS, Merchant};

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
    /// If it is approved, it is reversed this many steps later.
    pub reverse_after: Option<u64>,
    /// What the operator does meanwhile.
    pub chores: Vec<Chore>,
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
    /// More for an approved purchase.
    Increment,
    /// More for a purchase that was reversed.
    IncrementOfReversed,
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
}

/// How often each deed is planned, in ten-thousandths; what is left is purchases.
const DEEDS: [(Deed, u32); 10] = [
    (Deed::Increment, 770),
    (Deed::IncrementOfReversed, 30),
    (Deed::Verification, 100),
    (Deed::UnknownCard, 100),
    (Deed::OtherCardholder, 100),
    (Deed::WrongCurrency, 100),
    (Deed::TooPrecise, 50),
    (Deed::Resend, 150),
    (Deed::Twin, 50),
    (Deed::Conflict, 30),
];

/// A simulated day is short, so that a demo of some minutes sees all its hours.
const STEPS_PER_HOUR: u64 = 250;
const FIRST_HOUR: u64 = 7;

/// One of ten approved purchases is reversed.
const REVERSED_OF_TEN: u32 = 1;

const STEPS_PER_LOAD: u64 = 20;
/// What a step spends on average, a little less, so that accounts run low now and then.
const LOAD_PER_STEP_MINOR: i64 = 4_200;
const STEPS_PER_UNLOAD: u64 = 400;
const UNLOAD_MINOR: i64 = 5_000;
const STEPS_PER_SUSPENSION: u64 = 120;
const SUSPENSION_STEPS: u64 = 45;

/// The endless stream of steps.
#[derive(Debug, Clone)]
pub struct Plan {
    rng: ChaCha8Rng,
    layout: Layout,
    index: u64,
    /// Cards from the busiest to the most idle, with the sum of weights up to each.
    busiest: Vec<(usize, u64)>,
    /// Cards that are suspended for now, and the step that activates each again.
    suspended: VecDeque<(u64, usize)>,
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
            index: 0,
            busiest,
            suspended: VecDeque::new(),
        }
    }

    fn step(&mut self) -> Step {
        let index = self.index;
        self.index += 1;
        let deed = self.deed();
        let card = self.card();
        let merchant = self.merchant(index);
        let chance = self.rng.random_range(0..10_000);
        Step {
            index,
            deed,
            card,
            acting: self.acting(deed, card),
            merchant,
            amount_minor: amount_minor(deed, merchant.kind.amount_minor(chance)),
            layout: match self.rng.random_range(0..3_u32) {
                0 => BodyLayout::V1,
                _ => BodyLayout::V2,
            },
            is_currency_numeric: self.rng.random_ratio(1, 50),
            pick: self.rng.random_range(0..1_000_000_usize),
            reverse_after: self.reverse_after(),
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
        Deed::Purchase
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

    fn merchant(&mut self, index: u64) -> &'static Merchant {
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

    fn reverse_after(&mut self) -> Option<u64> {
        let steps = self.rng.random_range(20..400);
        self.rng.random_ratio(REVERSED_OF_TEN, 10).then_some(steps)
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
        chores
    }

    /// The owner of a card that was drawn as swipes draw it: money comes in where it is spent.
    fn topped_up(&mut self) -> Option<usize> {
        let card = self.card();
        let owner = self.layout.owner_of_card(card);
        let OwnerLayoutFlags { gets_money } = OwnerLayoutFlags::of(&self.layout, owner);
        gets_money.then_some(owner)
    }
}

impl Iterator for Plan {
    type Item = Step;

    fn next(&mut self) -> Option<Step> {
        Some(self.step())
    }
}
