//! A reported transaction, on its way to become commands.

use bursar_core::command::{Action, Amount, Found, GroupRef, Heard, Record, Report, Says};
use bursar_core::message::{Source, TransactionKind};
use bursar_core::text::Token;
use bursar_core::{Answer, Command, Decided, Details, Encode, Merchant, MessageId, MessageKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::link::Links;
use super::request::message_key;
use super::transaction::is_asked;

/// What the processor says that became of a transaction. It waits in the inbox in this form: a field that is
/// added later is read from older ones, too, if it may be missing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TransactionReport {
    pub(super) token: Token,
    pub(super) transaction_type: Token,
    pub(super) state: Token,
    pub(super) asked: Asked,
    pub(super) amount: Amount,
    pub(super) cash_minor: i64,
    pub(super) card_token: Option<Token>,
    pub(super) preceding: Option<Token>,
    /// The first of its chain.
    pub(super) original: Option<Token>,
    pub(super) links: Links,
    pub(super) heard: Option<Heard>,
    pub(super) merchant: Merchant,
    pub(super) details: Option<Box<Details>>,
    pub(super) processor_time: Option<Timestamp>,
}

/// What is done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Asked {
    /// It is booked.
    Book {
        says: Says,
        /// What it would have said if it had not failed.
        was: Says,
        kind: TransactionKind,
    },
    /// It is kept.
    Keep { needs_review: bool },
}

impl TransactionReport {
    /// The transaction's token.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The processor's type of it.
    #[must_use]
    pub fn transaction_type(&self) -> &Token {
        &self.transaction_type
    }

    /// The state that it is told in.
    #[must_use]
    pub fn state(&self) -> &Token {
        &self.state
    }

    /// The card to look up.
    #[must_use]
    pub fn card_token(&self) -> Option<&Token> {
        self.card_token.as_ref()
    }

    /// Whether somebody has to look at it: it names no card that is known, or nobody has said what it does to
    /// the ledger.
    #[must_use]
    pub fn needs_review(&self, found: Found) -> bool {
        match self.asked {
            Asked::Keep { needs_review } => needs_review,
            Asked::Book { .. } => found.route.is_none(),
        }
    }

    /// The commands that book it, one after the other. The last is the report; those before claim the places of
    /// the decisions that it is about, where nobody has decided, and are in conflict with those that were made.
    /// What is only kept has a key that leaves that of the report free: sent again, it may be booked.
    pub fn into_commands(self, found: Found, mut id: impl FnMut() -> MessageId) -> Vec<Command> {
        let needs_review = self.needs_review(found);
        let (says, was, kind) = match self.asked {
            Asked::Book { says, was, kind } if !needs_review => (says, was, kind),
            _ => {
                let action = Action::Record(self.record(needs_review));
                return vec![Command { id: id(), key: self.kept_key(), action }];
            }
        };
        let of = |token: &Token| GroupRef::of_transaction(&message_key(token.clone()));
        let earlier = [self.preceding.as_ref(), self.original.as_ref()];
        let mut earlier: Vec<GroupRef> = earlier.into_iter().flatten().flat_map(of).collect();
        earlier.extend(self.links.proofs.iter().cloned().map(GroupRef::Link));
        let groups = [of(&self.token), earlier.clone()].concat();
        let hints: Vec<GroupRef> = self.links.hints.iter().cloned().map(GroupRef::Link).collect();
        let command = |id, key, says, groups| {
            let report = Report {
                owner: found.route.map(|route| route.owner),
                route: found.route,
                card_token: self.card_token.clone(),
                groups,
                hints: hints.clone(),
                says,
                kind,
                amount: self.amount.clone(),
                cash_minor: self.cash_minor,
                merchant: self.merchant.clone(),
                // A claim may be of another transaction than it is told about.
                details: self.details.clone().filter(|_| says != Says::Claim),
                processor_time: self.processor_time,
                is_asked: may_be_asked(was) && is_asked(self.transaction_type.as_str()),
                heard: self.heard,
            };
            Command { id, key, action: Action::Report(Box::new(report)) }
        };
        let mut commands = Vec::with_capacity(3);
        if let Some(preceding_token) = &self.preceding {
            commands.push(command(id(), message_key(preceding_token.clone()), Says::Claim, earlier));
        }
        if may_be_asked(was) {
            commands.push(command(id(), message_key(self.token.clone()), Says::Claim, groups.clone()));
        }
        let mut key = MessageKey::new(Source::MarqetaReport, self.token.clone());
        if says == Says::Refused {
            key.state = MessageKey::REFUSED.into();
        }
        commands.push(command(id(), key, says, groups));
        commands
    }

    fn record(&self, needs_review: bool) -> Record {
        Record {
            method: self.transaction_type.clone(),
            funding_token: None,
            needs_review,
            card_token: self.card_token.clone(),
            amount: self.amount.clone(),
        }
    }

    /// One each state that it is told in.
    fn kept_key(&self) -> MessageKey {
        let state = self.state.as_str().to_ascii_lowercase().into();
        MessageKey { state, ..MessageKey::new(Source::MarqetaReport, self.token.clone()) }
    }

    /// What is stored as its answer: nobody is sent it.
    #[must_use]
    pub fn encoder(&self) -> ReportEncoder {
        ReportEncoder { transaction_type: self.transaction_type.clone(), state: self.state.clone() }
    }
}

/// Whether the gateway may have been asked about it, and a decision be on its way.
pub(super) const fn may_be_asked(says: Says) -> bool {
    matches!(says, Says::Hold | Says::Debit | Says::PendingCredit | Says::Credit)
}

/// Writes what is stored as the answer of a report: the processor's words for it.
#[derive(Debug, Clone)]
pub struct ReportEncoder {
    transaction_type: Token,
    state: Token,
}

impl ReportEncoder {
    pub(super) fn new(told: &Token, state: &Token) -> Self {
        Self { transaction_type: told.clone(), state: state.clone() }
    }
}

impl Encode for ReportEncoder {
    fn encode(&self, decided: &Decided) -> Answer {
        let body = serde_json::json!({
            "type": self.transaction_type,
            "state": self.state,
            "not_booked": decided.declined(),
        });
        Answer { code: 200, body: body.to_string().into_bytes() }
    }
}
