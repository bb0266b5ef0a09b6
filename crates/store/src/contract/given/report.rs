//! Calls that report what became of a processor's transactions.

use bursar_core::command::{GroupRef, Heard, Link, LinkKind, Report, Says};
use bursar_core::message::{MessageKey, Source, TransactionKind};
use bursar_core::text::Token;
use bursar_core::{Action, Details, Merchant, Money};
use jiff::Timestamp;

use super::call::{Call, amount};
use super::{Funded, token};

/// What the processor says of the transaction with this token.
#[must_use]
pub fn report(funded: &Funded, transaction: &str, says: Says, money: Money) -> Call {
    let transaction = token(transaction);
    let report = Report {
        owner: Some(funded.owner),
        route: Some(funded.route()),
        card_token: Some(funded.card_token.clone()),
        hints: Vec::new(),
        groups: GroupRef::of_transaction(&decision_key(&transaction)),
        says,
        kind: TransactionKind::Purchase,
        amount: amount(money),
        cash_minor: 0,
        merchant: Merchant::default(),
        details: None,
        processor_time: None,
        is_asked: true,
        heard: None,
    };
    let mut call = Call::new(Source::MarqetaReport, Action::Report(Box::new(report)));
    call.command.key.token = transaction;
    match says {
        Says::Claim => call.command.key.source = Source::MarqetaJit,
        Says::Refused => call.command.key.state = MessageKey::REFUSED.into(),
        _ => {}
    }
    call
}

impl Call {
    fn reporting(mut self, change: impl FnOnce(&mut Report)) -> Self {
        if let Action::Report(report) = &mut self.command.action {
            change(report);
        }
        self
    }

    /// It names an earlier transaction.
    #[must_use]
    pub fn following(self, transaction: &str) -> Self {
        let key = decision_key(&token(transaction));
        self.reporting(|report| report.groups.extend(GroupRef::of_transaction(&key)))
    }

    /// Other messages of its purchase have this id, too.
    #[must_use]
    pub fn sharing(self, kind: LinkKind, id: &str) -> Self {
        self.reporting(|report| report.groups.push(GroupRef::Link(Link::new(kind, id))))
    }

    /// Other messages of its purchase may have this id, too.
    #[must_use]
    pub fn hinting(self, kind: LinkKind, id: &str) -> Self {
        self.reporting(|report| report.hints.push(GroupRef::Link(Link::new(kind, id))))
    }

    /// The processor says that it heard this from us.
    #[must_use]
    pub fn hearing(self, heard: Heard) -> Self {
        self.reporting(|report| report.heard = Some(heard))
    }

    /// Nobody is asked about such a transaction before.
    #[must_use]
    pub fn unasked(self) -> Self {
        self.reporting(|report| report.is_asked = false)
    }

    /// It tells this beside.
    #[must_use]
    pub fn telling(self, details: Details) -> Self {
        self.reporting(|report| report.details = Some(Box::new(details)))
    }

    /// It names no card that is known.
    #[must_use]
    pub fn of_nobody(self) -> Self {
        self.reporting(|report| (report.owner, report.route) = (None, None))
    }

    /// It happened then, by the processor's clock.
    #[must_use]
    pub fn at(self, time: Timestamp) -> Self {
        self.reporting(|report| report.processor_time = Some(time))
    }
}

fn decision_key(transaction: &Token) -> MessageKey {
    MessageKey::new(Source::MarqetaJit, transaction.clone())
}
