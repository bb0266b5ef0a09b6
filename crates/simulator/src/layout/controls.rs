//! Which spending controls there are: every kind, on the cards that are used enough to hit it in half
//! a minute, and such that most swipes pass. Limits that are used up lie on cards that are used less.

use super::Layout;
use crate::control::{ALL_SPENDING, Channel, ControlStatus, Counted, Hours, Limit, Places, Rule, Window};

/// One spending control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ControlLayout {
    /// Whose spending it restricts.
    pub place: Place,
    /// What it is called: once in its place.
    pub name: &'static str,
    /// What it says.
    pub rule: Rule,
    /// Whether it is in force.
    pub status: ControlStatus,
    /// What the operator makes of it now and then, for a while.
    pub turn: Option<Turn>,
}

/// Whose spending, by index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Of a card.
    Card(usize),
    /// Of all cards of a cardholder.
    Cardholder(usize),
    /// Of all cards of an owner.
    Owner(usize),
}

/// What an operator makes of a control for a while.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// Another limit.
    Cut(Limit),
    /// Nothing.
    Off,
}

/// A control of the card that is used so much: 1 is the busiest.
struct Ranked {
    rank: usize,
    name: &'static str,
    rule: Rule,
    status: ControlStatus,
    turn: Option<Turn>,
}

use ControlStatus::{Active, Shadow};

const RANKED: &[Ranked] = &[
    ranked(1, "most at once", most(Window::Transaction, 25_000), Active)
        .turned(Turn::Cut(amount(Window::Transaction, 2_500))),
    ranked(1, "tried: 20 a day", uses(Window::Day, 20), Shadow),
    ranked(1, "tried: no restaurants", deny(RESTAURANTS), Shadow),
    ranked(1, "tried: at home only", allow(Places::Countries(&["US"], &["USA"])), Shadow),
    ranked(1, "tried: afternoons", AFTERNOONS, Shadow),
    ranked(1, "tried: small purchases", most(Window::Transaction, 2_000), Shadow),
    ranked(2, "no digital goods", deny(DIGITAL_GOODS), Active).turned(Turn::Off),
    ranked(2, "weekly uses", uses(Window::Week, 1_000_000), Active)
        .turned(Turn::Cut(count(Window::Week, 30))),
    ranked(2, "tried: mornings", MORNINGS, Shadow),
    ranked(3, "not in Germany", deny(Places::Countries(&["DE", "124"], &["DEU", "CAN"])), Active),
    ranked(3, "most a day", most(Window::Day, 100_000_000), Active)
        .turned(Turn::Cut(amount(Window::Day, 80_000))),
    ranked(4, "not on the internet", deny(Places::Channels(&[Channel::Ecommerce])), Active).turned(Turn::Off),
    ranked(4, "tried: contactless only", allow(Places::Channels(&[Channel::Contactless])), Shadow),
    ranked(5, "nothing from 4000 to 4999", deny(Places::Mccs(&["4000-4999"], &[(4000, 4999)])), Active),
    ranked(6, "shops only", allow(SHOPS), Active).turned(Turn::Off),
    ranked(7, "known merchants", allow(Places::Merchants(KNOWN)), Active),
    ranked(8, "no subscriptions", deny(Places::Channels(&[Channel::Recurring])), Active),
    ranked(9, "most at once", most(Window::Transaction, 10_000), Active),
    ranked(10, "tried: monthly limit", most(Window::Month, 20_000), Shadow),
    ranked(12, "most a day", most(Window::Day, 30_000), Active),
    ranked(13, "weekly uses", uses(Window::Week, 8), Active),
    ranked(14, "uses in an hour", uses(Window::RollingHours(1), 8), Active),
    ranked(15, "for eight purchases", uses(Window::Lifetime, 8), Active),
    ranked(18, "one merchant", allow(Places::FirstMerchant), Active),
    ranked(19, "mornings", MORNINGS, Active),
    ranked(20, "afternoons", AFTERNOONS, Active),
];

/// Its cardholder may spend so much in a month, with all cards.
const RANK_OF_CARDHOLDER: usize = 16;

const RESTAURANTS: Places = Places::Mccs(&["restaurants"], &[(5811, 5814)]);
const DIGITAL_GOODS: Places = Places::Mccs(&["digital_goods"], &[(5815, 5818)]);
const SHOPS: Places =
    Places::Mccs(&["5000-5999", "restaurants", "6011"], &[(5000, 5999), (5811, 5814), (6011, 6011)]);

/// One of the two is closed, whenever it is.
const MORNINGS: Rule = Rule::Schedule(Hours { from: 0, to: 720 });
const AFTERNOONS: Rule = Rule::Schedule(Hours { from: 720, to: 1_440 });

/// Where most money goes, but not all.
const KNOWN: &[&str] = &[
    "445200118992",
    "445200731140",
    "445209927714",
    "435511820093",
    "435511820377",
    "435588100442",
    "435588110029",
    "435591001234",
    "435591008821",
    "440021987744",
    "447700120087",
    "447711903321",
    "450010077120",
    "450017700912",
    "450044120093",
    "450031100781",
    "235251000762203",
    "009772089",
    "235244019927",
    "450066719903",
    "446600120077",
];

const fn ranked(rank: usize, name: &'static str, rule: Rule, status: ControlStatus) -> Ranked {
    Ranked { rank, name, rule, status, turn: None }
}

impl Ranked {
    const fn turned(self, turn: Turn) -> Self {
        Self { turn: Some(turn), ..self }
    }
}

const fn amount(window: Window, minor: i64) -> Limit {
    Limit { window, amount_minor: Some(minor), count: None, counts: ALL_SPENDING }
}

const fn count(window: Window, count: u32) -> Limit {
    Limit { window, amount_minor: None, count: Some(count), counts: ALL_SPENDING }
}

const fn most(window: Window, minor: i64) -> Rule {
    Rule::Limit(amount(window, minor))
}

const fn uses(window: Window, uses: u32) -> Rule {
    Rule::Limit(count(window, uses))
}

const fn deny(of: Places) -> Rule {
    Rule::List { is_allow: false, of }
}

const fn allow(of: Places) -> Rule {
    Rule::List { is_allow: true, of }
}

/// The controls of a layout whose cards are used in this order, the busiest first. A small world has
/// those of its first cards.
pub(super) fn controls(layout: &Layout, by_use: &[usize]) -> Vec<ControlLayout> {
    let card = |rank: usize| by_use.get(rank - 1).copied();
    let of_card = |ranked: &Ranked| {
        let Ranked { name, rule, status, turn, .. } = *ranked;
        Some(ControlLayout { place: Place::Card(card(ranked.rank)?), name, rule, status, turn })
    };
    let of = |place, name, rule| ControlLayout { place, name, rule, status: Active, turn: None };
    let monthly = |card: usize| {
        let cardholder = Place::Cardholder(layout.cards[card].cardholder);
        of(cardholder, "most a month", most(Window::Month, 15_000))
    };
    let cash = |card: usize| {
        let owner = Place::Owner(layout.owner_of_card(card));
        let limit = |window, minor, counts| {
            Rule::Limit(Limit { window, amount_minor: Some(minor), count: None, counts })
        };
        [
            of(owner, "cash from machines", limit(Window::Day, 60_000, &[Counted::Withdrawals])),
            of(owner, "cash from shops", limit(Window::Week, 6_000, &[Counted::CashBack])),
        ]
    };
    let of_cards = RANKED.iter().filter_map(of_card);
    let of_cardholder = card(RANK_OF_CARDHOLDER).map(monthly);
    of_cards.chain(of_cardholder).chain(card(1).into_iter().flat_map(cash)).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use super::super::tests::usual;
    use super::*;
    use crate::merchants::MERCHANTS;

    #[test]
    fn every_kind_of_control_is_there_and_some_cards_have_none() {
        let layout = usual();
        let kinds = |status| -> BTreeSet<&str> {
            let of = layout.controls.iter().filter(|control| control.status == status);
            of.map(|control| control.rule.kind()).collect()
        };
        assert_eq!(kinds(Active).len(), 13, "{:?}", kinds(Active));
        assert!(kinds(Shadow).len() >= 5, "{:?}", kinds(Shadow));
        let restricted = |card: usize| {
            layout.controls.iter().any(|control| match control.place {
                Place::Card(of) => of == card,
                Place::Cardholder(of) => of == layout.cards[card].cardholder,
                Place::Owner(of) => of == layout.owner_of_card(card),
            })
        };
        assert!((0..60).filter(|&card| !restricted(card)).count() > 5);
    }

    #[test]
    fn names_are_taken_once_and_lists_name_merchants_that_exist() {
        let layout = usual();
        let names: HashSet<String> =
            layout.controls.iter().map(|control| format!("{:?} {}", control.place, control.name)).collect();
        assert_eq!(names.len(), layout.controls.len());
        assert!(KNOWN.iter().all(|id| MERCHANTS.iter().any(|merchant| merchant.id == *id)));
        assert!(layout.controls.iter().filter(|control| control.turn.is_some()).count() >= 5);
    }
}
