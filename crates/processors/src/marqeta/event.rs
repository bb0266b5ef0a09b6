//! What is told of disputes and of cards in wallets: it moves no money here, and is kept with what it is about.

use bursar_core::command::{Action, Amount, GroupRef, Record, Report, Route, Says};
use bursar_core::message::{Authorization, Source};
use bursar_core::money::AmountError;
use bursar_core::text::Token;
use bursar_core::{Command, Merchant, Message, MessageId, MessageKey, OwnerId};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::decode::{Reject, optional, read_time, required};
use super::report::ReportEncoder;
use super::request::message_key;
use super::wire::EventItem;
use crate::json::Object;

/// Something that happened to a transaction or a card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Sets its token apart from those of other kinds.
    pub(super) kind: Token,
    pub(super) token: Token,
    pub(super) state: Option<Token>,
    pub(super) event_type: Option<Token>,
    /// The transaction that it is about.
    pub(super) transaction: Option<Token>,
    pub(super) card_token: Option<Token>,
    pub(super) created_time: Option<Timestamp>,
}

impl Event {
    pub(super) fn read(kind: &Token, item: EventItem<'_>) -> Result<Self, Reject> {
        let transaction = item.transaction_token.or(item.original_transaction_token);
        let transaction = transaction.or(item.transaction.and_then(|Object(transaction)| transaction.token));
        let in_wallet = item.digital_wallet_token.and_then(|Object(wallet)| wallet.card_token);
        Ok(Self {
            kind: kind.clone(),
            token: required(item.token, &["token"])?,
            state: optional(item.state, &["state"])?,
            event_type: optional(item.event_type, &["type"])?,
            transaction: optional(transaction, &["transaction_token"])?,
            card_token: optional(item.card_token.or(in_wallet), &["card_token"])?,
            created_time: item.created_time.and_then(|time| read_time(&time)),
        })
    }

    /// The event's own token.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The state that it tells of.
    #[must_use]
    pub fn state(&self) -> Option<&Token> {
        self.state.as_ref()
    }

    /// The keys of messages that may be about its transaction; whichever is there tells the purchase.
    #[must_use]
    pub fn message_keys(&self) -> Vec<MessageKey> {
        let of = |token: &Token| message_key(token.clone()).of_transaction().to_vec();
        self.transaction.as_ref().map(of).unwrap_or_default()
    }

    /// The command that keeps it: with the purchase of the message that was found, or alone. What is kept alone
    /// has a key that leaves the other free: sent again, it may find its purchase.
    #[must_use]
    pub fn into_command(self, found: Option<&Message>, id: MessageId) -> Command {
        let joined = found.and_then(|message| self.report(message));
        let state = match &joined {
            Some(_) => self.kind.to_string().into(),
            None => format!("{}.kept", self.kind).into(),
        };
        let action = joined.map_or_else(|| Action::Record(self.record()), |of| Action::Report(Box::new(of)));
        let key = MessageKey { state, ..MessageKey::new(Source::MarqetaEvent, self.token) };
        Command { id, key, action }
    }

    /// What is stored as its answer.
    #[must_use]
    pub fn encoder(&self) -> ReportEncoder {
        ReportEncoder::new(self.told(), self.state.as_ref().unwrap_or(&self.kind))
    }

    fn told(&self) -> &Token {
        self.event_type.as_ref().or(self.state.as_ref()).unwrap_or(&self.kind)
    }

    fn groups(&self) -> Vec<GroupRef> {
        self.message_keys().into_iter().map(GroupRef::Key).collect()
    }

    fn report(&self, found: &Message) -> Option<Report> {
        let (owner, of) = (found.owner?, found.authorization.as_ref()?);
        // What is of no purchase would begin one.
        found.group.as_ref()?;
        Some(Report {
            owner: Some(owner),
            route: Some(route(owner, of)?),
            card_token: Some(of.card_token.clone()),
            groups: self.groups(),
            hints: Vec::new(),
            says: Says::Nothing,
            kind: of.kind,
            amount: no_amount(),
            cash_minor: 0,
            merchant: Merchant::default(),
            processor_time: self.created_time,
            is_asked: false,
            heard: None,
            details: None,
        })
    }

    fn record(&self) -> Record {
        Record {
            method: self.told().clone(),
            funding_token: None,
            needs_review: false,
            card_token: self.card_token.clone(),
            amount: no_amount(),
        }
    }
}

fn route(owner: OwnerId, of: &Authorization) -> Option<Route> {
    Some(Route { owner, card: of.card?, cardholder: of.cardholder?, account: of.account? })
}

pub(super) fn no_amount() -> Amount {
    Amount { currency: None, minor: Err(AmountError::NotANumber) }
}
