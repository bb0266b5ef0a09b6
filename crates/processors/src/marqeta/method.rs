//! What is done with a JIT method: one row of a table each (processor reference, section 2).

use bursar_core::message::TransactionKind as Kind;

use Rule::{Credit, Debit, Hold, Increment, Informative, Inquiry, PendingCredit, Unfunded};

/// What a method asks of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// `H+ amount`, begins a hold group.
    Hold(Kind),
    /// `H+ amount`, in the hold group of an earlier message.
    Increment,
    /// `P- amount` at once.
    Debit(Kind),
    /// `P+ amount` at once.
    Credit(Kind),
    /// `C+ amount`.
    PendingCredit(Kind),
    /// Moves nothing: the card is verified, or its balance asked for.
    Inquiry(Kind),
    /// Waits for our answer, and nothing of it is funded: treated like an unknown method.
    Unfunded,
    /// Reports what was already done: kept, and never refused.
    Informative,
}

/// The two ways that a request moves money at the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// `gpa_order`: out of the cardholder's account.
    Debit,
    /// `gpa_order_unload`: in the cardholder's favour.
    Credit,
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// Decided, and done if approved.
    Decide(Rule),
    /// Declined as not permitted.
    Refuse,
    /// Kept without effect, answered 200.
    Record,
    /// Kept for somebody to look at, answered 200.
    Review,
}

/// Every value of the processor's enum, those that wait for our answer first.
const METHODS: &[(&str, Rule)] = &[
    ("pgfs.authorization", Hold(Kind::Purchase)),
    ("pgfs.authorization.incremental", Increment),
    ("pgfs.authorization.account_verification", Inquiry(Kind::Verification)),
    ("pgfs.authorization.cashback", Hold(Kind::CashBack)),
    ("pgfs.authorization.quasi.cash", Hold(Kind::QuasiCash)),
    ("pgfs.atm.withdrawal", Hold(Kind::Withdrawal)),
    ("pgfs.pindebit.authorization", Hold(Kind::Purchase)),
    ("pgfs.auth_plus_capture", Debit(Kind::Purchase)),
    ("pgfs.pindebit", Debit(Kind::Purchase)),
    ("pgfs.pindebit.cashback", Debit(Kind::CashBack)),
    ("pgfs.pindebit.atm.withdrawal", Debit(Kind::Withdrawal)),
    ("pgfs.pindebit.quasi.cash", Debit(Kind::QuasiCash)),
    ("pgfs.balanceinquiry", Inquiry(Kind::BalanceInquiry)),
    ("pgfs.pindebit.balanceinquiry", Inquiry(Kind::BalanceInquiry)),
    ("pgfs.refund.authorization", PendingCredit(Kind::Refund)),
    ("pgfs.original.credit.authorization", PendingCredit(Kind::OriginalCredit)),
    ("pgfs.original.credit.auth_plus_capture", Credit(Kind::OriginalCredit)),
    ("pgfs.network.load", Credit(Kind::NetworkLoad)),
    ("pgfs.billpayment", Unfunded),
    ("pgfs.authorization.capture", Informative),
    ("pgfs.authorization.clearing", Informative),
    ("pgfs.atm.clearing.withdrawal", Informative),
    ("pgfs.authorization.clearing.quasi.cash", Informative),
    ("pgfs.pindebit.authorization.clearing", Informative),
    ("pgfs.authorization.advice", Informative),
    ("pgfs.authorization.reversal", Informative),
    ("pgfs.pindebit.authorization.reversal", Informative),
    ("pgfs.force_capture", Informative),
    ("pgfs.refund", Informative),
    ("pgfs.refund.authorization.clearing", Informative),
    ("pgfs.refund.authorization.reversal", Informative),
    ("pgfs.pindebit.refund", Informative),
    ("pgfs.original.credit.authorization.clearing", Informative),
    ("pgfs.original.credit.authorization.reversal", Informative),
    ("pgfs.billpayment.capture", Informative),
    ("pgfs.billpayment.reversal", Informative),
    ("pgfs.authorization.standin", Informative),
    ("pgfs.auth_plus_capture.standin", Informative),
    ("pgfs.authorization.capture.chargeback", Informative),
    ("pgfs.authorization.capture.chargeback.reversal", Informative),
    ("pgfs.pindebit.chargeback", Informative),
    ("pgfs.pindebit.chargeback.reversal", Informative),
    ("pgfs.dispute.credit", Informative),
    ("pgfs.dispute.debit", Informative),
    ("pgfs.directdeposit.credit", Informative),
    ("pgfs.directdeposit.credit.reversal", Informative),
    ("pgfs.directdeposit.debit", Informative),
    ("pgfs.directdeposit.debit.reversal", Informative),
    ("pgfs.adjustment.credit", Informative),
    ("pgfs.adjustment.debit", Informative),
];

/// The method's rule; `None` for one that is not in the table.
pub(super) fn find_rule(method: &str) -> Option<Rule> {
    METHODS.iter().find(|(name, _)| *name == method).map(|&(_, rule)| rule)
}

/// What becomes of a request with this rule on this side.
///
/// A debit on the credit side, or a credit on the debit side, contradicts itself. It is refused,
/// since 200 would tell the processor that it was approved, and nothing would stand behind it (D4).
pub(super) fn treat(rule: Option<Rule>, side: Side) -> Treatment {
    match (rule, side) {
        (Some(rule @ (Hold(_) | Increment | Debit(_))), Side::Debit)
        | (Some(rule @ (Credit(_) | PendingCredit(_))), Side::Credit)
        | (Some(rule @ Inquiry(_)), _) => Treatment::Decide(rule),
        (Some(Hold(_) | Increment | Debit(_)), Side::Credit)
        | (Some(Credit(_) | PendingCredit(_)), Side::Debit) => Treatment::Refuse,
        (Some(Informative), _) => Treatment::Record,
        (Some(Unfunded) | None, Side::Debit) => Treatment::Refuse,
        (Some(Unfunded) | None, Side::Credit) => Treatment::Review,
    }
}

impl Side {
    /// The field of the body that holds the order.
    pub(super) const fn field(self) -> &'static str {
        match self {
            Self::Debit => "gpa_order",
            Self::Credit => "gpa_order_unload",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_table_has_each_of_the_fifty_methods_once() {
        let names: HashSet<&str> = METHODS.iter().map(|(name, _)| *name).collect();
        assert_eq!((METHODS.len(), names.len()), (50, 50));
    }
}
