//! Who is in the world: a pure function of the settings, so that plan and world agree on it.

mod controls;

pub use controls::{ControlLayout, Place, Turn};

use crate::history::Status;
use crate::plan::by_use;
use crate::settings::Settings;

/// Owners, cardholders and cards, by index. Companies come before persons, and business users
/// before the cardholders that persons are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Companies, then persons. Each has one account.
    pub owners: Vec<OwnerLayout>,
    /// Business users, then one for each person.
    pub cardholders: Vec<CardholderLayout>,
    /// Business cards, then one for each person.
    pub cards: Vec<CardLayout>,
    /// What restricts their spending.
    pub controls: Vec<ControlLayout>,
}

/// One company or person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerLayout {
    /// Whether it is a person.
    pub is_person: bool,
    /// A company's name, or the reference of a person.
    pub name: String,
    /// Alphabetic code of what its account keeps.
    pub currency: &'static str,
    /// What the account is loaded with at first, in minor units.
    pub opening_minor: i64,
    /// Whether it is loaded again later: the others run dry, so that funds are insufficient.
    pub is_topped_up: bool,
    /// Whether it is suspended once it was loaded.
    pub is_suspended: bool,
}

/// One business user, or the cardholder that a person is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardholderLayout {
    /// Index of its owner.
    pub owner: usize,
    /// Whether it is suspended once its cards exist.
    pub is_suspended: bool,
}

/// One card.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardLayout {
    /// Index of its cardholder.
    pub cardholder: usize,
    /// The status it has when the swipes begin.
    pub status: Status,
}

/// The time zone of the program.
pub const TIME_ZONE: &str = "America/New_York";

/// Every currency of the program, the one of most accounts first.
pub const CURRENCIES: [&str; 4] = ["USD", "EUR", "JPY", "KWD"];

/// A currency that no account keeps.
pub const FOREIGN_CURRENCY: &str = "GBP";

const COMPANY_NAMES: [&str; 6] = [
    "Northwind Trading",
    "Acme Logistics",
    "Blue Harbor Studio",
    "Sierra Field Services",
    "Juniper Labs",
    "Meridian Catering",
];

/// Business users of the usual world.
const CLOSE_USERS: usize = 40;

impl Layout {
    /// The world of the settings, which were checked.
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        let companies = (0..settings.companies).map(company);
        let persons = (0..settings.persons).map(|index| person(index, settings.persons));
        let business_users = (0..settings.cardholders).map(|index| CardholderLayout {
            owner: employer(index, settings.companies),
            is_suspended: index > 0 && index + 1 == settings.cardholders,
        });
        let selves = (0..settings.persons)
            .map(|index| CardholderLayout { owner: settings.companies + index, is_suspended: false });
        let business_cards = (0..settings.cards - settings.persons)
            .map(|index| CardLayout { cardholder: index % settings.cardholders, status: card_status(index) });
        let own_cards = (0..settings.persons)
            .map(|index| CardLayout { cardholder: settings.cardholders + index, status: Status::Active });
        let mut layout = Self {
            owners: companies.chain(persons).collect(),
            cardholders: business_users.chain(selves).collect(),
            cards: business_cards.chain(own_cards).collect(),
            controls: Vec::new(),
        };
        layout.controls = controls::controls(&layout, &by_use(settings.seed, &layout));
        layout
    }

    /// The owner whose money a card draws on.
    #[must_use]
    pub fn owner_of_card(&self, card: usize) -> usize {
        self.cardholders[self.cards[card].cardholder].owner
    }

    /// Whether a purchase with the card can be approved at all.
    #[must_use]
    pub fn is_spendable(&self, card: usize) -> bool {
        let CardLayout { cardholder, status } = self.cards[card];
        let CardholderLayout { owner, is_suspended } = self.cardholders[cardholder];
        status == Status::Active && !is_suspended && !self.owners[owner].is_suspended
    }
}

fn company(index: usize) -> OwnerLayout {
    let name = COMPANY_NAMES[index % COMPANY_NAMES.len()];
    OwnerLayout {
        is_person: false,
        name: match index / COMPANY_NAMES.len() {
            0 => name.to_owned(),
            again => format!("{name} {}", again + 1),
        },
        currency: if index.is_multiple_of(2) { "USD" } else { "EUR" },
        opening_minor: 500_000,
        is_topped_up: true,
        is_suspended: false,
    }
}

/// Every other wallet is small and stays so.
fn person(index: usize, persons: usize) -> OwnerLayout {
    let is_topped_up = index.is_multiple_of(2);
    OwnerLayout {
        is_person: true,
        name: format!("person-{:03}", index + 1),
        currency: match index % 5 {
            2 => "JPY",
            3 => "KWD",
            _ => "USD",
        },
        opening_minor: if is_topped_up { 60_000 } else { 12_000 },
        is_topped_up,
        is_suspended: index >= 4 && index + 1 == persons,
    }
}

/// Of the first business users three of four belong to one company: its account is the one that many share. Those that a
/// larger world has beside them are spread.
fn employer(index: usize, companies: usize) -> usize {
    if index >= CLOSE_USERS {
        return index % companies;
    }
    match index % 4 {
        3 => 1 + (index / 4) % companies.saturating_sub(1).max(1),
        _ => 0,
    }
    .min(companies - 1)
}

/// A few cards that do not work, as in every program.
fn card_status(index: usize) -> Status {
    match index % 20 {
        13 => Status::Terminated,
        14 => Status::Suspended,
        15 => Status::Unactivated,
        _ => Status::Active,
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn usual() -> Layout {
        Layout::of(&Settings::new("http://localhost", "k".into(), "u", "p".into()))
    }

    #[test]
    fn the_usual_world_has_what_the_settings_say() {
        let layout = usual();
        assert_eq!(layout.owners.iter().filter(|owner| owner.is_person).count(), 10);
        assert_eq!(layout.owners.len(), 12);
        assert_eq!(layout.cardholders.len(), 50);
        assert_eq!(layout.cards.len(), 60);
        let of_first = (0..60).filter(|&card| layout.owner_of_card(card) == 0).count();
        assert!(of_first > 30, "many cards share one account: {of_first}");
        assert!((0..60).any(|card| layout.owner_of_card(card) == 1));
    }

    #[test]
    fn every_kind_of_card_that_does_not_work_is_there() {
        let layout = usual();
        for status in [Status::Terminated, Status::Suspended, Status::Unactivated] {
            assert!(layout.cards.iter().any(|card| card.status == status), "{status:?}");
        }
        assert!((0..60).filter(|&card| layout.is_spendable(card)).count() >= 48);
    }

    /// The status of the card is looked at first: it must not hide the others.
    #[test]
    fn a_cardholder_and_an_owner_are_suspended_with_cards_that_work() {
        let layout = usual();
        let active = || layout.cards.iter().filter(|card| card.status == Status::Active);
        let holder = |card: &CardLayout| &layout.cardholders[card.cardholder];
        assert!(active().any(|card| holder(card).is_suspended));
        assert!(active().any(|card| layout.owners[holder(card).owner].is_suspended));
    }

    #[test]
    fn every_currency_of_the_program_has_an_account() {
        for currency in CURRENCIES {
            assert!(usual().owners.iter().any(|owner| owner.currency == currency), "{currency}");
        }
    }

    #[test]
    fn a_larger_world_has_many_accounts_and_still_one_that_many_share() {
        let mut settings = Settings::new("http://localhost", "k".into(), "u", "p".into());
        settings.set_companies(20);
        let layout = Layout::of(&settings);
        let users = |company: usize| layout.cardholders.iter().filter(|user| user.owner == company).count();
        assert!((0..20).all(|company| users(company) >= 18), "{:?}", (0..20).map(users).collect::<Vec<_>>());
        assert!(users(0) > 2 * users(2));
    }

    #[test]
    fn small_worlds_can_be_laid_out_too() {
        let mut settings = Settings::new("http://localhost", "k".into(), "u", "p".into());
        for (companies, cardholders, cards, persons) in
            [(1, 1, 1, 0), (1, 5, 7, 1), (0, 0, 3, 3), (7, 3, 4, 1)]
        {
            (settings.companies, settings.cardholders) = (companies, cardholders);
            (settings.cards, settings.persons) = (cards, persons);
            assert_eq!(settings.check(), Ok(()));
            let layout = Layout::of(&settings);
            assert_eq!(layout.cards.len(), cards);
            assert!((0..cards).all(|card| layout.owner_of_card(card) < companies + persons));
        }
    }
}
