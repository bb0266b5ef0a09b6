//! What is kept of every message: its key, what it did, and the answer it was given.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use crate::check::{Check, DeclineReason};
use crate::details::Details;
use crate::hold_group::{Effect, GroupMessage};
use crate::id::{AccountId, CardId, CardholderId, MessageId, OwnerId};
use crate::merchant::Merchant;
use crate::money::Currency;
use crate::text::Token;
use crate::word::words;

/// What makes two deliveries the same message (M1). Unique in the store, and never forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct MessageKey {
    /// Whose tokens these are: the namespace of the credential that the message came with.
    /// 0 is the operator's, which speaks for every program.
    pub scope: i64,
    /// By which door it came.
    pub source: Source,
    /// The sender's id of it: a transaction token, an idempotency key.
    pub token: Token,
    /// Sets apart the messages of one token where the token alone does not: a webhook's state.
    /// Empty otherwise: a JIT token is decided once, whatever state it names.
    pub state: Cow<'static, str>,
}

impl MessageKey {
    /// The key of a message of the operator's own credentials.
    #[must_use]
    pub const fn new(source: Source, token: Token) -> Self {
        Self { scope: 0, source, token, state: Cow::Borrowed("") }
    }
}

/// What a message is to the transaction that its token names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// All of it: nobody else speaks of it.
    Alone,
    /// Our decision.
    Decision,
    /// What the processor says that became of it: that counts, whatever we decided.
    Report,
    /// The processor says that nothing became of it: nor does anything by whatever else is said.
    Refusal,
}

impl MessageKey {
    /// The state of a key that is a [`Role::Refusal`].
    pub const REFUSED: &'static str = "refused";

    /// The state of the key of a question that was only kept: the place of a decision stays free.
    pub const RECORDED: &'static str = "recorded";

    /// What the message is to the transaction that its token names.
    #[must_use]
    pub fn role(&self) -> Role {
        match self.source {
            Source::Api | Source::Sweeper | Source::MarqetaEvent => Role::Alone,
            Source::MarqetaJit => Role::Decision,
            Source::MarqetaReport if self.state == Self::REFUSED => Role::Refusal,
            Source::MarqetaReport => Role::Report,
        }
    }

    /// The keys of all that may be known of the transaction with this key of a decision.
    #[must_use]
    pub fn of_transaction(&self) -> [Self; 3] {
        let report = Self { source: Source::MarqetaReport, ..self.clone() };
        let refusal = Self { state: Self::REFUSED.into(), ..report.clone() };
        [self.clone(), report, refusal]
    }

    /// Whether both are about one transaction of a processor's.
    #[must_use]
    pub fn is_of_transaction(&self, other: &Self) -> bool {
        let is_shared = |key: &Self| key.role() != Role::Alone;
        is_shared(self) && is_shared(other) && self.scope == other.scope && self.token == other.token
    }
}

words! {
    /// The door by which a message came: processor and kind.
    pub enum Source {
        /// `/v1`, with an idempotency key.
        Api = "api",
        /// Marqeta's just-in-time funding request.
        MarqetaJit = "marqeta_jit",
        /// What Marqeta reports afterwards.
        MarqetaReport = "marqeta_report",
        /// What Marqeta tells of cards, users, businesses and disputes: no transaction's token.
        MarqetaEvent = "marqeta_event",
        /// Who ends holds that nothing more is heard of.
        Sweeper = "sweeper",
    }
}

words! {
    /// What a message asked for.
    pub enum ActionKind {
        /// A new program.
        CreateProgram = "create_program",
        /// Another number of days for which a program's holds are kept.
        ChangeProgram = "change_program",
        /// A new company or person.
        CreateOwner = "create_owner",
        /// A new cardholder.
        CreateCardholder = "create_cardholder",
        /// A new card.
        CreateCard = "create_card",
        /// Another status of an owner.
        MoveOwner = "move_owner",
        /// Another status of a cardholder.
        MoveCardholder = "move_cardholder",
        /// Another status of a card.
        MoveCard = "move_card",
        /// New spending controls, or others in their place.
        PutControls = "put_controls",
        /// Another rule or status of a spending control.
        ChangeControl = "change_control",
        /// A purchase to fund.
        Authorize = "authorization",
        /// More for a purchase that is already held.
        Increment = "increment",
        /// Release of what a hold group holds, or of a part of it.
        Reverse = "reversal",
        /// The end of a hold group that nothing more was heard of.
        Expire = "expiry",
        /// That nobody ever confirmed a hold.
        Doubt = "doubt",
        /// What was captured of a purchase.
        Capture = "capture",
        /// What is given back of what was captured.
        Refund = "refund",
        /// What the processor says that became of a transaction.
        Report = "report",
        /// The place of a decision that the processor made without us.
        Claim = "claim",
        /// Money in.
        Load = "load",
        /// Money out.
        Unload = "unload",
        /// A message kept without effect.
        Record = "record",
        /// A message kept without effect, for somebody to look at.
        Review = "review",
        /// An operator's word that nothing is left to do about a discrepancy.
        Close = "close",
    }
}

words! {
    /// What kind of transaction an authorization is about.
    pub enum TransactionKind {
        /// Goods or services.
        Purchase = "purchase",
        /// A purchase with cash paid out on top.
        CashBack = "cash_back",
        /// What is as good as cash: chips, vouchers, cryptocurrency.
        QuasiCash = "quasi_cash",
        /// Cash from a machine or a teller.
        Withdrawal = "withdrawal",
        /// Money back for an earlier purchase.
        Refund = "refund",
        /// A payment pushed to the card.
        OriginalCredit = "original_credit",
        /// A load by the card network, at a till for instance.
        NetworkLoad = "network_load",
        /// Whether the card may be used.
        Verification = "verification",
        /// How much there is.
        BalanceInquiry = "balance_inquiry",
    }
}

impl TransactionKind {
    pub(crate) const fn is_purchase(&self) -> bool {
        matches!(self, Self::Purchase)
    }
}

/// A hash of the normalised content: the same key with another one is a conflict (M2).
pub type Fingerprint = [u8; 16];

/// The bytes that were, or will be, sent: stored before they leave, so that every repeat gets
/// exactly them.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code of the answer.
    pub code: u16,
    /// Its body.
    pub body: Vec<u8>,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.code, String::from_utf8_lossy(&self.body))
    }
}

/// A decided message as stores keep it. Append-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Made before the decision; everything that the message creates takes its id from it.
    pub id: MessageId,
    /// What makes it unique.
    pub key: MessageKey,
    /// What tells another content under the same key.
    pub fingerprint: Fingerprint,
    /// What it asked for.
    pub kind: ActionKind,
    /// Whom it is about; nobody for a swipe with an unknown card.
    pub owner: Option<OwnerId>,
    /// The owner's number of it: 1, 2, 3 … without gaps.
    pub owner_sequence: Option<i64>,
    /// When it was decided, by the store's clock.
    pub at: Timestamp,
    /// Why it was declined, if it was.
    pub declined: Option<DeclineReason>,
    /// Its place in a hold group, if it has one.
    pub group: Option<Membership>,
    /// What was asked and checked, for authorizations and increments.
    pub authorization: Option<Authorization>,
    /// What it said, if it was kept without effect.
    pub recorded: Option<Recorded>,
}

/// A message's place in its hold group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The message that began the group; itself for the first.
    pub root: MessageId,
    /// When it happened, by the processor's clock; later than what it was decided on.
    pub processor_time: Timestamp,
    /// What it did.
    pub effect: Effect,
}

/// What an authorization or increment asked for, and on what it was judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorization {
    /// What kind of transaction it is about.
    pub kind: TransactionKind,
    /// The card's token, as presented.
    pub card_token: Token,
    /// The card, if it is known.
    pub card: Option<CardId>,
    /// Whose card it is.
    pub cardholder: Option<CardholderId>,
    /// The account it draws on.
    pub account: Option<AccountId>,
    /// What was asked; `None` if that was no amount.
    pub amount_minor: Option<i64>,
    /// How much of it is cash paid out with a purchase.
    pub cash_minor: i64,
    /// Its currency; `None` if the code was none.
    pub currency: Option<Currency>,
    /// What the account had available after the decision.
    pub available_minor: Option<i64>,
    /// Where.
    pub merchant: Merchant,
    /// What else was told of it, if anything.
    pub details: Option<Box<Details>>,
    /// Every check, in order.
    pub checks: Vec<Check>,
}

/// What a message said that was kept without effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The processor's name of what it asked or reported.
    pub method: Token,
    /// The card's token, where there was one.
    pub card_token: Option<Token>,
    /// The amount that it named; `None` if that was no amount.
    pub amount_minor: Option<i64>,
    /// Its currency; `None` if the code was none.
    pub currency: Option<Currency>,
}

impl Message {
    /// What the message says about its hold group.
    #[must_use]
    pub fn group_message(&self) -> Option<(MessageId, GroupMessage)> {
        let Membership { root, processor_time, effect } = self.group.as_ref()?;
        let of = self.authorization.as_ref();
        let message = GroupMessage {
            id: self.id,
            key: self.key.clone(),
            processor_time: *processor_time,
            effect: *effect,
            at: self.at,
            kind: of.map_or(TransactionKind::Purchase, |of| of.kind),
            cash_minor: of.map_or(0, |of| of.cash_minor),
        };
        Some((*root, message))
    }

    /// Whether the request was granted.
    #[must_use]
    pub const fn is_approved(&self) -> bool {
        self.declined.is_none()
    }
}
