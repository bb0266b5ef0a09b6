//! A request that was read, on its way to become a command.

use std::sync::Arc;

use bursar_core::command::{Action, Actor, Amount, Authorize, Found, Partial, Purpose, Record};
use bursar_core::message::{Source, TransactionKind};
use bursar_core::text::Token;
use bursar_core::{CardholderId, Command, Details, Encode, Merchant, MessageId, MessageKey};
use jiff::Timestamp;

use super::encode::{Duplicate, JitEcho, JitEncoder};
use super::method::{Side, Treatment};

/// A JIT request, read and not yet decided.
#[derive(Debug, Clone)]
pub struct JitRequest {
    pub(super) token: Token,
    pub(super) side: Side,
    pub(super) treatment: Treatment,
    pub(super) asked: Asked,
    pub(super) amount: Amount,
    pub(super) echo: Arc<JitEcho>,
}

/// What it asks for.
#[derive(Debug, Clone)]
pub(super) enum Asked {
    /// A decision about a card.
    Fund(Box<Funding>),
    /// To be kept.
    Record { card_token: Option<Token> },
}

/// What a decision about a card is made on.
#[derive(Debug, Clone)]
pub(super) struct Funding {
    pub(super) purpose: Purpose,
    pub(super) kind: TransactionKind,
    pub(super) partial: Option<Partial>,
    /// How much of it is cash paid out with a purchase, in minor units.
    pub(super) cash_minor: i64,
    pub(super) card_token: Token,
    pub(super) acting: Token,
    pub(super) paying: Option<Token>,
    pub(super) merchant: Merchant,
    pub(super) details: Option<Box<Details>>,
    pub(super) processor_time: Option<Timestamp>,
}

impl JitRequest {
    /// The transaction's token: what makes two deliveries the same message.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The card to look up; `None` if the request is only to be kept.
    #[must_use]
    pub fn card_token(&self) -> Option<&Token> {
        self.funding().map(|funding| &funding.card_token)
    }

    /// The user to look up who used the card; `None` if the request is only to be kept.
    #[must_use]
    pub fn acting_token(&self) -> Option<&Token> {
        self.funding().map(|funding| &funding.acting)
    }

    /// The user to look up whose account pays; `None` if that is who used the card.
    #[must_use]
    pub fn paying_token(&self) -> Option<&Token> {
        self.funding()?.paying.as_ref()
    }

    /// The answer if the token was used before with other content: take it before
    /// [`Self::into_command`].
    #[must_use]
    pub fn duplicate(&self) -> Duplicate {
        Duplicate::new(Arc::clone(&self.echo), self.treatment)
    }

    /// What to tell the operator: the processor asked for something that we do not decide.
    #[must_use]
    pub fn alert(&self) -> Option<String> {
        let outcome = match self.treatment {
            Treatment::Decide(_) | Treatment::Record => return None,
            Treatment::Refuse => "declined",
            Treatment::Review => "kept for review and answered 200",
        };
        let (method, order) = (&self.echo.method, self.side.field());
        let token = &self.token;
        Some(format!("method {method} with {order} is not decided here: transaction {token} is {outcome}"))
    }

    /// The command under this id, and the encoder of its answer.
    #[must_use]
    pub fn into_command(self, id: MessageId, found: Found) -> (Command, Box<dyn Encode>) {
        let method = self.echo.method.clone();
        let funding_token = Some(self.echo.token.clone());
        let action = match self.asked {
            Asked::Fund(funding) => Action::Authorize(Box::new(Authorize {
                method,
                funding_token,
                purpose: funding.purpose,
                kind: funding.kind,
                card_token: funding.card_token,
                route: found.route,
                acting: Some(actor(funding.acting, found.acting)),
                paying: funding.paying.map(|token| actor(token, found.paying)),
                amount: self.amount,
                cash_minor: funding.cash_minor,
                partial: funding.partial,
                merchant: funding.merchant,
                details: funding.details,
                processor_time: funding.processor_time,
            })),
            Asked::Record { card_token } => Action::Record(Record {
                method,
                funding_token,
                needs_review: self.treatment == Treatment::Review,
                card_token,
                amount: self.amount,
            }),
        };
        let mut key = message_key(self.token);
        if matches!(action, Action::Record(_)) {
            // What is reported of the transaction takes the place of a decision.
            key.state = MessageKey::RECORDED.into();
        }
        (Command { id, key, action }, Box::new(JitEncoder::new(self.echo)))
    }

    fn funding(&self) -> Option<&Funding> {
        match &self.asked {
            Asked::Fund(funding) => Some(funding),
            Asked::Record { .. } => None,
        }
    }
}

/// The key of the JIT message about the transaction with this token.
pub(super) fn message_key(token: Token) -> MessageKey {
    MessageKey::new(Source::MarqetaJit, token)
}

fn actor(token: Token, cardholder: Option<CardholderId>) -> Actor {
    Actor { token, cardholder }
}
