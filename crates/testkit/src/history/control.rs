//! Spending controls of random histories.

use bursar_core::command::{ControlSpec, PutControls};
use bursar_core::control::{Counted, List, MerchantRule, Places, Rule, Scope, Velocity};
use bursar_core::message::Source;
use bursar_core::text::{FreeText, Token};
use bursar_core::{Action, ControlStatus, Money, Window};

use super::world::{self, CARDS, HOLDERS};
use crate::given::{self, Call};

/// A control that is put, by numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutControl {
    /// Whose spending it restricts.
    pub part: Part,
    /// Its name: another one of this name is replaced.
    pub name: usize,
    /// What it says.
    pub rule: Plain,
    /// Whether it is in force.
    pub status: ControlStatus,
}

/// A part of the world's spending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// A card's.
    Card(usize),
    /// A cardholder's.
    Holder(usize),
    /// An owner's.
    Owner(usize),
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Plain {
    /// So much, so often, or both. Amounts are in dollars.
    Limit {
        /// Over this window.
        window: Window,
        /// Minor units.
        minor: Option<i64>,
        /// Times.
        count: Option<u32>,
        /// What counts.
        counts: Vec<Counted>,
    },
    /// At this merchant only.
    Only(usize),
    /// Anywhere but there.
    Not(usize),
    /// At the merchant of the first purchase only.
    First,
}

impl Part {
    /// The owner, by number.
    #[must_use]
    pub const fn owner(self) -> usize {
        match self {
            Self::Card(card) => world::owner_of_account(CARDS[card].account),
            Self::Holder(holder) => HOLDERS[holder],
            Self::Owner(owner) => owner,
        }
    }

    fn scope(self) -> Scope {
        match self {
            Self::Card(card) => Scope::Card(world::card_id(card)),
            Self::Holder(holder) => Scope::Cardholder(world::holder_id(holder)),
            Self::Owner(owner) => Scope::Owner(world::owner_id(owner)),
        }
    }
}

impl PutControl {
    pub(super) fn call(&self) -> Call {
        let spec = ControlSpec {
            name: FreeText::new(&format!("control {}", self.name)),
            rule: Some(self.rule.rule()),
            status: self.status,
        };
        let (owner, scope) = (Some(world::owner_id(self.part.owner())), self.part.scope());
        let put = PutControls { owner, scope, replace: true, controls: vec![spec] };
        Call::new(Source::Api, Action::PutControls(put))
    }
}

impl Plain {
    fn rule(&self) -> Rule {
        let list = |list, of| Rule::Merchant(MerchantRule { list, of });
        match self {
            Self::Limit { window, minor, count, counts } => Rule::Velocity(Velocity {
                window: *window,
                amount: minor.map(|minor| Money { minor, currency: given::currency("USD") }),
                count: *count,
                counts: counts.clone(),
            }),
            Self::Only(number) => list(List::Allow, Places::Merchants(vec![merchant(*number)])),
            Self::Not(number) => list(List::Deny, Places::Merchants(vec![merchant(*number)])),
            Self::First => list(List::Allow, Places::FirstMerchant(None)),
        }
    }
}

/// The merchant with this number.
pub(super) fn merchant(number: usize) -> Token {
    given::token(&format!("merchant-{number}"))
}
