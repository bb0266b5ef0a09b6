//! What the simulator did and what it was told: one half of what the judge compares.

use std::fmt;
use std::sync::Arc;

use bursar_core::{AccountId, CardId, CardholderId, ControlId, Currency, MessageId, Money, OwnerId};
use jiff::Timestamp;
use serde::Deserialize;

use crate::control::{ControlStatus, Limit, Rule};
use crate::jit::Ask;
use crate::merchants::Merchant;
use crate::plan::Clearing;

/// Everything that was created, sent and answered, since the world began.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Companies and persons.
    pub owners: Vec<Owner>,
    /// Their accounts, all empty when they were opened.
    pub accounts: Vec<Account>,
    /// Who uses cards.
    pub cardholders: Vec<Cardholder>,
    /// The cards.
    pub cards: Vec<Card>,
    /// What restricts their spending.
    pub controls: Vec<Control>,
    /// Just-in-time funding requests, one for each token.
    pub swipes: Vec<Swipe>,
    /// Loads, unloads, releases, and changes of status and of controls.
    pub actions: Vec<Action>,
    /// What the processor reported, one for each token.
    pub notices: Vec<Notice>,
}

/// A company or a person, active when it was created.
#[derive(Debug, Clone)]
pub struct Owner {
    /// Its id.
    pub id: OwnerId,
    /// Whether it is a person.
    pub is_person: bool,
    /// How many objects were created for it, itself included: these have its first numbers.
    pub creations: i64,
}

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// Whose money it is.
    pub owner: OwnerId,
    /// What it keeps.
    pub currency: Currency,
}

/// A cardholder, active when it was created.
#[derive(Debug, Clone)]
pub struct Cardholder {
    /// Its id.
    pub id: CardholderId,
    /// Whose money it spends.
    pub owner: OwnerId,
    /// The processor's user token.
    pub token: Arc<str>,
}

/// A card.
#[derive(Debug, Clone)]
pub struct Card {
    /// Its id.
    pub id: CardId,
    /// Whose money it draws on.
    pub owner: OwnerId,
    /// Who may use it.
    pub cardholder: CardholderId,
    /// The account it draws on.
    pub account: AccountId,
    /// The processor's card token.
    pub token: Arc<str>,
    /// Its status when it was created.
    pub status: Status,
}

/// A spending control, as it was created.
#[derive(Debug, Clone)]
pub struct Control {
    /// Its id.
    pub id: ControlId,
    /// Whose spending it restricts.
    pub owner: OwnerId,
    /// Which part of it.
    pub scope: Scope,
    /// What it is called.
    pub name: &'static str,
    /// What it says.
    pub rule: Rule,
    /// Of what its limit is, if it is one of amount.
    pub currency: Currency,
    /// Whether it is in force.
    pub status: ControlStatus,
}

/// Which swipes a control is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Those of a card.
    Card(CardId),
    /// Those of all cards of a cardholder.
    Cardholder(CardholderId),
    /// Those of all cards of an owner.
    Owner(OwnerId),
}

/// When something happened, as the simulator saw it: its events are numbered from 1 on.
pub type Tick = u64;

/// Where a card, a cardholder or an owner stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// A card that was issued and is not yet in use.
    Unactivated,
    /// In use.
    Active,
    /// Not in use for now.
    Suspended,
    /// Never in use again.
    Terminated,
}

impl Status {
    /// The word that the API has for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unactivated => "unactivated",
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Terminated => "terminated",
        }
    }
}

/// One transaction token: what it asked for, and every answer that it was given.
#[derive(Debug, Clone)]
pub struct Swipe {
    /// The transaction token.
    pub token: Arc<str>,
    /// The card that was presented.
    pub card_token: Arc<str>,
    /// Who used it.
    pub acting_token: Arc<str>,
    /// The token of the purchase that this is an increment of.
    pub follows: Option<Arc<str>>,
    /// What it asked, if it is no increment.
    pub ask: Ask,
    /// Whether the terminal took less than it asked.
    pub takes_less: bool,
    /// Where.
    pub merchant: &'static Merchant,
    /// How much of the amount is cash, in minor units.
    pub cash_minor: i64,
    /// When it was sent first.
    pub sent: Tick,
    /// When an answer was there, if one came.
    pub answered: Option<Tick>,
    /// When it happened, by the processor's clock.
    pub at: Timestamp,
    /// The currency that was named.
    pub currency: Currency,
    /// Minor units asked for; `None` if the text was no amount of the currency.
    pub amount_minor: Option<i64>,
    /// What became of each delivery of this content.
    pub deliveries: Vec<Delivery>,
    /// What became of each delivery of other content under the same token.
    pub conflicts: Vec<Delivery>,
}

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Answered with a decision.
    Answered(Answer),
    /// Answered with something that the processor would not take as a decision.
    Unusable(String),
    /// No answer, or one that says that nothing was decided: it may have been decided all the same.
    Unknown,
}

/// A decision as the processor reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// 200 is an approval, 402 a decline.
    pub status: u16,
    /// The id that the server gave its decision.
    pub decision: Option<MessageId>,
    /// The amount, as it was written.
    pub amount: Box<str>,
    /// The processor's word for why it was declined.
    pub decline_reason: Option<Box<str>>,
    /// A hash of all bytes of the answer: equal answers have equal ones.
    pub digest: u64,
}

/// A transaction, as the processor reports it.
#[derive(Debug, Clone)]
pub struct Notice {
    /// Its token.
    pub token: Arc<str>,
    /// What became of it.
    pub says: Says,
    /// What kind of purchase it is about.
    pub ask: Ask,
    /// The token of the purchase that it belongs to, if it is not the first of it.
    pub follows: Option<Arc<str>>,
    /// The token of its funding message.
    pub jit_token: Arc<str>,
    /// That of the first of the purchase.
    pub original_jit_token: Option<Arc<str>>,
    /// The card.
    pub card_token: Arc<str>,
    /// Who used it.
    pub acting_token: Arc<str>,
    /// The company that owns the account, if one does.
    pub business_token: Option<Arc<str>>,
    /// Where.
    pub merchant: &'static Merchant,
    /// The account's currency.
    pub currency: Currency,
    /// How much, in minor units.
    pub amount_minor: i64,
    /// By how much it changes what was approved, where `amount_minor` is what results.
    pub change_minor: i64,
    /// How much of it is cash, in minor units.
    pub cash_minor: i64,
    /// When it happened, by the processor's clock.
    pub at: Timestamp,
    /// Whether it is never sent: the server has to ask.
    pub is_silent: bool,
    /// When it was sent first, or could be asked for; 0 if neither.
    pub sent: Tick,
    /// What was answered.
    pub told: Told,
}

/// What a notice says of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Says {
    /// It was approved, as it was asked.
    Approved,
    /// The network approved it by itself.
    StoodIn,
    /// Nothing became of it: the answer came too late.
    TooLate,
    /// So much is approved from now on.
    Advised,
    /// So much is released.
    Released,
    /// All is released, for it was held long enough.
    Expired,
    /// So much was cleared.
    Cleared(Clearing),
    /// So much was given back, without having been asked.
    Refunded,
    /// So much of a refund that was approved has come.
    RefundCleared,
}

/// What was answered to a notice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// Nothing yet: it may be stored all the same.
    Unknown,
    /// That it is stored.
    Acknowledged,
    /// That it cannot be taken: status and text.
    Refused(String),
}

/// A request over `/v1` that changes an owner.
#[derive(Debug, Clone)]
pub struct Action {
    /// Its idempotency key: sent again under this key it has one effect.
    pub key: String,
    /// Whom it changes.
    pub owner: OwnerId,
    /// What was asked.
    pub what: What,
    /// When it was sent first.
    pub sent: Tick,
    /// When its answer was there, if one came during the run.
    pub acknowledged: Option<Tick>,
    /// What became of it.
    pub outcome: Outcome,
}

/// What an action asks for.
#[derive(Debug, Clone)]
pub enum What {
    /// Money in.
    Load(AccountId, Money),
    /// Money out.
    Unload(AccountId, Money),
    /// Release of what a purchase holds.
    Release {
        /// The server's id of the purchase.
        authorization: MessageId,
        /// Its transaction token.
        token: Arc<str>,
        /// How much, and why.
        part: Part,
    },
    /// Another status.
    Move(Object, Status),
    /// Another limit.
    SetLimit(ControlId, Limit, Currency),
    /// Another status of a control.
    SwitchControl(ControlId, ControlStatus),
}

/// How much of a purchase is released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// All that is held.
    All,
    /// So much.
    Amount(Money),
    /// All that is held, for it was held long enough.
    Expired,
}

/// Something with a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A card.
    Card(CardId),
    /// A business user.
    Cardholder(CardholderId),
    /// A company.
    Company(OwnerId),
    /// A person.
    Person(OwnerId),
}

/// What became of an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Granted.
    Done {
        /// The owner's number of it.
        sequence: i64,
        /// When, by the server's clock.
        at: Timestamp,
        /// What the account had available afterwards, as it was written; for money only.
        available: Option<Box<str>>,
    },
    /// Refused, and the refusal is kept.
    Refused {
        /// The status of the answer.
        status: u16,
        /// The code of the problem.
        code: String,
    },
    /// Not known (yet).
    Unresolved(String),
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Load(account, amount) => write!(f, "load of {amount:?} to {account}"),
            Self::Unload(account, amount) => write!(f, "unload of {amount:?} from {account}"),
            Self::Release { token, part: Part::All, .. } => write!(f, "reversal of {token}"),
            Self::Release { token, part: Part::Amount(amount), .. } => {
                write!(f, "reversal of {amount:?} of {token}")
            }
            Self::Release { token, part: Part::Expired, .. } => write!(f, "expiry of {token}"),
            Self::Move(object, to) => write!(f, "change of {object} to {}", to.as_str()),
            Self::SetLimit(control, ..) => write!(f, "new limit of {control}"),
            Self::SwitchControl(control, to) => write!(f, "change of {control} to {}", to.as_str()),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(id) => fmt::Display::fmt(id, f),
            Self::Cardholder(id) => fmt::Display::fmt(id, f),
            Self::Owner(id) => fmt::Display::fmt(id, f),
        }
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Card(id) => fmt::Display::fmt(id, f),
            Self::Cardholder(id) => fmt::Display::fmt(id, f),
            Self::Company(id) | Self::Person(id) => fmt::Display::fmt(id, f),
        }
    }
}
