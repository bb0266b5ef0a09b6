//! Spending controls as the simulator has them: what it asks for over `/v1`, and what that means by
//! its own reading. A list says both: as it is written, and what is on it.

use bursar_core::{Currency, Money};
use serde_json::{Value, json};

/// What a control says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// How much, or how often.
    Limit(Limit),
    /// Where, and how: allowed only there, or denied there.
    List {
        /// Whether the places are the only ones.
        is_allow: bool,
        /// Which places.
        of: Places,
    },
    /// When, every day.
    Schedule(Hours),
}

/// The most over a window: in minor units of the owner's only account, in uses, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    /// What is counted together.
    pub window: Window,
    /// The most that may be spent.
    pub amount_minor: Option<i64>,
    /// How often at most.
    pub count: Option<u32>,
    /// What counts.
    pub counts: &'static [Counted],
}

/// What is counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// One purchase with its increments.
    Transaction,
    /// From midnight.
    Day,
    /// From Sunday.
    Week,
    /// From the first.
    Month,
    /// Always.
    Lifetime,
    /// The last so many hours.
    RollingHours(u16),
}

/// What counts for a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Goods and services.
    Purchases,
    /// Cash from machines.
    Withdrawals,
    /// The cash part of a purchase.
    CashBack,
}

/// Places of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Places {
    /// By category: as it is written, and the codes that this means, ends included.
    Mccs(&'static [&'static str], &'static [(u16, u16)]),
    /// By the acquirer's id.
    Merchants(&'static [&'static str]),
    /// The merchant of the first purchase.
    FirstMerchant,
    /// By country: as it is written, and as the processor writes it.
    Countries(&'static [&'static str], &'static [&'static str]),
    /// By how the card is used.
    Channels(&'static [Channel]),
}

/// How a card is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channel {
    /// The card is there.
    CardPresent,
    /// It is not.
    CardNotPresent,
    /// On the internet.
    Ecommerce,
    /// At a cash machine.
    Atm,
    /// One of a series.
    Recurring,
    /// Held to the terminal.
    Contactless,
}

/// Minutes of the day; until a minute that is not after the first: over midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// The first, 0 to 1,439.
    pub from: u16,
    /// The one after the last, 1 to 1,440.
    pub to: u16,
}

/// Whether a control is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ControlStatus {
    /// What it refuses is declined.
    Active,
    /// It is judged, without effect.
    Shadow,
    /// It is not judged.
    Off,
}

/// Everything that is spent.
pub const ALL_SPENDING: &[Counted] = &[Counted::Purchases, Counted::Withdrawals, Counted::CashBack];

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl Rule {
    /// The kind of control, for a report: a few words, the same for the same kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Limit(limit) => match (limit.window, limit.amount_minor) {
                (Window::Transaction, _) => "transaction limit",
                (Window::Day, _) => "daily limit",
                (Window::Week, _) => "weekly limit",
                (Window::Month, _) => "monthly limit",
                (Window::Lifetime, _) => "lifetime limit",
                (Window::RollingHours(_), _) => "rolling limit",
            },
            Self::List { is_allow: true, of } => match of {
                Places::Mccs(..) => "categories allowed",
                Places::Merchants(_) => "merchants allowed",
                Places::FirstMerchant => "first merchant",
                Places::Countries(..) => "countries allowed",
                Places::Channels(_) => "channels allowed",
            },
            Self::List { is_allow: false, of } => match of {
                Places::Mccs(..) => "categories denied",
                Places::Merchants(_) | Places::FirstMerchant => "merchants denied",
                Places::Countries(..) => "countries denied",
                Places::Channels(_) => "channels denied",
            },
            Self::Schedule(_) => "schedule",
        }
    }

    /// The rule as `/v1` reads it: the field's name and what stands there.
    #[must_use]
    pub fn body(&self, currency: Currency) -> (&'static str, Value) {
        match self {
            Self::Limit(limit) => ("velocity", limit.body(currency)),
            Self::List { is_allow, of } => {
                let (name, places) = of.body();
                let list = if *is_allow { "allow" } else { "deny" };
                ("merchant", json!({"list": list, name: places}))
            }
            Self::Schedule(Hours { from, to }) => {
                let clock = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
                ("schedule", json!([{"days": DAYS, "from": clock(*from), "to": clock(*to)}]))
            }
        }
    }
}

impl Limit {
    /// An eighth of it, for a while.
    #[must_use]
    pub fn cut(self) -> Self {
        Self {
            amount_minor: self.amount_minor.map(|minor| (minor / 8).max(1)),
            count: self.count.map(|count| (count / 8).max(1)),
            ..self
        }
    }

    fn body(&self, currency: Currency) -> Value {
        let counts: Vec<&str> = self.counts.iter().map(|counted| counted.as_str()).collect();
        let mut body = json!({"window": self.window.to_string(), "counts": counts});
        if let Some(minor) = self.amount_minor {
            body["amount"] = json!(Money { minor, currency }.to_string());
            body["currency"] = json!(currency);
        }
        if let Some(count) = self.count {
            body["count"] = json!(count);
        }
        body
    }
}

impl Places {
    fn body(&self) -> (&'static str, Value) {
        match self {
            Self::Mccs(written, _) => ("mccs", json!(written)),
            Self::Merchants(ids) => ("merchants", json!(ids)),
            Self::FirstMerchant => ("first_merchant", json!(true)),
            Self::Countries(written, _) => ("countries", json!(written)),
            Self::Channels(channels) => {
                let words: Vec<&str> = channels.iter().map(|channel| channel.as_str()).collect();
                ("channels", json!(words))
            }
        }
    }
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Transaction => f.write_str("transaction"),
            Self::Day => f.write_str("day"),
            Self::Week => f.write_str("week"),
            Self::Month => f.write_str("month"),
            Self::Lifetime => f.write_str("lifetime"),
            Self::RollingHours(hours) => write!(f, "rolling_{hours}_hours"),
        }
    }
}

impl Counted {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Purchases => "purchases",
            Self::Withdrawals => "withdrawals",
            Self::CashBack => "cash_back",
        }
    }
}

impl Channel {
    const fn as_str(self) -> &'static str {
        match self {
            Self::CardPresent => "card_present",
            Self::CardNotPresent => "card_not_present",
            Self::Ecommerce => "ecommerce",
            Self::Atm => "atm",
            Self::Recurring => "recurring",
            Self::Contactless => "contactless",
        }
    }
}

impl ControlStatus {
    /// The word that the API has for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Shadow => "shadow",
            Self::Off => "off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_written_as_the_api_reads_it() {
        let usd = Currency::parse("USD").expect("a currency");
        let day = Limit {
            window: Window::RollingHours(6),
            amount_minor: Some(1_050),
            count: Some(9),
            counts: &[Counted::CashBack],
        };
        let lock = Rule::List { is_allow: true, of: Places::FirstMerchant };
        let fuel = Rule::List { is_allow: false, of: Places::Mccs(&["fuel"], &[(5541, 5542)]) };
        let night = Rule::Schedule(Hours { from: 1_350, to: 1_440 });
        for (rule, name, body) in [
            (
                Rule::Limit(day),
                "velocity",
                json!({"window": "rolling_6_hours", "amount": "10.50", "currency": "USD", "count": 9, "counts": ["cash_back"]}),
            ),
            (lock, "merchant", json!({"list": "allow", "first_merchant": true})),
            (fuel, "merchant", json!({"list": "deny", "mccs": ["fuel"]})),
            (night, "schedule", json!([{"days": DAYS, "from": "22:30", "to": "24:00"}])),
        ] {
            assert_eq!(rule.body(usd), (name, body));
        }
        assert_eq!((day.cut().amount_minor, day.cut().count), (Some(131), Some(1)));
    }
}
