//! How a card is used at a merchant: the same in either layout of a request.

use super::{Kind, Merchant};
use crate::control::Channel;
use crate::jit::Ask;

/// What the terminal tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Whether the card is there.
    pub is_present: bool,
    /// Whether it is held to the terminal.
    pub is_contactless: bool,
    /// Whether it is one of a series.
    pub is_recurring: bool,
    /// The processor's word for the way.
    pub payment_channel: &'static str,
}

impl Usage {
    /// Of a request at a merchant.
    #[must_use]
    pub const fn of(merchant: &Merchant, ask: Ask) -> Self {
        let counter =
            Self { is_present: true, is_contactless: false, is_recurring: false, payment_channel: "OTHER" };
        match (ask, merchant.kind) {
            (Ask::Withdrawal, _) | (_, Kind::Cash) => Self { payment_channel: "ATM", ..counter },
            (_, Kind::Online | Kind::Software) => {
                Self { is_present: false, payment_channel: "ECOMMERCE", ..counter }
            }
            (_, Kind::Utilities) => Self { is_present: false, is_recurring: true, ..counter },
            (_, Kind::Coffee | Kind::Transit | Kind::Grocery) => Self { is_contactless: true, ..counter },
            _ => counter,
        }
    }

    /// Whether the card was used in this way.
    #[must_use]
    pub fn is(&self, channel: Channel) -> bool {
        match channel {
            Channel::CardPresent => self.is_present,
            Channel::CardNotPresent => !self.is_present,
            Channel::Ecommerce => self.payment_channel == "ECOMMERCE",
            Channel::Atm => self.payment_channel == "ATM",
            Channel::Recurring => self.is_recurring,
            Channel::Contactless => self.is_contactless,
        }
    }

    /// The processor's word for how the card was read.
    #[must_use]
    pub const fn entry_mode(&self) -> &'static str {
        match self {
            Self { is_contactless: true, .. } => "CHIP_CONTACTLESS",
            Self { is_present: true, .. } => "CHIP",
            _ => "CREDENTIAL_ON_FILE",
        }
    }
}
