//! What names a hold group beside the keys of its messages.

use serde::{Deserialize, Serialize};

use crate::word::words;

words! {
    /// Who gave the id.
    pub enum LinkKind {
        /// The processor: its id of the first request to fund the purchase.
        Funding = "funding",
        /// The processor: its id of the order that funds the purchase.
        Order = "order",
        /// The network: its id of everything that becomes of one purchase.
        LifeCycle = "life_cycle",
        /// The network: its reference of a transaction, with the card.
        Reference = "reference",
        /// The issuer: the code of an approval, with card, merchant and currency. Codes are used again.
        Approval = "approval",
    }
}

/// An id that a processor or network gives to more than one message of a purchase. Stored with the first
/// reported message that has it: those that have it too are of the same hold group.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// Whose ids these are: see [`crate::MessageKey::scope`].
    pub scope: i64,
    /// Who gave it.
    pub kind: LinkKind,
    /// The id.
    pub value: Box<str>,
}

impl Link {
    /// Whether more than one purchase has it so easily that to go by it is to guess.
    #[must_use]
    pub fn is_guess(&self) -> bool {
        self.kind == LinkKind::Approval
    }

    /// An id of the operator's own credentials.
    #[must_use]
    pub fn new(kind: LinkKind, value: &str) -> Self {
        Self { scope: 0, kind, value: value.into() }
    }
}
