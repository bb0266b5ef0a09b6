//! Purchases: hold groups with every message, as people look for them.

use std::borrow::Cow;
use std::collections::HashSet;

use bursar_core::message::{Role, Source};
use bursar_core::{
    AccountId, CardId, CardholderId, HoldGroup, Mcc, Merchant, Message, MessageId, MessageKey, OwnerId,
};
use jiff::{SignedDuration, Timestamp};

/// A hold group with every message of it, read as of one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Purchase {
    /// Its place in the list: where the message that began it was committed.
    pub position: i64,
    /// The message that began it.
    pub root: MessageId,
    /// The group; `None` if it is about no card of ours.
    pub group: Option<HoldGroup>,
    /// Its messages, in any order.
    pub messages: Vec<Message>,
    /// What is stored about its transactions and was not booked. Only of one that was looked up.
    pub kept: Vec<Message>,
}

/// Which purchases are wanted: all that is said here is of the message that began one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PurchaseFilter {
    /// Of this company or person. A store has an index by it, so others' purchases cost nothing.
    pub owner: Option<OwnerId>,
    /// Made with this card.
    pub card: Option<CardId>,
    /// With a card of this cardholder.
    pub cardholder: Option<CardholderId>,
    /// Of this account.
    pub account: Option<AccountId>,
    /// Whose merchant has this id, or this in its name.
    pub merchant: Option<String>,
    /// Of one of these categories; none means any.
    pub mccs: Vec<Mcc>,
    /// Begun then or later, by the store's clock.
    pub from: Option<Timestamp>,
    /// Begun before.
    pub to: Option<Timestamp>,
}

/// So far may the clocks be apart by which messages of different owners are dated: those that were committed
/// before one are all older than it, but for that.
const CLOCKS_APART: SignedDuration = SignedDuration::from_hours(1);

impl PurchaseFilter {
    /// Whether the merchant has the id, or the text in its name, whatever the case.
    #[must_use]
    pub fn wants_merchant(&self, merchant: &Merchant) -> bool {
        let Some(wanted) = &self.merchant else { return true };
        let is_id = merchant.id.as_ref().is_some_and(|id| id.as_str() == wanted);
        let name = || merchant.name.as_ref().map(|name| name.as_str().to_lowercase());
        is_id || name().is_some_and(|name| name.contains(&wanted.to_lowercase()))
    }

    /// Whether it is of one of the categories.
    #[must_use]
    pub fn wants_mcc(&self, merchant: &Merchant) -> bool {
        self.mccs.is_empty() || merchant.mcc.is_some_and(|mcc| self.mccs.contains(&mcc))
    }

    /// Whether nothing that was committed before a message of this time can be wanted.
    #[must_use]
    pub fn ends_before(&self, at: Timestamp) -> bool {
        self.from.is_some_and(|from| at.checked_add(CLOCKS_APART).is_ok_and(|latest| latest < from))
    }
}

/// The states in which a processor tells of a transaction that is then only kept.
const KEPT_STATES: [&str; 5] = ["pending", "cleared", "completion", "declined", "error"];

/// The keys under which something may be stored about the transactions of these messages.
#[must_use]
pub fn keys_of_transactions(messages: &[Message]) -> Vec<MessageKey> {
    let mut known = HashSet::new();
    let of_processors = messages.iter().map(|message| &message.key).filter(|key| key.role() != Role::Alone);
    let tokens: Vec<&MessageKey> =
        of_processors.filter(|key| known.insert((key.scope, &key.token))).collect();
    let state = |key: &MessageKey, source, state| MessageKey {
        source,
        state: Cow::Borrowed(state),
        scope: key.scope,
        token: key.token.clone(),
    };
    let keys = |key: &MessageKey| {
        let reports = ["", MessageKey::REFUSED].into_iter().chain(KEPT_STATES);
        let reports = reports.map(|of| state(key, Source::MarqetaReport, of));
        let asked = ["", MessageKey::RECORDED].map(|of| state(key, Source::MarqetaJit, of));
        reports.chain(asked).collect::<Vec<_>>()
    };
    tokens.into_iter().flat_map(keys).collect()
}
