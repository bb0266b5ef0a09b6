//! What is done with a JIT method: one row of a table each.

use Rule::{Increment, Informative, Purchase, Unfunded};

/// What a method asks of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rule {
    /// `H+ amount`, begins a hold group.
    Purchase,
    /// `H+ amount`, in the hold group of an earlier message.
    Increment,
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
    /// Decided, and held if approved.
    Purchase,
    /// Decided, and added to the hold if approved.
    Increment,
    /// Declined as not permitted.
    Refuse,
    /// Kept without effect, answered 200.
    Record,
    /// Kept for somebody to look at, answered 200.
    Review,
}

/// Every value of the processor's enum, those that wait for our answer first.
const METHODS: &[(&str, Rule)] = &[
    ("pgfs.authorization", Purchase),
    ("pgfs.authorization.incremental", Increment),
    ("pgfs.authorization.account_verification", Unfunded),
    ("pgfs.authorization.cashback", Unfunded),
    ("pgfs.authorization.quasi.cash", Unfunded),
    ("pgfs.atm.withdrawal", Unfunded),
    ("pgfs.pindebit.authorization", Unfunded),
    ("pgfs.auth_plus_capture", Unfunded),
    ("pgfs.pindebit", Unfunded),
    ("pgfs.pindebit.cashback", Unfunded),
    ("pgfs.pindebit.atm.withdrawal", Unfunded),
    ("pgfs.pindebit.quasi.cash", Unfunded),
    ("pgfs.balanceinquiry", Unfunded),
    ("pgfs.pindebit.balanceinquiry", Unfunded),
    ("pgfs.refund.authorization", Unfunded),
    ("pgfs.original.credit.authorization", Unfunded),
    ("pgfs.original.credit.auth_plus_capture", Unfunded),
    ("pgfs.network.load", Unfunded),
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
/// A purchase on the credit side contradicts itself. It is refused, since 200 would tell the
/// processor that an authorization was approved, and no hold would stand behind it (D4).
pub(super) fn treat(rule: Option<Rule>, side: Side) -> Treatment {
    match (rule, side) {
        (Some(Purchase), Side::Debit) => Treatment::Purchase,
        (Some(Increment), Side::Debit) => Treatment::Increment,
        (Some(Purchase | Increment), Side::Credit) => Treatment::Refuse,
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
